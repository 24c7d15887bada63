//! The model of the contract: everything in memory, as plain as can be. The conformance suite asks it what is right.

mod effects;
mod leases;
mod redrives;
mod schedules;
mod state;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use lambent_core::{RequestId, Timestamp};

use crate::effect::{Commit, Effected, Meter};
use crate::error::{Error, Result};
use crate::message::{Message, QueueId, Sequence};
use crate::schedule::{Firing, ScheduleRow};
use crate::store::{Account, Browse, Group, Lease, LeasedBatch, Queue, Redrive, Stats, Store, Swept};
use state::State;

/// A store that keeps everything in memory and forgets it when it ends.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every verb takes the lock once and holds it to its end: that is what makes the verbs atomic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, if there is such a queue.
    fn with(&self, queue: QueueId) -> Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.queues.contains_key(&queue) { Ok(state) } else { Err(Error::NoQueue(queue.0)) }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn put_queue(&self, name: &str, fifo: bool, spec: &str) -> Result<QueueId> {
        self.state().put_queue(name, fifo, spec)
    }

    async fn remove_queue(&self, queue: QueueId) -> Result<bool> {
        Ok(self.state().remove_queue(queue))
    }

    async fn queues(&self) -> Result<Vec<Queue>> {
        Ok(self.state().queues.values().map(|kept| kept.queue.clone()).collect())
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<Effected>> {
        Ok(self.state().commit(commit))
    }

    async fn lease(&self, lease: Lease) -> Result<LeasedBatch> {
        let mut state = self.with(lease.queue)?;
        match lease.bury {
            Some(bury) if !state.queues.contains_key(&bury.to) => Err(Error::NoQueue(bury.to.0)),
            _ => Ok(state.lease(&lease)),
        }
    }

    async fn reclaim(&self, queue: QueueId, now: Timestamp) -> Result<u64> {
        Ok(self.with(queue)?.reclaim(queue, now))
    }

    async fn stats(&self, queue: QueueId, now: Timestamp) -> Result<Stats> {
        Ok(self.with(queue)?.stats(queue, now))
    }

    async fn browse(&self, browse: Browse) -> Result<Vec<Message>> {
        Ok(self.with(browse.queue)?.browse(&browse))
    }

    async fn groups(&self, queue: QueueId, limit: u32) -> Result<Vec<Group>> {
        Ok(self.with(queue)?.groups(queue, limit))
    }

    async fn edit(&self, queue: QueueId, sequence: Sequence, body: Bytes, now: Timestamp) -> Result<bool> {
        Ok(self.state().edit(queue, sequence, body, now))
    }

    async fn discard(&self, queue: QueueId, sequence: Sequence, now: Timestamp) -> Result<bool> {
        Ok(self.state().discard(queue, sequence, now))
    }

    async fn purge(&self, queue: QueueId) -> Result<u64> {
        Ok(self.with(queue)?.purge(queue))
    }

    async fn expire(&self, queue: QueueId, before: Timestamp, limit: u32) -> Result<u64> {
        Ok(self.with(queue)?.expire(queue, before, limit))
    }

    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<Swept> {
        Ok(self.state().sweep(now, limit))
    }

    async fn put_redrive(&self, redrive: Redrive) -> Result<()> {
        self.state().put_redrive(redrive);
        Ok(())
    }

    async fn step_redrive(&self, id: &str, limit: u32, now: Timestamp) -> Result<Option<Redrive>> {
        Ok(self.state().step_redrive(id, limit, now))
    }

    async fn redrives(&self) -> Result<Vec<Redrive>> {
        Ok(self.state().list_redrives())
    }

    async fn put_schedule(&self, schedule: ScheduleRow) -> Result<bool> {
        Ok(self.state().put_schedule(schedule))
    }

    async fn remove_schedule(&self, id: &str) -> Result<bool> {
        Ok(self.state().schedules.remove(id).is_some())
    }

    async fn schedules(&self) -> Result<Vec<ScheduleRow>> {
        Ok(self.state().schedules.values().map(|kept| kept.row.clone()).collect())
    }

    async fn due_schedules(&self, by: Timestamp, limit: u32) -> Result<Vec<ScheduleRow>> {
        Ok(self.state().due_schedules(by, limit))
    }

    async fn firings(&self, schedule: &str, limit: u32) -> Result<Vec<Firing>> {
        Ok(self.state().firings(schedule, limit))
    }

    async fn documents(&self, kind: &str) -> Result<Vec<(String, String)>> {
        let state = self.state();
        let of_kind = state.documents.iter().filter(|((its, _), _)| its == kind);
        Ok(of_kind.map(|((_, key), text)| (key.clone(), text.clone())).collect())
    }

    async fn result(&self, id: RequestId) -> Result<Option<String>> {
        Ok(self.state().results.get(&id).map(|kept| kept.text.clone()))
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        Ok(self.state().accounts())
    }

    async fn meters(&self) -> Result<Vec<Meter>> {
        Ok(self.state().meters.values().cloned().collect())
    }
}
