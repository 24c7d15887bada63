//! Requests, decoded from JSON or from a form into one structure an action.

use std::borrow::Cow;
use std::ops::{Deref, RangeInclusive};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use lambent_core::QueueName;
use lambent_engine::Events;
use lambent_engine::events::Queue;
use serde::Deserialize;

use super::error::{Code, Error};
use crate::protocol::Protocol;
use crate::query::{Form, Section};
use crate::service::Call;

/// What an action is asked for.
pub(super) trait Request<'a>: Deserialize<'a> {
    /// Reads it from a form.
    ///
    /// # Errors
    /// When a value is not what it must be.
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error>;
}

/// Reads a request's body. What is borrowed is borrowed from [`Call::body`].
///
/// # Errors
/// When it is not in the protocol's language, or a value is not what it must be.
pub(super) fn read<'a, R: Request<'a>>(call: &'a Call) -> Result<R, Error> {
    let body: &'a [u8] = &call.body;
    if let Protocol::Query(_) = call.protocol {
        let form = Form::parse(body).map_err(|refusal| Code::Serialization.because(refusal.message))?;
        return R::of_form(form.all());
    }
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Code::Serialization.because(error.to_string()))
}

/// Text of a request, borrowed where nothing had to be decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Text<'_> {
    /// The text as bytes of its own or as a part of `body`, which it was borrowed from.
    pub(super) fn into_bytes(self, body: &Bytes) -> Bytes {
        match self.0 {
            Cow::Borrowed(text) => body.slice_ref(text.as_bytes()),
            Cow::Owned(text) => text.into(),
        }
    }
}

/// A map of texts, in the order in which it was written.
pub(super) type Pairs<'a> = Vec<(Text<'a>, Text<'a>)>;

/// Reads a JSON object as [`Pairs`].
pub(super) fn pairs<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Pairs<'de>, D::Error> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Pairs<'de>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object of strings")
        }

        fn visit_unit<E>(self) -> Result<Pairs<'de>, E> {
            Ok(Vec::new())
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    from.deserialize_any(Visitor)
}

impl<'a> Section<'_, 'a> {
    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<Text<'a>> {
        self.get(name).map(Text)
    }

    /// A whole number.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(text) = self.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Error::value(name, &text, "Must be an integer."))
    }

    /// A list of texts; `None` when there is none.
    pub(super) fn list_of_texts(&self, name: &str) -> Option<Vec<Text<'a>>> {
        let texts = self.texts(name);
        (!texts.is_empty()).then(|| texts.into_iter().map(Text).collect())
    }

    /// A map of texts.
    pub(super) fn map_of_texts(&self, name: &str, key: &str, value: &str) -> Pairs<'a> {
        self.pairs(name, key, value).into_iter().map(|(key, value)| (Text(key), Text(value))).collect()
    }
}

/// A request that has nothing but its queue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfQueue<'a> {
    /// The queue.
    #[serde(borrow)]
    pub(super) queue_url: Option<Text<'a>>,
}

impl<'a> Request<'a> for OfQueue<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self { queue_url: form.text("QueueUrl") })
    }
}

/// The name at the end of a queue's URL. A form may be sent to that address instead of naming it.
///
/// # Errors
/// When no queue is named.
pub(super) fn queue_name<'a>(call: &'a Call, url: Option<&'a str>) -> Result<&'a str, Error> {
    let of_path = || matches!(call.protocol, Protocol::Query(_)).then(|| call.head.uri.path());
    let url = url.filter(|url| !url.is_empty()).or_else(of_path);
    let name = url.and_then(|url| url.trim_end_matches('/').rsplit('/').next());
    name.filter(|name| !name.is_empty()).ok_or_else(|| Error::missing("QueueUrl"))
}

/// The queue that a request is about. Only the name in its URL counts: clients reach this port by many addresses.
///
/// # Errors
/// When no queue is named, or when there is none of this name.
pub(super) fn queue(events: &Events, call: &Call, url: Option<&str>) -> Result<Arc<Queue>, Error> {
    events.queue(queue_name(call, url)?).ok_or_else(Error::no_queue)
}

/// The URL of a queue, by the address at which this client reached the node.
pub(super) fn queue_url(events: &Events, call: &Call, name: &QueueName) -> String {
    let account = &events.node().account;
    let host = call.head.headers.get(HOST).and_then(|host| host.to_str().ok());
    // HTTP/2 has the host in the address.
    match host.or_else(|| call.head.uri.authority().map(http::uri::Authority::as_str)) {
        Some(host) => format!("http://{host}/{account}/{name}"),
        None => format!("{}/{account}/{name}", events.endpoint()),
    }
}

/// Checks that a number is in its range, if there is one.
///
/// # Errors
/// When it is not.
pub(super) fn in_range(
    name: &str,
    value: Option<i64>,
    range: RangeInclusive<i64>,
    reason: impl FnOnce(&RangeInclusive<i64>) -> String,
) -> Result<Option<u32>, Error> {
    match value {
        Some(value) if !range.contains(&value) => Err(Error::value(name, value, &reason(&range))),
        other => Ok(other.and_then(|value| u32::try_from(value).ok())),
    }
}

/// The reason for [`in_range`] of most parameters.
pub(super) fn between(range: &RangeInclusive<i64>) -> String {
    format!("Must be between {} and {}, if provided.", range.start(), range.end())
}

/// The seconds from none to `most`.
pub(super) fn seconds_to(most: Duration) -> RangeInclusive<i64> {
    0..=i64::try_from(most.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use lambent_core::RequestId;

    use super::*;

    fn call(protocol: Protocol, path: &str, host: Option<&str>, body: &'static str) -> Call {
        let mut request = http::Request::post(path);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        Call {
            head: request.body(()).unwrap().into_parts().0,
            resource: String::new(),
            body: Bytes::from_static(body.as_bytes()),
            action: "PurgeQueue",
            protocol,
            id: RequestId::from_random(0),
        }
    }

    #[test]
    fn queues_are_named_by_the_end_of_their_url() {
        let query = Protocol::Query("");
        let check = |protocol, path: &str, url: Option<&str>, expect: Result<&str, &str>| {
            let call = call(protocol, path, None, "");
            let name = queue_name(&call, url).map_err(|error| error.message);
            assert_eq!(name.as_deref().map_err(String::as_str), expect);
        };
        let missing = Err("The request must contain the parameter QueueUrl.");
        check(Protocol::Json10, "/", Some("http://localhost:4566/000000000000/orders"), Ok("orders"));
        check(Protocol::Json10, "/", Some("https://queue.amazonaws.com/1/orders.fifo/"), Ok("orders.fifo"));
        check(Protocol::Json10, "/", Some("orders"), Ok("orders"));
        check(Protocol::Json10, "/000000000000/orders", None, missing);
        check(Protocol::Json10, "/", Some("///"), missing);
        check(query, "/000000000000/orders", None, Ok("orders"));
        check(query, "/000000000000/orders", Some("http://x/1/other"), Ok("other"));
        check(query, "/", None, missing);
    }

    #[test]
    fn requests_are_read_from_both_protocols() {
        let url = |protocol, body| {
            let call = call(protocol, "/", None, body);
            read::<OfQueue<'_>>(&call)
                .map(|read| read.queue_url.map(|url| url.to_string()))
                .map_err(|error| (error.code, error.message))
        };
        let query = Protocol::Query("");
        assert_eq!(url(Protocol::Json10, r#"{"QueueUrl":"a\/b","More":1}"#), Ok(Some("a/b".to_owned())));
        assert_eq!(url(Protocol::Json10, r#"{"QueueUrl":null}"#), Ok(None));
        assert_eq!(url(Protocol::Json10, ""), Ok(None));
        assert_eq!(url(query, "Action=PurgeQueue&QueueUrl=a%2Fb"), Ok(Some("a/b".to_owned())));
        for bad in ["{", "[1]", r#"{"QueueUrl":1}"#, "null", "\"a\""] {
            assert_eq!(url(Protocol::Json10, bad).unwrap_err().0, Code::Serialization, "{bad}");
        }
        assert_eq!(url(query, "a=%ff").unwrap_err().0, Code::Serialization);
    }

    #[test]
    fn what_needs_no_decoding_is_not_copied() {
        let body = Bytes::from_static(br#"{"QueueUrl":"plain"}"#);
        let read: OfQueue<'_> = serde_json::from_slice(&body).unwrap();
        let text = read.queue_url.unwrap();
        assert!(matches!(text.0, Cow::Borrowed(_)));
        let part = text.into_bytes(&body);
        assert_eq!(part.as_ptr(), body[13..].as_ptr());
    }
}
