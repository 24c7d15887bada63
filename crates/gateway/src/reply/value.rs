//! Pieces of JSON, borrowed from the answer that they stand in.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Malformed;

/// The members of an object, in their order; none of what is absent.
pub(super) fn fields(value: Option<&RawValue>) -> Result<Vec<(Cow<'_, str>, &RawValue)>, Malformed> {
    let Some(value) = value else { return Ok(Vec::new()) };
    serde_json::from_str(value.get()).map(|Fields(members)| members).map_err(|_| Malformed)
}

/// The items of a list; none of what is absent.
pub(super) fn list(value: Option<&RawValue>) -> Result<Vec<&RawValue>, Malformed> {
    let Some(value) = value else { return Ok(Vec::new()) };
    serde_json::from_str(value.get()).map_err(|_| Malformed)
}

/// An object as it is read: a map would lose the order, and with it which of two cookies came first.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Fields(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A member's name. `Cow` alone would always be an owned one.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// What a string says. `quoted` is valid JSON text that begins with a quote.
pub(super) fn unquote(quoted: &str) -> Result<Cow<'_, str>, Malformed> {
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(Malformed)?;
    if inner.contains('\\') {
        return serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| Malformed);
    }
    Ok(inner.into())
}

/// A string's text, or a number or truth value as it is written.
pub(super) fn scalar(value: &str) -> Result<Cow<'_, str>, Malformed> {
    match value.as_bytes().first() {
        Some(b'"') => unquote(value),
        Some(b'{' | b'[' | b'n') | None => Err(Malformed),
        Some(_) => Ok(value.into()),
    }
}

/// What a string says, as a slice of the text that it stands in where that is possible.
pub(super) fn bytes(value: &RawValue, within: &Bytes) -> Result<Bytes, Malformed> {
    match unquote(value.get())? {
        Cow::Borrowed(text) => Ok(within.slice_ref(text.as_bytes())),
        Cow::Owned(text) => Ok(text.into()),
    }
}
