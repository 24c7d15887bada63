//! The functions' logs: the last of each, and whoever follows them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lambent_core::limits::{LOG_FOLLOW_LAG, LOG_KEPT_MAX};
use lambent_core::{FunctionName, LogEntry};
use lambent_sandbox::LogSink;
use tokio::sync::broadcast;

/// The functions' logs.
#[derive(Debug)]
pub struct Logs {
    kept: Mutex<HashMap<FunctionName, Kept>>,
    followers: broadcast::Sender<LogEntry>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<LogEntry>,
    bytes: usize,
}

/// What following gives next.
#[derive(Debug)]
pub enum Followed {
    /// An entry.
    Entry(LogEntry),
    /// The follower was too slow and this many entries went by.
    Skipped(u64),
    /// The node stops.
    End,
}

impl Default for Logs {
    fn default() -> Self {
        Self { kept: Mutex::default(), followers: broadcast::Sender::new(LOG_FOLLOW_LAG) }
    }
}

impl Logs {
    /// The entries that are kept, oldest first, and whoever hears every entry after them.
    pub fn kept_and_following(&self) -> (Vec<LogEntry>, broadcast::Receiver<LogEntry>) {
        // Under the lock that every new entry takes: nothing is missed, and nothing comes twice.
        let kept = self.kept();
        let follower = self.followers.subscribe();
        let mut entries: Vec<LogEntry> = kept.values().flat_map(|kept| &kept.entries).cloned().collect();
        entries.sort_by_key(|entry| entry.at);
        (entries, follower)
    }

    /// Hears every entry from now on.
    pub fn follow(&self) -> broadcast::Receiver<LogEntry> {
        self.followers.subscribe()
    }

    /// The next entry of a follower.
    pub async fn followed(follower: &mut broadcast::Receiver<LogEntry>) -> Followed {
        match follower.recv().await {
            Ok(line) => Followed::Entry(line),
            Err(broadcast::error::RecvError::Lagged(count)) => Followed::Skipped(count),
            Err(broadcast::error::RecvError::Closed) => Followed::End,
        }
    }

    /// A panic while the lock is held leaves at worst an entry unaccounted for.
    fn kept(&self) -> MutexGuard<'_, HashMap<FunctionName, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogSink for Logs {
    fn log(&self, entry: LogEntry) {
        let mut all = self.kept();
        if self.followers.receiver_count() > 0 {
            // The count was right a moment ago; nobody to hear it is fine too.
            self.followers.send(entry.clone()).ok();
        }
        if !all.contains_key(entry.function.as_str()) {
            all.insert(entry.function.clone(), Kept::default());
        }
        if let Some(kept) = all.get_mut(entry.function.as_str()) {
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
        assert!(matches!(Logs::followed(&mut follower).await, Followed::Entry(e) if e.lines() == ["third"]));
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
    async fn followers_hear_what_comes_and_what_they_missed() {
        let logs = Logs::default();
        let mut follower = logs.follow();
        for at in 0..=LOG_FOLLOW_LAG as u64 {
            logs.log(line("a", at, None, "x"));
        }
        assert!(matches!(Logs::followed(&mut follower).await, Followed::Skipped(1)));
        assert!(
            matches!(Logs::followed(&mut follower).await, Followed::Entry(l) if l.at == Timestamp::from_millis(1))
        );
        drop(logs);
        while let Followed::Entry(_) = Logs::followed(&mut follower).await {}
    }
}
