//! What a caller gets for an invocation.

use bytes::Bytes;
use lambent_core::report::Report;
use lambent_core::{FunctionError, Outcome};
use tokio::sync::mpsc;

/// What a caller gets for an invocation: all at once, or as a stream.
#[derive(Debug)]
pub enum Answer {
    /// The function answered with one piece, or failed before it answered.
    Whole(Completed),
    /// The function streams.
    Stream(Streaming),
}

/// An invocation that is over.
#[derive(Clone, Debug)]
pub struct Completed {
    /// How it ended.
    pub outcome: Outcome,
    /// What it took; `None` when it never reached a sandbox.
    pub report: Option<Report>,
    /// What the function printed for it, or the end of that.
    pub printed: Vec<u8>,
}

impl Completed {
    /// An invocation that never reached a sandbox.
    pub(crate) fn without_sandbox(outcome: Outcome) -> Self {
        Self { outcome, report: None, printed: Vec::new() }
    }

    /// The end of its log, from START to REPORT, at most [`LOG_TAIL_MAX`](lambent_core::limits::LOG_TAIL_MAX) bytes;
    /// empty when it never reached a sandbox.
    pub fn log_tail(&self) -> Vec<u8> {
        self.report.as_ref().map(|report| report.log_tail(&self.printed)).unwrap_or_default()
    }
}

/// An invocation that streams its result.
#[derive(Debug)]
pub struct Streaming {
    /// As the function set it; `application/vnd.awslambda.http-integration-response` when a prelude with the
    /// HTTP status comes first (semantics.md 1.5).
    pub content_type: String,
    /// The pieces. The channel ends after a complete result; an `Err` is the last item of a broken one.
    /// Dropping it lets the function run to its end unheard.
    pub chunks: mpsc::Receiver<Result<Bytes, FunctionError>>,
}
