//! `Publish` and `PublishBatch`.

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use lambent_core::message::Value;
use lambent_core::{Attribute, Attributes, TopicName, TraceHeader, limits};
use lambent_engine::Events;
use lambent_engine::events::{Bodies, Publication, Published};

use super::error::{invalid, refusal, required, topic};
use super::{Answer, MESSAGE_MAX};
use crate::protocol::Refusal;
use crate::query::{Form, Section, Xml, answer};
use crate::service::Call;

/// Longest subject, in characters (SNS, `Publish`).
const SUBJECT_MAX: usize = 100;

/// Longest id of a message of a batch.
const BATCH_ID_MAX: usize = 80;

/// `Publish`.
pub(super) async fn publish(events: &Events, call: Call) -> Answer {
    let form = Form::parse(&call.body)?;
    let form = form.all();
    if form.get("PhoneNumber").is_some() {
        return Err(invalid("PhoneNumber Reason: Lambent sends no text messages"));
    }
    let field = if form.get("TopicArn").is_some() { "TopicArn" } else { "TargetArn" };
    let topic = topic(events, &form, field)?;
    let publication = publication(&form, &topic, &call)?;
    if publication.size() > MESSAGE_MAX {
        return Err(invalid("Message too long"));
    }
    let results = events.publish(&topic, vec![publication]).await.map_err(refusal)?;
    let published = match results.into_iter().next() {
        Some(result) => result.map_err(refusal)?,
        None => return Err(invalid("Empty message")),
    };
    Ok(answer(&call, |xml| tell(xml, &published)))
}

/// `PublishBatch`. Each message has a result of its own.
pub(super) async fn publish_batch(events: &Events, call: Call) -> Answer {
    let form = Form::parse(&call.body)?;
    let topic = topic(events, &form.all(), "TopicArn")?;
    let entries = form.all().entries("PublishBatchRequestEntries");
    let ids = ids(&entries)?;
    let read: Vec<_> = entries.iter().map(|entry| publication(entry, &topic, &call)).collect();
    let total: usize = read.iter().flatten().map(Publication::size).sum();
    if total > MESSAGE_MAX {
        return Err(batch(
            "BatchRequestTooLong",
            "The length of all the batch messages put together is more than the limit.",
        ));
    }
    let (mut good, mut results) = (Vec::with_capacity(read.len()), Vec::with_capacity(read.len()));
    for publication in read {
        results.push(publication.map(|publication| good.push(publication)));
    }
    let mut published = events.publish(&topic, good).await.map_err(refusal)?.into_iter();
    let results: Vec<Result<Published, Refusal>> = results
        .into_iter()
        .map(|read| {
            read.and_then(|()| {
                published.next().map_or_else(|| Err(invalid("Empty message")), |one| one.map_err(refusal))
            })
        })
        .collect();
    Ok(answer(&call, |xml| {
        let with_ids = || ids.iter().zip(&results);
        xml.element("Successful", |xml| {
            for (id, published) in with_ids().filter_map(|(id, result)| Some((id, result.as_ref().ok()?))) {
                xml.element("member", |xml| {
                    xml.text("Id", id);
                    tell(xml, published);
                });
            }
        });
        xml.element("Failed", |xml| {
            for (id, refused) in with_ids().filter_map(|(id, result)| Some((id, result.as_ref().err()?))) {
                xml.element("member", |xml| {
                    xml.text("Id", id);
                    xml.text("Code", refused.query_code.unwrap_or(refused.code));
                    xml.text("Message", &refused.message);
                    xml.text("SenderFault", if refused.status.is_server_error() { "false" } else { "true" });
                });
            }
        });
    }))
}

fn tell(xml: &mut Xml, published: &Published) {
    xml.text("MessageId", published.id.as_str());
    if let Some(sequence) = published.sequence {
        xml.text("SequenceNumber", &sequence.to_string());
    }
}

fn batch(code: &'static str, message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, message)
}

/// The ids of a batch, which tell its messages apart.
fn ids(entries: &[Section<'_, '_>]) -> Result<Vec<String>, Refusal> {
    if entries.is_empty() {
        return Err(batch("EmptyBatchRequest", "The batch request doesn't contain any entries."));
    }
    if entries.len() > limits::BATCH_MAX {
        return Err(batch(
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.",
        ));
    }
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(entries.len());
    for entry in entries {
        let id = required(entry, "Id")?;
        let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if id.len() > BATCH_ID_MAX || !id.bytes().all(known) {
            return Err(batch(
                "InvalidBatchEntryId",
                "The Id of a batch entry in a batch request doesn't abide by the specification.",
            ));
        }
        if !seen.insert(id.clone()) {
            return Err(batch(
                "BatchEntryIdsNotDistinct",
                "Two or more batch entries in the request have the same Id.",
            ));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// A message as a form has it.
fn publication(form: &Section<'_, '_>, topic: &TopicName, call: &Call) -> Result<Publication, Refusal> {
    let text = form.get("Message").filter(|text| !text.is_empty()).ok_or_else(|| invalid("Empty message"))?;
    let (message, bodies) = match form.get("MessageStructure").as_deref() {
        None | Some("") => (text.into_owned(), Bodies::default()),
        Some("json") => structured(&text)?,
        Some(_) => return Err(invalid("MessageStructure")),
    };
    let subject = form.get("Subject").map(std::borrow::Cow::into_owned);
    if let Some(subject) = &subject {
        let fits = (1..=SUBJECT_MAX).contains(&subject.chars().count());
        if !fits || subject.chars().any(char::is_control) {
            return Err(invalid("Subject"));
        }
    }
    let name = |field: &'static str| match form.get(field).map(std::borrow::Cow::into_owned) {
        Some(text) if !is_name(&text) => Err(invalid(field)),
        text => Ok(text),
    };
    let group = name("MessageGroupId")?;
    // Said before anything else about a topic that keeps order, as AWS does.
    if topic.is_fifo() && group.is_none() {
        return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
    }
    let trace = call.header("x-amzn-trace-id").and_then(TraceHeader::parse);
    Ok(Publication {
        message,
        bodies,
        subject,
        attributes: attributes(form)?,
        group,
        dedup: name("MessageDeduplicationId")?,
        trace: trace.map(|trace| trace.to_string()),
    })
}

/// Whether a text can be a message group or a deduplication id: letters, digits and punctuation.
fn is_name(text: &str) -> bool {
    (1..=limits::DEDUP_ID_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A message that has a body for each protocol.
fn structured(text: &str) -> Result<(String, Bodies), Refusal> {
    let unread = |_| invalid("Message Structure - JSON message body failed to parse");
    let mut texts: BTreeMap<String, serde_json::Value> = serde_json::from_str(text).map_err(unread)?;
    let mut take = |protocol: &str| match texts.remove(protocol) {
        Some(serde_json::Value::String(text)) => Some(text),
        _ => None,
    };
    let bodies =
        Bodies { function: take("lambda"), queue: take("sqs"), http: take("http"), https: take("https") };
    let message = take("default");
    Ok((message.ok_or_else(|| invalid("Message Structure - No default entry in JSON message body"))?, bodies))
}

/// The attributes of a message.
fn attributes(form: &Section<'_, '_>) -> Result<Attributes, Refusal> {
    let mut attributes = Attributes::new();
    for entry in form.entries("MessageAttributes") {
        let name = required(&entry, "Name")?;
        let attribute = attribute(&name, &entry.below("Value"))?;
        if attributes.insert(name.clone(), attribute).is_some() {
            return Err(invalid(format!("MessageAttributes Reason: `{name}` is there twice")));
        }
    }
    Ok(attributes)
}

fn attribute(name: &str, value: &Section<'_, '_>) -> Result<Attribute, Refusal> {
    let refuse = |reason: String| {
        let message = format!("Invalid parameter: MessageAttributes Reason: {reason}");
        Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidParameterValue", message)
            .known_as("ParameterValueInvalid"))
    };
    let known = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if name.len() > 256 || !name.bytes().all(known) || name.starts_with('.') || name.ends_with('.') {
        return refuse(format!("The message attribute name '{name}' is invalid."));
    }
    let kind = value.get("DataType").unwrap_or_default().into_owned();
    let is =
        |base: &str| kind.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if kind.len() > 256 || !["String", "Number", "Binary"].into_iter().any(is) {
        return refuse(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
        ));
    }
    let field = if is("Binary") { "BinaryValue" } else { "StringValue" };
    let Some(text) = value.get(field).filter(|text| !text.is_empty()) else {
        return refuse(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{kind}'."
        ));
    };
    if is("Binary") {
        return match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => Ok(Attribute { kind, value: Value::Binary(bytes) }),
            Err(_) => refuse(format!("The message attribute '{name}' is no base64.")),
        };
    }
    if is("Number") && text.trim().parse::<f64>().is_err() {
        return refuse(format!("Could not cast message attribute '{name}' value to number."));
    }
    Ok(Attribute { kind, value: Value::Text(text.into_owned()) })
}
