//! `SendMessage` and `SendMessageBatch`.

use std::time::Duration;

use http::Response;
use lambent_core::message::{Value, attributes_size, md5_of_attributes, md5_of_body};
use lambent_core::{Attributes, TraceHeader, limits};
use lambent_engine::Events;
use lambent_engine::events::{Outgoing, Queue, Sent};
use serde::Deserialize;

use super::batch;
use super::error::{Code, Error};
use super::message::{self, SentAttributes};
use super::request::{Request, Text, in_range, queue, read, seconds_to};
use super::writer::{self, Writer};
use crate::body::Body;
use crate::query::Section;
use crate::service::Call;

/// The only system attribute that can be sent.
const TRACE: &str = "AWSTraceHeader";

/// A message that is to be sent, alone or as an entry of a batch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage<'a> {
    /// The queue, where it is sent alone.
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    /// What tells it from the others of its batch.
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    message_body: Option<Text<'a>>,
    delay_seconds: Option<i64>,
    #[serde(borrow)]
    message_attributes: Option<SentAttributes<'a>>,
    #[serde(borrow)]
    message_system_attributes: Option<SentAttributes<'a>>,
    #[serde(borrow)]
    message_deduplication_id: Option<Text<'a>>,
    #[serde(borrow)]
    message_group_id: Option<Text<'a>>,
}

impl<'a> Request<'a> for SendMessage<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self {
            queue_url: form.text("QueueUrl"),
            id: form.text("Id"),
            message_body: form.text("MessageBody"),
            delay_seconds: form.number("DelaySeconds")?,
            message_attributes: message::of_form(form, "MessageAttribute"),
            message_system_attributes: message::of_form(form, "MessageSystemAttribute"),
            message_deduplication_id: form.text("MessageDeduplicationId"),
            message_group_id: form.text("MessageGroupId"),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    entries: Option<Vec<SendMessage<'a>>>,
}

impl<'a> Request<'a> for SendMessageBatch<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        let entries = form.entries("SendMessageBatchRequestEntry").into_iter().map(SendMessage::of_form);
        Ok(Self { queue_url: form.text("QueueUrl"), entries: Some(entries.collect::<Result<_, _>>()?) })
    }
}

/// What clients check to see that a message arrived as it was sent.
#[derive(Debug)]
struct Sums {
    body: String,
    attributes: Option<String>,
    system: Option<String>,
}

/// Sends a message.
pub(super) async fn one(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: SendMessage<'_> = read(call)?;
    let queue = queue(events, call, request.queue_url.as_deref())?;
    let (outgoing, sums) = outgoing(call, &queue, request)?;
    let sent = events.send(&queue, vec![outgoing]).await?;
    let sent = sent.into_iter().next().ok_or_else(Error::no_queue)??;
    Ok(writer::answer(call, |writer| write(writer, &queue, &sent, &sums)))
}

/// Sends up to ten messages.
pub(super) async fn batch(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: SendMessageBatch<'_> = read(call)?;
    let queue = queue(events, call, request.queue_url.as_deref())?;
    let mut entries = request.entries.unwrap_or_default();
    let ids: Vec<_> = entries.iter_mut().map(|entry| entry.id.take()).collect();
    let ids = batch::ids(call, ids.iter().map(Option::as_ref))?;
    let mut size = 0;
    let mut ready = Vec::with_capacity(entries.len());
    let mut results = Vec::with_capacity(entries.len());
    for entry in entries {
        let body = entry.message_body.as_deref().map_or(0, str::len);
        size += body;
        results.push(outgoing(call, &queue, entry).map(|(outgoing, sums)| {
            size += attributes_size(&outgoing.attributes);
            ready.push(outgoing);
            sums
        }));
    }
    if size > limits::MESSAGE_MAX {
        return Err(Code::BatchRequestTooLong.because(format!(
            "Batch requests cannot be longer than {} bytes. You have sent {size} bytes.",
            limits::MESSAGE_MAX
        )));
    }
    let mut sent = events.send(&queue, ready).await?.into_iter();
    let result = |sums: Result<Sums, Error>| {
        let sums = sums?;
        Ok((sent.next().ok_or_else(Error::no_queue)??, sums))
    };
    let results = results.into_iter().map(result).collect();
    Ok(batch::answer(call, &ids, results, |writer, (sent, sums)| write(writer, &queue, sent, sums)))
}

/// Checks a message and makes it ready for the engine.
fn outgoing(call: &Call, queue: &Queue, request: SendMessage<'_>) -> Result<(Outgoing, Sums), Error> {
    let body = request.message_body.filter(|body| !body.is_empty());
    let body = body.ok_or_else(|| Error::missing("MessageBody"))?;
    message::check_text(&body)?;
    let delay = in_range("DelaySeconds", request.delay_seconds, seconds_to(limits::DELAY_MAX), |range| {
        format!("DelaySeconds must be >= 0 and <= {}.", range.end())
    })?;
    let group = message::checked_id("MessageGroupId", request.message_group_id.as_deref())?;
    let dedup = message::checked_id("MessageDeduplicationId", request.message_deduplication_id.as_deref())?;
    match (queue.fifo, delay, &dedup) {
        (true, Some(delay @ 1..), _) => return Err(Error::queue_type("DelaySeconds", delay)),
        (false, _, Some(dedup)) => return Err(Error::queue_type("MessageDeduplicationId", dedup)),
        _ => {}
    }
    let attributes = message::checked(request.message_attributes)?;
    let system = system_attributes(request.message_system_attributes)?;
    let sums = Sums {
        body: md5_of_body(body.as_bytes()),
        attributes: md5_of_attributes(&attributes),
        system: md5_of_attributes(&system),
    };
    let trace = match system.get(TRACE).map(|attribute| &attribute.value) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => {
            let header = call.header("x-amzn-trace-id").and_then(TraceHeader::parse);
            header.map(|header| header.as_str().to_owned())
        }
    };
    let outgoing = Outgoing {
        body: body.into_bytes(&call.body),
        attributes,
        trace,
        delay: delay.map(|seconds| Duration::from_secs(seconds.into())),
        group,
        dedup,
    };
    Ok((outgoing, sums))
}

fn system_attributes(sent: Option<SentAttributes<'_>>) -> Result<Attributes, Error> {
    if let Some(other) = sent.iter().flatten().map(|(name, _)| name).find(|name| *name != TRACE) {
        return Err(Code::InvalidParameterValue.because(format!(
            "Message system attribute name '{other}' is invalid. The only one that can be sent is {TRACE}."
        )));
    }
    let attributes = message::checked(sent)?;
    match attributes.get(TRACE) {
        Some(trace) if trace.kind != "String" => Err(Code::InvalidParameterValue
            .because(format!("The type of message system attribute '{TRACE}' must be String."))),
        _ => Ok(attributes),
    }
}

fn write(writer: &mut Writer<'_>, queue: &Queue, sent: &Sent, sums: &Sums) {
    writer.text("MessageId", sent.id.as_str());
    writer.text("MD5OfMessageBody", &sums.body);
    writer.maybe("MD5OfMessageAttributes", sums.attributes.as_deref());
    writer.maybe("MD5OfMessageSystemAttributes", sums.system.as_deref());
    if queue.fifo {
        writer.text("SequenceNumber", &format!("{:020}", sent.sequence.0));
    }
}
