//! The node's own queues, with the event of SQS (semantics.md 4.2).

mod event;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lambent_core::{QueueName, Timestamp};
use lambent_engine::Events;
use lambent_engine::events::{Disposition, Handle, Leased, Message, Meter, Take};
use serde_json::Value;

use crate::error::Result;
use crate::source::{Record, Settled, Settlement, Source, Want};
use event::Shape;

/// A queue of the node's.
#[derive(Debug)]
pub(crate) struct QueueSource {
    events: Events,
    name: QueueName,
    shape: Shape,
}

/// A message that was taken.
#[derive(Debug)]
pub(crate) struct Taken {
    message: Message,
    handle: Handle,
    /// The ARN of the queue that it died in, if it did.
    origin: Option<String>,
    /// When it was taken.
    at: Timestamp,
}

impl Record for Taken {
    fn id(&self) -> &str {
        self.message.id.as_str()
    }

    fn group(&self) -> Option<&str> {
        self.message.group.as_deref()
    }

    fn trace(&self) -> Option<&str> {
        self.message.meta.trace.as_deref()
    }

    fn attempt(&self) -> u32 {
        self.message.receives
    }

    fn throttles(&self) -> u32 {
        self.message.throttles
    }
}

impl QueueSource {
    pub(crate) fn new(events: Events, name: QueueName) -> Self {
        let shape = Shape::new(events.node(), &name);
        Self { events, name, shape }
    }
}

#[async_trait]
impl Source for QueueSource {
    type Record = Taken;

    async fn poll(&self, want: Want) -> Result<Vec<Taken>> {
        let (_, queue) = self.events.named(self.name.as_str())?;
        // What is taken of a group blocks the rest of it: more than one batch would wait here instead of there.
        let records = if queue.fifo { want.records.min(want.batch) } else { want.records };
        let max = u32::try_from(records).unwrap_or(u32::MAX);
        let take = Take { max, max_bytes: want.bytes, keep: want.keep, wait: want.wait };
        let (at, messages) = self.events.take(&queue, take, &want.stop).await?;
        let taken = |Leased { message, receipt }| {
            let handle = Handle { queue: queue.id, receipt };
            Taken { origin: self.events.origin_arn(&message), message, handle, at }
        };
        let mut taken: Vec<Taken> = messages.into_iter().map(taken).collect();
        if queue.fifo {
            taken.sort_unstable_by_key(|taken| taken.message.sequence);
        }
        Ok(taken)
    }

    async fn settle(&self, settled: &[Settled<Taken>], meter: Option<&Meter>) -> Result<usize> {
        let Some(queue) = self.events.queue(self.name.as_str()) else {
            // The messages went with their queue.
            return Ok(settled.len());
        };
        let now = self.events.now();
        // As long as after a receive by a client, whatever the driver's lease was (SQS: the visibility timeout).
        let visibility = queue.spec().visibility;
        let disposition = |Settled { record, how }: &Settled<Taken>| {
            let at = record.at.plus(visibility).max(now);
            let disposition = match how {
                Settlement::Done | Settlement::Filtered => Disposition::Done,
                Settlement::Failed(failure) => Disposition::Failed { at, failure: (**failure).clone() },
                Settlement::Hopeless(failure) => Disposition::Hopeless { at, failure: (**failure).clone() },
                Settlement::Throttled { retry_in } => Disposition::Throttled { at: now.plus(*retry_in) },
            };
            (record.handle.receipt, disposition)
        };
        let settled = settled.iter().map(disposition).collect();
        Ok(self.events.settle_taken(&queue, settled, meter.cloned()).await?)
    }

    async fn extend(&self, records: &[&Taken], keep: Duration) -> Result<()> {
        Ok(self.events.keep_taken(records.iter().map(|taken| taken.handle.receipt), keep).await?)
    }

    fn event(&self, records: &[Taken], size: usize) -> Bytes {
        self.shape.event(records, size)
    }

    fn weigh(&self, taken: &Taken) -> usize {
        self.shape.weigh(&taken.message)
    }

    fn document(&self, taken: &Taken) -> Value {
        self.shape.document(taken)
    }
}
