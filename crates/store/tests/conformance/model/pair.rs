//! A store and the model beside each other: every verb goes to both, and the answers have to be the same but for the
//! numbers that each gives out by itself.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lambent_core::{Attribute, Attributes, Meta, RequestId, Timestamp};
use lambent_store::memory::MemoryStore;
use lambent_store::{
    Bury, Commit, Dedup, Effect, Effected, Enqueued, Error, Fence, Finished, Firing, Guard, Lease,
    LeasedBatch, Message, Meter, NewMessage, Next, QueueId, Receipt, Redrive, RedriveState, Released,
    ScheduleRow, Sequence, Store, Turn,
};

use super::{Change, Step};
use crate::rig::{Backend, Rig, everything, failure};

type Checked = Result<(), String>;

/// The queue that comes and goes.
const SPARE: usize = 4;

/// One of the two, with the numbers that it gave out.
#[derive(Debug)]
struct Side {
    store: Arc<dyn Store>,
    queues: Vec<QueueId>,
    messages: Vec<Sequence>,
    receipts: Vec<Receipt>,
}

#[derive(Debug)]
pub(crate) struct Pair {
    model: Side,
    real: Side,
    rig: Rig,
    now: Timestamp,
    count: u128,
    runtime: tokio::runtime::Runtime,
}

impl Side {
    async fn new(store: Arc<dyn Store>) -> Self {
        let mut queues = Vec::new();
        for (name, fifo) in
            [("work", false), ("orders", true), ("dead", false), ("dead-orders", true), ("spare", false)]
        {
            queues.push(store.put_queue(name, fifo, "{}").await.expect("queues can be made"));
        }
        Self { store, queues, messages: Vec::new(), receipts: Vec::new() }
    }

    /// The latest receipts have the lowest numbers, for they are of the most interest.
    fn receipt(&self, number: usize) -> Receipt {
        let count = self.receipts.len();
        match count {
            0 => Receipt { message: Sequence(i64::MAX), token: 0 },
            _ => self.receipts[count - 1 - number % count],
        }
    }

    async fn schedule(&self, number: usize) -> Option<ScheduleRow> {
        let all = self.store.schedules().await.ok()?;
        all.into_iter().find(|row| row.id == named(number))
    }

    fn message(&self, number: usize) -> Sequence {
        let count = self.messages.len();
        if count == 0 { Sequence(i64::MAX) } else { self.messages[count - 1 - number % count] }
    }

    fn effect(&self, change: &Change, id: RequestId, now: Timestamp) -> Effect {
        let after = |ms: u64| now.plus(Duration::from_millis(ms));
        match *change {
            Change::Enqueue { queue, group, key, digest, delay, size } => {
                let until = after(300_000);
                let message = NewMessage {
                    id,
                    body: Bytes::from(vec![b'x'; size]),
                    meta: Meta { trace: Some(format!("Root={group}")), ..Meta::default() },
                    sent: now,
                    visible: after(delay),
                    group: matches!(queue, 1 | 3).then(|| format!("g{group}")),
                    dedup: key.map(|key| Dedup { key: format!("k{key}"), until, digest }),
                };
                Effect::Enqueue { queue: self.queues[queue], message }
            }
            Change::Ack { receipt, any } => {
                let fence = match (any, receipt % 2) {
                    (true, _) => Fence::Any,
                    (false, 0) => Fence::Held,
                    (false, _) => Fence::Current,
                };
                Effect::Ack { receipt: self.receipt(receipt), fence }
            }
            Change::Extend { receipt, ms } => {
                Effect::Extend { receipt: self.receipt(receipt), until: after(ms) }
            }
            Change::Release { receipt, ms, throttled, failure: how } => {
                let failed = || Released::Failed(how.map(|how| failure(&format!("f{how}"))));
                let why = if throttled { Released::Throttled } else { failed() };
                Effect::Release { receipt: self.receipt(receipt), at: after(ms), why }
            }
            Change::Bury { receipt, to, failure: how, attribute } => {
                let named = ("why".to_owned(), Attribute::number(how));
                let attributes: Attributes = attribute.then_some(named).into_iter().collect();
                let (receipt, to) = (self.receipt(receipt), self.queues[to]);
                Effect::Bury { receipt, to, failure: failure(&format!("f{how}")), attributes }
            }
            Change::Finish { id: number } => {
                let (id, text) = (RequestId::from_random(u128::from(number)), id.to_string());
                Effect::Finish(Finished { id, text, until: after(30_000) })
            }
            Change::Meter { function } => {
                Effect::Meter(Meter { function: format!("f{function}"), runs: 1, failed: 0, billed_ms: 3 })
            }
            Change::Put { key, remove } => {
                Effect::Put { kind: "rule", key: format!("r{key}"), text: (!remove).then(|| id.to_string()) }
            }
        }
    }
}

impl Pair {
    pub(crate) fn new(backend: Backend) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let rig = Rig::new(backend);
        let (model, real) = runtime.block_on(async {
            (Side::new(Arc::new(MemoryStore::new())).await, Side::new(rig.store.clone()).await)
        });
        Self { model, real, now: rig.now, rig, count: 0, runtime }
    }

    pub(crate) fn step(&mut self, step: &Step) -> Checked {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let runtime = std::mem::replace(&mut self.runtime, runtime);
        let checked = runtime.block_on(async {
            self.make(step).await?;
            self.look().await
        });
        self.runtime = runtime;
        checked.map_err(|difference| format!("at {step:?}: {difference}"))
    }

    async fn make(&mut self, step: &Step) -> Checked {
        let now = self.now;
        let after = |time: u64| now.plus(Duration::from_millis(time));
        match *step {
            Step::Pass { ms } => self.now = after(ms),
            Step::Commit { guard, ref effects } => return self.commit(guard, effects).await,
            Step::Lease { queue, max, max_bytes, secs, bury, attempt } => {
                let attempt = attempt.map(|name| format!("a{name}"));
                let lease = |side: &Side| Lease {
                    queue: side.queues[queue],
                    max,
                    max_bytes,
                    now,
                    until: after(secs * 1000),
                    bury: (bury && queue < 2).then(|| Bury { to: side.queues[queue + 2], max_receives: 2 }),
                    attempt: attempt.clone(),
                    own: secs % 2 == 0,
                };
                let model = self.model.store.lease(lease(&self.model)).await;
                let real = self.real.store.lease(lease(&self.real)).await;
                return self.leased(model, real);
            }
            Step::Reclaim { queue } => {
                let (a, b) = (&self.model, &self.real);
                same(
                    a.store.reclaim(a.queues[queue], now).await,
                    b.store.reclaim(b.queues[queue], now).await,
                )?;
            }
            Step::Edit { queue, message } => {
                let body = || Bytes::from_static(b"edited");
                let edit =
                    async |s: &Side| s.store.edit(s.queues[queue], s.message(message), body(), now).await;
                same(edit(&self.model).await, edit(&self.real).await)?;
            }
            Step::Discard { queue, message } => {
                let discard =
                    async |s: &Side| s.store.discard(s.queues[queue], s.message(message), now).await;
                same(discard(&self.model).await, discard(&self.real).await)?;
            }
            Step::Purge { queue } => {
                let purge = async |s: &Side| s.store.purge(s.queues[queue]).await;
                same(purge(&self.model).await, purge(&self.real).await)?;
            }
            Step::Expire { queue, age, limit } => {
                let before = Timestamp::from_millis(now.as_millis() - age);
                let expire = async |s: &Side| s.store.expire(s.queues[queue], before, limit).await;
                same(expire(&self.model).await, expire(&self.real).await)?;
            }
            Step::Sweep => {
                same(self.model.store.sweep(now, 1000).await, self.real.store.sweep(now, 1000).await)?
            }
            _ => return self.seldom(step).await,
        }
        Ok(())
    }

    async fn seldom(&mut self, step: &Step) -> Checked {
        let now = self.now;
        match *step {
            Step::Redrive { id, from, to, fingerprint, back } => {
                let redrive = |side: &Side| Redrive {
                    id: format!("r{id}"),
                    from: side.queues[from],
                    to: to.map(|to| side.queues[to]),
                    fingerprint: fingerprint.map(|how| format!("f{how}")),
                    rate: Some(10),
                    started: now,
                    last: side.message(back),
                    total: 7,
                    moved: 0,
                    state: RedriveState::Running,
                };
                let put = async |s: &Side| s.store.put_redrive(redrive(s)).await;
                same(put(&self.model).await, put(&self.real).await)?;
            }
            Step::GoOn { id, limit } => {
                let id = format!("r{id}");
                let model = self.model.store.step_redrive(&id, limit, now).await;
                let real = self.real.store.step_redrive(&id, limit, now).await;
                same(model, real.map(|redrive| redrive.map(|redrive| self.redrive_as_model(redrive))))?;
            }
            Step::CancelRedrive { id } => {
                let id = format!("r{id}");
                for side in [&self.model, &self.real] {
                    let all = side.store.redrives().await.map_err(|error| error.to_string())?;
                    if let Some(redrive) = all.into_iter().find(|redrive| redrive.id == id) {
                        let cancelled = Redrive { state: RedriveState::Cancelled, ..redrive };
                        side.store.put_redrive(cancelled).await.map_err(|error| error.to_string())?;
                    }
                }
            }
            Step::PutSchedule { id, known, due, enabled } => {
                let put = async |s: &Side| {
                    let version = if known { s.schedule(id).await.map_or(0, |row| row.version) } else { 1 };
                    let next = due.map(|ms| Next { nominal: now, at: after(now, ms) });
                    let text = format!("{due:?}");
                    s.store.put_schedule(ScheduleRow { id: named(id), version, next, enabled, text }).await
                };
                same(put(&self.model).await, put(&self.real).await)?;
            }
            Step::RemoveSchedule { id } => {
                let remove = async |s: &Side| s.store.remove_schedule(&named(id)).await;
                same(remove(&self.model).await, remove(&self.real).await)?;
            }
            Step::Fire { id, stale, then, queue } => return self.fire(id, stale, then, queue).await,
            Step::RemoveSpare => {
                let remove = async |s: &Side| s.store.remove_queue(s.queues[SPARE]).await;
                same(remove(&self.model).await, remove(&self.real).await)?;
            }
            Step::PutSpare => {
                for side in [&mut self.model, &mut self.real] {
                    side.queues[SPARE] =
                        side.store.put_queue("spare", false, "2").await.map_err(|error| error.to_string())?;
                }
            }
            Step::Reopen => {
                self.real.store = Arc::new(MemoryStore::new());
                self.rig.reopen();
                self.real.store = self.rig.store.clone();
            }
            _ => {}
        }
        Ok(())
    }

    async fn fire(&mut self, id: usize, stale: bool, then: Option<u64>, queue: usize) -> Checked {
        let (first, now) = (self.count, self.now);
        self.count += 1;
        let then = then.map(|ms| Next { nominal: now, at: after(now, ms) });
        let commit = async |side: &Side| {
            let row = side.schedule(id).await?;
            let change = Change::Enqueue { queue, group: 0, key: None, digest: None, delay: 0, size: 3 };
            let event = RequestId::from_random(first << 64 | 1);
            let version = if stale { row.version - 1 } else { row.version };
            let turn = Turn { schedule: row.id.clone(), version, at: row.next?.at, then };
            let note = format!("{stale}");
            let firing = Firing { nominal: now, at: now, event: Some(event), message: None, note };
            let effects = vec![side.effect(&change, event, now), Effect::Fired { schedule: row.id, firing }];
            Some(Commit { guard: Some(Guard::Schedule(turn)), effects, now })
        };
        match (commit(&self.model).await, commit(&self.real).await) {
            (Some(model), Some(real)) => self.committed(model, real).await,
            (model, real) => same(Ok(model.is_some()), Ok(real.is_some())),
        }
    }

    async fn commit(&mut self, guard: Option<usize>, changes: &[Change]) -> Checked {
        let first = self.count;
        self.count += changes.len() as u128;
        let of = |side: &Side| {
            let ids = (first..).map(|number| RequestId::from_random(number << 64 | 1));
            let effects =
                changes.iter().zip(ids).map(|(change, id)| side.effect(change, id, self.now)).collect();
            let guard = guard.map(|number| Guard::Receipt(side.receipt(number)));
            Commit { guard, effects, now: self.now }
        };
        let (of_model, of_real) = (of(&self.model), of(&self.real));
        self.committed(of_model, of_real).await
    }

    async fn committed(&mut self, of_model: Commit, of_real: Commit) -> Checked {
        let model = self.model.store.commit(of_model).await.map_err(|error| error.to_string())?;
        let real = self.real.store.commit(of_real).await.map_err(|error| error.to_string())?;
        for (model, real) in model.iter().zip(&real) {
            if let (
                Effected::Enqueued(Enqueued::Accepted(model)),
                Effected::Enqueued(Enqueued::Accepted(real)),
            ) = (model, real)
            {
                self.model.messages.push(*model);
                self.real.messages.push(*real);
            }
        }
        let as_model = |effected: Effected| match effected {
            Effected::Enqueued(Enqueued::Accepted(sequence)) => {
                Effected::Enqueued(Enqueued::Accepted(self.as_model(sequence)))
            }
            Effected::Enqueued(Enqueued::Duplicate { id, sequence }) => {
                Effected::Enqueued(Enqueued::Duplicate { id, sequence: self.as_model(sequence) })
            }
            other => other,
        };
        same(Ok(model), Ok(real.into_iter().map(as_model).collect()))
    }

    fn leased(&mut self, model: Result<LeasedBatch, Error>, real: Result<LeasedBatch, Error>) -> Checked {
        let (model, real) = match (model, real) {
            (Ok(model), Ok(real)) => (model, real),
            (model, real) => return same(model.map(drop), real.map(drop)),
        };
        let messages = |batch: &LeasedBatch| -> Vec<Message> {
            batch.messages.iter().map(|leased| leased.message.clone()).collect()
        };
        let real_messages: Vec<_> = messages(&real).into_iter().map(|m| self.message_as_model(m)).collect();
        same(Ok(messages(&model)), Ok(real_messages))?;
        same(Ok((model.buried, model.next_due)), Ok((real.buried, real.next_due)))?;
        for (model, real) in model.messages.iter().zip(&real.messages) {
            let known =
                |side: &Side, receipt: Receipt| side.receipts.iter().position(|known| *known == receipt);
            let (old_model, old_real) = (known(&self.model, model.receipt), known(&self.real, real.receipt));
            same(Ok(old_model), Ok(old_real))?;
            if old_model.is_none() {
                self.model.receipts.push(model.receipt);
                self.real.receipts.push(real.receipt);
            }
        }
        Ok(())
    }

    /// Compares everything that can be seen.
    async fn look(&self) -> Checked {
        let (model, real) = (&self.model, &self.real);
        for (a, b) in model.queues.iter().zip(&real.queues) {
            same(model.store.stats(*a, self.now).await, real.store.stats(*b, self.now).await)?;
            let seen = real.store.browse(everything(*b)).await;
            let seen = seen.map(|all| all.into_iter().map(|m| self.message_as_model(m)).collect());
            same(model.store.browse(everything(*a)).await, seen)?;
            let groups = async |side: &Side, queue: QueueId| {
                let groups = side.store.groups(queue, 10).await;
                groups
                    .map(|all| all.into_iter().map(|g| (g.fingerprint, g.count)).collect::<BTreeMap<_, _>>())
            };
            same(groups(model, *a).await, groups(real, *b).await)?;
        }
        let accounts = async |side: &Side| {
            let accounts = side.store.accounts().await;
            accounts.map(|all| {
                let unbalanced = all.iter().find(|account| !account.balances()).copied();
                let numbers = |a: lambent_store::Account| [a.accepted, a.done, a.dead, a.dropped, a.pending];
                (unbalanced, all.into_iter().map(numbers).collect::<Vec<_>>())
            })
        };
        same(accounts(model).await, accounts(real).await)?;
        let redrives = real.store.redrives().await;
        let by_id =
            |all: Vec<Redrive>| all.into_iter().map(|r| (r.id.clone(), r)).collect::<BTreeMap<_, _>>();
        let redrives = redrives.map(|all| by_id(all.into_iter().map(|r| self.redrive_as_model(r)).collect()));
        same(model.store.redrives().await.map(by_id), redrives)?;
        same(model.store.schedules().await, real.store.schedules().await)?;
        same(model.store.due_schedules(self.now, 2).await, real.store.due_schedules(self.now, 2).await)?;
        for id in 0..3 {
            let firings = real.store.firings(&named(id), 3).await.map(|all| {
                let as_model = |place: Option<Sequence>| place.map(|place| self.as_model(place));
                all.into_iter().map(|f| Firing { message: as_model(f.message), ..f }).collect()
            });
            same(model.store.firings(&named(id), 3).await, firings)?;
        }
        same(model.store.documents("rule").await, real.store.documents("rule").await)?;
        same(model.store.meters().await, real.store.meters().await)?;
        for number in 0..3 {
            let id = RequestId::from_random(number);
            same(model.store.result(id).await, real.store.result(id).await)?;
        }
        Ok(())
    }

    fn as_model(&self, sequence: Sequence) -> Sequence {
        let at = self.real.messages.iter().position(|known| *known == sequence);
        at.map_or(sequence, |at| self.model.messages[at])
    }

    fn message_as_model(&self, message: Message) -> Message {
        let origin = message.origin.map(|origin| self.queue_as_model(origin));
        Message { sequence: self.as_model(message.sequence), origin, ..message }
    }

    /// Which queue of the model's it is. Queues that are gone are all the same.
    fn queue_as_model(&self, queue: QueueId) -> QueueId {
        let at = self.real.queues.iter().position(|known| *known == queue);
        at.map_or(queue, |at| self.model.queues[at])
    }

    fn redrive_as_model(&self, redrive: Redrive) -> Redrive {
        let to = redrive.to.map(|to| self.queue_as_model(to));
        let (from, last) = (self.queue_as_model(redrive.from), self.as_model(redrive.last));
        Redrive { from, to, last, ..redrive }
    }
}

/// A schedule's name.
fn named(schedule: usize) -> String {
    format!("s{schedule}")
}

fn after(now: Timestamp, ms: u64) -> Timestamp {
    now.plus(Duration::from_millis(ms))
}

/// Compares two answers. Of errors only the kind counts, for each store has its own words.
fn same<T: Debug + PartialEq>(model: Result<T, Error>, real: Result<T, Error>) -> Checked {
    let kind = |error: &Error| std::mem::discriminant(error);
    let alike = match (&model, &real) {
        (Ok(model), Ok(real)) => model == real,
        (Err(model), Err(real)) => kind(model) == kind(real),
        _ => false,
    };
    if alike { Ok(()) } else { Err(format!("the model says\n{model:?}\nand the store says\n{real:?}")) }
}
