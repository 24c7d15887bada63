//! What a request of the admin API asks: the names in its path, its query, its body.

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use lambent_core::limits::ADMIN_BODY_MAX;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// The parts of a path, with what is escaped in them put back: names may have `/` and `:`.
pub(super) fn segments(path: &str) -> Result<Vec<String>, Refusal> {
    path.trim_matches('/').split('/').map(decode).collect()
}

/// The query of a request. What it has and nobody asked for is refused.
#[derive(Debug)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(pair);
        Ok(Self { pairs: pairs.collect::<Result<_, Refusal>>()? })
    }

    /// Takes a value out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(have, _)| have == name)?;
        Some(self.pairs.swap_remove(at).1)
    }

    /// Takes a whole number out.
    pub(super) fn take_number(&mut self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let number = text.parse().map_err(|_| Refusal::bad(format!("`{name}={text}`: write a whole number")));
        number.map(Some)
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Refusal> {
        match self.pairs.first() {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::bad(format!("`{name}` is unknown here, or said twice"))),
        }
    }
}

/// Reads a body to its end, up to the limit.
pub(super) async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    #[expect(clippy::disallowed_methods, reason = "the body is limited")]
    let read = Limited::new(body, ADMIN_BODY_MAX).collect().await;
    read.map(http_body_util::Collected::to_bytes)
        .map_err(|_| Refusal::too_large("the payload is larger than 6 MB, or broke off"))
}

/// Reads a body that is JSON of a known shape.
pub(super) async fn read_json<T: DeserializeOwned>(body: Incoming) -> Result<T, Refusal> {
    let bytes = read(body).await?;
    serde_json::from_slice(&bytes)
        .map_err(|e| Refusal::bad(format!("the body is not what is asked for: {e}")))
}

/// Puts back what is escaped by `%` (RFC 3986, section 2.1).
fn decode(text: &str) -> Result<String, Refusal> {
    let wrong = || Refusal::bad("the address has a `%` that escapes nothing: write it as %25");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2).ok_or_else(wrong)?;
        let hex = |digit: u8| char::from(digit).to_digit(16);
        let [high, low] = [digits[0], digits[1]].map(hex);
        let byte = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(byte.ok_or_else(wrong)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| Refusal::bad("the address is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_put_back() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(decode(text).ok().as_deref(), expect, "{text}");
        };
        check("orders", Some("orders"));
        check("rule:shop%2Fv1/r%3a1", Some("rule:shop/v1/r:1"));
        check("%C3%BC", Some("ü"));
        for bad in ["%", "%2", "%zz", "%+1", "%ff", "a%"] {
            check(bad, None);
        }
        assert_eq!(segments("/v1/a%2Fb/c/").unwrap(), ["v1", "a/b", "c"]);
    }

    #[test]
    fn queries_are_read_to_their_end() {
        let mut query = Query::read("limit=5&fingerprint=a%26b").unwrap();
        assert_eq!(query.take_number("limit").unwrap(), Some(5));
        assert_eq!(query.take("fingerprint").as_deref(), Some("a&b"));
        assert_eq!(query.take("after"), None);
        query.end().unwrap();
        assert!(Query::read("limt=5").unwrap().end().unwrap_err().message.contains("`limt` is unknown"));
        assert!(Query::read("limit=many").unwrap().take_number("limit").is_err());
        let mut twice = Query::read("limit=1&limit=2").unwrap();
        twice.take("limit");
        assert!(twice.end().is_err());
    }
}
