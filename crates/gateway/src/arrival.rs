//! A request that was let in: what the stages after admission look at.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use lambent_core::{Timestamp, TraceHeader};

use crate::server::Peer;

/// A request that was let in, without its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    /// Its line and headers, as they were sent.
    pub(crate) head: &'a Parts,
    /// The host that it is for, port included where there is one.
    pub(crate) host: &'a str,
    /// Who sent it.
    pub(crate) peer: Peer,
    /// The gateway's own id for it.
    pub(crate) id: &'a ArrivalId,
    /// The trace that it is part of.
    pub(crate) trace: &'a TraceHeader,
    /// When it came.
    pub(crate) now: Timestamp,
    /// The account that the node says it is.
    pub(crate) account: &'a str,
}

/// The id that API Gateway gives a request: 16 characters of base64, as in `LV7fzho-PHcEJPw=`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrivalId([u8; 16]);

impl ArrivalId {
    /// Makes an id of 88 of the random bits.
    pub(crate) fn from_random(bits: u128) -> Self {
        let mut text = [b'='; 16];
        let length = URL_SAFE.encode_slice(&bits.to_be_bytes()[..11], &mut text);
        debug_assert_eq!(length, Ok(16), "11 bytes are 16 characters of base64");
        Self(text)
    }

    /// The 16 characters.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base64 is ASCII")
    }

    /// The value of `apigw-requestid`.
    pub(crate) fn to_header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("base64 is visible ASCII")
    }
}

/// The trace that the caller names, or a new one.
pub(crate) fn trace(headers: &HeaderMap, now: Timestamp) -> TraceHeader {
    let named = headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok());
    named.and_then(TraceHeader::parse).unwrap_or_else(|| TraceHeader::start(now, fastrand::u128(..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_api_gateways() {
        assert_eq!(ArrivalId::from_random(0).as_str(), "AAAAAAAAAAAAAAA=");
        assert_eq!(
            ArrivalId::from_random(u128::MAX).as_str(),
            "_____________________"[..14].to_owned() + "8="
        );
    }

    #[test]
    fn a_valid_trace_is_taken_and_others_replaced() {
        let mut headers = HeaderMap::new();
        let now = Timestamp::from_millis(1_770_112_800_000);
        assert!(trace(&headers, now).as_str().starts_with("Root=1-6981c720-"));
        let sent = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Sampled=1";
        headers.insert("x-amzn-trace-id", sent.parse().unwrap());
        assert_eq!(trace(&headers, now).as_str(), sent);
        headers.insert("x-amzn-trace-id", "nonsense".parse().unwrap());
        assert!(trace(&headers, now).as_str().starts_with("Root=1-6981c720-"));
    }
}
