//! What happens on a connection, so that one on which nothing does can be closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Counts what happens on one connection. Only its own task looks, now and then, and so the order of what
/// others see does not matter.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicU64,
    ended: AtomicU64,
    writes: AtomicU64,
    blocked: AtomicBool,
}

/// A request that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Exchange(Arc<Activity>);

/// The state at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    begun: u64,
    ended: u64,
    writes: u64,
    blocked: bool,
}

/// What became of a connection between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is used, or a function is at work.
    Good,
    /// There was no request, nor is there one.
    Idle,
    /// The client reads nothing of what is written for it.
    Stuck,
}

impl Activity {
    /// Notes that a request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Exchange {
        self.begun.fetch_add(1, Relaxed);
        Exchange(Arc::clone(self))
    }

    /// Notes that the client took something, or did not.
    pub(super) fn wrote(&self, blocked: bool) {
        self.blocked.store(blocked, Relaxed);
        if !blocked {
            self.writes.fetch_add(1, Relaxed);
        }
    }

    /// The state now.
    pub(super) fn progress(&self) -> Snapshot {
        Snapshot {
            begun: self.begun.load(Relaxed),
            ended: self.ended.load(Relaxed),
            writes: self.writes.load(Relaxed),
            blocked: self.blocked.load(Relaxed),
        }
    }
}

impl Snapshot {
    /// What became of the connection since `past`.
    pub(super) fn since(self, past: Self) -> Progress {
        if self.blocked && past.blocked && self.writes == past.writes {
            return Progress::Stuck;
        }
        if self.begun == past.begun && self.begun == self.ended && self.ended == past.ended {
            return Progress::Idle;
        }
        Progress::Good
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_stuck_are_told_from_work() {
        let activity = Arc::new(Activity::default());
        let mut past = activity.progress();
        let mut check = |expect: Progress| {
            let now = activity.progress();
            assert_eq!(now.since(std::mem::replace(&mut past, now)), expect);
        };
        check(Progress::Idle);
        let exchange = activity.begin();
        check(Progress::Good);
        check(Progress::Good);
        activity.wrote(true);
        check(Progress::Good);
        check(Progress::Stuck);
        activity.wrote(false);
        activity.wrote(true);
        check(Progress::Good);
        activity.wrote(false);
        drop(exchange);
        check(Progress::Good);
        check(Progress::Idle);
    }
}
