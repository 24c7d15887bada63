//! What is written down of a history.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use lambent_core::{RequestId, Timestamp};
use lambent_store::{Account, Dedup, Enqueued, Message, Meter, QueueId, Receipt, Sequence, Store};

use crate::rig::{Rig, START, everything};

/// Most receives of a message before it goes to the dead letters.
pub(super) const MAX_RECEIVES: u32 = 3;

/// The queues of a history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) work: QueueId,
    pub(super) orders: QueueId,
    pub(super) dead: QueueId,
    pub(super) dead_orders: QueueId,
    /// Where results go.
    pub(super) results: QueueId,
}

impl Place {
    pub(super) async fn new(rig: &Rig) -> Self {
        Self {
            work: rig.queue("work").await,
            orders: rig.fifo("orders").await,
            dead: rig.queue("dead").await,
            dead_orders: rig.fifo("dead-orders").await,
            results: rig.queue("results").await,
        }
    }

    pub(super) fn all(self) -> [QueueId; 5] {
        [self.work, self.orders, self.dead, self.dead_orders, self.results]
    }

    pub(super) fn dead_of(self, queue: QueueId) -> QueueId {
        if queue == self.orders { self.dead_orders } else { self.dead }
    }
}

/// A call, from its begin to its end, both as places in the order of all begins and ends.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) now: Timestamp,
    pub(super) what: What,
}

/// What was asked for, and what came back. An outcome of `None` is not known: it may have been done or not.
#[derive(Clone, Debug)]
pub(super) enum What {
    Enqueue {
        id: RequestId,
        group: Option<String>,
        dedup: Option<Dedup>,
        outcome: Option<Enqueued>,
    },
    Lease {
        until: Timestamp,
        batch: Vec<Taken>,
    },
    /// A lease whose batch never arrived.
    LostLease,
    Settle {
        receipt: Receipt,
        how: Settle,
        outcome: Option<bool>,
    },
    /// An ack with its result in one commit, behind a guard.
    Conclude {
        receipt: Receipt,
        result: RequestId,
        outcome: Option<bool>,
    },
    /// A commit of which one effect was made and another was not.
    Torn(String),
    Discard {
        message: Sequence,
        outcome: Option<bool>,
    },
    Meter {
        outcome: Option<()>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settle {
    Ack,
    Release,
    Bury,
    Extend(Timestamp),
}

/// A message as it was leased.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) id: RequestId,
    pub(super) receipt: Receipt,
    pub(super) receives: u32,
}

/// The record, and the clock that all tasks go by.
#[derive(Debug)]
pub(super) struct Record {
    calls: Mutex<Vec<Call>>,
    order: AtomicU64,
    clock: AtomicU64,
    ids: AtomicU64,
}

impl Record {
    pub(super) fn new() -> Self {
        let clock = AtomicU64::new(START.as_millis());
        Self { calls: Mutex::default(), order: AtomicU64::new(0), clock, ids: AtomicU64::new(1) }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.load(Ordering::SeqCst))
    }

    pub(super) fn pass(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    pub(super) fn id(&self) -> RequestId {
        RequestId::from_random(u128::from(self.ids.fetch_add(1, Ordering::SeqCst)))
    }

    pub(super) fn begin(&self) -> u64 {
        self.order.fetch_add(1, Ordering::SeqCst)
    }

    /// Writes a call down that has just ended.
    pub(super) fn end(&self, begin: u64, now: Timestamp, what: What) {
        let end = self.begin();
        self.calls.lock().unwrap().push(Call { begin, end, now, what });
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

/// What is there in the end.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) messages: BTreeMap<QueueId, Vec<Message>>,
    pub(super) accounts: Vec<Account>,
    pub(super) meters: Vec<Meter>,
}

impl Ending {
    pub(super) async fn look(store: &dyn Store, place: Place) -> Self {
        let mut messages = BTreeMap::new();
        for queue in place.all() {
            messages.insert(queue, store.browse(everything(queue)).await.unwrap());
        }
        Self { messages, accounts: store.accounts().await.unwrap(), meters: store.meters().await.unwrap() }
    }
}
