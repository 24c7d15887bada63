//! EventBridge's errors.

use http::StatusCode;
use lambent_engine::events;

use crate::protocol::Refusal;

/// Why EventBridge does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The body is no JSON.
    #[error("{0}")]
    Unreadable(String),
    /// A value is not one that EventBridge or Lambent takes.
    #[error("{0}")]
    Validation(String),
    /// The pattern is none.
    #[error("Event pattern is not valid. Reason: {0}")]
    Pattern(String),
    /// There is no such bus, rule or target.
    #[error("{0}")]
    NotFound(String),
    /// There is one already.
    #[error("{0}")]
    Exists(String),
    /// There are too many.
    #[error("The requested resource exceeds the maximum number allowed: {0}.")]
    Limit(String),
    /// It could not be stored.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// A value that the service model does not have.
    pub(super) fn constraint(value: &str, member: &str, constraint: &str) -> Self {
        Self::Validation(format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        ))
    }

    /// There is no such bus.
    pub(super) fn no_bus(name: &str) -> Self {
        Self::NotFound(format!("Event bus {name} does not exist."))
    }
}

impl From<events::Error> for Error {
    fn from(error: events::Error) -> Self {
        use events::Error as Known;
        match error {
            Known::NoBus(name) => Self::no_bus(&name),
            Known::NoRule { bus, rule } => {
                Self::NotFound(format!("Rule {rule} does not exist on EventBus {bus}."))
            }
            Known::BusExists(name) => Self::Exists(format!("Event bus {name} already exists.")),
            Known::TooMany { .. } => Self::Limit(error.to_string()),
            Known::Store(error) => Self::Internal(error.to_string()),
            other => Self::Validation(other.to_string()),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::Unreadable(_) => (StatusCode::BAD_REQUEST, "SerializationException"),
            Error::Validation(_) => (StatusCode::BAD_REQUEST, "ValidationException"),
            Error::Pattern(_) => (StatusCode::BAD_REQUEST, "InvalidEventPatternException"),
            Error::NotFound(_) => (StatusCode::BAD_REQUEST, "ResourceNotFoundException"),
            Error::Exists(_) => (StatusCode::BAD_REQUEST, "ResourceAlreadyExistsException"),
            Error::Limit(_) => (StatusCode::BAD_REQUEST, "LimitExceededException"),
            Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalException"),
        };
        Self::new(status, code, error.to_string())
    }
}
