//! Messages as they go into the store and come out of it.

use bytes::Bytes;
use lambent_core::{Failure, Meta, RequestId, Timestamp};

/// A queue of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(pub i64);

/// The place of a message in the order of all that the store ever took: ascending, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(pub i64);

/// The right to settle a message: given out with each lease, void with the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The message.
    pub message: Sequence,
    /// New at every lease, also across restarts and losses of power; messages that are leased together may share it.
    pub token: i64,
}

/// A message that is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id, for clients. The same for all copies that a retry of the sender's may make.
    pub id: RequestId,
    /// The message.
    pub body: Bytes,
    /// What goes along.
    pub meta: Meta,
    /// When it was sent.
    pub sent: Timestamp,
    /// When it can be received first.
    pub visible: Timestamp,
    /// Its group, in a queue that keeps order; every message of such a queue has one.
    pub group: Option<String>,
    /// What tells it from others that are the same message again.
    pub dedup: Option<Dedup>,
}

/// What tells a message from others that are the same message again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dedup {
    /// The key; of two messages with one key in a queue, the second is not stored.
    pub key: String,
    /// Until when the key counts.
    pub until: Timestamp,
    /// A digest of the message: the same key with another digest is a mistake. `None` when that does not matter.
    pub digest: Option<u64>,
}

/// What became of a message that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It is stored.
    Accepted(Sequence),
    /// It was stored before.
    Duplicate {
        /// The id of the first.
        id: RequestId,
        /// The place of the first.
        sequence: Sequence,
    },
    /// Another message has its key.
    Mismatch,
}

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place.
    pub sequence: Sequence,
    /// Its id.
    pub id: RequestId,
    /// The message.
    pub body: Bytes,
    /// What goes along.
    pub meta: Meta,
    /// Its group, in a queue that keeps order.
    pub group: Option<String>,
    /// How often it was leased since it came into this queue, not counting leases that were released as throttled.
    pub receives: u32,
    /// How often in a row it was released as throttled.
    pub throttles: u32,
    /// When it was sent.
    pub sent: Timestamp,
    /// When it was leased first in this queue.
    pub first_received: Option<Timestamp>,
    /// Until when it cannot be leased.
    pub visible: Timestamp,
    /// The queue that it died in, where this is a queue of dead letters.
    pub origin: Option<QueueId>,
    /// Why it failed the last time.
    pub failure: Option<Failure>,
}

/// A message that was leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// The message, as it is after the lease.
    pub message: Message,
    /// The right to settle it.
    pub receipt: Receipt,
}
