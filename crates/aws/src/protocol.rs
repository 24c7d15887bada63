//! How each AWS protocol tells a client that it does not get what it asked for.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::body::{self, Body};
use crate::query;

/// The header that names an error for the SDKs that do not look into the body.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The header that names an error as the query protocol does (semantics.md 10.1).
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// A wire protocol, as AWS service models name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// REST with JSON bodies: Lambda.
    RestJson,
    /// JSON 1.0 with `X-Amz-Target`: DynamoDB, and SQS as SDKs speak it today.
    Json10,
    /// JSON 1.1 with `X-Amz-Target`: EventBridge.
    Json11,
    /// REST with XML bodies: S3.
    RestXml,
    /// The query protocol: forms in, XML out. SNS, and SQS as older clients speak it. With the namespace of the XML;
    /// it is empty for clients of services that Lambent does not have.
    Query(&'static str),
}

/// What a client is told when it does not get what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The error's name, as in `ResourceNotFoundException`.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
    /// Why a call was throttled, in the words of the service.
    pub reason: Option<&'static str>,
    /// When another try makes sense.
    pub retry_in: Option<Duration>,
    /// The error's name in the query protocol, for a service that came from there: its older clients go by it.
    pub query_code: Option<&'static str>,
}

impl Refusal {
    /// A refusal without reason and retry.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), reason: None, retry_in: None, query_code: None }
    }

    /// The same, with the error's name in the query protocol.
    pub(crate) fn known_as(self, query_code: &'static str) -> Self {
        Self { query_code: Some(query_code), ..self }
    }

    /// Whose fault it is, in the words of the query protocol.
    pub(crate) fn fault(&self) -> &'static str {
        if self.status.is_server_error() { "Receiver" } else { "Sender" }
    }
}

impl Protocol {
    /// The content type of its answers.
    pub(crate) const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::RestJson => "application/json",
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::RestXml => "application/xml",
            Self::Query(_) => "text/xml",
        })
    }

    /// A whole answer, and a good one.
    pub(crate) fn answer(self, text: String) -> Response<Body> {
        let mut response = Response::new(body::whole(text));
        response.headers_mut().insert(CONTENT_TYPE, self.content_type());
        response
    }

    /// Writes a refusal. `id` is the request's, which the query protocol repeats in the body.
    pub(crate) fn refuse(self, refusal: &Refusal, id: &str) -> Response<Body> {
        let mut response = self.answer(match self {
            Self::RestJson => rest_json(refusal),
            Self::Json10 => json_10(refusal),
            Self::Json11 => json_11(refusal),
            Self::RestXml => query::rest_refusal(refusal, id),
            Self::Query(namespace) => query::refusal(namespace, refusal, id),
        });
        *response.status_mut() = refusal.status;
        let headers = response.headers_mut();
        headers.insert(ERROR_TYPE, HeaderValue::from_static(refusal.code));
        if let (Self::Json10, Some(code)) = (self, refusal.query_code)
            && let Ok(value) = HeaderValue::try_from(format!("{code};{}", refusal.fault()))
        {
            headers.insert(QUERY_ERROR, value);
        }
        if let Some(wait) = refusal.retry_in {
            headers.insert(RETRY_AFTER, seconds_up(wait).into());
        }
        response
    }
}

/// Whole seconds, rounded up: a client that waits less is refused again.
fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// `{"Type":"User","message":...}`; a few errors of Lambda's have their text under `Message` (semantics.md 2.2).
fn rest_json(refusal: &Refusal) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        __type: &'a str,
        #[serde(rename = "Type")]
        kind: &'a str,
        #[serde(rename = "Reason", skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
        #[serde(rename = "retryAfterSeconds", skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<&'a str>,
        #[serde(rename = "Message", skip_serializing_if = "Option::is_none")]
        capital_message: Option<&'a str>,
    }
    let capital = matches!(refusal.code, "ResourceNotFoundException" | "ServiceException");
    let message = Some(refusal.message.as_str());
    json(&Document {
        __type: refusal.code,
        kind: if refusal.status.is_server_error() { "Service" } else { "User" },
        reason: refusal.reason,
        retry_after: refusal.retry_in.map(|wait| seconds_up(wait).to_string()),
        message: message.filter(|_| !capital),
        capital_message: message.filter(|_| capital),
    })
}

/// `{"__type":"com.amazon.coral.service#...","message":...}`, what DynamoDB's front answers by itself. The errors of
/// a service that came from the query protocol are of its own model (semantics.md 10.1).
fn json_10(refusal: &Refusal) -> String {
    let model = if refusal.query_code.is_some() { "com.amazonaws.sqs" } else { "com.amazon.coral.service" };
    json(&Typed { __type: format!("{model}#{}", refusal.code), message: &refusal.message })
}

/// `{"__type":"ResourceNotFoundException","message":...}`.
fn json_11(refusal: &Refusal) -> String {
    json(&Typed { __type: refusal.code.to_owned(), message: &refusal.message })
}

/// The document of an error in the protocols with targets.
#[derive(Serialize)]
struct Typed<'a> {
    __type: String,
    message: &'a str,
}

fn json(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("a document of texts is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", "Function not found: <f>")
    }

    #[test]
    fn bodies_are_those_of_the_protocol() {
        assert_eq!(
            rest_json(&refusal()),
            r#"{"__type":"ResourceNotFoundException","Type":"User","Message":"Function not found: <f>"}"#
        );
        assert_eq!(
            json_10(&refusal()),
            r#"{"__type":"com.amazon.coral.service#ResourceNotFoundException","message":"Function not found: <f>"}"#
        );
        assert_eq!(
            json_11(&refusal()),
            r#"{"__type":"ResourceNotFoundException","message":"Function not found: <f>"}"#
        );
    }

    #[test]
    fn a_service_that_came_from_the_query_protocol_tells_both_names() {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "QueueDoesNotExist", "none");
        let refusal = refusal.known_as("AWS.SimpleQueueService.NonExistentQueue");
        assert_eq!(json_10(&refusal), r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}"#);
        let response = Protocol::Json10.refuse(&refusal, "ID");
        let code = "AWS.SimpleQueueService.NonExistentQueue;Sender";
        assert_eq!(response.headers()["x-amzn-query-error"], code);
        assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.0");
        let response = Protocol::Query("").refuse(&refusal, "ID");
        assert_eq!(response.headers()["content-type"], "text/xml");
    }

    #[test]
    fn a_throttled_caller_learns_when_to_come_back() {
        let throttled = Refusal {
            reason: Some("ConcurrentInvocationLimitExceeded"),
            retry_in: Some(Duration::from_millis(1200)),
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate Exceeded.")
        };
        assert_eq!(
            rest_json(&throttled),
            r#"{"__type":"TooManyRequestsException","Type":"User","Reason":"ConcurrentInvocationLimitExceeded","retryAfterSeconds":"2","message":"Rate Exceeded."}"#
        );
        let response = Protocol::RestJson.refuse(&throttled, "ID");
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["x-amzn-errortype"], "TooManyRequestsException");
    }
}
