//! Schedules as rows: when each is due, and what became of its times.

use lambent_core::{RequestId, Timestamp};

use crate::message::Sequence;

/// A schedule as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Its name.
    pub id: String,
    /// Another one after every change; zero as long as it is not stored.
    pub version: u64,
    /// Its next time. `None` when there is none any more.
    pub next: Option<Next>,
    /// Whether it is at work.
    pub enabled: bool,
    /// What is said about it; the store does not look into it.
    pub text: String,
}

/// The next time of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// As the schedule says it.
    pub nominal: Timestamp,
    /// When it is due, which may be a little later.
    pub at: Timestamp,
}

/// A schedule's turn: it holds while the schedule is at work, of this version, and due at this time, and moves it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which.
    pub schedule: String,
    /// The version that was seen.
    pub version: u64,
    /// When it was due.
    pub at: Timestamp,
    /// Its next time from now on.
    pub then: Option<Next>,
}

/// What became of one time of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// The time, as the schedule says it.
    pub nominal: Timestamp,
    /// When that was.
    pub at: Timestamp,
    /// The event that it became, if it became one.
    pub event: Option<RequestId>,
    /// The place of the message that the same commit stored, the last one before this; the store fills it in.
    pub message: Option<Sequence>,
    /// More about it, for people.
    pub note: String,
}

/// Firings of one schedule that are kept, the newest ones.
pub const FIRINGS_KEPT: usize = 100;
