//! What a function's log consists of.

use bytes::Bytes;

use crate::report::Report;
use crate::{FunctionName, RequestId, Timestamp};

/// An entry of a function's log. It is written out when somebody reads it, which is rarely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When it happened, or when the node read it.
    pub at: Timestamp,
    /// The function.
    pub function: FunctionName,
    /// The request that was being worked on, if there was one.
    pub request: Option<RequestId>,
    /// What happened.
    pub what: Logged,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logged {
    /// The function printed a line. Without its end, at most [`LOG_LINE_MAX`](crate::limits::LOG_LINE_MAX) bytes.
    Printed(Bytes),
    /// An invocation began, on this version.
    Started(String),
    /// An invocation is over.
    Finished(Report),
}

impl LogEntry {
    /// The lines of the entry, as Lambda's log has them.
    pub fn lines(&self) -> Vec<String> {
        match (&self.what, self.request) {
            (Logged::Printed(text), _) => vec![String::from_utf8_lossy(text).into_owned()],
            (Logged::Started(version), Some(id)) => vec![Report::start_line(id, version)],
            (Logged::Started(_), None) => Vec::new(),
            (Logged::Finished(report), _) => report.end_lines(),
        }
    }

    /// The memory that it takes, in bytes.
    pub fn size(&self) -> usize {
        let text = match &self.what {
            Logged::Printed(text) => text.len(),
            Logged::Started(_) | Logged::Finished(_) => 0,
        };
        text + size_of::<Self>()
    }
}
