//! Messages: their bodies, attributes, and why they failed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lambent_core::message::Value;
use lambent_core::{Attributes, Timestamp};
use serde::{Deserialize, Serialize};

use super::Moment;

/// Messages of a queue, some at a time.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) messages: Vec<Message>,
    /// Where to go on; `null` when these were the last.
    pub(crate) next: Option<i64>,
}

/// A message, as it lies in its queue.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Its place: what `dead-letters show` and the like want.
    pub(crate) sequence: i64,
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) body: Content,
    /// Bytes of the body.
    pub(crate) size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) attributes: BTreeMap<String, Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deduplication: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<String>,
    pub(crate) sent: Moment,
    /// When it was received first in this queue.
    pub(crate) first_received: Option<Moment>,
    /// Until when nobody can receive it.
    pub(crate) visible: Moment,
    /// How often it was received in this queue.
    pub(crate) receives: u32,
    /// The queue or function that it died in.
    pub(crate) died_in: Option<String>,
    pub(crate) failure: Option<Failure>,
}

/// Bytes: a text where they are one.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    #[serde(rename = "body")]
    Text(String),
    #[serde(rename = "body_base64")]
    Base64(String),
}

impl Content {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(BASE64.encode(bytes)),
        }
    }

    /// The text, or the base64 of what is none.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Base64(text) => text,
        }
    }
}

/// An attribute of a message: a value, or the base64 of one that is no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attribute {
    /// `String`, `Number` or `Binary`, perhaps with a label as in `Number.int`.
    #[serde(rename = "type", default = "string")]
    pub(crate) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base64: Option<String>,
}

fn string() -> String {
    "String".to_owned()
}

impl Attribute {
    /// A text of this type.
    pub(crate) fn text(kind: &str, value: &str) -> Self {
        Self { kind: kind.to_owned(), value: Some(value.to_owned()), base64: None }
    }

    /// The attributes of a message.
    pub(crate) fn all(attributes: &Attributes) -> BTreeMap<String, Self> {
        let view = |attribute: &lambent_core::Attribute| match &attribute.value {
            Value::Text(text) => Self::text(&attribute.kind, text),
            Value::Binary(bytes) => {
                Self { kind: attribute.kind.clone(), value: None, base64: Some(BASE64.encode(bytes)) }
            }
        };
        attributes.iter().map(|(name, attribute)| (name.clone(), view(attribute))).collect()
    }

    /// The value, if there is exactly one and it can be read.
    pub(crate) fn read(self) -> Option<lambent_core::Attribute> {
        let value = match (self.value, self.base64) {
            (Some(text), None) if !self.kind.starts_with("Binary") => Value::Text(text),
            (None, Some(base64)) if self.kind.starts_with("Binary") => {
                Value::Binary(BASE64.decode(base64).ok()?)
            }
            _ => return None,
        };
        Some(lambent_core::Attribute { kind: self.kind, value })
    }
}

/// Why a message failed the last time.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The function, or what else could not take it.
    pub(crate) by: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) fingerprint: String,
    /// Why it was given up.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) condition: String,
    pub(crate) attempt: u32,
    pub(crate) at: Moment,
}

impl Failure {
    pub(crate) fn new(failure: &lambent_core::Failure, now: Timestamp) -> Self {
        Self {
            by: failure.by.clone(),
            kind: failure.kind.clone(),
            message: failure.message.clone(),
            fingerprint: failure.fingerprint.clone(),
            condition: failure.condition.clone(),
            attempt: failure.attempt,
            at: Moment::new(failure.at, now),
        }
    }
}

/// A message that is to be sent to a queue or topic.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMessage {
    pub(crate) body: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub(crate) attributes: BTreeMap<String, Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deduplication: Option<String>,
    /// Queues only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_travels_as_base64() {
        assert_eq!(Content::new("ü".as_bytes()), Content::Text("ü".to_owned()));
        assert_eq!(Content::new(b"\xff"), Content::Base64("/w==".to_owned()));
        let binary = lambent_core::Attribute { kind: "Binary".to_owned(), value: Value::Binary(vec![255]) };
        let attributes = Attributes::from([("b".to_owned(), binary.clone())]);
        let view = Attribute::all(&attributes).remove("b").unwrap();
        assert_eq!(serde_json::to_string(&view).unwrap(), r#"{"type":"Binary","base64":"/w=="}"#);
        assert_eq!(view.read(), Some(binary));
    }

    #[test]
    fn attributes_have_one_value_that_fits_their_type() {
        let read = |text: &str| serde_json::from_str::<Attribute>(text).ok().and_then(Attribute::read);
        assert_eq!(read(r#"{"value":"a"}"#), Some(lambent_core::Attribute::text("a")));
        assert_eq!(read(r#"{"type":"Number","value":"1"}"#), Some(lambent_core::Attribute::number(1)));
        for bad in [
            r#"{"type":"String"}"#,
            r#"{"value":"a","base64":""}"#,
            r#"{"type":"Binary","value":"a"}"#,
            r#"{"type":"Binary","base64":"?"}"#,
            r#"{"base64":""}"#,
            r#"{"valeu":"a"}"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
