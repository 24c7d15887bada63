//! What SNS clients are told when they do not get what they asked for (semantics.md 5.1).

use http::StatusCode;
use lambent_core::{Arn, TopicName};
use lambent_engine::Events;
use lambent_engine::events::Error;

use crate::protocol::Refusal;
use crate::query::Section;

/// A value is wrong. The reason follows AWS's `Invalid parameter: `.
pub(super) fn invalid(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "InvalidParameter", format!("Invalid parameter: {reason}"))
}

/// Something is not there.
pub(super) fn not_found(what: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", format!("{what} does not exist"))
}

/// What is told when the events could not do it.
pub(super) fn refusal(error: Error) -> Refusal {
    let (status, code) = match &error {
        Error::NoTopic(_) => return not_found("Topic"),
        Error::NoSubscription(_) => return not_found("Subscription"),
        Error::NoGroup(_) => return invalid("The MessageGroupId parameter is required for FIFO topics"),
        Error::NoDedup(_) => {
            return invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            );
        }
        Error::FifoOnly { what } => {
            return invalid(format!(
                "{what} Reason: The request includes {what} parameter that is not valid for this topic type"
            ));
        }
        Error::TooLarge { .. } => return invalid("Message too long"),
        Error::TooMany { what: "topics", .. } => (StatusCode::FORBIDDEN, "TopicLimitExceeded"),
        Error::TooMany { .. } => (StatusCode::FORBIDDEN, "SubscriptionLimitExceeded"),
        // Its texts name files of the machine, which are nobody's business over the network.
        Error::Store(_) => {
            let message = "The node could not store it; nothing was accepted.";
            return Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message);
        }
        _ => return invalid(error),
    };
    Refusal::new(status, code, error.to_string())
}

/// The text of a field that must be there.
pub(super) fn required(form: &Section<'_, '_>, name: &str) -> Result<String, Refusal> {
    match form.get(name) {
        Some(text) if !text.is_empty() => Ok(text.into_owned()),
        _ => Err(invalid(name)),
    }
}

/// The topic that a field names. It may be that there is none of this name.
pub(super) fn topic(events: &Events, form: &Section<'_, '_>, field: &str) -> Result<TopicName, Refusal> {
    let text = required(form, field)?;
    let name = arn(&text, field)?.topic().ok_or_else(|| invalid(field))?;
    // A topic of another account or region is none of ours.
    if events.node().topic_arn(&name) == text { Ok(name) } else { Err(not_found("Topic")) }
}

/// The subscription that a field names: its topic and its id. It may be that there is none of this name.
pub(super) fn subscription(events: &Events, form: &Section<'_, '_>) -> Result<(TopicName, String), Refusal> {
    const FIELD: &str = "SubscriptionArn";
    let text = required(form, FIELD)?;
    arn(&text, FIELD)?;
    let (topic, id) = text.rsplit_once(':').unwrap_or_default();
    let name = arn(topic, FIELD).ok().and_then(|arn| arn.topic());
    let name = name.ok_or_else(|| invalid(format!("{FIELD} Reason: `{text}` names no subscription")))?;
    if events.node().topic_arn(&name) == topic {
        Ok((name, id.to_owned()))
    } else {
        Err(not_found("Subscription"))
    }
}

fn arn<'a>(text: &'a str, field: &str) -> Result<Arn<'a>, Refusal> {
    Arn::parse(text).ok_or_else(|| {
        let parts = text.split(':').count();
        invalid(format!("{field} Reason: An ARN must have at least 6 elements, not {parts}"))
    })
}
