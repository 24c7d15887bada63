//! Stores with one flaw each. A suite that does not find them proves nothing.

use async_trait::async_trait;
use bytes::Bytes;
use lambent_core::{RequestId, Timestamp};
use lambent_store::{
    Account, Browse, Commit, Effect, Effected, Enqueued, Fence, Firing, Group, Lease, LeasedBatch, Message,
    Meter, Queue, QueueId, Redrive, Released, Result, ScheduleRow, Sequence, Stats, Store, Swept,
};

use crate::rig::{Backend, Rig, run};
use crate::{cases, histories, model};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Settling with a receipt of an earlier lease works.
    TakesStaleReceipts,
    /// Deduplication keys are not kept.
    ForgetsDedup,
    /// A group goes on while a message of it is leased.
    IgnoresGroupBlock,
    /// A throttled release counts as a receive.
    CountsThrottled,
    /// A commit is made though its guard is not met.
    IgnoresGuard,
    /// A leased message can be leased by another at once.
    LeasesTwice,
    /// A dead letter is gone instead of moved.
    LosesDeadLetters,
    /// What was accepted is not stored, now and then.
    LosesMessages,
}

pub(crate) const FLAWS: [Flaw; 8] = [
    Flaw::TakesStaleReceipts,
    Flaw::ForgetsDedup,
    Flaw::IgnoresGroupBlock,
    Flaw::CountsThrottled,
    Flaw::IgnoresGuard,
    Flaw::LeasesTwice,
    Flaw::LosesDeadLetters,
    Flaw::LosesMessages,
];

#[test]
fn the_cases_find_every_flaw() {
    for flaw in FLAWS {
        let fails = |case: &cases::Case| {
            let mut rig = Rig::new(Backend::Broken(flaw));
            let run = std::panic::AssertUnwindSafe(|| run(case(&mut rig)));
            std::panic::catch_unwind(run).is_err()
        };
        let found: Vec<&str> =
            cases::ALL.iter().filter(|(_, case)| fails(case)).map(|(name, _)| *name).collect();
        assert!(!found.is_empty(), "no case finds that a store {flaw:?}");
    }
}

#[test]
fn the_model_finds_every_flaw() {
    for flaw in FLAWS {
        assert!(model::differs(Backend::Broken(flaw)), "the model does not find that a store {flaw:?}");
    }
}

#[test]
fn histories_show_every_flaw_that_breaks_an_invariant() {
    // That throttled leases do not count is a rule of the contract, and nothing that a history could show.
    for flaw in FLAWS.into_iter().filter(|flaw| *flaw != Flaw::CountsThrottled) {
        let shown = (0..40).any(|seed| histories::check(Backend::Broken(flaw), seed).is_err());
        assert!(shown, "no history shows that a store {flaw:?}");
    }
}

/// A store with a flaw in front of it.
#[derive(Debug)]
pub(crate) struct Broken<S> {
    inner: S,
    flaw: Flaw,
}

impl<S: Store> Broken<S> {
    pub(crate) fn new(inner: S, flaw: Flaw) -> Self {
        Self { inner, flaw }
    }

    fn distort(&self, effect: Effect) -> Effect {
        match (self.flaw, effect) {
            (Flaw::TakesStaleReceipts, Effect::Ack { receipt, .. }) => {
                Effect::Ack { receipt, fence: Fence::Any }
            }
            (Flaw::ForgetsDedup, Effect::Enqueue { queue, mut message }) => {
                message.dedup = None;
                Effect::Enqueue { queue, message }
            }
            (Flaw::CountsThrottled, Effect::Release { receipt, at, why: Released::Throttled }) => {
                Effect::Release { receipt, at, why: Released::Failed(None) }
            }
            (Flaw::LosesDeadLetters, Effect::Bury { receipt, .. }) => {
                Effect::Ack { receipt, fence: Fence::Current }
            }
            (_, effect) => effect,
        }
    }

    /// Removes a message that was just accepted.
    async fn lose(&self, made: &[Effected], commit: &Commit) -> Result<()> {
        for (effected, effect) in made.iter().zip(&commit.effects) {
            if let (Effected::Enqueued(Enqueued::Accepted(sequence)), Effect::Enqueue { queue, .. }) =
                (effected, effect)
                && sequence.0 % 3 == 0
            {
                self.inner.discard(*queue, *sequence, commit.now).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl<S: Store> Store for Broken<S> {
    async fn put_queue(&self, name: &str, fifo: bool, spec: &str) -> Result<QueueId> {
        self.inner.put_queue(name, fifo && self.flaw != Flaw::IgnoresGroupBlock, spec).await
    }

    async fn remove_queue(&self, queue: QueueId) -> Result<bool> {
        self.inner.remove_queue(queue).await
    }

    async fn queues(&self) -> Result<Vec<Queue>> {
        self.inner.queues().await
    }

    async fn commit(&self, mut commit: Commit) -> Result<Vec<Effected>> {
        if self.flaw == Flaw::IgnoresGuard {
            commit.guard = None;
        }
        commit.effects = commit.effects.into_iter().map(|effect| self.distort(effect)).collect();
        let made = self.inner.commit(commit.clone()).await?;
        if self.flaw == Flaw::LosesMessages {
            self.lose(&made, &commit).await?;
        }
        Ok(made)
    }

    async fn lease(&self, mut lease: Lease) -> Result<LeasedBatch> {
        if self.flaw == Flaw::LeasesTwice {
            lease.until = lease.now;
        }
        self.inner.lease(lease).await
    }

    async fn reclaim(&self, queue: QueueId, now: Timestamp) -> Result<u64> {
        self.inner.reclaim(queue, now).await
    }

    async fn stats(&self, queue: QueueId, now: Timestamp) -> Result<Stats> {
        self.inner.stats(queue, now).await
    }

    async fn browse(&self, browse: Browse) -> Result<Vec<Message>> {
        self.inner.browse(browse).await
    }

    async fn groups(&self, queue: QueueId, limit: u32) -> Result<Vec<Group>> {
        self.inner.groups(queue, limit).await
    }

    async fn edit(&self, queue: QueueId, sequence: Sequence, body: Bytes, now: Timestamp) -> Result<bool> {
        self.inner.edit(queue, sequence, body, now).await
    }

    async fn discard(&self, queue: QueueId, sequence: Sequence, now: Timestamp) -> Result<bool> {
        self.inner.discard(queue, sequence, now).await
    }

    async fn purge(&self, queue: QueueId) -> Result<u64> {
        self.inner.purge(queue).await
    }

    async fn expire(&self, queue: QueueId, before: Timestamp, limit: u32) -> Result<u64> {
        self.inner.expire(queue, before, limit).await
    }

    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<Swept> {
        self.inner.sweep(now, limit).await
    }

    async fn put_redrive(&self, redrive: Redrive) -> Result<()> {
        self.inner.put_redrive(redrive).await
    }

    async fn step_redrive(&self, id: &str, limit: u32, now: Timestamp) -> Result<Option<Redrive>> {
        self.inner.step_redrive(id, limit, now).await
    }

    async fn redrives(&self) -> Result<Vec<Redrive>> {
        self.inner.redrives().await
    }

    async fn put_schedule(&self, schedule: ScheduleRow) -> Result<bool> {
        self.inner.put_schedule(schedule).await
    }

    async fn remove_schedule(&self, id: &str) -> Result<bool> {
        self.inner.remove_schedule(id).await
    }

    async fn schedules(&self) -> Result<Vec<ScheduleRow>> {
        self.inner.schedules().await
    }

    async fn due_schedules(&self, by: Timestamp, limit: u32) -> Result<Vec<ScheduleRow>> {
        self.inner.due_schedules(by, limit).await
    }

    async fn firings(&self, schedule: &str, limit: u32) -> Result<Vec<Firing>> {
        self.inner.firings(schedule, limit).await
    }

    async fn documents(&self, kind: &str) -> Result<Vec<(String, String)>> {
        self.inner.documents(kind).await
    }

    async fn result(&self, id: RequestId) -> Result<Option<String>> {
        self.inner.result(id).await
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        self.inner.accounts().await
    }

    async fn meters(&self) -> Result<Vec<Meter>> {
        self.inner.meters().await
    }
}
