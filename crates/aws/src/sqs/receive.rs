//! `ReceiveMessage`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Response;
use lambent_core::message::{Value, md5_of_attributes, md5_of_body};
use lambent_core::{Attribute, limits};
use lambent_engine::Events;
use lambent_engine::events::{Handle, Leased, Message, Queue, Receive};
use serde::Deserialize;

use super::error::{Code, Error};
use super::message::checked_id;
use super::request::{Request, Text, between, in_range, queue, read, seconds_to};
use super::writer::{self, Writer};
use crate::body::Body;
use crate::query::Section;
use crate::service::Call;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    /// What [`message_system_attribute_names`](Self::message_system_attribute_names) was called before.
    #[serde(borrow)]
    attribute_names: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    message_system_attribute_names: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    message_attribute_names: Option<Vec<Text<'a>>>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(borrow)]
    receive_request_attempt_id: Option<Text<'a>>,
}

impl<'a> Request<'a> for ReceiveMessage<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self {
            queue_url: form.text("QueueUrl"),
            attribute_names: form.list_of_texts("AttributeName"),
            message_system_attribute_names: form.list_of_texts("MessageSystemAttributeName"),
            message_attribute_names: form.list_of_texts("MessageAttributeName"),
            max_number_of_messages: form.number("MaxNumberOfMessages")?,
            visibility_timeout: form.number("VisibilityTimeout")?,
            wait_time_seconds: form.number("WaitTimeSeconds")?,
            receive_request_attempt_id: form.text("ReceiveRequestAttemptId"),
        })
    }
}

/// What a message can say of itself when it is asked.
const SYSTEM: &[&str] = &[
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

/// Receives messages. Whoever hangs up while it waits drops it, which costs nothing: at worst a lease runs out.
pub(super) async fn receive(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: ReceiveMessage<'_> = read(call)?;
    let queue = queue(events, call, request.queue_url.as_deref())?;
    let receive = checked(&request, &queue)?;
    let wanted = Wanted::of(&request)?;
    let batch = events.receive(&queue, receive).await?;
    let mut messages = batch.messages;
    for leased in &mut messages {
        leased.message.meta.attributes.retain(|name, _| wanted.attribute(name));
    }
    Ok(writer::answer(call, |writer| {
        writer.list("Messages", "Message", &messages, |writer, leased| {
            write(writer, events, &queue, &wanted, leased);
        });
    }))
}

/// What the engine is asked for.
fn checked(request: &ReceiveMessage<'_>, queue: &Queue) -> Result<Receive, Error> {
    let seconds = |name: &str, value: Option<i64>, most: Duration| {
        let seconds = in_range(name, value, seconds_to(most), |range| {
            format!("Must be >= 0 and <= {}, if provided.", range.end())
        })?;
        Ok::<_, Error>(seconds.map(|seconds| Duration::from_secs(seconds.into())))
    };
    let batch_max = i64::try_from(limits::BATCH_MAX).unwrap_or(i64::MAX);
    let max = in_range("MaxNumberOfMessages", request.max_number_of_messages, 1..=batch_max, between)?;
    let attempt = checked_id("ReceiveRequestAttemptId", request.receive_request_attempt_id.as_deref())?;
    if let Some(attempt) = attempt.as_ref().filter(|_| !queue.fifo) {
        return Err(Error::queue_type("ReceiveRequestAttemptId", attempt));
    }
    Ok(Receive {
        max: max.unwrap_or(1),
        max_bytes: limits::BATCH_MAX * limits::MESSAGE_MAX,
        wait: seconds("WaitTimeSeconds", request.wait_time_seconds, limits::WAIT_MAX)?,
        visibility: seconds("VisibilityTimeout", request.visibility_timeout, limits::VISIBILITY_MAX)?,
        attempt,
    })
}

/// Which attributes are wanted.
#[derive(Debug)]
struct Wanted<'r> {
    /// By their places in [`SYSTEM`].
    system: [bool; SYSTEM.len()],
    attributes: Vec<&'r str>,
}

impl<'r> Wanted<'r> {
    fn of(request: &'r ReceiveMessage<'_>) -> Result<Self, Error> {
        let mut system = [false; SYSTEM.len()];
        let both = [&request.attribute_names, &request.message_system_attribute_names];
        for name in both.into_iter().flatten().flatten() {
            if &**name == "All" {
                system = [true; SYSTEM.len()];
                continue;
            }
            match SYSTEM.iter().position(|known| *known == &**name) {
                Some(place) => system[place] = true,
                None => {
                    return Err(Code::InvalidAttributeName.because(format!("Unknown Attribute {}.", &**name)));
                }
            }
        }
        let attributes = request.message_attribute_names.iter().flatten().map(|name| &**name).collect();
        Ok(Self { system, attributes })
    }

    fn attribute(&self, name: &str) -> bool {
        self.attributes.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => *wanted == "All" || *wanted == name,
        })
    }
}

fn write(writer: &mut Writer<'_>, events: &Events, queue: &Queue, wanted: &Wanted<'_>, leased: &Leased) {
    let message = &leased.message;
    let handle = Handle { queue: queue.id, receipt: leased.receipt };
    writer.text("MessageId", message.id.as_str());
    writer.text("ReceiptHandle", &handle.to_string());
    writer.text("MD5OfBody", &md5_of_body(&message.body));
    writer.text("Body", &String::from_utf8_lossy(&message.body));
    let system: Vec<(&str, String)> = (SYSTEM.iter().zip(wanted.system))
        .filter(|(_, wanted)| *wanted)
        .filter_map(|(name, _)| Some((*name, system(name, events, queue, message)?)))
        .collect();
    writer.map("Attributes", ["Attribute", "Name", "Value"], &system);
    let attributes = &message.meta.attributes;
    writer.maybe("MD5OfMessageAttributes", md5_of_attributes(attributes).as_deref());
    writer.structures(
        "MessageAttributes",
        "MessageAttribute",
        attributes,
        |writer, attribute: &Attribute| {
            match &attribute.value {
                Value::Text(text) => writer.text("StringValue", text),
                Value::Binary(bytes) => writer.text("BinaryValue", &BASE64.encode(bytes)),
            }
            writer.text("DataType", &attribute.kind);
        },
    );
}

/// What a message says of itself.
fn system(name: &str, events: &Events, queue: &Queue, message: &Message) -> Option<String> {
    let fifo = |text: &Option<String>| text.clone().filter(|_| queue.fifo);
    match name {
        "SenderId" => Some(events.node().account.clone()),
        "SentTimestamp" => Some(message.sent.as_millis().to_string()),
        "ApproximateReceiveCount" => Some(message.receives.to_string()),
        "ApproximateFirstReceiveTimestamp" => Some(message.first_received?.as_millis().to_string()),
        "SequenceNumber" => queue.fifo.then(|| format!("{:020}", message.sequence.0)),
        "MessageDeduplicationId" => fifo(&message.meta.dedup),
        "MessageGroupId" => message.group.clone().or_else(|| message.meta.group.clone()),
        "AWSTraceHeader" => message.meta.trace.clone(),
        "DeadLetterQueueSourceArn" => Some(events.node().queue_arn(&events.queue_name(message.origin?)?)),
        _ => None,
    }
}
