//! Messages: those that lie somewhere, and those that are to be sent.

use std::fmt::Display;
use std::time::Duration;

use http::StatusCode;
use lambent_core::{Attributes, Timestamp, limits};
use lambent_engine::Events;
use lambent_engine::events::{Dead, Message};
use lambent_store::Sequence;

use super::super::asked::Query;
use super::super::refusal::Refusal;
use super::super::reply::json;
use super::super::view::{self, Attribute, Content, Failure, Moment};
use super::Answer;

/// Messages of one page.
const PAGE: u32 = 20;
/// Most messages of one page.
const PAGE_MAX: u32 = 1000;
/// A page ends with the message that makes it have this many bytes of bodies.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Messages that are read from the store together.
const AT_ONCE: u32 = 20;
/// Longest name and type of an attribute, in characters (SQS).
const ATTRIBUTE_NAME_MAX: usize = 256;

/// Which messages are wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    fingerprint: Option<String>,
    after: Option<Sequence>,
    limit: u32,
}

impl Wanted {
    /// Takes `fingerprint`, `after` and `limit` out of a query.
    pub(super) fn take(query: &mut Query) -> Result<Self, Refusal> {
        let limit = query.take_number("limit")?.unwrap_or_else(|| i64::from(PAGE));
        let limit = u32::try_from(limit).ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
        Ok(Self {
            fingerprint: query.take("fingerprint"),
            after: query.take_number("after")?.map(Sequence),
            limit: limit.ok_or_else(|| Refusal::bad(format!("`limit` is 1 to {PAGE_MAX}")))?,
        })
    }
}

/// Answers with messages of a place. They stay as they are.
pub(super) async fn list(events: &Events, place: &Dead, wanted: Wanted) -> Answer {
    let Wanted { fingerprint, mut after, limit } = wanted;
    let (mut messages, mut bytes) = (Vec::new(), 0);
    let mut left = limit;
    let next = loop {
        let ask = left.min(AT_ONCE);
        if ask == 0 || bytes >= PAGE_BYTES {
            break after;
        }
        let found = events.browse_dead(place, fingerprint.clone(), after, ask).await?;
        let count = u32::try_from(found.len()).unwrap_or(ask);
        for message in &found {
            bytes += message.body.len();
            after = Some(message.sequence);
            messages.push(show(events, message));
        }
        if count < ask {
            break None;
        }
        left -= count.min(left);
    };
    Ok(json(StatusCode::OK, &view::Page { messages, next: next.map(|at| at.0) }))
}

/// A message, for people and programs.
pub(super) fn show(events: &Events, message: &Message) -> view::Message {
    let now = events.now();
    let moment = |at: Timestamp| Moment::new(at, now);
    view::Message {
        sequence: message.sequence.0,
        id: message.id.to_string(),
        body: Content::new(&message.body),
        size: message.body.len() as u64,
        attributes: Attribute::all(&message.meta.attributes),
        group: message.group.clone().or_else(|| message.meta.group.clone()),
        deduplication: message.meta.dedup.clone(),
        trace: message.meta.trace.clone(),
        sent: moment(message.sent),
        first_received: message.first_received.map(moment),
        visible: moment(message.visible),
        receives: message.receives,
        died_in: message.origin.and_then(|origin| events.name_of(origin)),
        failure: message.failure.as_ref().map(|failure| Failure::new(failure, now)),
    }
}

/// A message that a queue or topic can take, as far as can be told before.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) body: String,
    pub(super) attributes: Attributes,
    pub(super) group: Option<String>,
    pub(super) dedup: Option<String>,
    pub(super) delay: Option<Duration>,
}

impl Checked {
    /// Checks what is the same for queues and topics (SQS `SendMessage`); the engine knows the rest.
    pub(super) fn new(message: view::NewMessage, to: &impl Display, fifo: bool) -> Result<Self, Refusal> {
        let view::NewMessage { body, attributes, group, deduplication, delay_ms } = message;
        if body.is_empty() {
            return Err(Refusal::bad("the message is empty"));
        }
        if let Some(bad) = body.chars().find(|c| !can_be_sent(*c)) {
            let message =
                format!("the message has the character {bad:?}, which a queue cannot carry: encode it");
            return Err(Refusal::bad(message));
        }
        for (what, id) in [("group", &group), ("deduplication id", &deduplication)] {
            if id.as_ref().is_some_and(|id| !is_id(id)) {
                let max = limits::DEDUP_ID_MAX;
                let message = format!("a {what} has 1 to {max} letters, digits and punctuation");
                return Err(Refusal::bad(message));
            }
        }
        if deduplication.is_some() && !fifo {
            return Err(Refusal::bad(format!(
                "`{to}` has no deduplication: only what keeps order has, and has a name that ends in .fifo"
            )));
        }
        let delay = delay_ms.map(Duration::from_millis);
        if delay.is_some_and(|delay| delay > limits::DELAY_MAX) {
            let max = limits::DELAY_MAX.as_secs() / 60;
            return Err(Refusal::bad(format!("the delay is too long: at most {max}m")));
        }
        if fifo && delay.is_some() {
            return Err(Refusal::bad(format!("`{to}` keeps order: a single message cannot be delayed")));
        }
        let attributes = check_attributes(attributes)?;
        Ok(Self { body, attributes, group, dedup: deduplication, delay })
    }
}

fn check_attributes(
    attributes: std::collections::BTreeMap<String, Attribute>,
) -> Result<Attributes, Refusal> {
    if attributes.len() > limits::ATTRIBUTES_MAX {
        return Err(Refusal::bad(format!("a message has at most {} attributes", limits::ATTRIBUTES_MAX)));
    }
    let check = |(name, attribute): (String, Attribute)| {
        let shown: String = name.chars().take(ATTRIBUTE_NAME_MAX).collect();
        let known = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
        if !(1..=ATTRIBUTE_NAME_MAX).contains(&name.len()) || !name.bytes().all(known) || dots {
            let message =
                format!("`{shown}` is no name of an attribute: use letters, digits, `-`, `_` and `.`");
            return Err(Refusal::bad(message));
        }
        let wrong = |why: &str| Refusal::bad(format!("the attribute `{shown}` {why}"));
        let kind = attribute.kind.split('.').next().unwrap_or_default();
        if !["String", "Number", "Binary"].contains(&kind) || attribute.kind.len() > ATTRIBUTE_NAME_MAX {
            return Err(wrong("has no type that is known: use String, Number or Binary"));
        }
        let read = attribute.read();
        let read = read.ok_or_else(|| wrong("needs a `value`, or `base64` if it is Binary"))?;
        if read.bytes().is_empty() {
            return Err(wrong("is empty"));
        }
        let number = || std::str::from_utf8(read.bytes()).ok()?.parse::<f64>().ok();
        if read.kind.starts_with("Number") && number().is_none_or(|number| !number.is_finite()) {
            return Err(wrong("is no number"));
        }
        Ok((name, read))
    };
    attributes.into_iter().map(check).collect()
}

/// Letters, digits and punctuation, as SQS wants ids.
fn is_id(text: &str) -> bool {
    (1..=limits::DEDUP_ID_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether a message may have a character (SQS `SendMessage`: what XML can carry).
fn can_be_sent(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, fifo: bool) -> Result<Checked, String> {
        let message = serde_json::from_str(json).map_err(|e| e.to_string())?;
        Checked::new(message, &"q", fifo).map_err(|refusal| refusal.message)
    }

    #[test]
    fn good_messages_pass() {
        let good = r#"{"body":"hello\n","attributes":{"a.b":{"value":"x"},"n":{"type":"Number.int","value":"-1.5e3"}},"delay_ms":5000}"#;
        let message = check(good, false).unwrap();
        assert_eq!((message.attributes.len(), message.delay), (2, Some(Duration::from_secs(5))));
        let message = check(r#"{"body":"x","group":"g","deduplication":"d!"}"#, true).unwrap();
        assert_eq!((message.group.as_deref(), message.dedup.as_deref()), (Some("g"), Some("d!")));
    }

    #[test]
    fn bad_messages_are_told() {
        let no = |json: &str, fifo: bool, expect: &str| {
            let error = check(json, fifo).unwrap_err();
            assert!(error.contains(expect), "{json}: {error}");
        };
        no(r#"{"body":""}"#, false, "is empty");
        no(r#"{"body":"\u0000"}"#, false, "the character '\\0'");
        no(r#"{"body":"x","group":""}"#, false, "a group has 1 to 128");
        no(r#"{"body":"x","group":"a b"}"#, true, "a group has 1 to 128");
        no(r#"{"body":"x","deduplication":"d"}"#, false, "ends in .fifo");
        no(r#"{"body":"x","delay_ms":900001}"#, false, "at most 15m");
        no(r#"{"body":"x","delay_ms":1}"#, true, "cannot be delayed");
        no(r#"{"body":"x","delay":1}"#, true, "unknown field `delay`");
        no(r#"{"body":"x","attributes":{"a b":{"value":"x"}}}"#, false, "no name of an attribute");
        no(r#"{"body":"x","attributes":{"a":{"type":"Text","value":"x"}}}"#, false, "no type that is known");
        no(r#"{"body":"x","attributes":{"a":{"value":""}}}"#, false, "is empty");
        no(r#"{"body":"x","attributes":{"a":{"type":"Number","value":"NaN"}}}"#, false, "is no number");
        no(r#"{"body":"x","attributes":{"a":{"type":"Binary","value":"x"}}}"#, false, "needs a `value`");
        let many: Vec<_> = (0..11).map(|i| format!(r#""a{i}":{{"value":"x"}}"#)).collect();
        let many = format!(r#"{{"body":"x","attributes":{{{}}}}}"#, many.join(","));
        no(&many, false, "at most 10 attributes");
    }

    #[test]
    fn pages_have_limits() {
        let take = |text: &str| Wanted::take(&mut Query::read(text).unwrap());
        assert_eq!(take("").unwrap().limit, PAGE);
        assert_eq!(take("limit=1000&after=7").unwrap().after, Some(Sequence(7)));
        for bad in ["limit=0", "limit=1001", "limit=-1", "after=x"] {
            assert!(take(bad).is_err(), "{bad}");
        }
    }
}
