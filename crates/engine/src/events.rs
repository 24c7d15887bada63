//! Events: everything that is stored first and worked on later. Queues, topics, buses, asynchronous invocations, dead
//! letters,
//! schedules.
//!
//! There is one way: whatever must not be lost becomes a message in a queue of the store, in the same commit as what
//! it follows from. A function's asynchronous invocations are a queue, what goes to an address is a queue, dead letters
//! are a queue. Topics and buses hold nothing: publishing is finding the queues and one commit.

mod buses;
mod catalog;
mod dead_letters;
pub(crate) mod destinations;
mod error;
mod fanout;
mod handle;
mod invocations;
mod leases;
mod ledger;
mod messages;
pub(crate) mod outbox;
mod queues;
mod redrive;
mod schedules;
mod topics;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use lambent_core::{Clock, NodeIdentity, Timestamp};
use lambent_store::Store;

pub use buses::{Bus, Detail, NewEvent, RuleSpec};
pub use catalog::{Purpose, Queue};
pub use dead_letters::{Dead, DeadLetters};
pub use error::Error;
pub use fanout::{Fanout, Parcel};
pub use handle::Handle;
pub use invocations::{Accepted, Incoming, Key};
pub use lambent_store::{Error as StoreError, Firing, Next, RedriveState};
pub use leases::{Disposition, Leased, Message, Meter, QueueId, Receipt, Take};
pub use ledger::{Entry, Ledger};
pub use messages::{Batch, Outgoing, Receive, Sent};
pub use redrive::{RedrivePlan, RedriveRequest};
pub use schedules::Scheduled;
pub use topics::{Bodies, Publication, Published, Topic};

use catalog::Catalog;
pub(crate) use schedules::run as run_schedules;

/// A result of the events'.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that is stored first and worked on later. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    identity: NodeIdentity,
    /// Where the AWS-compatible API is reached, as in `http://127.0.0.1:4566`.
    endpoint: String,
    catalog: RwLock<Catalog>,
    /// Held while definitions are changed, so that what is checked is still true when it is stored.
    changing: tokio::sync::Mutex<()>,
    /// Told whenever a queue is made.
    added: tokio::sync::watch::Sender<()>,
    /// Told whenever a redrive is started.
    redriving: tokio::sync::Notify,
    /// Told whenever a schedule is made or changed.
    scheduling: tokio::sync::Notify,
}

impl Events {
    /// Opens what the store holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        identity: NodeIdentity,
        endpoint: String,
    ) -> Result<Self> {
        let mut catalog = Catalog::load(&*store).await?;
        // What the node itself was working on when it ended, nobody works on any more.
        for queue in catalog.queues.values() {
            store.reclaim(queue.id, clock.now()).await?;
        }
        catalog.buses = Self::load_buses(&*store, &identity).await?;
        let catalog = RwLock::new(catalog);
        let inner = Inner {
            store,
            clock,
            identity,
            endpoint,
            catalog,
            changing: tokio::sync::Mutex::default(),
            added: tokio::sync::watch::Sender::new(()),
            redriving: tokio::sync::Notify::new(),
            scheduling: tokio::sync::Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Region and account.
    pub fn node(&self) -> &NodeIdentity {
        &self.inner.identity
    }

    /// Where the AWS-compatible API is reached.
    pub fn endpoint(&self) -> &str {
        &self.inner.endpoint
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Tells whoever runs the node what does not work, at most once a second for all of it together.
    pub(crate) fn complain(what: &str, error: &dyn std::fmt::Display) {
        static LAST: Mutex<Option<Instant>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= Duration::from_secs(1)) {
            *last = Some(Instant::now());
            eprintln!("lambent: {what}: {error}");
        }
    }

    /// The store behind it.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.inner.store
    }
}
