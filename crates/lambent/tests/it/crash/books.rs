//! What clients and the one who kills have in common: the books about what was accepted, and when to go on.

use std::collections::{HashMap, HashSet};
use std::sync::{Condvar, Mutex};

/// What clients know was accepted, and what may have been.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// The id of the invocation, by our own.
    pub(super) jobs: HashMap<String, String>,
    /// Sent to the queue.
    pub(super) orders: Posted,
    /// Published to the topic.
    pub(super) news: Posted,
    /// How many messages of each group were accepted.
    pub(super) line: HashMap<String, u32>,
    /// The messages that told of successes, by the invocation.
    pub(super) out: HashMap<String, String>,
}

/// What was sent without a key: it cannot be sent again.
#[derive(Debug, Default)]
pub(super) struct Posted {
    pub(super) accepted: HashSet<String>,
    pub(super) unknown: HashSet<String>,
}

impl Posted {
    pub(super) fn note(&mut self, ids: Vec<String>, accepted: bool) {
        if accepted { self.accepted.extend(ids) } else { self.unknown.extend(ids) }
    }
}

/// At least this much was accepted: asynchronous invocations, messages of the queue, messages of the other queue.
pub(super) type Floor = [usize; 3];

impl Books {
    pub(super) fn floor(&self) -> Floor {
        let news = self.news.accepted.len();
        let line: u32 = self.line.values().sum();
        [self.jobs.len() + news, self.orders.accepted.len() + news, line as usize]
    }
}

/// What clients and the one who kills have in common.
#[derive(Debug, Default)]
pub(super) struct Common {
    pub(super) books: Mutex<Books>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    life: u32,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Loading,
    /// What is begun is finished.
    Ending,
    /// Nothing is of any use any more.
    Lost,
}

impl Common {
    /// The node lives again: every client does its share once more.
    pub(super) fn next_life(&self) {
        self.state.lock().unwrap().life += 1;
        self.changed.notify_all();
    }

    /// Clients finish what they have begun.
    pub(super) fn end(&self) {
        self.set(Phase::Ending);
    }

    fn set(&self, phase: Phase) {
        self.state.lock().unwrap().phase = phase;
        self.changed.notify_all();
    }

    pub(super) fn phase(&self) -> Phase {
        self.state.lock().unwrap().phase
    }

    /// Waits for the life after this one; `None` when there is none.
    pub(super) fn life_after(&self, life: u32) -> Option<u32> {
        let waits = |state: &mut State| state.phase == Phase::Loading && state.life <= life;
        let state = self.changed.wait_while(self.state.lock().unwrap(), waits).unwrap();
        (state.phase == Phase::Loading).then_some(state.life)
    }
}

/// Lets clients go when whoever drives them has failed.
pub(super) struct LetGo<'a>(pub(super) &'a Common);

impl Drop for LetGo<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set(Phase::Lost);
        }
    }
}
