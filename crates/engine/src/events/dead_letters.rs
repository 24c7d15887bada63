//! Dead letters: where they are, looking at them, mending them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use lambent_core::{EventConfig, QueueName};
use lambent_store::{Browse, Group, Message, Sequence};

use super::catalog::{Purpose, Queue};
use super::{Error, Events, Result};

/// A place of dead letters: a queue of a user's, or the own one of a function, topic or bus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dead {
    /// A queue of a user's.
    Queue(QueueName),
    /// The dead letters of something that names no queue for them, as in `function:invoice`.
    Own(String),
}

impl Dead {
    /// Reads a queue's name, or `function:NAME` and the like. `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Some(Self::Own(text.to_owned())),
            Some(_) => None,
            None => QueueName::parse(text).ok().map(Self::Queue),
        }
    }
}

impl fmt::Display for Dead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(name) => write!(f, "{name}"),
            Self::Own(owner) => f.write_str(owner),
        }
    }
}

/// A place of dead letters with what is in it.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    /// Where they are.
    pub place: Dead,
    /// How many there are.
    pub count: u64,
    /// In which ways they failed, the most frequent first.
    pub groups: Vec<Group>,
}

impl Events {
    /// Every place of dead letters, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetters>> {
        const GROUPS: u32 = 20;
        let mut all = Vec::new();
        for place in self.dead_places() {
            let Ok(queue) = self.dead_queue(&place) else { continue };
            let stats = self.stats(&queue).await?;
            let groups = self.store().groups(queue.id, GROUPS).await?;
            all.push(DeadLetters { place, count: stats.ready + stats.leased + stats.delayed, groups });
        }
        Ok(all)
    }

    /// Dead letters of a place, the oldest first.
    ///
    /// # Errors
    /// When there is no such place.
    pub async fn browse_dead(
        &self,
        place: &Dead,
        fingerprint: Option<String>,
        after: Option<Sequence>,
        limit: u32,
    ) -> Result<Vec<Message>> {
        let queue = self.dead_queue(place)?.id;
        Ok(self.store().browse(Browse { queue, after, only: None, fingerprint, limit }).await?)
    }

    /// One dead letter.
    ///
    /// # Errors
    /// When there is no such place.
    pub async fn dead_letter(&self, place: &Dead, sequence: Sequence) -> Result<Option<Message>> {
        let queue = self.dead_queue(place)?.id;
        let browse = Browse { queue, after: None, only: Some(sequence), fingerprint: None, limit: 1 };
        Ok(self.store().browse(browse).await?.pop())
    }

    /// Replaces the body of a dead letter that nobody has leased. `false` when there is none such.
    ///
    /// # Errors
    /// When there is no such place, or the store could not do it.
    pub async fn edit_dead(&self, place: &Dead, sequence: Sequence, body: Bytes) -> Result<bool> {
        let queue = self.dead_queue(place)?.id;
        Ok(self.store().edit(queue, sequence, body, self.now()).await?)
    }

    /// Removes a dead letter that nobody has leased. `false` when there is none such.
    ///
    /// # Errors
    /// When there is no such place, or the store could not do it.
    pub async fn discard_dead(&self, place: &Dead, sequence: Sequence) -> Result<bool> {
        let queue = self.dead_queue(place)?.id;
        Ok(self.store().discard(queue, sequence, self.now()).await?)
    }

    /// The queue behind a place of dead letters.
    pub(super) fn dead_queue(&self, place: &Dead) -> Result<Arc<Queue>> {
        let missing = || Error::NoQueue(place.to_string());
        match place {
            Dead::Queue(name) => Ok(self.named(name.as_str())?.1),
            Dead::Own(owner) => self.queue_by_key(&format!("dead:{owner}")).ok_or_else(missing),
        }
    }

    /// The place of a queue's dead letters, by the number of the queue.
    pub fn place_of(&self, queue: lambent_store::QueueId) -> Option<Dead> {
        match self.queue_by_id(queue)?.purpose() {
            Purpose::Named(name, _) => Some(Dead::Queue(name)),
            Purpose::Dead(owner) => Some(Dead::Own(owner)),
            Purpose::Function(_) | Purpose::Address(_) => None,
        }
    }

    /// The queue of this number, as people know it: `orders`, `function:invoice`.
    pub fn name_of(&self, queue: lambent_store::QueueId) -> Option<String> {
        let queue = self.queue_by_id(queue)?;
        Some(queue.key.strip_prefix("queue:").unwrap_or(&queue.key).to_owned())
    }

    fn dead_places(&self) -> BTreeSet<Dead> {
        let mut places = BTreeSet::new();
        for queue in self.all_queues() {
            let name = match queue.purpose() {
                Purpose::Dead(owner) => Some(Dead::Own(owner)),
                Purpose::Named(_, spec) => spec.redrive.map(|to| Dead::Queue(to.queue)),
                Purpose::Address(address) => address.dead_letter.map(Dead::Queue),
                Purpose::Function(_) => None,
            };
            places.extend(name);
        }
        let of_config = |config: &EventConfig| config.dead_letter.clone().map(Dead::Queue);
        self.with_catalog(|catalog| {
            places.extend(catalog.configs_set.values().filter_map(of_config));
            places.extend(catalog.configs_declared.values().filter_map(of_config));
        });
        places
    }
}
