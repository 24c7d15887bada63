//! EventBridge Scheduler's errors.

use http::StatusCode;
use lambent_engine::events;

use crate::protocol::Refusal;

/// Why EventBridge Scheduler does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value is not one that EventBridge Scheduler or Lambent takes.
    #[error("{0}")]
    Validation(String),
    /// There is no such schedule or group.
    #[error("{0}")]
    NotFound(String),
    /// There is one already.
    #[error("{0}")]
    Conflict(String),
    /// There are too many.
    #[error("{0}")]
    Quota(String),
    /// It could not be stored.
    #[error("{0}")]
    Internal(String),
}

impl From<events::Error> for Error {
    fn from(error: events::Error) -> Self {
        use events::Error as Known;
        match error {
            Known::NoSchedule(name) => {
                let name = name.rsplit('/').next().unwrap_or(&name);
                Self::NotFound(format!("Schedule {name} does not exist."))
            }
            Known::NoGroupOfSchedules(name) => {
                Self::NotFound(format!("Schedule group {name} does not exist."))
            }
            Known::TooMany { .. } => Self::Quota(error.to_string()),
            Known::Store(error) => Self::Internal(error.to_string()),
            other => Self::Validation(other.to_string()),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::Validation(_) => (StatusCode::BAD_REQUEST, "ValidationException"),
            Error::NotFound(_) => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
            Error::Conflict(_) => (StatusCode::CONFLICT, "ConflictException"),
            Error::Quota(_) => (StatusCode::PAYMENT_REQUIRED, "ServiceQuotaExceededException"),
            Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException"),
        };
        Self::new(status, code, error.to_string())
    }
}
