//! How an invocation ended: a value, never an error of the platform's.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::RequestId;

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function returned this. Empty when the result was streamed.
    Returned(Bytes),
    /// The function reported an error.
    Failed(FunctionError),
    /// The function was stopped at its timeout.
    TimedOut {
        /// The timeout.
        after: Duration,
    },
    /// The function's process ended.
    Crashed(Exit),
    /// There was no sandbox to be had.
    Throttled {
        /// When another try makes sense.
        retry_in: Duration,
    },
}

/// An error as a function or its runtime reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// As in `Runtime.ImportModuleError` or `TypeError`; for logs and metrics, never shown to the caller.
    pub kind: String,
    /// The error document, byte for byte as the runtime sent it: this is what the caller gets.
    pub document: Bytes,
}

impl FunctionError {
    /// An error document of the platform's own making.
    pub fn new(kind: &str, message: &str) -> Self {
        Self { kind: kind.to_owned(), document: error_document(kind, message) }
    }

    /// The result was larger than the platform takes (semantics.md 1.3).
    pub fn result_too_large() -> Self {
        Self::new(
            "Function.ResponseSizeTooLarge",
            &format!(
                "Response payload size exceeded maximum allowed payload size ({} bytes).",
                crate::limits::RESULT_MAX
            ),
        )
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this status.
    Status(i32),
    /// It was ended by this signal.
    Signal(i32),
    /// It could not be started.
    NotStarted,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal(signal) => write!(f, "signal: {}", signal_name(*signal)),
            Self::NotStarted => f.write_str("could not be started"),
        }
    }
}

impl Outcome {
    /// The document that the caller of a failed invocation gets, in the words of Lambda
    /// (semantics.md 1.4); `None` when it succeeded.
    pub fn error(&self, id: RequestId) -> Option<FunctionError> {
        let platform = |kind: &str, text: String| {
            Some(FunctionError::new(kind, &format!("RequestId: {id} Error: {text}")))
        };
        match self {
            Self::Returned(_) => None,
            Self::Failed(error) => Some(error.clone()),
            Self::TimedOut { after } => platform(
                "Sandbox.Timedout",
                format!("Task timed out after {:.2} seconds", after.as_secs_f64()),
            ),
            Self::Crashed(Exit::Status(0)) => {
                platform("Runtime.ExitError", "Runtime exited without providing a reason".to_owned())
            }
            Self::Crashed(Exit::NotStarted) => platform(
                "Runtime.InvalidEntrypoint",
                "the function's program could not be started".to_owned(),
            ),
            Self::Crashed(exit) => {
                platform("Runtime.ExitError", format!("Runtime exited with error: {exit}"))
            }
            Self::Throttled { .. } => platform("TooManyRequestsException", "Rate Exceeded.".to_owned()),
        }
    }
}

/// `{"errorType": kind, "errorMessage": message}` in the order in which Lambda writes it.
fn error_document(kind: &str, message: &str) -> Bytes {
    let mut text = String::with_capacity(kind.len() + message.len() + 40);
    text.push_str("{\"errorType\":");
    crate::json::push_string(&mut text, kind);
    text.push_str(",\"errorMessage\":");
    crate::json::push_string(&mut text, message);
    text.push('}');
    text.into()
}

/// The names that Go's runtime, and so Lambda, prints for signals.
fn signal_name(signal: i32) -> String {
    let known = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        31 => "bad system call",
        other => return format!("signal {other}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outcome: &Outcome, expect: &str) {
        let error = outcome.error(RequestId::from_random(0)).expect("an error");
        let text = std::str::from_utf8(&error.document).unwrap();
        assert_eq!(text.replace("00000000-0000-4000-8000-000000000000", "ID"), expect);
    }

    #[test]
    fn documents_are_lambdas() {
        check(
            &Outcome::Crashed(Exit::Status(127)),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 127"}"#,
        );
        check(
            &Outcome::Crashed(Exit::Status(0)),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}"#,
        );
        check(
            &Outcome::Crashed(Exit::Signal(9)),
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: signal: killed"}"#,
        );
        check(
            &Outcome::TimedOut { after: Duration::from_secs(1) },
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}"#,
        );
        check(
            &Outcome::Failed(FunctionError::result_too_large()),
            r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#,
        );
    }

    #[test]
    fn success_has_no_error() {
        assert_eq!(Outcome::Returned(Bytes::new()).error(RequestId::from_random(0)), None);
    }
}
