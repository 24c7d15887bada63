//! What an owner says about where a function's events come from and where they go.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{FunctionName, QueueName, RetryPolicy, Target};

/// Where the events of a function come from, and in which portions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpec {
    /// The function that gets them.
    pub function: FunctionName,
    /// Where they come from.
    pub from: SourceFrom,
    /// Records of one batch, at most.
    pub batch: usize,
    /// How long a batch waits for more records.
    pub window: Duration,
    /// Only records that fit one of these patterns; all without one. The others are done at once.
    pub filters: Vec<String>,
    /// The function says which records of a batch failed (`batchItemFailures`); otherwise a batch fails as a whole.
    pub partial_failures: bool,
    /// Batches that are worked on at once, at most. `None` lets the driver find out.
    pub concurrency: Option<usize>,
    /// Whether it is at work.
    pub enabled: bool,
}

/// Where records come from. A broker is one more of these, and one file of `crates/sources`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceFrom {
    /// A queue of the node's.
    Queue(QueueName),
}

/// What happens to events of a function that nobody waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventConfig {
    /// How they are retried.
    pub retry: RetryPolicy,
    /// The queue of those that were given up; without one the function has its own.
    pub dead_letter: Option<QueueName>,
    /// Who gets a record of each that succeeded.
    pub on_success: Option<Target>,
    /// Who gets a record of each that was given up.
    pub on_failure: Option<Target>,
}
