//! Any store, with the failures that a network or a crash adds: what must hold with this one holds.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lambent_core::{RequestId, Timestamp};

use crate::effect::{Commit, Effect, Effected, Guard, Meter};
use crate::error::{Error, Result};
use crate::message::{Message, QueueId, Sequence};
use crate::schedule::{Firing, ScheduleRow};
use crate::store::{Account, Browse, Group, Lease, LeasedBatch, Queue, Redrive, Stats, Store, Swept};

/// How often something goes wrong, each in percent of the calls; the rest pass as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The same seed gives the same failures to the same calls in the same order.
    pub seed: u64,
    /// The call is not made, and fails as [`Error::Stopped`].
    pub request_lost: u8,
    /// The call is made, and fails as [`Error::Stopped`].
    pub reply_lost: u8,
    /// The call is made late.
    pub delayed: u8,
    /// The call is made twice, where that changes nothing more than once would.
    pub repeated: u8,
}

/// How often something went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Calls that were not made.
    pub requests_lost: u64,
    /// Calls that were made in vain, as it seemed.
    pub replies_lost: u64,
    /// Calls that were made late.
    pub delayed: u64,
    /// Calls that were made twice.
    pub repeated: u64,
}

/// A store that fails as its plan says.
#[derive(Debug)]
pub struct FaultyStore<S: ?Sized> {
    inner: Arc<S>,
    plan: Plan,
    dice: Mutex<(fastrand::Rng, Faults)>,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    RequestLost,
    ReplyLost,
    Delayed(Duration),
    Repeated,
    Passed,
}

/// Whether a call may be made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    Safe,
    Unsafe,
}

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl<S: ?Sized> FaultyStore<S> {
    /// Puts failures in front of a store.
    pub fn new(inner: Arc<S>, plan: Plan) -> Self {
        let dice = Mutex::new((fastrand::Rng::with_seed(plan.seed), Faults::default()));
        Self { inner, plan, dice }
    }

    /// What went wrong so far.
    pub fn faults(&self) -> Faults {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn fate(&self, repeat: Repeat) -> Fate {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let (rng, faults) = &mut *dice;
        let mut roll = rng.u8(..100);
        // Drawn for every call, so that what one call suffers does not depend on what another was.
        let wait = Duration::from_micros(rng.u64(..2000));
        let mut hit = |share: u8| {
            let hit = roll < share;
            roll = roll.saturating_sub(share);
            hit
        };
        if hit(self.plan.request_lost) {
            faults.requests_lost += 1;
            Fate::RequestLost
        } else if hit(self.plan.reply_lost) {
            faults.replies_lost += 1;
            Fate::ReplyLost
        } else if hit(self.plan.delayed) {
            faults.delayed += 1;
            Fate::Delayed(wait)
        } else if hit(self.plan.repeated) && repeat == Repeat::Safe {
            faults.repeated += 1;
            Fate::Repeated
        } else {
            Fate::Passed
        }
    }

    async fn suffer<'a, T>(
        &'a self,
        repeat: Repeat,
        call: impl Fn(&'a S) -> Call<'a, T> + Send + Sync,
    ) -> Result<T> {
        match self.fate(repeat) {
            Fate::RequestLost => Err(Error::Stopped),
            Fate::ReplyLost => call(&self.inner).await.and(Err(Error::Stopped)),
            Fate::Delayed(wait) => {
                tokio::time::sleep(wait).await;
                call(&self.inner).await
            }
            Fate::Repeated => {
                let first = call(&self.inner).await;
                call(&self.inner).await.and(first)
            }
            Fate::Passed => call(&self.inner).await,
        }
    }
}

/// A commit may be made twice when each of its changes finds itself made the second time.
fn repeat(commit: &Commit) -> Repeat {
    let safe = |effect: &Effect| match effect {
        Effect::Enqueue { message, .. } => message.dedup.as_ref().is_some_and(|d| d.until > commit.now),
        Effect::Meter(_) | Effect::Fired { .. } => false,
        _ => true,
    };
    let turn = matches!(commit.guard, Some(Guard::Schedule(_)));
    if !turn && commit.effects.iter().all(safe) { Repeat::Safe } else { Repeat::Unsafe }
}

#[async_trait]
impl<S: Store + ?Sized> Store for FaultyStore<S> {
    async fn put_queue(&self, name: &str, fifo: bool, spec: &str) -> Result<QueueId> {
        self.suffer(Repeat::Safe, |s| s.put_queue(name, fifo, spec)).await
    }

    async fn remove_queue(&self, queue: QueueId) -> Result<bool> {
        self.suffer(Repeat::Safe, |s| s.remove_queue(queue)).await
    }

    async fn queues(&self) -> Result<Vec<Queue>> {
        self.suffer(Repeat::Safe, |s| s.queues()).await
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<Effected>> {
        self.suffer(repeat(&commit), |s| s.commit(commit.clone())).await
    }

    async fn lease(&self, lease: Lease) -> Result<LeasedBatch> {
        self.suffer(Repeat::Unsafe, |s| s.lease(lease.clone())).await
    }

    async fn reclaim(&self, queue: QueueId, now: Timestamp) -> Result<u64> {
        self.suffer(Repeat::Unsafe, |s| s.reclaim(queue, now)).await
    }

    async fn stats(&self, queue: QueueId, now: Timestamp) -> Result<Stats> {
        self.suffer(Repeat::Safe, |s| s.stats(queue, now)).await
    }

    async fn browse(&self, browse: Browse) -> Result<Vec<Message>> {
        self.suffer(Repeat::Safe, |s| s.browse(browse.clone())).await
    }

    async fn groups(&self, queue: QueueId, limit: u32) -> Result<Vec<Group>> {
        self.suffer(Repeat::Safe, |s| s.groups(queue, limit)).await
    }

    async fn edit(&self, queue: QueueId, sequence: Sequence, body: Bytes, now: Timestamp) -> Result<bool> {
        // The second could find what the first did not, and nobody would hear of it.
        self.suffer(Repeat::Unsafe, |s| s.edit(queue, sequence, body.clone(), now)).await
    }

    async fn discard(&self, queue: QueueId, sequence: Sequence, now: Timestamp) -> Result<bool> {
        self.suffer(Repeat::Unsafe, |s| s.discard(queue, sequence, now)).await
    }

    async fn purge(&self, queue: QueueId) -> Result<u64> {
        self.suffer(Repeat::Unsafe, |s| s.purge(queue)).await
    }

    async fn expire(&self, queue: QueueId, before: Timestamp, limit: u32) -> Result<u64> {
        self.suffer(Repeat::Unsafe, |s| s.expire(queue, before, limit)).await
    }

    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<Swept> {
        self.suffer(Repeat::Unsafe, |s| s.sweep(now, limit)).await
    }

    async fn put_redrive(&self, redrive: Redrive) -> Result<()> {
        self.suffer(Repeat::Safe, |s| s.put_redrive(redrive.clone())).await
    }

    async fn step_redrive(&self, id: &str, limit: u32, now: Timestamp) -> Result<Option<Redrive>> {
        self.suffer(Repeat::Unsafe, |s| s.step_redrive(id, limit, now)).await
    }

    async fn redrives(&self) -> Result<Vec<Redrive>> {
        self.suffer(Repeat::Safe, |s| s.redrives()).await
    }

    async fn put_schedule(&self, schedule: ScheduleRow) -> Result<bool> {
        // The second would find the version that the first made.
        self.suffer(Repeat::Unsafe, |s| s.put_schedule(schedule.clone())).await
    }

    async fn remove_schedule(&self, id: &str) -> Result<bool> {
        self.suffer(Repeat::Unsafe, |s| s.remove_schedule(id)).await
    }

    async fn schedules(&self) -> Result<Vec<ScheduleRow>> {
        self.suffer(Repeat::Safe, |s| s.schedules()).await
    }

    async fn due_schedules(&self, by: Timestamp, limit: u32) -> Result<Vec<ScheduleRow>> {
        self.suffer(Repeat::Safe, |s| s.due_schedules(by, limit)).await
    }

    async fn firings(&self, schedule: &str, limit: u32) -> Result<Vec<Firing>> {
        self.suffer(Repeat::Safe, |s| s.firings(schedule, limit)).await
    }

    async fn documents(&self, kind: &str) -> Result<Vec<(String, String)>> {
        self.suffer(Repeat::Safe, |s| s.documents(kind)).await
    }

    async fn result(&self, id: RequestId) -> Result<Option<String>> {
        self.suffer(Repeat::Safe, |s| s.result(id)).await
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        self.suffer(Repeat::Safe, |s| s.accounts()).await
    }

    async fn meters(&self) -> Result<Vec<Meter>> {
        self.suffer(Repeat::Safe, |s| s.meters()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    #[tokio::test]
    async fn a_lost_request_is_not_done_and_a_lost_reply_is() {
        let lost =
            FaultyStore::new(Arc::new(MemoryStore::new()), Plan { request_lost: 100, ..Plan::default() });
        assert!(matches!(lost.put_queue("a", false, "").await, Err(Error::Stopped)));
        assert_eq!(lost.inner.queues().await.unwrap(), []);

        let done =
            FaultyStore::new(Arc::new(MemoryStore::new()), Plan { reply_lost: 100, ..Plan::default() });
        assert!(matches!(done.put_queue("a", false, "").await, Err(Error::Stopped)));
        assert_eq!(done.inner.queues().await.unwrap().len(), 1);
        assert_eq!(done.faults().replies_lost, 1);
    }

    #[tokio::test]
    async fn what_would_count_twice_is_not_repeated() {
        let store = FaultyStore::new(Arc::new(MemoryStore::new()), Plan { repeated: 100, ..Plan::default() });
        let meter = Meter { function: "f".to_owned(), runs: 1, ..Meter::default() };
        let commit = Commit { effects: vec![Effect::Meter(meter)], ..Commit::default() };
        store.commit(commit).await.unwrap();
        assert_eq!(store.inner.meters().await.unwrap()[0].runs, 1);
        assert_eq!(store.faults().repeated, 0);
        store.put_queue("a", false, "").await.unwrap();
        assert_eq!(store.faults().repeated, 1);
    }
}
