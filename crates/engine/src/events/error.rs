//! What can go wrong with events.

use std::time::Duration;

use lambent_core::limits;

/// What can go wrong with events. Nothing was accepted, and nothing is lost.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no queue of this name.
    #[error("there is no queue called `{0}`")]
    NoQueue(String),
    /// There is one already, and it is another.
    #[error("there is a queue called `{name}` already, with another value for {attribute}")]
    QueueExists {
        /// The queue.
        name: String,
        /// What differs, as the manifest names it.
        attribute: &'static str,
    },
    /// The queue was purged a moment ago.
    #[error("the queue `{name}` was purged less than {} s ago", .wait.as_secs())]
    PurgedRecently {
        /// The queue.
        name: String,
        /// How long to wait between two purges.
        wait: Duration,
    },
    /// The queue of the dead letters is not fit for it.
    #[error("`{name}` cannot send its dead letters to `{to}`: {reason}")]
    DeadLetters {
        /// The queue.
        name: String,
        /// The queue of the dead letters.
        to: String,
        /// Why not.
        reason: String,
    },
    /// The message is too large for its queue.
    #[error("the message has {size} bytes with its attributes, and the queue takes {max}")]
    TooLarge {
        /// What it has.
        size: usize,
        /// What is allowed.
        max: usize,
    },
    /// A message of a queue that keeps order lacks its group.
    #[error("`{0}` keeps order: every message needs a group")]
    NoGroup(String),
    /// A message of a queue that keeps order lacks its deduplication id.
    #[error("`{0}` needs a deduplication id with every message, or content-deduplication")]
    NoDedup(String),
    /// What only a queue that keeps order has.
    #[error("{what} is only for queues that keep order, whose names end in .fifo")]
    FifoOnly {
        /// As the client names it.
        what: &'static str,
    },
    /// What a queue that keeps order does not have.
    #[error("{what} is not for queues that keep order")]
    StandardOnly {
        /// As the client names it.
        what: &'static str,
    },
    /// A receipt handle that this node never gave out.
    #[error("`{0}` is no receipt handle of this queue")]
    BadHandle(String),
    /// A receipt handle whose time is over.
    #[error("the receipt handle has expired")]
    Expired,
    /// A message that nobody is working on.
    #[error("the message is not in flight")]
    NotInFlight,
    /// There is no topic of this name.
    #[error("there is no topic called `{0}`")]
    NoTopic(String),
    /// There is no such subscription.
    #[error("there is no subscription `{0}`")]
    NoSubscription(String),
    /// There is no bus of this name.
    #[error("there is no bus called `{0}`")]
    NoBus(String),
    /// There is one already.
    #[error("there is a bus called `{0}` already")]
    BusExists(String),
    /// There is no such rule.
    #[error("there is no rule called `{rule}` on the bus `{bus}`")]
    NoRule {
        /// The bus.
        bus: String,
        /// The rule.
        rule: String,
    },
    /// There is no such function.
    #[error("there is no function called `{0}`")]
    NoFunction(String),
    /// There is no such redrive, or it is over.
    #[error("there is no redrive `{0}` under way")]
    NoRedrive(String),
    /// A redrive of the queue is under way.
    #[error("a redrive of `{0}` is under way already")]
    RedriveRunning(String),
    /// There is no such schedule.
    #[error("there is no schedule called `{0}`")]
    NoSchedule(String),
    /// There is no such group of schedules.
    #[error("there is no group of schedules called `{0}`")]
    NoGroupOfSchedules(String),
    /// An idempotency key was used with another event.
    #[error("the idempotency key `{0}` was used with another event")]
    KeyReused(String),
    /// A value is wrong.
    #[error("{0}")]
    Invalid(String),
    /// There are too many of something.
    #[error("there are {max} {what} already, which is the limit")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] lambent_store::Error),
}

impl Error {
    /// There are too many queues.
    pub(crate) fn too_many_queues() -> Self {
        Self::TooMany { what: "queues", max: limits::QUEUES_MAX }
    }
}
