//! Schedules, as the admin API writes them.

use serde::{Deserialize, Serialize};

use super::Moment;

/// All schedules.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Schedules {
    pub(crate) schedules: Vec<Schedule>,
}

/// A schedule and its next times.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Schedule {
    pub(crate) name: String,
    pub(crate) when: String,
    pub(crate) timezone: String,
    pub(crate) to: String,
    pub(crate) enabled: bool,
    pub(crate) missed: String,
    pub(crate) overlap: String,
    pub(crate) jitter_ms: u64,
    /// Without what jitter adds.
    pub(crate) next: Vec<Time>,
}

/// A time of a schedule.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Time {
    /// As the clocks of its zone show it.
    pub(crate) local: String,
    pub(crate) utc: Moment,
}

/// What became of the times of a schedule, the newest first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Firings {
    pub(crate) firings: Vec<Firing>,
}

/// What became of a time.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Firing {
    pub(crate) time: Time,
    /// When that was.
    pub(crate) at: Moment,
    /// The event that it became.
    pub(crate) event: Option<String>,
    pub(crate) note: String,
}

/// What is to be fired: now, or all times of a while that has passed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFiring {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
}

/// How often it fired, and the event if it was one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Fired {
    pub(crate) fired: u64,
    pub(crate) id: Option<String>,
}
