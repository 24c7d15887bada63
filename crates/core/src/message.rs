//! What travels through queues: attributes, what goes along with a message, and why one failed.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::fingerprint::fingerprint;
use crate::{Outcome, RequestId, Timestamp, limits};

/// Attributes of a message, by name.
pub type Attributes = BTreeMap<String, Attribute>;

/// An attribute: a type as SQS and SNS write it, and a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, perhaps with a label as in `Number.int`; SNS knows `String.Array` too.
    pub kind: String,
    /// The value.
    pub value: Value,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Of `String` and `Number`.
    Text(String),
    /// Of `Binary`.
    Binary(Vec<u8>),
}

impl Attribute {
    /// An attribute of the type `String`.
    pub fn text(value: impl Into<String>) -> Self {
        Self { kind: "String".to_owned(), value: Value::Text(value.into()) }
    }

    /// An attribute of the type `Number`.
    pub fn number(value: impl ToString) -> Self {
        Self { kind: "Number".to_owned(), value: Value::Text(value.to_string()) }
    }

    /// The bytes of the value.
    pub fn bytes(&self) -> &[u8] {
        match &self.value {
            Value::Text(text) => text.as_bytes(),
            Value::Binary(bytes) => bytes,
        }
    }
}

/// Bytes of attributes as limits count them: names, types and values.
pub fn attributes_size(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, a)| name.len() + a.kind.len() + a.bytes().len()).sum()
}

/// What goes along with a message besides its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// Attributes of the sender's.
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// The trace that the message is part of, as in `X-Amzn-Trace-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Of an asynchronous invocation: its result is kept, because its caller knows the id.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_result: bool,
    /// The message group, for a queue that does not keep order; one that does keeps it with the message itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The deduplication id, as receivers see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedup: Option<String>,
    /// Of an asynchronous invocation: the ARN as its caller wrote it, where it differs from the function's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Of an asynchronous invocation: the client context, JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Why a message failed the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// The function that it failed in, or what else could not take it.
    pub by: String,
    /// As in `TypeError` or `Sandbox.Timedout`.
    pub kind: String,
    /// The error's message, at most [`FAILURE_MESSAGE_MAX`](crate::limits::FAILURE_MESSAGE_MAX) bytes.
    pub message: String,
    /// Tells errors of one kind from those of another; see [`fingerprint`](crate::fingerprint::fingerprint).
    pub fingerprint: String,
    /// Why it was given up, in the words of a destination record (`RetriesExhausted`); empty while it is retried.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Which attempt it was.
    pub attempt: u32,
    /// When.
    #[serde(with = "millis")]
    pub at: Timestamp,
}

impl Failure {
    /// A failure with its fingerprint; the message is cut.
    pub fn new(by: &str, kind: &str, message: &str) -> Self {
        let message = &message[..message.floor_char_boundary(limits::FAILURE_MESSAGE_MAX)];
        Self {
            by: by.to_owned(),
            kind: kind.to_owned(),
            message: message.to_owned(),
            fingerprint: fingerprint(by, kind, message),
            ..Self::default()
        }
    }

    /// The failure that an outcome is, as the error document tells it.
    pub fn of(by: &str, outcome: &Outcome, id: RequestId) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Document {
            error_type: Option<String>,
            error_message: Option<String>,
        }
        let Some(error) = outcome.error(id) else { return Self::new(by, "", "") };
        let document: Document = serde_json::from_slice(&error.document).unwrap_or_default();
        let kind = document.error_type.unwrap_or(error.kind);
        let whole = || String::from_utf8_lossy(&error.document).into_owned();
        let message = document.error_message.unwrap_or_else(whole);
        // The platform's own errors begin with the id of the request, which is told apart from the error.
        let own = format!("RequestId: {id} Error: ");
        Self::new(by, &kind, message.strip_prefix(&own).unwrap_or(&message))
    }

    /// The same at this attempt, and why the message was given up (empty while it is retried).
    #[must_use]
    pub fn given_up(self, condition: &str, attempt: u32, at: Timestamp) -> Self {
        Self { condition: condition.to_owned(), attempt, at, ..self }
    }
}

mod millis {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(at.as_millis())
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Timestamp, D::Error> {
        u64::deserialize(from).map(Timestamp::from_millis)
    }
}

/// The MD5 of a body, in hexadecimal digits, as SQS clients check it.
pub fn md5_of_body(body: &[u8]) -> String {
    hex(&Md5::digest(body))
}

/// The MD5 of attributes, in hexadecimal digits, as SQS clients check it (semantics.md 10.1). `None` without any.
pub fn md5_of_attributes(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    fn part(hash: &mut Md5, bytes: &[u8]) {
        hash.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(bytes);
    }
    let mut hash = Md5::new();
    for (name, attribute) in attributes {
        part(&mut hash, name.as_bytes());
        part(&mut hash, attribute.kind.as_bytes());
        hash.update([if matches!(attribute.value, Value::Binary(_)) { 2 } else { 1 }]);
        part(&mut hash, attribute.bytes());
    }
    Some(hex(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]);
    digits.map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_sums_are_those_that_clients_compute() {
        assert_eq!(md5_of_body(b"hello"), "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(md5_of_attributes(&Attributes::new()), None);
        // Computed with the algorithm of the SQS developer guide, "Calculating the MD5 message digest".
        let attributes = Attributes::from([("kind".to_owned(), Attribute::text("a"))]);
        let mut by_hand = Vec::new();
        by_hand.extend(b"\x00\x00\x00\x04kind\x00\x00\x00\x06String\x01\x00\x00\x00\x01a");
        assert_eq!(md5_of_attributes(&attributes), Some(md5_of_body(&by_hand)));
    }

    #[test]
    fn failures_tell_what_the_error_document_tells() {
        use crate::FunctionError;
        let id = RequestId::from_random(0);
        let of = |outcome: &Outcome| {
            let failure = Failure::of("f", outcome, id);
            format!("{}: {}", failure.kind, failure.message)
        };
        assert_eq!(
            of(&Outcome::Failed(FunctionError::new("TypeError", "x is none"))),
            "TypeError: x is none"
        );
        let after = std::time::Duration::from_secs(1);
        assert_eq!(of(&Outcome::TimedOut { after }), "Sandbox.Timedout: Task timed out after 1.00 seconds");
        let odd = FunctionError { kind: "Odd".to_owned(), document: "no json".into() };
        assert_eq!(of(&Outcome::Failed(odd)), "Odd: no json");
        let long = FunctionError::new("E", &"é".repeat(2000));
        assert_eq!(Failure::of("f", &Outcome::Failed(long), id).message.len(), limits::FAILURE_MESSAGE_MAX);
    }

    #[test]
    fn what_goes_along_is_written_shortly_and_read_back() {
        assert_eq!(serde_json::to_string(&Meta::default()).unwrap(), "{}");
        let binary = Attribute { kind: "Binary".to_owned(), value: Value::Binary(vec![0, 255]) };
        let meta = Meta {
            attributes: Attributes::from([("b".to_owned(), binary), ("n".to_owned(), Attribute::number(1))]),
            keep_result: true,
            ..Meta::default()
        };
        let text = serde_json::to_string(&meta).unwrap();
        assert_eq!(serde_json::from_str::<Meta>(&text).unwrap(), meta);
    }
}
