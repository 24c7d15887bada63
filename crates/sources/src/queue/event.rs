//! The event of SQS (semantics.md 4.2), written without a tree: every message of every queue goes through here.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lambent_core::json::push_string;
use lambent_core::message::{Value as AttributeValue, md5_of_attributes, md5_of_body};
use lambent_core::{Attribute, NodeIdentity, QueueName};
use lambent_engine::events::Message;
use serde_json::Value;

use super::Taken;
use crate::filter::data;

/// What a record's own fields take at most, their names and all numbers included.
pub(super) const FIELDS: usize = 1024;

/// What all records of a queue have in common.
#[derive(Debug)]
pub(super) struct Shape {
    fifo: bool,
    account: String,
    /// What every record ends in: from where it is.
    end: String,
}

impl Shape {
    pub(super) fn new(node: &NodeIdentity, queue: &QueueName) -> Self {
        let (arn, region) = (node.queue_arn(queue), &node.region);
        let end = format!(r#","eventSource":"aws:sqs","eventSourceARN":"{arn}","awsRegion":"{region}"}}"#);
        Self { fifo: queue.is_fifo(), account: node.account.clone(), end }
    }

    /// The event for these records, which weigh `size` together.
    pub(super) fn event(&self, records: &[Taken], size: usize) -> Bytes {
        let mut out = String::with_capacity(size + 16);
        out.push_str(r#"{"Records":["#);
        for (i, taken) in records.iter().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            self.push(&mut out, taken, &text(&taken.message.body));
        }
        out.push_str("]}");
        out.into()
    }

    /// The most bytes that a message takes in an event.
    pub(super) fn weigh(&self, message: &Message) -> usize {
        let Message { body, meta, group, .. } = message;
        let texts = [&meta.trace, &meta.dedup, &meta.group, group].into_iter().flatten();
        let attribute = |(name, attribute): (&String, &Attribute)| {
            let value = match &attribute.value {
                AttributeValue::Text(text) => written(text),
                AttributeValue::Binary(bytes) => bytes.len() * 4 / 3 + 4,
            };
            written(name) + written(&attribute.kind) + value + 100
        };
        FIELDS
            + self.end.len()
            + written(&text(body))
            + texts.map(|text| written(text)).sum::<usize>()
            + meta.attributes.iter().map(attribute).sum::<usize>()
    }

    /// What filters look at: the record, with the body as JSON if it is JSON.
    pub(super) fn document(&self, taken: &Taken) -> Value {
        let mut out = String::new();
        self.push(&mut out, taken, "");
        let mut document: Value = serde_json::from_str(&out).unwrap_or_default();
        if let Some(body) = document.get_mut("body") {
            *body = data(&text(&taken.message.body));
        }
        document
    }

    /// Writes a record. Its body is told apart, because a filter looks into it.
    fn push(&self, out: &mut String, taken: &Taken, body: &str) {
        const INFALLIBLE: &str = "a string takes everything";
        let Taken { message, handle, origin, at } = taken;
        write!(out, r#"{{"messageId":"{}","receiptHandle":"{handle}","body":"#, message.id)
            .expect(INFALLIBLE);
        push_string(out, body);
        write!(
            out,
            r#","attributes":{{"ApproximateReceiveCount":"{}","SentTimestamp":"{}","SenderId":"{}","ApproximateFirstReceiveTimestamp":"{}""#,
            message.receives,
            message.sent.as_millis(),
            self.account,
            message.first_received.unwrap_or(*at).as_millis(),
        )
        .expect(INFALLIBLE);
        if self.fifo {
            write!(out, r#","SequenceNumber":"{:020}""#, message.sequence.0).expect(INFALLIBLE);
        }
        let texts = [
            ("MessageGroupId", message.group.as_ref().or(message.meta.group.as_ref())),
            ("MessageDeduplicationId", message.meta.dedup.as_ref()),
            ("AWSTraceHeader", message.meta.trace.as_ref()),
            ("DeadLetterQueueSourceArn", origin.as_ref()),
        ];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
            write!(out, r#","{name}":"#).expect(INFALLIBLE);
            push_string(out, text);
        }
        out.push_str(r#"},"messageAttributes":{"#);
        for (i, (name, attribute)) in message.meta.attributes.iter().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            push_attribute(out, name, attribute);
        }
        write!(out, r#"}},"md5OfBody":"{}","md5OfMessageAttributes":"#, md5_of_body(&message.body))
            .expect(INFALLIBLE);
        match md5_of_attributes(&message.meta.attributes) {
            Some(sum) => push_string(out, &sum),
            None => out.push_str("null"),
        }
        out.push_str(&self.end);
    }
}

/// Writes an attribute of the sender's.
fn push_attribute(out: &mut String, name: &str, attribute: &Attribute) {
    push_string(out, name);
    match &attribute.value {
        AttributeValue::Text(text) => {
            out.push_str(r#":{"stringValue":"#);
            push_string(out, text);
        }
        AttributeValue::Binary(bytes) => {
            out.push_str(r#":{"binaryValue":""#);
            STANDARD.encode_string(bytes, out);
            out.push('"');
        }
    }
    out.push_str(r#","stringListValues":[],"binaryListValues":[],"dataType":"#);
    push_string(out, &attribute.kind);
    out.push('}');
}

/// Bodies are text; a byte that is none is shown as such.
fn text(body: &Bytes) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// Bytes that a text takes as JSON, quotes included.
fn written(text: &str) -> usize {
    let more = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.len() + 2 + text.bytes().map(more).sum::<usize>()
}
