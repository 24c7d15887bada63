//! Fanning out: from one event to a message in each queue that it leads to, in one commit.
//!
//! Topics and buses hold nothing. Whoever publishes makes a [`Fanout`], lets topics and buses add to it, and commits:
//! all of it is stored, or nothing is and the publisher is told.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use lambent_core::{Attribute, Attributes, Meta, QueueName, RequestId, Target, Timestamp, limits};
use lambent_store::{Commit, Dedup, Effect, Effected, Guard, NewMessage, Receipt};

use super::catalog::{Purpose, Queue};
use super::messages::sha256;
use super::{Events, Result};

/// Messages that one event becomes. Nothing is stored until it is committed.
#[derive(Debug)]
pub struct Fanout {
    /// The time of the event.
    pub now: Timestamp,
    /// The trace of the event.
    pub trace: Option<String>,
    /// What is committed together; others may add to it.
    pub(crate) effects: Vec<Effect>,
    queues: Vec<Arc<Queue>>,
    /// Topics and buses that it has been to: it goes through each once, so that it cannot go round in circles.
    visited: HashSet<Target>,
}

/// What is sent to one target.
#[derive(Clone, Debug, Default)]
pub struct Parcel {
    /// What it gets.
    pub body: Bytes,
    /// Attributes, where the target is a queue.
    pub attributes: Attributes,
    /// The message group, where the target keeps order.
    pub group: Option<String>,
    /// The deduplication id, where the target keeps order; the SHA-256 of the body without one.
    pub dedup: Option<String>,
    /// The queue of what cannot be delivered.
    pub dead_letter: Option<QueueName>,
    /// Attributes that say where a letter that cannot be delivered came from, where they are known.
    pub dead_attributes: Attributes,
    /// Who sends, as in `topic:orders`: has dead letters of its own when `dead_letter` names no queue.
    pub owner: String,
}

impl Fanout {
    /// Begins with an event.
    pub fn new(now: Timestamp, trace: Option<String>) -> Self {
        Self { now, trace, effects: Vec::new(), queues: Vec::new(), visited: HashSet::new() }
    }

    /// Goes on with another event, which is committed together with those before.
    pub(crate) fn begin_another(&mut self, trace: Option<String>) {
        self.trace = trace;
        self.visited.clear();
    }

    /// Whether the event comes to this topic or bus for the first time.
    pub(crate) fn visits(&mut self, place: Target) -> bool {
        self.visited.insert(place)
    }

    /// A message for a queue.
    pub(crate) fn enqueue(&mut self, queue: Arc<Queue>, parcel: Parcel) {
        let Parcel { body, attributes, group, dedup, .. } = parcel;
        let mut meta = Meta { attributes, trace: self.trace.clone(), ..Meta::default() };
        let mut message = NewMessage {
            id: RequestId::from_random(fastrand::u128(..)),
            body,
            meta: Meta::default(),
            sent: self.now,
            visible: self.now.plus(queue.spec().delay),
            group: None,
            dedup: None,
        };
        if queue.fifo {
            let id = dedup.unwrap_or_else(|| sha256(&message.body));
            message.dedup =
                Some(Dedup { key: id.clone(), until: self.now.plus(limits::DEDUP_WINDOW), digest: None });
            message.group = Some(group.unwrap_or_else(|| "default".to_owned()));
            meta.dedup = Some(id);
        } else {
            meta.group = group;
        }
        message.meta = meta;
        self.add(queue, message);
    }

    /// A message for a queue, as it stands.
    pub(crate) fn add(&mut self, queue: Arc<Queue>, message: NewMessage) {
        self.effects.push(Effect::Enqueue { queue: queue.id, message });
        self.queues.push(queue);
    }
}

impl Events {
    /// Adds what goes to a queue that there is, or to its dead letters when there is none (any more).
    ///
    /// # Errors
    /// When not even a queue of dead letters can be made.
    pub(crate) async fn deliver(&self, fanout: &mut Fanout, key: &str, parcel: Parcel) -> Result<()> {
        match self.queue_by_key(key) {
            Some(queue) => {
                fanout.enqueue(queue, parcel);
                Ok(())
            }
            None => self.undeliverable(fanout, parcel, "NO_RESOURCE", &format!("there is no {key}")).await,
        }
    }

    /// Adds what cannot be delivered to the dead letters, with the reason in its attributes (semantics.md 5.2).
    ///
    /// # Errors
    /// When not even a queue of dead letters can be made.
    pub(crate) async fn undeliverable(
        &self,
        fanout: &mut Fanout,
        mut parcel: Parcel,
        code: &str,
        message: &str,
    ) -> Result<()> {
        let named = parcel.dead_letter.as_ref().and_then(|name| self.queue(name.as_str()));
        let queue = match named {
            Some(queue) => queue,
            None => self.ensure(Purpose::Dead(parcel.owner.clone())).await?,
        };
        parcel.attributes.append(&mut parcel.dead_attributes);
        parcel.attributes.insert("ERROR_CODE".to_owned(), Attribute::text(code));
        parcel.attributes.insert("ERROR_MESSAGE".to_owned(), Attribute::text(message));
        fanout.enqueue(queue, parcel);
        Ok(())
    }

    /// Stores everything, then tells the queues.
    ///
    /// # Errors
    /// When the store could not take it: nothing is stored.
    pub(crate) async fn commit_fanout(&self, fanout: Fanout) -> Result<()> {
        if fanout.effects.is_empty() { Ok(()) } else { self.commit_all(fanout, None).await }
    }

    /// Stores everything unless the receipt is stale: then somebody else has the message, and nothing is stored.
    ///
    /// # Errors
    /// When the store could not take it: nothing is stored.
    pub(crate) async fn commit_guarded(&self, fanout: Fanout, receipt: Receipt) -> Result<()> {
        self.commit_if(fanout, Guard::Receipt(receipt)).await
    }

    /// Stores everything if the guard holds, and nothing otherwise.
    ///
    /// # Errors
    /// When the store could not take it: nothing is stored.
    pub(crate) async fn commit_if(&self, fanout: Fanout, guard: Guard) -> Result<()> {
        self.commit_all(fanout, Some(guard)).await
    }

    async fn commit_all(&self, fanout: Fanout, guard: Option<Guard>) -> Result<()> {
        let Fanout { effects, queues, now, .. } = fanout;
        let enqueued = effects.iter().filter_map(|effect| match effect {
            Effect::Enqueue { message, .. } => Some(message.clone()),
            _ => None,
        });
        let messages: Vec<_> = enqueued.collect();
        let is_message = |effect: &Effect| matches!(effect, Effect::Enqueue { .. });
        let places: Vec<_> = (0..effects.len()).filter(|i| is_message(&effects[*i])).collect();
        let commit = Commit { guard, effects, now };
        // What ends an attempt may be lost with the power, for then the attempt is, too, and is made again.
        let effected = match commit.guard {
            Some(Guard::Receipt(_)) => self.store().settle(commit).await?,
            Some(Guard::Schedule(_)) | None => self.store().commit(commit).await?,
        };
        for ((place, message), queue) in places.into_iter().zip(messages).zip(&queues) {
            if effected.get(place) == Some(&Effected::NotFound) {
                self.rescue(queue, message, now).await?;
            }
            queue.wake();
        }
        Ok(())
    }

    /// Keeps a message whose queue was removed a moment ago, so that its sender's "accepted" stays true.
    async fn rescue(&self, queue: &Queue, message: NewMessage, now: Timestamp) -> Result<()> {
        let dead = self.ensure(Purpose::Dead(queue.key.clone())).await?;
        let message = NewMessage { group: None, dedup: None, ..message };
        let effects = vec![Effect::Enqueue { queue: dead.id, message }];
        self.store().commit(Commit { guard: None, effects, now }).await?;
        Ok(())
    }
}
