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
        return unescape(inner).map(Cow::Owned);
    }
    Ok(inner.into())
}

/// The text of a string with escapes. JSON text within JSON has one every few bytes, and the parser is slow to stop
/// and go on: this takes half its time, which was a third of the gateway's own for an answer of 10 KB.
fn unescape(inner: &str) -> Result<String, Malformed> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.bytes().position(|byte| byte == b'\\') {
        let (plain, escaped) = rest.split_at(at);
        out.push_str(plain);
        let code = *escaped.as_bytes().get(1).ok_or(Malformed)?;
        let character = match code {
            b'"' | b'\\' | b'/' => char::from(code),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, length) = unicode(escaped)?;
                out.push(character);
                rest = escaped.get(length..).ok_or(Malformed)?;
                continue;
            }
            _ => return Err(Malformed),
        };
        out.push(character);
        rest = escaped.get(2..).ok_or(Malformed)?;
    }
    out.push_str(rest);
    Ok(out)
}

/// The character of an escape `\uXXXX`, or of two that are the halves of one; and the bytes that it took.
fn unicode(escaped: &str) -> Result<(char, usize), Malformed> {
    let unit = |at: usize| {
        let digits = escaped.get(at..at + 6).and_then(|text| text.strip_prefix("\\u")).ok_or(Malformed)?;
        u16::from_str_radix(digits, 16).map_err(|_| Malformed)
    };
    let first = unit(0)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Ok((character, 6));
    }
    let mut decoded = char::decode_utf16([first, unit(6)?]);
    decoded.next().and_then(Result::ok).map(|character| (character, 12)).ok_or(Malformed)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_say_what_the_parser_reads_in_them() {
        let texts = [
            r#""""#,
            r#""plain""#,
            r#""a\"b\\c\/d\b\f\n\r\te""#,
            r#""\u0041\u00e9\u20ac\ud83d\ude00 \u0000""#,
            r#""ü€😀\n😀""#,
            r#""\\""#,
            r#""{\"a\":[\"b\",\"c\"]}""#,
        ];
        for text in texts {
            let expect: String = serde_json::from_str(text).unwrap();
            assert_eq!(unquote(text).unwrap(), expect, "{text}");
        }
    }

    #[test]
    fn half_characters_are_none() {
        for text in [r#""\ud83d""#, r#""\ud83dx""#, r#""\ud83d\u0041""#, r#""\ude00\ud83d""#] {
            assert_eq!(unquote(text), Err(Malformed), "{text}");
        }
    }
}
