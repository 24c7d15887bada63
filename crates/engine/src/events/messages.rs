//! Messages of queues: sending, receiving, settling.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use lambent_core::message::attributes_size;
use lambent_core::{Attributes, Meta, QueueSpec, RequestId, Timestamp, limits};
use lambent_store::{
    Bury, Commit, Dedup, Effect, Effected, Enqueued, Fence, Lease, LeasedBatch, NewMessage, Receipt,
    Released, Sequence,
};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::catalog::Queue;
use super::{Error, Events, Handle, Result};

/// A message that is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// The message.
    pub body: Bytes,
    /// Attributes of the sender's.
    pub attributes: Attributes,
    /// The trace that it is part of.
    pub trace: Option<String>,
    /// How long it stays invisible; what the queue says without it.
    pub delay: Option<Duration>,
    /// Its group.
    pub group: Option<String>,
    /// What tells it from others that are the same message again.
    pub dedup: Option<String>,
}

/// A message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its id; that of the first where it is the same message again.
    pub id: RequestId,
    /// Its place in the order of all messages.
    pub sequence: Sequence,
}

/// How messages are received.
#[derive(Clone, Debug)]
pub struct Receive {
    /// At most so many.
    pub max: u32,
    /// At most so many bytes of bodies, but always one message.
    pub max_bytes: usize,
    /// How long to wait for the first; what the queue says without it.
    pub wait: Option<Duration>,
    /// How long they stay invisible; what the queue says without it.
    pub visibility: Option<Duration>,
    /// A name for this try; see [`Lease::attempt`].
    pub attempt: Option<String>,
}

/// What was received.
pub type Batch = LeasedBatch;

impl Events {
    /// Sends messages to a queue. Each has a result of its own; those that are accepted are on disk.
    ///
    /// # Errors
    /// When the store could not take any.
    pub async fn send(&self, queue: &Queue, messages: Vec<Outgoing>) -> Result<Vec<Result<Sent>>> {
        let now = self.now();
        let spec = queue.spec();
        let mut effects = Vec::with_capacity(messages.len());
        let mut results: Vec<Result<Sent>> = Vec::with_capacity(messages.len());
        for outgoing in messages {
            match message(queue, &spec, outgoing, now) {
                Ok(message) => {
                    // Its place is filled in when the commit is done.
                    results.push(Ok(Sent { id: message.id, sequence: Sequence(0) }));
                    effects.push(Effect::Enqueue { queue: queue.id, message });
                }
                Err(error) => results.push(Err(error)),
            }
        }
        let effected = self.store().commit(Commit { guard: None, effects, now }).await?;
        let mut effected = effected.into_iter();
        for result in &mut results {
            let Ok(sent) = result else { continue };
            match effected.next() {
                Some(Effected::Enqueued(Enqueued::Accepted(sequence))) => sent.sequence = sequence,
                Some(Effected::Enqueued(Enqueued::Duplicate { id, sequence })) => {
                    *sent = Sent { id, sequence }
                }
                _ => *result = Err(Error::NoQueue(queue.key.clone())),
            }
        }
        queue.wake();
        Ok(results)
    }

    /// Receives messages: what is due, or what arrives while it waits.
    ///
    /// # Errors
    /// When the store could not do it.
    pub async fn receive(&self, queue: &Queue, receive: Receive) -> Result<Batch> {
        let Receive { max, max_bytes, wait, visibility, attempt } = receive;
        let spec = queue.spec();
        let lease = Lease {
            queue: queue.id,
            max,
            max_bytes,
            now: self.now(),
            until: self.now().plus(visibility.unwrap_or(spec.visibility)),
            bury: None,
            attempt,
            own: false,
        };
        let wait = wait.unwrap_or(spec.wait);
        Ok(self.lease_or_wait(queue, lease, wait, &CancellationToken::new()).await?.1)
    }

    /// Messages that were worked on go. Each has a result of its own.
    ///
    /// # Errors
    /// When the store could not do it.
    pub async fn acknowledge(&self, queue: &Queue, handles: &[String]) -> Result<Vec<Result<()>>> {
        let fence = if queue.fifo { Fence::Held } else { Fence::Any };
        let settled = self.settle(queue, handles, |receipt, _| Effect::Ack { receipt, fence }).await?;
        // What is gone already was deleted before: that is what was wanted.
        let done = |result: Result<Effected>| match result? {
            Effected::Stale => Err(Error::Expired),
            _ => Ok(()),
        };
        let settled: Vec<_> = settled.into_iter().map(done).collect();
        if queue.fifo {
            queue.wake();
        }
        Ok(settled)
    }

    /// Messages that are being worked on stay invisible for these times from now; zero gives them back. Each has a
    /// result of its own.
    ///
    /// # Errors
    /// When the store could not do it.
    pub async fn change_visibility(
        &self,
        queue: &Queue,
        handles: &[String],
        times: &[Duration],
    ) -> Result<Vec<Result<()>>> {
        let now = self.now();
        let settled = self
            .settle(queue, handles, |receipt, i| match times.get(i).copied().unwrap_or_default() {
                Duration::ZERO => Effect::Release { receipt, at: now, why: Released::Failed(None) },
                time => Effect::Extend { receipt, until: now.plus(time) },
            })
            .await?;
        queue.wake();
        // Receipts of a queue that keeps order run out; those of others stay good, but there is nothing to change.
        let done = |result: Result<Effected>| match result? {
            Effected::Done => Ok(()),
            Effected::Stale if queue.fifo => Err(Error::Expired),
            _ => Err(Error::NotInFlight),
        };
        Ok(settled.into_iter().map(done).collect())
    }

    /// One effect for each handle that is one, in one commit.
    async fn settle(
        &self,
        queue: &Queue,
        handles: &[String],
        effect: impl Fn(Receipt, usize) -> Effect,
    ) -> Result<Vec<Result<Effected>>> {
        let parse = |text: &String| Handle::parse(text).filter(|handle| handle.queue == queue.id);
        let parsed: Vec<_> = handles.iter().map(parse).collect();
        let effects = parsed
            .iter()
            .enumerate()
            .filter_map(|(i, handle)| Some(effect(handle.as_ref()?.receipt, i)))
            .collect();
        let commit = Commit { guard: None, effects, now: self.now() };
        let mut effected = self.store().commit(commit).await?.into_iter();
        let results = parsed.iter().zip(handles).map(|(handle, text)| match handle {
            Some(_) => Ok(effected.next().unwrap_or(Effected::NotFound)),
            None => Err(Error::BadHandle(text.clone())),
        });
        Ok(results.collect())
    }

    /// What is done with messages of a queue that were received too often.
    pub(crate) fn bury(&self, spec: &QueueSpec) -> Option<Bury> {
        let redrive = spec.redrive.as_ref()?;
        // A queue that was removed meanwhile takes nothing: the message stays where it is.
        let to = self.queue(redrive.queue.as_str())?.id;
        Some(Bury { to, max_receives: redrive.max_receives })
    }
}

/// Checks a message and makes it ready to be stored.
fn message(queue: &Queue, spec: &QueueSpec, outgoing: Outgoing, now: Timestamp) -> Result<NewMessage> {
    let Outgoing { body, attributes, trace, delay, group, dedup } = outgoing;
    let size = body.len() + attributes_size(&attributes);
    if size > spec.message_max {
        return Err(Error::TooLarge { size, max: spec.message_max });
    }
    let name = || queue.key.split_once(':').map_or(queue.key.as_str(), |(_, name)| name).to_owned();
    let mut meta = Meta { attributes, trace, ..Meta::default() };
    let mut message = NewMessage {
        id: RequestId::from_random(fastrand::u128(..)),
        body,
        meta: Meta::default(),
        sent: now,
        visible: now.plus(delay.unwrap_or(spec.delay)),
        group: None,
        dedup: None,
    };
    if queue.fifo {
        if delay.is_some_and(|delay| !delay.is_zero()) {
            return Err(Error::StandardOnly { what: "DelaySeconds" });
        }
        let group = group.ok_or_else(|| Error::NoGroup(name()))?;
        let content = || spec.content_dedup.then(|| sha256(&message.body));
        let id = dedup.or_else(content).ok_or_else(|| Error::NoDedup(name()))?;
        let key = if spec.dedup_by_group { format!("{group}\u{1f}{id}") } else { id.clone() };
        message.dedup = Some(Dedup { key, until: now.plus(limits::DEDUP_WINDOW), digest: None });
        message.group = Some(group);
        meta.dedup = Some(id);
    } else {
        if dedup.is_some() {
            return Err(Error::FifoOnly { what: "MessageDeduplicationId" });
        }
        meta.group = group;
    }
    message.meta = meta;
    Ok(message)
}

/// The SHA-256 of a body, in hexadecimal digits: the deduplication id by content (SQS FIFO).
pub(crate) fn sha256(body: &[u8]) -> String {
    Sha256::digest(body).iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
