//! How each AWS protocol tells a client that it does not get what it asked for.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::body::{self, Body};

/// The header that names an error for the SDKs that do not look into the body.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// A wire protocol, as AWS service models name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// REST with JSON bodies: Lambda.
    RestJson,
    /// JSON 1.0 with `X-Amz-Target`: DynamoDB.
    Json10,
    /// The error shape of the XML protocols, for clients of services that Lambent does not have.
    Xml,
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
}

impl Refusal {
    /// A refusal without reason and retry.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), reason: None, retry_in: None }
    }
}

impl Protocol {
    /// Writes a refusal. `id` is the request's, which the XML protocols repeat in the body.
    pub(crate) fn refuse(self, refusal: &Refusal, id: &str) -> Response<Body> {
        let (content_type, text) = match self {
            Self::RestJson => ("application/json", rest_json(refusal)),
            Self::Json10 => ("application/x-amz-json-1.0", json_10(refusal)),
            Self::Xml => ("text/xml", xml(refusal, id)),
        };
        let mut response = Response::new(body::whole(text));
        *response.status_mut() = refusal.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(ERROR_TYPE, HeaderValue::from_static(refusal.code));
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

/// `{"__type":"com.amazon.coral.service#...","message":...}`, what DynamoDB's front answers by itself.
fn json_10(refusal: &Refusal) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        __type: String,
        message: &'a str,
    }
    json(&Document {
        __type: format!("com.amazon.coral.service#{}", refusal.code),
        message: &refusal.message,
    })
}

fn json(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("a document of texts is JSON")
}

fn xml(refusal: &Refusal, id: &str) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{id}</RequestId></ErrorResponse>",
        refusal.code,
        escape(&refusal.message)
    )
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
            xml(&refusal(), "ID"),
            "<ErrorResponse><Error><Type>Sender</Type><Code>ResourceNotFoundException</Code>\
             <Message>Function not found: &lt;f&gt;</Message></Error><RequestId>ID</RequestId></ErrorResponse>"
        );
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
