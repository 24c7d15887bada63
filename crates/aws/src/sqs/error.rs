//! SQS's errors (semantics.md 10.1).

use http::StatusCode;
use lambent_engine::events;

use crate::protocol::{Protocol, Refusal};

/// Why SQS does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Error {
    /// Which error it is.
    pub(super) code: Code,
    /// What is wrong, and what to do.
    pub(super) message: String,
}

/// The errors that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    Internal,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    MessageNotInflight,
    MissingParameter,
    NotFound,
    OverLimit,
    PurgeQueueInProgress,
    QueueDoesNotExist,
    QueueNameExists,
    ReceiptHandleIsInvalid,
    Serialization,
    TooManyEntriesInBatchRequest,
    Unavailable,
    UnsupportedOperation,
}

impl Code {
    /// Its status, its name in the JSON protocol and its name in the query protocol.
    fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BatchEntryIdsNotDistinct => {
                (400, "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct")
            }
            Self::BatchRequestTooLong => {
                (400, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong")
            }
            Self::EmptyBatchRequest => (400, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"),
            Self::Internal => (500, "InternalFailure", "InternalFailure"),
            Self::InvalidAttributeName => (400, "InvalidAttributeName", "InvalidAttributeName"),
            Self::InvalidAttributeValue => (400, "InvalidAttributeValue", "InvalidAttributeValue"),
            Self::InvalidBatchEntryId => {
                (400, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId")
            }
            Self::InvalidMessageContents => (400, "InvalidMessageContents", "InvalidMessageContents"),
            Self::InvalidParameterValue => (400, "InvalidParameterValueException", "InvalidParameterValue"),
            Self::MessageNotInflight => {
                (400, "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight")
            }
            Self::MissingParameter => (400, "MissingRequiredParameterException", "MissingParameter"),
            Self::NotFound => (404, "ResourceNotFoundException", "ResourceNotFoundException"),
            Self::OverLimit => (403, "OverLimit", "OverLimit"),
            Self::PurgeQueueInProgress => {
                (403, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress")
            }
            Self::QueueDoesNotExist => (400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
            Self::QueueNameExists => (400, "QueueNameExists", "QueueAlreadyExists"),
            Self::ReceiptHandleIsInvalid => (400, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Self::Serialization => (400, "SerializationException", "MalformedInput"),
            Self::TooManyEntriesInBatchRequest => {
                (400, "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
            }
            Self::Unavailable => (503, "ServiceUnavailable", "ServiceUnavailable"),
            Self::UnsupportedOperation => {
                (400, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation")
            }
        }
    }

    /// Its name in the query protocol, which entries of a batch have in both.
    pub(super) fn query_name(self) -> &'static str {
        self.row().2
    }

    /// Whether the client can do something about it.
    pub(super) fn is_senders(self) -> bool {
        self.row().0 < 500
    }

    /// An error with this code.
    pub(super) fn because(self, message: impl Into<String>) -> Error {
        Error { code: self, message: message.into() }
    }
}

impl Error {
    /// A parameter that has to be there is not.
    pub(super) fn missing(name: &str) -> Self {
        Code::MissingParameter.because(format!("The request must contain the parameter {name}."))
    }

    /// A parameter has a value that it cannot have.
    pub(super) fn value(name: &str, value: impl std::fmt::Display, reason: &str) -> Self {
        Code::InvalidParameterValue
            .because(format!("Value {value} for parameter {name} is invalid. Reason: {reason}"))
    }

    /// A parameter that queues of this kind do not have.
    pub(super) fn queue_type(name: &str, value: impl std::fmt::Display) -> Self {
        Self::value(name, value, "The request include parameter that is not valid for this queue type.")
    }

    /// There is no such queue.
    pub(super) fn no_queue() -> Self {
        Code::QueueDoesNotExist.because("The specified queue does not exist.")
    }

    /// Something that Lambent does not have.
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Code::UnsupportedOperation.because(message)
    }

    /// Why a message that a handle names was not settled.
    pub(super) fn of_handle(error: events::Error, handle: &str) -> Self {
        match error {
            events::Error::Expired => Self::value("ReceiptHandle", handle, "The receipt handle has expired."),
            other => other.into(),
        }
    }

    /// What the client is told. The two protocols word one of the errors differently.
    pub(super) fn refusal(self, protocol: Protocol) -> Refusal {
        let (status, code, query_code) = self.code.row();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = match (self.code, protocol) {
            (Code::QueueDoesNotExist, Protocol::Query(_)) => {
                "The specified queue does not exist for this wsdl version.".to_owned()
            }
            _ => self.message,
        };
        Refusal::new(status, code, message).known_as(query_code)
    }
}

impl From<events::Error> for Error {
    fn from(error: events::Error) -> Self {
        use events::Error as E;
        let text = error.to_string();
        match error {
            E::NoQueue(_) => Self::no_queue(),
            E::QueueExists { attribute, .. } => Code::QueueNameExists.because(format!(
                "A queue already exists with the same name and a different value for attribute {}",
                attribute_name(attribute)
            )),
            E::PurgedRecently { name, wait } => Code::PurgeQueueInProgress.because(format!(
                "Only one PurgeQueue operation on {name} is allowed every {} seconds.",
                wait.as_secs()
            )),
            E::DeadLetters { .. } => Code::InvalidParameterValue.because(format!(
                "The value for parameter RedrivePolicy is invalid. Reason: {text}."
            )),
            E::TooLarge { max, .. } => Code::InvalidParameterValue.because(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {max} bytes."
            )),
            E::NoGroup(_) => Self::missing("MessageGroupId"),
            E::NoDedup(_) => Code::InvalidParameterValue.because(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                 explicitly",
            ),
            E::BadHandle(handle) => Code::ReceiptHandleIsInvalid
                .because(format!("The input receipt handle \"{handle}\" is not a valid receipt handle.")),
            E::Expired => Code::InvalidParameterValue.because("The receipt handle has expired."),
            E::NotInFlight => Code::MessageNotInflight.because(
                "The message does not exist or is not available for visibility timeout change.",
            ),
            E::TooMany { .. } => Code::OverLimit.because(text),
            E::NoRedrive(_) => Code::NotFound.because("Task does not exist."),
            E::RedriveRunning(_) => Code::InvalidParameterValue.because(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ),
            E::Store(store) => of_store(&store),
            _ => Code::InvalidParameterValue.because(text),
        }
    }
}

/// What can go wrong with the store.
fn of_store(error: &events::StoreError) -> Error {
    use events::StoreError as E;
    match error {
        // It was deleted while a receive waited.
        E::NoQueue(_) => Error::no_queue(),
        E::Full { .. } | E::Stopped => Code::Unavailable.because(error.to_string()),
        _ => Code::Internal.because(error.to_string()),
    }
}

/// What SQS calls a setting in which two queues differ.
fn attribute_name(setting: &str) -> &str {
    match setting {
        "delay" => "DelaySeconds",
        "message-max" => "MaximumMessageSize",
        "retention" => "MessageRetentionPeriod",
        "wait" => "ReceiveMessageWaitTimeSeconds",
        "visibility" => "VisibilityTimeout",
        "dead-letter" => "RedrivePolicy",
        "redrive-allow" => "RedriveAllowPolicy",
        "content-deduplication" => "ContentBasedDeduplication",
        "deduplication-scope" => "DeduplicationScope",
        other => other,
    }
}
