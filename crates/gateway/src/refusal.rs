//! Every answer that the gateway gives by itself (semantics.md 6.4), as one table.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, Version, header};

use crate::body::Body;

/// Why a request gets no answer from a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is malformed, or could be read in two ways.
    BadRequest,
    /// No route takes it.
    NotFound,
    /// Its body did not arrive in time.
    RequestTimeout,
    /// Its body, or the event made of it, is too large.
    TooLarge,
    /// Its line and headers are too large.
    HeadTooLarge,
    /// The function failed, or answered what is no reply.
    InternalServerError,
    /// It asks for a WebSocket.
    WebSocket,
    /// An `http` function refused or dropped the connection, or could not be started.
    BadGateway,
    /// The answer did not begin in time, or there is no instance to be had.
    ServiceUnavailable,
    /// An `http` function did not begin to answer within its timeout.
    EndpointTimeout,
    /// Its idempotency key was used with another event.
    KeyReused,
    /// Its idempotency key is none.
    BadKey,
}

impl Refusal {
    const fn row(self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, r#"{"message":"Bad Request"}"#),
            Self::NotFound => (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, r#"{"message":"Request Timeout"}"#),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, r#"{"message":"Request Entity Too Large"}"#),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                r#"{"message":"Request Header Fields Too Large"}"#,
            ),
            Self::InternalServerError => {
                (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message":"Internal Server Error"}"#)
            }
            Self::WebSocket => {
                (StatusCode::NOT_IMPLEMENTED, r#"{"message":"WebSocket upgrades are not supported"}"#)
            }
            Self::BadGateway => (StatusCode::BAD_GATEWAY, r#"{"message":"Bad Gateway"}"#),
            Self::ServiceUnavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#)
            }
            Self::EndpointTimeout => {
                (StatusCode::GATEWAY_TIMEOUT, r#"{"message":"Endpoint request timed out"}"#)
            }
            Self::KeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                r#"{"message":"The Idempotency-Key was used with another request"}"#,
            ),
            Self::BadKey => (
                StatusCode::BAD_REQUEST,
                r#"{"message":"An Idempotency-Key has 1 to 255 visible ASCII characters"}"#,
            ),
        }
    }

    /// The response to a request of `version`.
    pub(crate) fn response(self, version: Version) -> Response<Body> {
        let (status, message) = self.row();
        let mut response = Response::new(Body::whole(Bytes::from_static(message.as_bytes())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.ends_connection() && version < Version::HTTP_2 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Whether what follows on the connection is not to be trusted, or not worth reading.
    const fn ends_connection(self) -> bool {
        matches!(self, Self::BadRequest | Self::RequestTimeout | Self::TooLarge | Self::HeadTooLarge)
    }
}
