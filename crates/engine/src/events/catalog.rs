//! What there is, in memory: queues by name, with what is said about each. The store has the same on disk.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use lambent_core::{EventConfig, FunctionName, QueueName, QueueSpec, RetryPolicy, Timestamp};
use lambent_store::{QueueId, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{Error, Events, Result};

/// Everything that there is.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// By the name that the store knows them by.
    pub(super) queues: BTreeMap<String, Arc<Queue>>,
    /// Topics by name, with who has subscribed.
    pub(super) topics: super::topics::Topics,
    /// What clients have set about the events of functions.
    pub(super) configs_set: BTreeMap<FunctionName, EventConfig>,
    /// What the manifest says about the events of functions.
    pub(super) configs_declared: BTreeMap<FunctionName, EventConfig>,
    /// Groups of schedules by name.
    pub(super) groups: super::schedules::Groups,
    /// By name, with their rules.
    pub(super) buses: super::buses::Buses,
}

/// A queue: of a user's, of a function, of an address, of dead letters.
#[derive(Debug)]
pub struct Queue {
    /// Its number in the store.
    pub id: QueueId,
    /// Whether it keeps order.
    pub fifo: bool,
    /// The name that the store knows it by, as in `queue:orders` or `function:invoice`.
    pub key: String,
    definition: RwLock<Arc<Definition>>,
    /// Told whenever messages arrive.
    pub(super) arrivals: Notify,
    /// When it was purged last.
    pub(super) purged: RwLock<Option<Timestamp>>,
}

/// What is said about a queue, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Definition {
    pub(super) purpose: Purpose,
    pub(super) created: u64,
    pub(super) modified: u64,
}

/// What a queue is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A queue that users know.
    Named(QueueName, QueueSpec),
    /// The asynchronous invocations of a function.
    Function(FunctionName),
    /// What is on its way to an address.
    Address(Address),
    /// Dead letters of something that names no queue for them, as in `function:invoice` or `topic:order-placed`.
    Dead(String),
}

/// Where messages of a queue are sent by HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// What sends them, unique: as in `subscription:ID` or `function:invoice:success`.
    pub owner: String,
    /// The address, `http` or `https`.
    pub url: String,
    /// How delivery is retried.
    pub retry: RetryPolicy,
    /// Where messages go that could not be delivered; without one the owner has a queue of dead letters of its own.
    pub dead_letter: Option<QueueName>,
    /// The topic and subscription that the request's headers name, both as ARNs (SNS), and whether it is delivered raw.
    pub subscription: Option<(String, String, bool)>,
}

impl Purpose {
    /// The name that the store knows the queue by.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Named(name, _) => format!("queue:{name}"),
            Self::Function(name) => format!("function:{name}"),
            Self::Address(address) => format!("address:{}", address.owner),
            Self::Dead(owner) => format!("dead:{owner}"),
        }
    }

    fn is_fifo(&self) -> bool {
        matches!(self, Self::Named(name, _) if name.is_fifo())
    }
}

impl Queue {
    fn new(stored: &lambent_store::Queue, definition: Definition) -> Self {
        Self {
            id: stored.id,
            fifo: stored.fifo,
            key: stored.name.clone(),
            definition: RwLock::new(Arc::new(definition)),
            arrivals: Notify::new(),
            purged: RwLock::new(None),
        }
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        self.definition().purpose.clone()
    }

    /// Its name, where users know it.
    pub fn name(&self) -> Option<QueueName> {
        match &self.definition().purpose {
            Purpose::Named(name, _) => Some(name.clone()),
            _ => None,
        }
    }

    /// What its owner says about it; the defaults where it has no owner.
    pub fn spec(&self) -> QueueSpec {
        match &self.definition().purpose {
            Purpose::Named(_, spec) => spec.clone(),
            _ => QueueSpec::default(),
        }
    }

    /// When it was made, and when what is said about it was changed last.
    pub fn times(&self) -> (Timestamp, Timestamp) {
        let definition = self.definition();
        (Timestamp::from_millis(definition.created), Timestamp::from_millis(definition.modified))
    }

    /// Waits for the next arrival. It may be over early; who waits looks.
    pub(crate) async fn arrived(&self) {
        self.arrivals.notified().await;
    }

    /// Tells those who wait that something has arrived.
    pub fn wake(&self) {
        self.arrivals.notify_one();
    }

    pub(super) fn definition(&self) -> Arc<Definition> {
        Arc::clone(&self.definition.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, definition: Definition) {
        *self.definition.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(definition);
    }
}

impl Catalog {
    /// What the store holds.
    pub(super) async fn load(store: &dyn Store) -> Result<Self> {
        let mut catalog = Self { topics: super::topics::Topics::load(store).await?, ..Self::default() };
        for stored in store.queues().await? {
            let definition = serde_json::from_str(&stored.spec).map_err(|error| {
                Error::Invalid(format!("the store's queue `{}` cannot be read: {error}", stored.name))
            })?;
            let queue = Queue::new(&stored, definition);
            catalog.queues.insert(stored.name, Arc::new(queue));
        }
        catalog.groups = Events::load_schedule_groups(store).await?;
        catalog.configs_set = Events::load_event_configs(store).await?.into_iter().collect();
        Ok(catalog)
    }
}

impl Events {
    /// The queue that the store knows by `key`.
    pub(crate) fn queue_by_key(&self, key: &str) -> Option<Arc<Queue>> {
        self.with_catalog(|catalog| catalog.queues.get(key).cloned())
    }

    /// Tells those who wait at a queue that something has changed.
    pub(crate) fn wake(&self, key: &str) {
        if let Some(queue) = self.queue_by_key(key) {
            queue.wake();
        }
    }

    /// The queue with this number.
    pub(crate) fn queue_by_id(&self, id: QueueId) -> Option<Arc<Queue>> {
        self.with_catalog(|catalog| catalog.queues.values().find(|queue| queue.id == id).cloned())
    }

    /// Every queue, sorted by key.
    pub fn all_queues(&self) -> Vec<Arc<Queue>> {
        self.with_catalog(|catalog| catalog.queues.values().cloned().collect())
    }

    /// The queue for a purpose: made if there is none, changed if its owner says something else now.
    pub(crate) async fn ensure(&self, purpose: Purpose) -> Result<Arc<Queue>> {
        let key = purpose.key();
        let now = self.now().as_millis();
        let before = self.queue_by_key(&key);
        if let Some(queue) = &before
            && queue.definition().purpose == purpose
        {
            return Ok(Arc::clone(queue));
        }
        let room = self.with_catalog(|catalog| catalog.queues.len() < lambent_core::limits::QUEUES_MAX);
        if before.is_none() && !room {
            return Err(Error::too_many_queues());
        }
        let created = before.as_ref().map_or(now, |queue| queue.definition().created);
        let fifo = purpose.is_fifo();
        let definition = Definition { purpose, created, modified: now };
        let spec = serde_json::to_string(&definition).expect("plain data is written as JSON");
        let id = self.store().put_queue(&key, fifo, &spec).await?;
        if let Some(queue) = before {
            queue.replace(definition);
            return Ok(queue);
        }
        let stored = lambent_store::Queue { id, name: key.clone(), fifo, spec };
        let queue = Arc::new(Queue::new(&stored, definition));
        let queue = {
            let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
            // Another task may have made it in the meantime: there is one, with one waiting list.
            Arc::clone(catalog.queues.entry(key).or_insert(queue))
        };
        self.inner.added.send_replace(());
        Ok(queue)
    }

    /// Takes a queue out.
    pub(crate) async fn remove(&self, queue: &Queue) -> Result<()> {
        self.store().remove_queue(queue.id).await?;
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        catalog.queues.remove(&queue.key);
        // Who waits for messages finds out now that there will be none.
        queue.arrivals.notify_waiters();
        Ok(())
    }

    /// Told whenever a queue is made.
    pub(crate) fn added(&self) -> tokio::sync::watch::Receiver<()> {
        self.inner.added.subscribe()
    }

    pub(super) fn with_catalog<T>(&self, read: impl FnOnce(&Catalog) -> T) -> T {
        read(&self.inner.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }
}
