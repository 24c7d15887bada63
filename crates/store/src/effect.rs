//! Everything that the end of a piece of work changes, as values that one commit makes durable.

use lambent_core::{Attributes, Failure, RequestId, Timestamp};

use crate::message::{Enqueued, NewMessage, QueueId, Receipt};
use crate::schedule::{Firing, Turn};

/// Changes that become durable together, or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// Nothing is changed unless this holds.
    pub guard: Option<Guard>,
    /// The changes, in order. One that is stale or finds nothing does not keep the others from being made.
    pub effects: Vec<Effect>,
    /// The time now.
    pub now: Timestamp,
}

/// What a commit depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// This is still the receipt of its message.
    Receipt(Receipt),
    /// It is still this schedule's turn. It moves on with the commit.
    Schedule(Turn),
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A message is stored.
    Enqueue {
        /// Where.
        queue: QueueId,
        /// The message.
        message: NewMessage,
    },
    /// A message is done and goes.
    Ack {
        /// Which.
        receipt: Receipt,
        /// Which receipts are good enough.
        fence: Fence,
    },
    /// A leased message stays invisible until then.
    Extend {
        /// Which.
        receipt: Receipt,
        /// Until when.
        until: Timestamp,
    },
    /// A leased message is given back.
    Release {
        /// Which.
        receipt: Receipt,
        /// When it can be leased again.
        at: Timestamp,
        /// Why.
        why: Released,
    },
    /// A leased message goes to the dead letters, body untouched.
    Bury {
        /// Which.
        receipt: Receipt,
        /// Where to.
        to: QueueId,
        /// Why.
        failure: Failure,
        /// Attributes that are added to the message's own.
        attributes: Attributes,
    },
    /// The result of an asynchronous invocation, which replaces what was known of it.
    Finish(Finished),
    /// What runs of a function took is added to its account.
    Meter(Meter),
    /// A document is replaced, or removed when it has no text.
    Put {
        /// What it is.
        kind: &'static str,
        /// Which one.
        key: String,
        /// Its text.
        text: Option<String>,
    },
    /// What became of a time of a schedule is noted. Only the newest ones are kept.
    Fired {
        /// The schedule.
        schedule: String,
        /// What became of it.
        firing: Firing,
    },
}

/// Which receipts of a message are good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// The one of its latest lease, as long as that has not run out or nobody leased it since.
    Current,
    /// The one of its latest lease, before that has run out (SQS FIFO queues; semantics.md 10.1).
    Held,
    /// Any that it ever had (SQS standard queues; semantics.md 10.1).
    Any,
}

/// Why a message is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// It failed; the lease counts.
    Failed(Option<Failure>),
    /// Nobody tried; the lease does not count.
    Throttled,
}

/// The result of an asynchronous invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Which.
    pub id: RequestId,
    /// JSON text, the store does not look into it.
    pub text: String,
    /// Until when it is kept.
    pub until: Timestamp,
}

/// What runs of a function took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// The function.
    pub function: String,
    /// How often it ran.
    pub runs: u64,
    /// How many of these failed.
    pub failed: u64,
    /// What it took altogether, in ms as they are billed.
    pub billed_ms: u64,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effected {
    /// It is made.
    Done,
    /// The receipt is no longer that of its message: nothing is changed.
    Stale,
    /// There is no such message, queue or schedule: nothing is changed.
    NotFound,
    /// The commit's guard was not met: nothing is changed.
    Guarded,
    /// What became of the message.
    Enqueued(Enqueued),
}
