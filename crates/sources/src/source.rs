//! What a broker has to know: the one trait that each of them implements.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lambent_core::Failure;
use lambent_engine::events::Meter;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::error::Result;

/// Where records come from.
///
/// A record that was polled is the driver's until it is settled: nobody else gets it, as long as it is extended in
/// time. What is not settled, because the node ended, comes again. Nothing is taken off the broker before it is done
/// or its dead letter is durable.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// A record of this broker's.
    type Record: Record;

    /// Takes records: those that are there, or the first that come. Returns with nothing when `want.wait` is over or
    /// `want.stop` is told. Called by one task at a time, and never dropped in the middle. The records of a group come
    /// in their order.
    async fn poll(&self, want: Want) -> Result<Vec<Self::Record>>;

    /// Says what became of records, all of it at once or nothing of it, together with the account of the run that
    /// they were taken for. Returns how many were no longer ours. On an error the driver calls again with the same.
    async fn settle(&self, settled: &[Settled<Self::Record>], meter: Option<&Meter>) -> Result<usize>;

    /// Keeps records for this time from now.
    async fn extend(&self, records: &[&Self::Record], keep: Duration) -> Result<()>;

    /// The event that the function gets, in the shape of AWS Lambda. `size` is what the records weigh together.
    fn event(&self, records: &[Self::Record], size: usize) -> Bytes;

    /// The most bytes that a record takes in an event.
    fn weigh(&self, record: &Self::Record) -> usize;

    /// What filters look at.
    fn document(&self, record: &Self::Record) -> Value;
}

/// One thing that a broker gave out.
pub trait Record: Send + Sync + 'static {
    /// What the function calls it when it says that it failed (`itemIdentifier`).
    fn id(&self) -> &str;

    /// The group that it has an order in: batches of one group run one after the other. `None` where order does not
    /// matter.
    fn group(&self) -> Option<&str>;

    /// The trace that it is part of, as in `X-Amzn-Trace-Id`.
    fn trace(&self) -> Option<&str>;

    /// Which attempt at it this is, from 1.
    fn attempt(&self) -> u32;

    /// How often in a row it found no place to run.
    fn throttles(&self) -> u32;
}

/// What is to be polled.
#[derive(Clone, Debug)]
pub struct Want {
    /// At most so many records.
    pub records: usize,
    /// Records of one batch: more of one group at once would only wait for each other.
    pub batch: usize,
    /// At most so many bytes, but always one record.
    pub bytes: usize,
    /// How long to wait for the first.
    pub wait: Duration,
    /// How long to keep the records at least, until they are extended or settled.
    pub keep: Duration,
    /// Ends the wait early.
    pub stop: CancellationToken,
}

/// A record, and what became of it.
#[derive(Clone, Debug)]
pub struct Settled<R> {
    /// The record.
    pub record: R,
    /// What became of it.
    pub how: Settlement,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// The function has worked on it with success.
    Done,
    /// No filter takes it: it is as good as done.
    Filtered,
    /// It failed, and comes again as the broker's own rules say.
    Failed(Box<Failure>),
    /// It can never succeed: it goes to the dead letters at once, or has failed where there are none.
    Hopeless(Box<Failure>),
    /// Nobody has tried, which does not count as an attempt.
    Throttled {
        /// When it may come again.
        retry_in: Duration,
    },
}

impl Settlement {
    /// Whether those behind it in its group may run.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::Filtered)
    }
}
