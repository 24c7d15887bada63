//! What the tasks of a history do.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lambent_core::{Attributes, Meta};
use lambent_store::{
    Bury, Commit, Dedup, Effect, Effected, Enqueued, Fence, Guard, Lease, Meter, NewMessage, QueueId,
    Receipt, Redrive, RedriveState, Released, Store,
};

use super::record::{MAX_RECEIVES, Place, Record, Settle, Taken, What};
use crate::rig::{everything, failure};

struct Task {
    store: Arc<dyn Store>,
    record: Arc<Record>,
    place: Place,
    rng: fastrand::Rng,
    /// The receipts that it was given, old ones too.
    receipts: Vec<Receipt>,
}

pub(super) async fn run(
    store: Arc<dyn Store>,
    record: Arc<Record>,
    place: Place,
    rng: fastrand::Rng,
    calls: u32,
) {
    let mut task = Task { store, record, place, rng, receipts: Vec::new() };
    for _ in 0..calls {
        match task.rng.u32(..100) {
            0..30 => task.enqueue().await,
            30..55 => task.lease().await,
            55..75 => task.settle().await,
            75..85 => task.conclude().await,
            85..88 => task.discard().await,
            88..92 => task.redrive().await,
            92..95 => task.meter().await,
            _ => task.record.pass(task.rng.u64(1..400)),
        }
    }
}

impl Task {
    async fn commit(&self, guard: Option<Receipt>, effects: Vec<Effect>) -> Option<Vec<Effected>> {
        let guard = guard.map(Guard::Receipt);
        self.store.commit(Commit { guard, effects, now: self.record.now() }).await.ok()
    }

    fn message(&self) -> NewMessage {
        let id = self.record.id();
        let (now, body) = (self.record.now(), Bytes::from(id.to_string()));
        NewMessage { id, body, meta: Meta::default(), sent: now, visible: now, group: None, dedup: None }
    }

    async fn enqueue(&mut self) {
        let orders = self.rng.bool();
        let queue = if orders { self.place.orders } else { self.place.work };
        // The keys count for longer than any history takes. Each is of one queue.
        let until = self.record.now().plus(Duration::from_secs(86_400));
        let key = self.rng.bool().then(|| format!("{}-{}", queue.0, self.rng.u8(..20)));
        let message = NewMessage {
            group: orders.then(|| format!("g{}", self.rng.u8(..3))),
            dedup: key.map(|key| Dedup { key, until, digest: None }),
            ..self.message()
        };
        let (id, group, dedup) = (message.id, message.group.clone(), message.dedup.clone());
        let (begin, now) = (self.record.begin(), self.record.now());
        let made = self.commit(None, vec![Effect::Enqueue { queue, message }]).await;
        let outcome = made.map(|made| match made[0] {
            Effected::Enqueued(enqueued) => enqueued,
            other => panic!("an enqueue became {other:?}"),
        });
        self.record.end(begin, now, What::Enqueue { id, group, dedup, outcome });
    }

    async fn lease(&mut self) {
        let queue = *self.rng.choice(&[self.place.work, self.place.orders, self.place.orders]).unwrap();
        let (begin, now) = (self.record.begin(), self.record.now());
        let until = now.plus(Duration::from_millis(self.rng.u64(100..1500)));
        let bury = Some(Bury { to: self.place.dead_of(queue), max_receives: MAX_RECEIVES });
        let lease = Lease {
            queue,
            max: self.rng.u32(1..4),
            max_bytes: usize::MAX,
            now,
            until,
            bury,
            attempt: None,
            own: true,
        };
        let Ok(batch) = self.store.lease(lease).await else {
            // What it took comes back by itself: nobody has a receipt of it.
            return self.record.end(begin, now, What::LostLease);
        };
        let taken = |leased: &lambent_store::Leased| Taken {
            id: leased.message.id,
            receipt: leased.receipt,
            receives: leased.message.receives,
        };
        let batch: Vec<Taken> = batch.messages.iter().map(taken).collect();
        self.receipts.extend(batch.iter().map(|taken| taken.receipt));
        self.record.end(begin, now, What::Lease { until, batch });
    }

    /// One of the latest receipts, or any.
    fn receipt(&mut self) -> Option<Receipt> {
        let count = self.receipts.len();
        let back = if self.rng.u8(..4) == 0 { self.rng.usize(..count.max(1)) } else { self.rng.usize(..3) };
        count.checked_sub(1 + back).map(|at| self.receipts[at])
    }

    async fn settle(&mut self) {
        let Some(receipt) = self.receipt() else { return };
        let (begin, now) = (self.record.begin(), self.record.now());
        let (how, effect) = match self.rng.u8(..10) {
            0..4 => (Settle::Ack, Effect::Ack { receipt, fence: Fence::Current }),
            4..7 => {
                let why = if self.rng.bool() { Released::Throttled } else { Released::Failed(None) };
                (Settle::Release, Effect::Release { receipt, at: now, why })
            }
            7..8 => {
                // The dead letters of both kinds of queues: an order may lose its group there, and gets another.
                let to = if self.rng.bool() { self.place.dead } else { self.place.dead_orders };
                let (failure, attributes) = (failure("f"), Attributes::new());
                (Settle::Bury, Effect::Bury { receipt, to, failure, attributes })
            }
            _ => {
                let until = now.plus(Duration::from_millis(self.rng.u64(..2000)));
                (Settle::Extend(until), Effect::Extend { receipt, until })
            }
        };
        let made = self.commit(None, vec![effect]).await;
        let outcome = made.map(|made| made[0] == Effected::Done);
        self.record.end(begin, now, What::Settle { receipt, how, outcome });
    }

    async fn conclude(&mut self) {
        let Some(receipt) = self.receipt() else { return };
        let message = self.message();
        let (begin, now, result) = (self.record.begin(), self.record.now(), message.id);
        let effects = vec![
            Effect::Ack { receipt, fence: Fence::Current },
            Effect::Enqueue { queue: self.place.results, message },
        ];
        let made = self.commit(Some(receipt), effects).await;
        let what = match made.as_deref() {
            None => What::Conclude { receipt, result, outcome: None },
            Some([Effected::Done, Effected::Enqueued(Enqueued::Accepted(_))]) => {
                What::Conclude { receipt, result, outcome: Some(true) }
            }
            Some([Effected::Guarded, Effected::Guarded]) => {
                What::Conclude { receipt, result, outcome: Some(false) }
            }
            // The ack must not fail where the guard was met, nor anything be made where it was not.
            Some(other) => What::Torn(format!("{other:?}")),
        };
        self.record.end(begin, now, what);
    }

    async fn discard(&mut self) {
        let queue = *self.rng.choice(&self.place.all()).unwrap();
        let Ok(messages) = self.store.browse(everything(queue)).await else { return };
        let Some(message) = self.rng.choice(&messages).map(|message| message.sequence) else { return };
        let (begin, now) = (self.record.begin(), self.record.now());
        let outcome = self.store.discard(queue, message, now).await.ok();
        self.record.end(begin, now, What::Discard { message, outcome });
    }

    async fn redrive(&mut self) {
        let from: QueueId = if self.rng.bool() { self.place.dead } else { self.place.dead_orders };
        let Ok(inside) = self.store.browse(everything(from)).await else { return };
        let Some(last) = inside.last().map(|message| message.sequence) else { return };
        let now = self.record.now();
        let redrive = Redrive {
            id: format!("r{}", self.record.begin()),
            from,
            to: None,
            fingerprint: None,
            rate: None,
            started: now,
            last,
            total: inside.len() as u64,
            moved: 0,
            state: RedriveState::Running,
        };
        let id = redrive.id.clone();
        if self.store.put_redrive(redrive).await.is_ok() {
            drop(self.store.step_redrive(&id, 2, now).await);
        }
    }

    async fn meter(&mut self) {
        let (begin, now) = (self.record.begin(), self.record.now());
        let meter = Meter { function: "f".to_owned(), runs: 1, failed: 0, billed_ms: 7 };
        let outcome = self.commit(None, vec![Effect::Meter(meter)]).await.map(drop);
        self.record.end(begin, now, What::Meter { outcome });
    }
}
