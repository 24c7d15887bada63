//! Following the logs: a queue for each follower, bounded in entries and in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use lambent_core::LogEntry;
use lambent_core::limits::{LOG_FOLLOW_BYTES_MAX, LOG_FOLLOW_ENTRIES_MAX};
use tokio::sync::mpsc;

/// Hears every entry from when it was made. One that is too slow misses some, and learns how many.
#[derive(Debug)]
pub struct Follower {
    entries: mpsc::Receiver<LogEntry>,
    lag: Arc<Lag>,
}

/// What a follower hears next.
#[derive(Debug)]
pub enum Followed {
    /// An entry.
    Entry(LogEntry),
    /// The follower was too slow, and this many entries were not kept for it.
    Skipped(u64),
    /// The node stops.
    End,
}

/// The other end of a follower.
#[derive(Debug)]
pub(super) struct Listener {
    entries: mpsc::Sender<LogEntry>,
    lag: Arc<Lag>,
}

#[derive(Debug, Default)]
struct Lag {
    bytes: AtomicUsize,
    skipped: AtomicU64,
}

/// A follower, and where its entries go in.
pub(super) fn follow() -> (Listener, Follower) {
    let (sender, entries) = mpsc::channel(LOG_FOLLOW_ENTRIES_MAX);
    let lag = Arc::new(Lag::default());
    (Listener { entries: sender, lag: Arc::clone(&lag) }, Follower { entries, lag })
}

impl Listener {
    /// Passes an entry on, or counts it as skipped. Whether anybody still listens.
    pub(super) fn hear(&self, entry: &LogEntry) -> bool {
        // Counted before it is sent: the follower counts it off as soon as it is there.
        let waiting = self.lag.bytes.fetch_add(entry.size(), Ordering::AcqRel);
        let fits = waiting + entry.size() <= LOG_FOLLOW_BYTES_MAX;
        if !fits || self.entries.try_send(entry.clone()).is_err() {
            self.lag.bytes.fetch_sub(entry.size(), Ordering::AcqRel);
            self.lag.skipped.fetch_add(1, Ordering::AcqRel);
        }
        !self.entries.is_closed()
    }
}

impl Follower {
    /// Waits for what comes next. Cancel-safe.
    pub async fn next(&mut self) -> Followed {
        match self.take_skipped() {
            Some(skipped) => skipped,
            None => {
                let entry = self.entries.recv().await;
                self.heard(entry)
            }
        }
    }

    /// The same, for a thread of its own.
    pub fn blocking_next(&mut self) -> Followed {
        match self.take_skipped() {
            Some(skipped) => skipped,
            None => {
                let entry = self.entries.blocking_recv();
                self.heard(entry)
            }
        }
    }

    /// What was skipped is told when everything before it has been heard.
    fn take_skipped(&mut self) -> Option<Followed> {
        if !self.entries.is_empty() {
            return None;
        }
        let skipped = self.lag.skipped.swap(0, Ordering::AcqRel);
        (skipped > 0).then_some(Followed::Skipped(skipped))
    }

    fn heard(&self, entry: Option<LogEntry>) -> Followed {
        let Some(entry) = entry else { return Followed::End };
        self.lag.bytes.fetch_sub(entry.size(), Ordering::AcqRel);
        Followed::Entry(entry)
    }
}
