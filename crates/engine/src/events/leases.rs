//! Leases of a source: messages are taken, kept while they are worked on, and settled a batch at a time.

use std::sync::Arc;
use std::time::Duration;

use lambent_core::{Attributes, Clock, Failure, NodeIdentity, Timestamp};
use lambent_store::memory::MemoryStore;
use lambent_store::{Commit, Effect, Effected, Fence, Lease, LeasedBatch, Released};
use tokio_util::sync::CancellationToken;

pub use lambent_store::{Leased, Message, Meter, QueueId, Receipt};

use super::catalog::Queue;
use super::{Events, Result};

/// How long to wait at least before a queue is looked at again that had something due and gave nothing.
const GLANCE: Duration = Duration::from_millis(10);

/// What is to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Take {
    /// At most so many messages.
    pub max: u32,
    /// At most so many bytes of bodies, but always one message.
    pub max_bytes: usize,
    /// How long they are kept; the queue's visibility time if that is longer.
    pub keep: Duration,
    /// How long to wait for the first.
    pub wait: Duration,
}

/// What becomes of a message that was taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Disposition {
    /// It is done and goes.
    Done,
    /// It failed.
    Failed {
        /// When it can be taken again.
        at: Timestamp,
        /// Why.
        failure: Failure,
    },
    /// Nobody tried; taking it does not count.
    Throttled {
        /// When it can be taken again.
        at: Timestamp,
    },
    /// It goes to the queue's dead letters at once; where there are none, it failed.
    Hopeless {
        /// When it can be taken again.
        at: Timestamp,
        /// Why.
        failure: Failure,
    },
}

impl Events {
    /// Takes messages to work on: what is due, or what arrives while it waits; nothing when the wait is over or `stop`
    /// is told. Says when they were taken, too. Not cancel-safe: what was taken would be lost until its lease is over.
    ///
    /// # Errors
    /// When the store could not do it.
    pub async fn take(
        &self,
        queue: &Queue,
        take: Take,
        stop: &CancellationToken,
    ) -> Result<(Timestamp, Vec<Leased>)> {
        let Take { max, max_bytes, keep, wait } = take;
        let now = self.now();
        let until = now.plus(keep.max(queue.spec().visibility));
        let lease =
            Lease { queue: queue.id, max, max_bytes, now, until, bury: None, attempt: None, own: true };
        let (at, batch) = self.lease_or_wait(queue, lease, wait, stop).await?;
        Ok((at, batch.messages))
    }

    /// Leases what is due, or waits for it until the wait is over or `stop` is told. Says when it was leased, too. The
    /// times of `lease` move along with the wait, and what was leased too often goes where the queue says.
    pub(super) async fn lease_or_wait(
        &self,
        queue: &Queue,
        mut lease: Lease,
        wait: Duration,
        stop: &CancellationToken,
    ) -> Result<(Timestamp, LeasedBatch)> {
        let keep = lease.until.since(lease.now);
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let now = self.now();
            (lease.now, lease.until, lease.bury) = (now, now.plus(keep), self.bury(&queue.spec()));
            let batch = self.store().lease(lease.clone()).await?;
            if let Some(bury) = lease.bury.filter(|_| batch.buried > 0)
                && let Some(dead) = self.queue_by_id(bury.to)
            {
                dead.wake();
            }
            let over = stop.is_cancelled() || tokio::time::Instant::now() >= deadline;
            if over || !batch.messages.is_empty() {
                if batch.next_due.is_some_and(|due| due <= now) {
                    // Somebody else may be waiting for the rest.
                    queue.wake();
                }
                return Ok((now, batch));
            }
            let due = batch.next_due.map(|due| tokio::time::Instant::now() + due.since(now).max(GLANCE));
            // A hint that is lost costs a moment, never a message.
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok((now, LeasedBatch::default())),
                () = queue.arrived() => {}
                () = tokio::time::sleep_until(due.map_or(deadline, |due| due.min(deadline))) => {}
            }
        }
    }

    /// Messages that were taken are kept for this time from now. One that is no longer ours is left as it is.
    ///
    /// # Errors
    /// When the store could not do it.
    pub async fn keep_taken(&self, receipts: impl Iterator<Item = Receipt>, keep: Duration) -> Result<()> {
        let now = self.now();
        let until = now.plus(keep);
        let effects = receipts.map(|receipt| Effect::Extend { receipt, until }).collect();
        self.store().settle(Commit { guard: None, effects, now }).await?;
        Ok(())
    }

    /// Settles messages of a queue that were taken, and accounts for the run that they were taken for, in one commit.
    /// Says how many were no longer ours.
    ///
    /// # Errors
    /// When the store could not do it.
    pub async fn settle_taken(
        &self,
        queue: &Queue,
        settled: Vec<(Receipt, Disposition)>,
        meter: Option<Meter>,
    ) -> Result<usize> {
        if meter.is_some() {
            lambent_store::failpoint::pass("after-invoke-before-effects");
        }
        let dead = self.bury(&queue.spec()).map(|bury| bury.to);
        // Of a queue that keeps no order, any receipt is good enough to delete (SQS, as in `acknowledge`).
        let fence = if queue.fifo { Fence::Current } else { Fence::Any };
        let mut due = queue.fifo;
        let mut buried = false;
        let mut effects = Vec::with_capacity(settled.len() + 1);
        for (receipt, disposition) in settled {
            due |= disposition != Disposition::Done;
            effects.push(match (disposition, dead) {
                (Disposition::Done, _) => Effect::Ack { receipt, fence },
                (Disposition::Throttled { at }, _) => {
                    Effect::Release { receipt, at, why: Released::Throttled }
                }
                (Disposition::Hopeless { failure, .. }, Some(to)) => {
                    buried = true;
                    Effect::Bury { receipt, to, failure, attributes: Attributes::new() }
                }
                (Disposition::Failed { at, failure } | Disposition::Hopeless { at, failure }, _) => {
                    Effect::Release { receipt, at, why: Released::Failed(Some(failure)) }
                }
            });
        }
        effects.extend(meter.map(Effect::Meter));
        let effected = self.store().settle(Commit { guard: None, effects, now: self.now() }).await?;
        if due {
            queue.wake();
        }
        if let Some(dead) = dead.filter(|_| buried).and_then(|to| self.queue_by_id(to)) {
            dead.wake();
        }
        Ok(effected.iter().filter(|effected| **effected == Effected::Stale).count())
    }

    /// The ARN of the queue that a dead letter died in, where users know that queue.
    pub fn origin_arn(&self, message: &Message) -> Option<String> {
        let name = self.queue_by_id(message.origin?)?.name()?;
        Some(self.node().queue_arn(&name))
    }

    /// Events that are forgotten when the process ends: for tests of what is built on them.
    ///
    /// # Errors
    /// Never; a store in memory can always be opened.
    pub async fn in_memory(clock: Arc<dyn Clock>) -> Result<Self> {
        let endpoint = "http://127.0.0.1:4566".to_owned();
        Self::open(Arc::new(MemoryStore::new()), clock, NodeIdentity::default(), endpoint).await
    }
}
