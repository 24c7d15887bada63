//! What a source is doing, for people.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lambent_core::{FunctionName, SourceFrom, SourceSpec};
use tokio::time::Instant;

/// How often a source that does not work says so.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// A source, and what it is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// What its owner says about it.
    pub spec: SourceSpec,
    /// What it is doing.
    pub state: State,
    /// Batches that are being worked on.
    pub running: usize,
    /// Batches that may be worked on at once, as things stand.
    pub limit: usize,
    /// What became of its records.
    pub counts: Counts,
}

/// What a source is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is at work, or waits for records.
    Enabled,
    /// Its owner has turned it off.
    Disabled,
    /// Its function is not deployed; the records wait.
    Paused,
    /// It cannot get at its records; it tries again and again.
    Troubled(String),
}

/// What became of the records of a source since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Batches that the function was run for.
    pub batches: u64,
    /// Records that it worked on with success.
    pub done: u64,
    /// Records that no filter took.
    pub filtered: u64,
    /// Records that failed.
    pub failed: u64,
    /// Records that were given back untried.
    pub given_back: u64,
    /// Records that were no longer the source's when they were settled.
    pub stale: u64,
}

/// A source's status as it is kept.
#[derive(Debug)]
pub(crate) struct Status {
    now: Mutex<(SourceStatus, Option<Instant>)>,
}

impl Status {
    pub(crate) fn new(spec: SourceSpec) -> Self {
        let state = if spec.enabled { State::Enabled } else { State::Disabled };
        let status = SourceStatus { spec, state, running: 0, limit: 1, counts: Counts::default() };
        Self { now: Mutex::new((status, None)) }
    }

    pub(crate) fn get(&self) -> SourceStatus {
        self.lock().0.clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut SourceStatus)) {
        change(&mut self.lock().0);
    }

    /// Tells whoever runs the node what does not work, not too often.
    pub(crate) fn complain(&self, error: &dyn fmt::Display) {
        let name = {
            let mut now = self.lock();
            let (status, last) = &mut *now;
            if last.is_some_and(|last| last.elapsed() < COMPLAIN_EVERY) {
                return;
            }
            *last = Some(Instant::now());
            name_of(&status.spec)
        };
        eprintln!("lambent: {name}: {error}");
    }

    /// Nothing that holds the lock can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, (SourceStatus, Option<Instant>)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a source is called in messages.
pub(crate) fn name_of(spec: &SourceSpec) -> String {
    let SourceSpec { from, function, .. } = spec;
    match from {
        SourceFrom::Queue(queue) => format!("the source `{queue}` of {function}"),
    }
}

/// What tells a source from all others.
pub(crate) type Key = (SourceFrom, FunctionName);
