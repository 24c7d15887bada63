//! The account of one invocation, and the lines that Lambda's log has for it (semantics.md 8.1, 8.4).

use std::time::Duration;

use crate::limits::LOG_TAIL_MAX;
use crate::{Outcome, RequestId, Timestamp};

/// What one invocation took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The invocation.
    pub id: RequestId,
    /// The version that ran.
    pub version: String,
    /// From handing over the event to the answer.
    pub duration: Duration,
    /// What initialising the sandbox took, when this invocation was its first.
    pub init: Option<Duration>,
    /// The function's memory in MiB.
    pub memory_mib: u32,
    /// The most memory that the sandbox used so far, in MiB, where the host can tell.
    pub memory_used_mib: Option<u32>,
    /// How it ended, in the words of the REPORT line; `None` for success.
    pub status: Option<Status>,
}

/// How an invocation failed, for the REPORT line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Stopped at its timeout.
    Timeout {
        /// The timeout.
        after: Duration,
        /// When it was stopped.
        at: Timestamp,
    },
    /// Failed with this error type.
    Error(String),
}

impl Status {
    /// The status of an outcome that was reached at `now`.
    pub fn of(outcome: &Outcome, id: RequestId, now: Timestamp) -> Option<Self> {
        match outcome {
            Outcome::Returned(_) => None,
            Outcome::TimedOut { after } => Some(Self::Timeout { after: *after, at: now }),
            // A handler's own error is no failure of the environment: Lambda's REPORT does not name it.
            Outcome::Failed(error) if !error.kind.starts_with("Runtime.") => None,
            other => other.error(id).map(|error| Self::Error(error.kind)),
        }
    }
}

impl Report {
    /// What is billed: duration and initialisation, rounded up to a whole millisecond.
    pub fn billed(&self) -> Duration {
        let total = self.duration + self.init.unwrap_or_default();
        Duration::from_millis(u64::try_from(total.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }

    /// `START RequestId: ...`
    pub fn start_line(id: RequestId, version: &str) -> String {
        format!("START RequestId: {id} Version: {version}")
    }

    /// The lines that end an invocation's log: what stopped it if something did, END and REPORT.
    pub fn end_lines(&self) -> Vec<String> {
        let stopped = match &self.status {
            Some(Status::Timeout { after, at }) => Some(format!(
                "{} {} Task timed out after {:.2} seconds",
                at.iso8601(),
                self.id,
                after.as_secs_f64()
            )),
            _ => None,
        };
        stopped.into_iter().chain([format!("END RequestId: {}", self.id), self.report_line()]).collect()
    }

    /// The end of the invocation's log from START to REPORT, at most [`LOG_TAIL_MAX`] bytes. `printed` is what the
    /// function printed, or the end of that.
    pub fn log_tail(&self, printed: &[u8]) -> Vec<u8> {
        let mut whole = Self::start_line(self.id, &self.version).into_bytes();
        whole.push(b'\n');
        whole.extend_from_slice(printed);
        for line in self.end_lines() {
            whole.extend_from_slice(line.as_bytes());
            whole.push(b'\n');
        }
        let cut = whole.len().saturating_sub(LOG_TAIL_MAX);
        whole.split_off(cut)
    }

    /// `REPORT RequestId: ...`, tab-separated, ending in a tab.
    fn report_line(&self) -> String {
        let millis = |d: Duration| d.as_secs_f64() * 1000.0;
        let mut line = format!(
            "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\t",
            self.id,
            millis(self.duration),
            self.billed().as_millis(),
            self.memory_mib,
        );
        if let Some(used) = self.memory_used_mib {
            line += &format!("Max Memory Used: {used} MB\t");
        }
        if let Some(init) = self.init {
            line += &format!("Init Duration: {:.2} ms\t", millis(init));
        }
        match &self.status {
            None => {}
            Some(Status::Timeout { .. }) => line += "Status: timeout\t",
            Some(Status::Error(kind)) => line += &format!("Status: error\tError Type: {kind}\t"),
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            id: RequestId::from_random(0),
            version: "$LATEST".to_owned(),
            duration: Duration::from_micros(5_134_500),
            init: None,
            memory_mib: 512,
            memory_used_mib: Some(213),
            status: None,
        }
    }

    #[test]
    fn lines_are_lambdas() {
        let id = "00000000-0000-4000-8000-000000000000";
        assert_eq!(
            report().report_line(),
            format!(
                "REPORT RequestId: {id}\tDuration: 5134.50 ms\tBilled Duration: 5135 ms\tMemory Size: 512 MB\tMax Memory Used: 213 MB\t"
            )
        );
        assert_eq!(
            Report::start_line(RequestId::from_random(0), "$LATEST"),
            format!("START RequestId: {id} Version: $LATEST")
        );
        let status = Some(Status::Timeout { after: Duration::from_secs(3), at: Timestamp::from_millis(0) });
        let lines = Report { status, ..report() }.end_lines();
        assert_eq!(lines[0], format!("1970-01-01T00:00:00.000Z {id} Task timed out after 3.00 seconds"));
        assert_eq!(lines[1], format!("END RequestId: {id}"));
        assert!(lines[2].ends_with("\tStatus: timeout\t"));
    }

    #[test]
    fn the_tail_is_the_end_of_the_whole_log() {
        let short = String::from_utf8(report().log_tail(b"hello\n")).unwrap();
        let lines: Vec<&str> = short.lines().collect();
        assert!(
            lines[0].starts_with("START ") && lines[2].starts_with("END ") && lines[3].starts_with("REPORT ")
        );
        assert_eq!(lines[1], "hello");
        let long = report().log_tail(&[b'x'; 10_000]);
        assert_eq!(long.len(), LOG_TAIL_MAX);
        assert!(long.ends_with(b"Max Memory Used: 213 MB\t\n"));
    }

    #[test]
    fn billed_is_rounded_up_with_init() {
        // The samples of semantics.md 8.4.
        let cold = Report { init: Some(Duration::from_micros(276_940)), ..report() };
        assert_eq!(cold.billed(), Duration::from_millis(5412));
        assert!(cold.report_line().ends_with("Init Duration: 276.94 ms\t"));
        assert_eq!(report().billed(), Duration::from_millis(5135));
    }

    #[test]
    fn failures_are_named() {
        let crashed = Outcome::Crashed(crate::Exit::Signal(9));
        let status = Status::of(&crashed, RequestId::from_random(0), Timestamp::default());
        let line = Report { status, ..report() }.report_line();
        assert!(line.ends_with("Status: error\tError Type: Runtime.ExitError\t"), "{line}");
    }
}
