//! `GetQueueAttributes` and `SetQueueAttributes`: a queue's settings as SQS writes them.

mod policy;

use std::ops::RangeInclusive;
use std::time::Duration;

use http::Response;
use lambent_core::{QueueName, QueueSpec, RedriveAllow, limits};
use lambent_engine::Events;
use serde::Deserialize;

use super::error::{Code, Error};
use super::request::{Pairs, Request, Text, pairs, queue_name, read};
use super::writer;
use crate::body::Body;
use crate::query::Section;
use crate::service::Call;

/// Every attribute that can be asked for and may have a value.
const NAMES: &[&str] = &[
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
];

/// Attributes that never have a value here, because none is accepted.
const EMPTY: &[&str] = &["Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueAttributes<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    attribute_names: Option<Vec<Text<'a>>>,
}

impl<'a> Request<'a> for GetQueueAttributes<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self { queue_url: form.text("QueueUrl"), attribute_names: form.list_of_texts("AttributeName") })
    }
}

/// Tells what is asked for.
pub(super) async fn get(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: GetQueueAttributes<'_> = read(call)?;
    let (name, queue) = events.named(queue_name(call, request.queue_url.as_deref())?)?;
    let asked = request.attribute_names.unwrap_or_default();
    let known = |name: &&Text<'_>| {
        let name = &***name;
        name == "All" || NAMES.contains(&name) || EMPTY.contains(&name)
    };
    if let Some(other) = asked.iter().find(|name| !known(name)) {
        return Err(unknown(other));
    }
    let all = asked.iter().any(|name| &**name == "All");
    let wanted = |name: &str| all || asked.iter().any(|asked| &**asked == name);
    let stats = if NAMES.iter().any(|name| name.starts_with("Approximate") && wanted(name)) {
        events.stats(&queue).await?
    } else {
        Default::default()
    };
    let (spec, (created, modified)) = (queue.spec(), queue.times());
    let value = |attribute: &&'static str| {
        let text = match *attribute {
            "QueueArn" => events.node().queue_arn(&name),
            "ApproximateNumberOfMessages" => stats.ready.to_string(),
            "ApproximateNumberOfMessagesNotVisible" => stats.leased.to_string(),
            "ApproximateNumberOfMessagesDelayed" => stats.delayed.to_string(),
            "CreatedTimestamp" => created.as_secs().to_string(),
            "LastModifiedTimestamp" => modified.as_secs().to_string(),
            "RedrivePolicy" => policy::redrive_text(events.node(), spec.redrive.as_ref()?),
            "RedriveAllowPolicy" if spec.redrive_allow == RedriveAllow::All => return None,
            "RedriveAllowPolicy" => policy::allow_text(events.node(), &spec.redrive_allow),
            other => setting(&spec, &name, other)?,
        };
        Some((*attribute, text))
    };
    let found: Vec<(&str, String)> = NAMES.iter().filter(|name| wanted(name)).filter_map(value).collect();
    Ok(writer::answer(call, |writer| writer.map("Attributes", ["Attribute", "Name", "Value"], &found)))
}

/// A setting's text; `None` where a queue of this kind does not have it.
fn setting(spec: &QueueSpec, name: &QueueName, attribute: &str) -> Option<String> {
    let seconds = |time: Duration| Some(time.as_secs().to_string());
    let fifo = |text: &str| name.is_fifo().then(|| text.to_owned());
    match attribute {
        "DelaySeconds" => seconds(spec.delay),
        "MaximumMessageSize" => Some(spec.message_max.to_string()),
        "MessageRetentionPeriod" => seconds(spec.retention),
        "ReceiveMessageWaitTimeSeconds" => seconds(spec.wait),
        "VisibilityTimeout" => seconds(spec.visibility),
        "SqsManagedSseEnabled" => Some("false".to_owned()),
        "FifoQueue" => fifo("true"),
        "ContentBasedDeduplication" => fifo(if spec.content_dedup { "true" } else { "false" }),
        "DeduplicationScope" => fifo(if spec.dedup_by_group { "messageGroup" } else { "queue" }),
        "FifoThroughputLimit" => fifo(throughput(spec)),
        _ => None,
    }
}

/// Lambent limits no queue's throughput; what it says is what goes with the deduplication scope.
fn throughput(spec: &QueueSpec) -> &'static str {
    if spec.dedup_by_group { "perMessageGroupId" } else { "perQueue" }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetQueueAttributes<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "pairs")]
    attributes: Pairs<'a>,
}

impl<'a> Request<'a> for SetQueueAttributes<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self {
            queue_url: form.text("QueueUrl"),
            attributes: form.map_of_texts("Attribute", "Name", "Value"),
        })
    }
}

/// Changes settings. All of them are good, or nothing is changed.
pub(super) async fn set(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: SetQueueAttributes<'_> = read(call)?;
    let (name, queue) = events.named(queue_name(call, request.queue_url.as_deref())?)?;
    if request.attributes.is_empty() {
        return Err(Error::missing("Attributes"));
    }
    apply(&mut queue.spec(), &name, &request.attributes)?;
    let change = |spec: &mut QueueSpec| {
        // Somebody else may have changed it since the check; whether it is good hangs on the scope alone then.
        let mut changed = spec.clone();
        if apply(&mut changed, &name, &request.attributes).is_ok() {
            *spec = changed;
        }
    };
    events.change_queue(name.as_str(), change).await?;
    Ok(writer::done(call))
}

/// Applies attributes to the settings of a queue.
///
/// # Errors
/// Which of them cannot be honoured.
pub(super) fn apply(spec: &mut QueueSpec, name: &QueueName, attributes: &Pairs<'_>) -> Result<(), Error> {
    for (attribute, value) in attributes {
        apply_one(spec, name, attribute, value)?;
    }
    let limit = attributes.iter().find(|(attribute, _)| &**attribute == "FifoThroughputLimit");
    match limit {
        Some((_, value)) if &**value != throughput(spec) => {
            Err(Code::InvalidAttributeValue.because(format!(
                "Invalid value for the parameter FifoThroughputLimit. Reason: Lambent limits no queue's throughput; \
                 with this DeduplicationScope it can only be {}.",
                throughput(spec)
            )))
        }
        _ => Ok(()),
    }
}

fn apply_one(spec: &mut QueueSpec, name: &QueueName, attribute: &str, value: &str) -> Result<(), Error> {
    let whole = |time: Duration| time.as_secs();
    match attribute {
        "DelaySeconds" => spec.delay = seconds(attribute, value, 0..=whole(limits::DELAY_MAX))?,
        "MaximumMessageSize" => {
            let range = limits::MESSAGE_MAX_LEAST as u64..=limits::MESSAGE_MAX as u64;
            spec.message_max =
                usize::try_from(number(attribute, value, range)?).unwrap_or(limits::MESSAGE_MAX);
        }
        "MessageRetentionPeriod" => {
            let range = whole(limits::RETENTION_MIN)..=whole(limits::RETENTION_MAX);
            spec.retention = seconds(attribute, value, range)?;
        }
        "ReceiveMessageWaitTimeSeconds" => {
            spec.wait = seconds(attribute, value, 0..=whole(limits::WAIT_MAX))?;
        }
        "VisibilityTimeout" => {
            spec.visibility = seconds(attribute, value, 0..=whole(limits::VISIBILITY_MAX))?;
        }
        "RedrivePolicy" => spec.redrive = policy::redrive(value)?,
        "RedriveAllowPolicy" => spec.redrive_allow = policy::allow(value)?,
        "FifoQueue" => match (name.is_fifo(), value) {
            (true, "true") => {}
            (false, "false" | "true") | (true, "false") => {
                return Err(Code::InvalidAttributeValue.because(
                    "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
                ));
            }
            _ => return Err(invalid(attribute)),
        },
        "ContentBasedDeduplication" | "DeduplicationScope" | "FifoThroughputLimit" => {
            if !name.is_fifo() {
                return Err(Code::InvalidAttributeName.because(format!(
                    "You can specify the {attribute} only when FifoQueue is set to true."
                )));
            }
            match (attribute, value) {
                ("ContentBasedDeduplication", "true" | "false") => spec.content_dedup = value == "true",
                ("DeduplicationScope", "queue" | "messageGroup") => {
                    spec.dedup_by_group = value == "messageGroup"
                }
                // What it may be hangs on the scope, which may come later.
                ("FifoThroughputLimit", "perQueue" | "perMessageGroupId") => {}
                _ => return Err(invalid(attribute)),
            }
        }
        // What these say without a value, or with this one, is what Lambent does.
        "Policy" | "KmsMasterKeyId" if value.is_empty() => {}
        "SqsManagedSseEnabled" if value == "false" => {}
        "Policy" => {
            return Err(Error::unsupported(
                "Lambent does not support the attribute Policy: whoever may call this API may use every queue. \
                 Leave it out.",
            ));
        }
        "KmsMasterKeyId" | "KmsDataKeyReusePeriodSeconds" | "SqsManagedSseEnabled" => {
            return Err(Error::unsupported(format!(
                "Lambent does not support the attribute {attribute}: messages are not encrypted on disk. Leave it out."
            )));
        }
        other => return Err(unknown(other)),
    }
    Ok(())
}

fn seconds(attribute: &str, value: &str, range: RangeInclusive<u64>) -> Result<Duration, Error> {
    number(attribute, value, range).map(Duration::from_secs)
}

fn number(attribute: &str, value: &str, range: RangeInclusive<u64>) -> Result<u64, Error> {
    value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| invalid(attribute))
}

/// An attribute has a value that it cannot have.
pub(super) fn invalid(attribute: &str) -> Error {
    Code::InvalidAttributeValue.because(format!("Invalid value for the parameter {attribute}."))
}

fn unknown(attribute: &str) -> Error {
    Code::InvalidAttributeName.because(format!("Unknown Attribute {attribute}."))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn applied(name: &str, attributes: &[(&str, &str)]) -> Result<QueueSpec, (Code, String)> {
        let text = |text: &str| Text(Cow::Owned(text.to_owned()));
        let pairs: Pairs<'_> = attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
        let mut spec = QueueSpec::default();
        let name = QueueName::parse(name).unwrap();
        apply(&mut spec, &name, &pairs).map(|()| spec).map_err(|error| (error.code, error.message))
    }

    #[test]
    fn settings_are_read_and_told_alike() {
        let all = [
            ("DelaySeconds", "900"),
            ("MaximumMessageSize", "1024"),
            ("MessageRetentionPeriod", "60"),
            ("ReceiveMessageWaitTimeSeconds", "20"),
            ("VisibilityTimeout", "0"),
            ("SqsManagedSseEnabled", "false"),
            ("FifoQueue", "true"),
            ("FifoThroughputLimit", "perMessageGroupId"),
            ("ContentBasedDeduplication", "true"),
            ("DeduplicationScope", "messageGroup"),
        ];
        let spec = applied("a.fifo", &all).unwrap();
        let name = QueueName::parse("a.fifo").unwrap();
        for (attribute, value) in all {
            assert_eq!(setting(&spec, &name, attribute).as_deref(), Some(value));
        }
        let standard = QueueName::parse("a").unwrap();
        let defaults = QueueSpec::default();
        for (attribute, value) in [
            ("DelaySeconds", Some("0")),
            ("MaximumMessageSize", Some("1048576")),
            ("MessageRetentionPeriod", Some("345600")),
            ("VisibilityTimeout", Some("30")),
            ("FifoQueue", None),
            ("DeduplicationScope", None),
        ] {
            assert_eq!(setting(&defaults, &standard, attribute).as_deref(), value);
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        let check = |name: &str, attribute: &str, value: &str, code: Code, expect: &str| {
            let (found, message) = applied(name, &[(attribute, value)]).unwrap_err();
            assert!(found == code && message.contains(expect), "{attribute}={value}: {found:?} {message}");
        };
        for (attribute, value) in [
            ("DelaySeconds", "901"),
            ("DelaySeconds", "-1"),
            ("DelaySeconds", ""),
            ("MaximumMessageSize", "1023"),
            ("MaximumMessageSize", "1048577"),
            ("MessageRetentionPeriod", "59"),
            ("ReceiveMessageWaitTimeSeconds", "21"),
            ("VisibilityTimeout", "43201"),
            ("VisibilityTimeout", "1.5"),
        ] {
            check("a", attribute, value, Code::InvalidAttributeValue, "Invalid value for the parameter");
        }
        check("a", "Colour", "red", Code::InvalidAttributeName, "Unknown Attribute Colour.");
        check("a", "QueueArn", "arn", Code::InvalidAttributeName, "Unknown Attribute QueueArn.");
        check(
            "a",
            "DeduplicationScope",
            "queue",
            Code::InvalidAttributeName,
            "You can specify the DeduplicationScope only when FifoQueue is set to true.",
        );
        check("a.fifo", "FifoQueue", "false", Code::InvalidAttributeValue, "Modifying queue type");
        check("a.fifo", "DeduplicationScope", "group", Code::InvalidAttributeValue, "DeduplicationScope.");
        check("a.fifo", "FifoThroughputLimit", "perMessageGroupId", Code::InvalidAttributeValue, "perQueue");
        for (attribute, value) in
            [("Policy", "{}"), ("KmsMasterKeyId", "alias/aws/sqs"), ("SqsManagedSseEnabled", "true")]
        {
            check(
                "a",
                attribute,
                value,
                Code::UnsupportedOperation,
                "Lambent does not support the attribute",
            );
        }
        assert!(applied("a", &[("Policy", ""), ("KmsMasterKeyId", "")]).is_ok());
    }
}
