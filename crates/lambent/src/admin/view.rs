//! What the admin API says about events: the node writes it, the command line reads it.

mod message;
mod schedule;

use lambent_core::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use message::{Attribute, Content, Failure, Message, NewMessage, Page};
pub(crate) use schedule::{Fired, Firing, Firings, NewFiring, Schedule, Schedules, Time};

/// A point in time, as it is written and as it is felt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub(crate) at: String,
    /// Milliseconds that have passed since; less than zero when it is still to come.
    pub(crate) ago_ms: i64,
}

impl Moment {
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        let millis = |time: Timestamp| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self { at: at.iso8601(), ago_ms: millis(now).saturating_sub(millis(at)) }
    }
}

/// All queues that users know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Queues {
    pub(crate) queues: Vec<Queue>,
}

/// A queue and what it holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) fifo: bool,
    pub(crate) ready: u64,
    pub(crate) in_flight: u64,
    pub(crate) delayed: u64,
    /// When the oldest message was sent.
    pub(crate) oldest: Option<Moment>,
}

/// A queue with everything that is said about it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct QueueDetail {
    #[serde(flatten)]
    pub(crate) queue: Queue,
    pub(crate) created: Moment,
    pub(crate) modified: Moment,
    pub(crate) visibility_ms: u64,
    pub(crate) delay_ms: u64,
    pub(crate) retention_ms: u64,
    pub(crate) wait_ms: u64,
    pub(crate) message_max: u64,
    pub(crate) dead_letter: Option<String>,
    pub(crate) max_receives: Option<u32>,
    /// The queues whose dead letters come here.
    pub(crate) takes_dead_letters_of: Vec<String>,
    pub(crate) content_deduplication: bool,
    pub(crate) deduplication_by_group: bool,
}

/// How many messages were removed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Removed {
    pub(crate) removed: u64,
}

/// An event that is to be put on a bus.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvent {
    pub(crate) source: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) detail: Box<serde_json::value::RawValue>,
}

/// What was accepted: it is on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) id: String,
}

/// All places of dead letters.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Places {
    pub(crate) places: Vec<Place>,
}

/// A place of dead letters.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) place: String,
    pub(crate) count: u64,
    /// In which ways they failed, the most frequent first.
    pub(crate) errors: Vec<ErrorGroup>,
}

/// Dead letters that failed in the same way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ErrorGroup {
    pub(crate) fingerprint: String,
    pub(crate) count: u64,
    pub(crate) example: Failure,
}

/// What is to be moved back.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRedrive {
    pub(crate) from: String,
    /// A queue; each to where it died without it.
    pub(crate) to: Option<String>,
    pub(crate) fingerprint: Option<String>,
    /// Messages a second.
    pub(crate) rate: Option<u32>,
    /// Nothing moves; the answer says what would.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// All redrives, the newest first.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Redrives {
    pub(crate) redrives: Vec<Redrive>,
}

/// Dead letters on their way back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Redrive {
    pub(crate) id: String,
    pub(crate) from: String,
    pub(crate) to: Option<String>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) rate: Option<u32>,
    pub(crate) started: Moment,
    pub(crate) total: u64,
    pub(crate) moved: u64,
    /// `running`, `completed`, `cancelled` or `failed`.
    pub(crate) state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What a redrive would move.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) from: String,
    pub(crate) total: u64,
    pub(crate) destinations: Vec<Destination>,
    /// Whether every letter was looked at, not only the first ones.
    pub(crate) complete: bool,
}

/// How many letters would go where.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Destination {
    /// `null` for those that would stay, because where they died is unknown or gone.
    pub(crate) to: Option<String>,
    pub(crate) count: u64,
}

/// What was accepted, and what became of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ledger {
    pub(crate) at: String,
    pub(crate) balances: bool,
    pub(crate) accounts: Vec<Account>,
    pub(crate) total: Account,
    pub(crate) functions: Vec<Runs>,
}

/// `accepted = done + dead + dropped + pending`, when it balances.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) accepted: u64,
    pub(crate) done: u64,
    pub(crate) dead: u64,
    pub(crate) dropped: u64,
    pub(crate) pending: u64,
    pub(crate) balances: bool,
}

/// What runs of a function took.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Runs {
    pub(crate) function: String,
    pub(crate) runs: u64,
    pub(crate) failed: u64,
    pub(crate) billed_ms: u64,
}

/// All topics.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Topics {
    pub(crate) topics: Vec<Topic>,
}

/// A topic and who has subscribed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) subscriptions: Vec<Subscription>,
}

/// Somebody who gets what is published.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) to: String,
    pub(crate) filter: Option<String>,
    pub(crate) raw: bool,
    pub(crate) dead_letter: Option<String>,
    /// Addresses are asked first.
    pub(crate) confirmed: bool,
}

/// All buses.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Buses {
    pub(crate) buses: Vec<Bus>,
}

/// A bus and its rules.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bus {
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
}

/// Which events go where.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) pattern: String,
    pub(crate) to: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_tell_how_long_ago() {
        let at = Timestamp::from_millis;
        assert_eq!(Moment::new(at(1000), at(4000)).ago_ms, 3000);
        assert_eq!(Moment::new(at(4000), at(1000)).ago_ms, -3000);
        assert_eq!(Moment::new(at(u64::MAX), at(0)).ago_ms, -i64::MAX);
    }
}
