//! Lambda's errors (semantics.md 2.1, 2.2).

use std::time::Duration;

use http::StatusCode;

use crate::protocol::Refusal;

/// Why Lambda does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such function or version.
    #[error("Function not found: {arn}")]
    NotFound {
        /// The ARN as the caller named the function.
        arn: String,
    },
    /// Nothing is said about the events of a function.
    #[error("The function {arn} doesn't have an EventInvokeConfig")]
    NoEventConfig {
        /// The function's ARN with its qualifier.
        arn: String,
    },
    /// A value is not one that the service model has.
    #[error(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    )]
    Constraint {
        /// The value.
        value: String,
        /// Its name in the model.
        member: &'static str,
        /// What the model wants.
        constraint: String,
    },
    /// A value is not one that this function or Lambent takes.
    #[error("{0}")]
    Parameter(String),
    /// The payload or the client context is no JSON.
    #[error("{0}")]
    Content(String),
    /// The payload is too large.
    #[error("Request must be smaller than {max} bytes for the {operation} operation")]
    TooLarge {
        /// The limit in bytes.
        max: usize,
        /// The operation, as AWS names it here.
        operation: String,
    },
    /// The caller is part of an endless chain of calls.
    #[error(
        "Recursive invocation detected: {function} was called again and again by the same chain of events. Look at what calls it."
    )]
    Loop {
        /// The function.
        function: String,
    },
    /// The node could not do it: nothing was accepted.
    #[error("{0}")]
    Service(String),
    /// There was no sandbox to be had.
    #[error("Rate Exceeded.")]
    Throttled {
        /// When another try makes sense.
        retry_in: Duration,
    },
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::NotFound { .. } | Error::NoEventConfig { .. } => {
                (StatusCode::NOT_FOUND, "ResourceNotFoundException")
            }
            Error::Constraint { .. } => (StatusCode::BAD_REQUEST, "ValidationException"),
            Error::Parameter(_) => (StatusCode::BAD_REQUEST, "InvalidParameterValueException"),
            Error::Content(_) => (StatusCode::BAD_REQUEST, "InvalidRequestContentException"),
            Error::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException"),
            Error::Loop { .. } => (StatusCode::BAD_REQUEST, "RecursiveInvocationException"),
            Error::Service(_) => (StatusCode::SERVICE_UNAVAILABLE, "ServiceException"),
            Error::Throttled { .. } => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        };
        let refusal = Self::new(status, code, error.to_string());
        match error {
            Error::Throttled { retry_in } => Self {
                reason: Some("ConcurrentInvocationLimitExceeded"),
                retry_in: Some(retry_in),
                ..refusal
            },
            _ => refusal,
        }
    }
}
