//! The contract that every backend keeps, and that one conformance suite checks.

use async_trait::async_trait;
use lambent_core::{RequestId, Timestamp};

use crate::effect::{Commit, Effected, Meter};
use crate::error::Result;
use crate::message::{Leased, Message, QueueId, Sequence};
use crate::schedule::{Firing, ScheduleRow};

/// Durable state as domain verbs.
///
/// What a verb changed is on disk when it returns, with two exceptions: a lease may be forgotten when the power fails,
/// which gives its messages back early, and so may what was settled. Every verb has a bounded cost. Times come from the caller, so that tests can
/// make them.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync + 'static {
    /// Makes a queue, or replaces what is said about the one of this name. Returns its number, which stays.
    async fn put_queue(&self, name: &str, fifo: bool, spec: &str) -> Result<QueueId>;

    /// Removes a queue and everything in it. `false` when there was none.
    async fn remove_queue(&self, queue: QueueId) -> Result<bool>;

    /// All queues, by number.
    async fn queues(&self) -> Result<Vec<Queue>>;

    /// Makes changes durable, all of them together. Returns what became of each, in order.
    ///
    /// # Errors
    /// [`Full`](crate::Error::Full) when the commit stores messages and the disk has only its reserve left, unless it
    /// is guarded by a receipt: that ends work in progress.
    async fn commit(&self, commit: Commit) -> Result<Vec<Effected>>;

    /// Makes changes as [`commit`](Self::commit) does, but they may be forgotten when the power fails, as a lease may:
    /// messages that they ended are due again then. For the end of work that is done again without harm, because
    /// nobody was told of it.
    async fn settle(&self, commit: Commit) -> Result<Vec<Effected>> {
        self.commit(commit).await
    }

    /// Leases the messages of a queue that are due, oldest first; in a queue that keeps order, those of groups of
    /// which nothing is leased, in their order.
    async fn lease(&self, lease: Lease) -> Result<LeasedBatch>;

    /// Gives back every lease of a queue that the node took for itself ([`Lease::own`]), as if it was released as
    /// throttled: when it starts, nobody works on them any more. Returns how many.
    async fn reclaim(&self, queue: QueueId, now: Timestamp) -> Result<u64>;

    /// What a queue holds.
    async fn stats(&self, queue: QueueId, now: Timestamp) -> Result<Stats>;

    /// Messages of a queue, leased or not, in the order of their places. They stay as they are.
    async fn browse(&self, browse: Browse) -> Result<Vec<Message>>;

    /// How many messages of a queue failed in which way: fingerprints with an example, the most frequent first.
    async fn groups(&self, queue: QueueId, limit: u32) -> Result<Vec<Group>>;

    /// Replaces the body of a message that is not leased at `now`. `false` when there is none such.
    async fn edit(
        &self,
        queue: QueueId,
        sequence: Sequence,
        body: bytes::Bytes,
        now: Timestamp,
    ) -> Result<bool>;

    /// Removes a message that is not leased at `now`. `false` when there is none such. It counts as dropped.
    async fn discard(&self, queue: QueueId, sequence: Sequence, now: Timestamp) -> Result<bool>;

    /// Removes all messages of a queue, leased ones too. They count as dropped. Returns how many.
    async fn purge(&self, queue: QueueId) -> Result<u64>;

    /// Removes messages of a queue that were sent before `before`, the oldest first, at most `limit`.
    /// They count as dropped. Returns how many.
    async fn expire(&self, queue: QueueId, before: Timestamp, limit: u32) -> Result<u64>;

    /// Forgets deduplication keys, receive attempts and results whose time is over, at most `limit` of each.
    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<Swept>;

    /// Starts or updates a redrive; its `id` says which. A redrive outlives the node.
    async fn put_redrive(&self, redrive: Redrive) -> Result<()>;

    /// Moves at most `limit` messages of a redrive that is [`Running`](RedriveState::Running): those which are not
    /// leased, were in the queue when it started, and fit its fingerprint. Returns it as it is then:
    /// [`Completed`](RedriveState::Completed) when nothing is left. `None` when there is no such redrive.
    /// What is moved counts as sent at `now`.
    async fn step_redrive(&self, id: &str, limit: u32, now: Timestamp) -> Result<Option<Redrive>>;

    /// All redrives, the newest first, at most ten a queue.
    async fn redrives(&self) -> Result<Vec<Redrive>>;

    /// Makes a schedule, or changes the one of this id, if its version is still the given one (zero: there is none).
    /// `false` when it is not, and nothing is changed. What became of its times stays.
    async fn put_schedule(&self, schedule: ScheduleRow) -> Result<bool>;

    /// Removes a schedule and what became of its times. `false` when there was none.
    async fn remove_schedule(&self, id: &str) -> Result<bool>;

    /// All schedules, by id.
    async fn schedules(&self) -> Result<Vec<ScheduleRow>>;

    /// Schedules at work that are due by then, those that are due first before others, at most `limit`.
    async fn due_schedules(&self, by: Timestamp, limit: u32) -> Result<Vec<ScheduleRow>>;

    /// What became of the times of a schedule, the newest first, at most `limit`.
    async fn firings(&self, schedule: &str, limit: u32) -> Result<Vec<Firing>>;

    /// The documents of a kind, by key.
    async fn documents(&self, kind: &str) -> Result<Vec<(String, String)>>;

    /// The result of an asynchronous invocation, JSON text.
    async fn result(&self, id: RequestId) -> Result<Option<String>>;

    /// What every queue took in and gave out, by number.
    async fn accounts(&self) -> Result<Vec<Account>>;

    /// What runs of every function took, by name.
    async fn meters(&self) -> Result<Vec<Meter>>;
}

/// A queue as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its number.
    pub id: QueueId,
    /// Its name.
    pub name: String,
    /// Whether it keeps order.
    pub fifo: bool,
    /// What is said about it; the store does not look into it.
    pub spec: String,
}

/// What is to be leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// From where.
    pub queue: QueueId,
    /// At most so many.
    pub max: u32,
    /// At most so many bytes of bodies, but always one message.
    pub max_bytes: usize,
    /// The time now.
    pub now: Timestamp,
    /// Until when they are the caller's.
    pub until: Timestamp,
    /// What is done with a message that was leased too often.
    pub bury: Option<Bury>,
    /// A name for this try: the same name gives the same messages again, with the same receipts, as long as none of
    /// them was touched. For queues that keep order (SQS, `ReceiveRequestAttemptId`).
    pub attempt: Option<String>,
    /// Whether the node itself works on them: such leases end with the node, see [`Store::reclaim`].
    pub own: bool,
}

/// What is done with a message that was leased too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bury {
    /// It goes there,
    pub to: QueueId,
    /// instead of being leased once more than this.
    pub max_receives: u32,
}

/// What was leased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeasedBatch {
    /// The messages.
    pub messages: Vec<Leased>,
    /// How many went to the dead letters instead.
    pub buried: u32,
    /// When there is something to lease at the earliest, as things stand: now if there is more already. `None` when
    /// the queue is empty.
    pub next_due: Option<Timestamp>,
}

/// What a queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages that can be leased.
    pub ready: u64,
    /// Messages that are leased.
    pub leased: u64,
    /// Messages that nobody has leased and that cannot be leased yet.
    pub delayed: u64,
    /// When the oldest message was sent.
    pub oldest: Option<Timestamp>,
}

/// Which messages are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browse {
    /// Of which queue.
    pub queue: QueueId,
    /// Those behind this place.
    pub after: Option<Sequence>,
    /// Only this one.
    pub only: Option<Sequence>,
    /// Only those that failed in this way.
    pub fingerprint: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// Messages that failed in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What they have in common.
    pub fingerprint: String,
    /// How many there are.
    pub count: u64,
    /// One of them.
    pub example: lambent_core::Failure,
}

/// Messages on their way from the dead letters back to where they came from, or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// Its name.
    pub id: String,
    /// From where.
    pub from: QueueId,
    /// Where to; each to the queue that it died in without one. A message that has none stays, and one that is there
    /// already.
    pub to: Option<QueueId>,
    /// Only those that failed in this way.
    pub fingerprint: Option<String>,
    /// Messages a second, at most.
    pub rate: Option<u32>,
    /// When it was started; later dead letters stay.
    pub started: Timestamp,
    /// Messages behind this place stay: what was in the queue when it started.
    pub last: Sequence,
    /// How many were to be moved when it started.
    pub total: u64,
    /// How many were moved.
    pub moved: u64,
    /// What has become of it.
    pub state: RedriveState,
}

/// What has become of a redrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedriveState {
    /// It goes on.
    Running,
    /// It was told to stop, and has.
    Cancelled,
    /// Everything is moved.
    Completed,
    /// It cannot go on.
    Failed(String),
}

/// What a queue took in and gave out. `accepted = done + dead + dropped + pending`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The queue, a number.
    pub queue: i64,
    /// Messages that were stored in it or moved to it.
    pub accepted: u64,
    /// Messages that were worked on with success, or moved on by a redrive.
    pub done: u64,
    /// Messages that went to the dead letters, less those that came back from there.
    pub dead: u64,
    /// Messages that were removed: too old, purged, discarded.
    pub dropped: u64,
    /// Messages that are in it, counted.
    pub pending: u64,
}

impl Account {
    /// Whether everything that was accepted is accounted for.
    pub fn balances(&self) -> bool {
        self.accepted == self.done + self.dead + self.dropped + self.pending
    }
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Deduplication keys.
    pub dedups: u64,
    /// Receive attempts.
    pub attempts: u64,
    /// Results.
    pub results: u64,
}
