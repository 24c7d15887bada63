//! Durable state as domain verbs: queues, leases, effects, schedules, documents, results.
//!
//! [`Store`] is the contract; [`sqlite`] keeps it in one file, [`memory`] is its model and the oracle of the
//! conformance suite. Nothing of the contract names SQL, transactions or connections, so that another backend can
//! stand behind it.

pub mod effect;
pub mod error;
pub mod failpoint;
pub mod faulty;
pub mod memory;
pub mod message;
pub mod schedule;
pub mod sqlite;
pub mod store;

pub use effect::{Commit, Effect, Effected, Fence, Finished, Guard, Meter, Released};
pub use error::{Error, Result};
pub use message::{Dedup, Enqueued, Leased, Message, NewMessage, QueueId, Receipt, Sequence};
pub use schedule::{FIRINGS_KEPT, Firing, Next, ScheduleRow, Turn};
pub use store::{
    Account, Browse, Bury, Group, Lease, LeasedBatch, Queue, Redrive, RedriveState, Stats, Store, Swept,
};
