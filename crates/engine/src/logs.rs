//! The functions' logs: the last of each, and whoever follows them.

mod follow;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lambent_core::limits::LOG_KEPT_MAX;
use lambent_core::{FunctionName, LogEntry};
use lambent_sandbox::LogSink;

pub use follow::{Followed, Follower};

/// The functions' logs.
#[derive(Debug, Default)]
pub struct Logs {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<FunctionName, Kept>,
    listeners: Vec<follow::Listener>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<LogEntry>,
    bytes: usize,
}

impl Logs {
    /// The entries that are kept, oldest first, and a follower of all that come after them.
    pub fn kept_and_following(&self) -> (Vec<LogEntry>, Follower) {
        // Under the lock that every new entry takes: nothing is missed, and nothing comes twice.
        let mut state = self.state();
        let (listener, follower) = follow::follow();
        state.listeners.push(listener);
        let mut entries: Vec<LogEntry> =
            state.kept.values().flat_map(|kept| &kept.entries).cloned().collect();
        entries.sort_by_key(|entry| entry.at);
        (entries, follower)
    }

    /// A follower of all that come from now on.
    pub fn follow(&self) -> Follower {
        let (listener, follower) = follow::follow();
        self.state().listeners.push(listener);
        follower
    }

    /// A panic while the lock is held leaves at worst an entry unaccounted for.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogSink for Logs {
    fn log(&self, entry: LogEntry) {
        let mut state = self.state();
        state.listeners.retain(|listener| listener.hear(&entry));
        if !state.kept.contains_key(entry.function.as_str()) {
            state.kept.insert(entry.function.clone(), Kept::default());
        }
        if let Some(kept) = state.kept.get_mut(entry.function.as_str()) {
            kept.push(entry);
        }
    }
}

impl Kept {
    fn push(&mut self, entry: LogEntry) {
        self.bytes += entry.size();
        self.entries.push_back(entry);
        while self.bytes > LOG_KEPT_MAX
            && let Some(oldest) = self.entries.pop_front()
        {
            self.bytes -= oldest.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lambent_core::limits::{LOG_FOLLOW_BYTES_MAX, LOG_FOLLOW_ENTRIES_MAX, LOG_LINE_MAX};
    use lambent_core::{Logged, RequestId, Timestamp};

    use super::*;

    fn line(function: &str, at: u64, request: Option<u128>, text: &str) -> LogEntry {
        LogEntry {
            at: Timestamp::from_millis(at),
            function: FunctionName::parse(function).unwrap(),
            request: request.map(RequestId::from_random),
            what: Logged::Printed(Bytes::copy_from_slice(text.as_bytes())),
        }
    }

    #[tokio::test]
    async fn what_is_kept_and_what_follows_fit_together() {
        let logs = Logs::default();
        logs.log(line("a", 2, Some(1), "second"));
        logs.log(line("b", 1, Some(2), "first"));
        let (kept, mut follower) = logs.kept_and_following();
        logs.log(line("a", 3, None, "third"));
        let texts: Vec<_> = kept.iter().flat_map(LogEntry::lines).collect();
        assert_eq!(texts, ["first", "second"]);
        assert!(matches!(follower.next().await, Followed::Entry(e) if e.lines() == ["third"]));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let logs = Logs::default();
        let long = "x".repeat(100_000);
        for at in 0..100 {
            logs.log(line("a", at, None, &long));
        }
        let (lines, _) = logs.kept_and_following();
        assert!(lines.len() * long.len() <= LOG_KEPT_MAX);
        assert_eq!(lines.last().unwrap().at, Timestamp::from_millis(99));
    }

    #[tokio::test]
    async fn a_slow_follower_learns_how_many_it_missed() {
        let logs = Logs::default();
        let mut follower = logs.follow();
        for at in 0..LOG_FOLLOW_ENTRIES_MAX as u64 + 2 {
            logs.log(line("a", at, None, "x"));
        }
        for at in 0..LOG_FOLLOW_ENTRIES_MAX as u64 {
            assert!(
                matches!(follower.next().await, Followed::Entry(e) if e.at == Timestamp::from_millis(at))
            );
        }
        assert!(matches!(follower.next().await, Followed::Skipped(2)));
        drop(logs);
        assert!(matches!(follower.next().await, Followed::End));
    }

    #[tokio::test]
    async fn what_waits_for_a_follower_is_bounded_in_bytes() {
        let logs = Logs::default();
        let mut follower = logs.follow();
        let long = "x".repeat(LOG_LINE_MAX);
        for at in 0..100 {
            logs.log(line("a", at, None, &long));
        }
        let mut heard = 0;
        while let Followed::Entry(entry) = follower.next().await {
            heard += entry.size();
        }
        assert!(heard <= LOG_FOLLOW_BYTES_MAX && heard > LOG_FOLLOW_BYTES_MAX / 2, "{heard}");
        logs.log(line("a", 100, None, "again"));
        assert!(matches!(follower.next().await, Followed::Entry(e) if e.lines() == ["again"]));
    }
}
