//! Buses and the rules on them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BusName, QueueName, RetryPolicy, RuleName, Target};

/// The bus that every node has.
pub const DEFAULT: &str = "default";

/// A rule: which events of a bus go where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The bus.
    pub bus: BusName,
    /// Its name; the bus has no other rule of this name.
    pub name: RuleName,
    /// Which events, as JSON text of a [`Pattern`](crate::pattern::Pattern). Empty: none, where it has a schedule.
    pub pattern: String,
    /// When its targets get a Scheduled Event: `rate(...)` or `cron(...)`.
    #[serde(default)]
    pub schedule: Option<String>,
    /// Whether it is at work.
    pub enabled: bool,
    /// For people.
    pub description: String,
    /// Where they go.
    pub targets: Vec<RuleTarget>,
    /// Whether the manifest made it, and takes it away again.
    pub declared: bool,
    /// Tags of the owner's.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// One of the places where a rule sends its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTarget {
    /// What tells it from the rule's others.
    pub id: String,
    /// Where.
    pub target: Target,
    /// What it gets.
    pub input: Input,
    /// The message group, where the target is a queue that keeps order.
    pub group: Option<String>,
    /// How delivery is retried.
    pub retry: RetryPolicy,
    /// Where events go that could not be delivered.
    pub dead_letter: Option<QueueName>,
}

/// What a target gets for an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The event.
    #[default]
    Event,
    /// This JSON text, whatever the event.
    Constant(String),
    /// The part of the event that this path names, as in `$.detail`.
    Path(String),
    /// A text with the values of paths put in (EventBridge, `InputTransformer`).
    Template {
        /// Names and the paths of their values.
        paths: BTreeMap<String, String>,
        /// The text; `<name>` stands for a value.
        template: String,
    },
}

/// How EventBridge retries a delivery when nobody says anything: 185 retries in 24 hours (semantics.md 5.2).
pub const RETRY: RetryPolicy = RetryPolicy {
    attempts: 186,
    first_delay: Duration::from_secs(1),
    max_delay: Duration::from_secs(600),
    max_age: Duration::from_secs(24 * 3600),
};

/// How many targets a rule may have (EventBridge quotas).
pub const TARGETS_MAX: usize = 5;
