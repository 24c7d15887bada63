//! Somebody who works with the store until the power goes, and remembers what it was promised.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use lambent_core::{Attributes, Meta, RequestId, Timestamp};
use lambent_store::{
    Commit, Effect, Effected, Enqueued, Fence, Finished, Lease, Message, NewMessage, QueueId, Receipt,
    Released, Sequence, Store,
};

use super::disk::Disk;
use crate::rig::{LEASE, START, everything, failure};

/// Calls of one client in one life.
const CALLS: u32 = 25;
/// Changes of one commit that are enough for the log to be carried over into the file.
const ENOUGH: usize = 2200;

#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) work: QueueId,
    pub(super) orders: QueueId,
    pub(super) dead: QueueId,
}

impl Place {
    pub(super) async fn new(store: &dyn Store) -> Self {
        Self {
            work: store.put_queue("work", false, "").await.unwrap(),
            orders: store.put_queue("orders", true, "").await.unwrap(),
            dead: store.put_queue("dead", false, "").await.unwrap(),
        }
    }

    pub(super) fn all(self) -> [QueueId; 3] {
        [self.work, self.orders, self.dead]
    }
}

/// Where a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    Nowhere,
    In { queue: &'static str, failed: bool, visible: Option<Timestamp> },
}

/// What was promised. While a call is under way, both what was and what will be is fine.
#[derive(Debug, Default)]
pub(super) struct Promises {
    messages: BTreeMap<RequestId, Vec<At>>,
    documents: BTreeMap<String, Vec<Option<String>>>,
    results: BTreeMap<RequestId, Vec<Option<String>>>,
    /// Tokens that were ever given out, and the last place.
    pub(super) tokens: HashSet<i64>,
    pub(super) last: Option<Sequence>,
    clients: u128,
}

impl Promises {
    /// Where the ids of a client begin, so that no two have the same.
    fn next_id(&mut self) -> u128 {
        self.clients += 1;
        self.clients << 80 | 1
    }

    /// In which queue a message is that was leased.
    fn queue_of(&self, id: RequestId) -> &'static str {
        let queue = |at: &At| match at {
            At::In { queue, .. } => Some(*queue),
            At::Nowhere => None,
        };
        self.messages[&id].iter().find_map(queue).expect("what is leased is somewhere")
    }

    /// Compares them with what a store holds. From then on, what it holds is what is expected.
    pub(super) fn kept_by(&mut self, seen: &Seen) -> Result<(), String> {
        if let Some(id) = seen.messages.keys().find(|id| !self.messages.contains_key(id)) {
            return Err(format!("nobody sent {id}"));
        }
        for (id, fine) in &mut self.messages {
            let found = seen.messages.get(id);
            let Some(at) = fine.iter().find(|at| at.fits(found)).cloned() else {
                return Err(format!("{id} is {found:?}, and was promised to be {fine:?}"));
            };
            *fine = vec![at];
        }
        for (key, fine) in &mut self.documents {
            settle(key, fine, seen.documents.get(key).cloned())?;
        }
        for (id, fine) in &mut self.results {
            settle(id, fine, seen.results.get(id).cloned())?;
        }
        Ok(())
    }

    /// Whose results there may be.
    pub(super) fn result_ids(&self) -> Vec<RequestId> {
        self.results.keys().copied().collect()
    }
}

/// What a store holds.
#[derive(Debug, Default)]
pub(super) struct Seen {
    messages: BTreeMap<RequestId, (String, Message)>,
    documents: BTreeMap<String, String>,
    results: BTreeMap<RequestId, String>,
}

impl Seen {
    pub(super) async fn look(store: &dyn Store, results: Vec<RequestId>) -> Result<Self, String> {
        let mut seen = Self::default();
        for queue in store.queues().await.unwrap() {
            for message in store.browse(everything(queue.id)).await.unwrap() {
                let id = message.id;
                if seen.messages.insert(id, (queue.name.clone(), message)).is_some() {
                    return Err(format!("{id} is there twice"));
                }
            }
        }
        seen.documents = store.documents("kind").await.unwrap().into_iter().collect();
        for id in results {
            if let Some(text) = store.result(id).await.unwrap() {
                seen.results.insert(id, text);
            }
        }
        Ok(seen)
    }
}

fn settle<K: std::fmt::Debug>(
    key: K,
    fine: &mut Vec<Option<String>>,
    found: Option<String>,
) -> Result<(), String> {
    if !fine.contains(&found) {
        return Err(format!("{key:?} is {found:?}, and was promised to be one of {fine:?}"));
    }
    *fine = vec![found];
    Ok(())
}

impl At {
    fn fits(&self, found: Option<&(String, Message)>) -> bool {
        match (self, found) {
            (Self::Nowhere, None) => true,
            (Self::In { queue, failed, visible }, Some((name, message))) => {
                let body = message.body == message.id.to_string().as_bytes();
                let released = visible.is_none_or(|visible| message.visible == visible);
                body && released && queue == name && message.failure.is_some() == *failed
            }
            _ => false,
        }
    }
}

pub(super) fn message(id: RequestId, now: Timestamp) -> NewMessage {
    let body = Bytes::from(id.to_string());
    NewMessage { id, body, meta: Meta::default(), sent: now, visible: now, group: None, dedup: None }
}

pub(super) struct Client {
    store: Arc<dyn Store>,
    disk: Arc<Disk>,
    place: Place,
    rng: fastrand::Rng,
    first: u128,
    next: u128,
    now: Timestamp,
    promises: Arc<Mutex<Promises>>,
    held: Vec<(RequestId, Receipt)>,
}

impl Client {
    pub(super) fn new(
        store: Arc<dyn Store>,
        disk: Arc<Disk>,
        place: Place,
        rng: fastrand::Rng,
        promises: Arc<Mutex<Promises>>,
    ) -> Self {
        let first = promises.lock().unwrap().next_id();
        Self { store, disk, place, rng, first, next: first, now: START, promises, held: Vec::new() }
    }

    pub(super) async fn run(mut self) {
        for _ in 0..CALLS {
            self.now = self.now.plus(Duration::from_millis(1));
            match self.rng.u8(..20) {
                0..8 => self.enqueue().await,
                8..12 => self.lease().await,
                12..17 => self.settle().await,
                17 => self.put().await,
                18 => self.finish().await,
                _ => self.much().await,
            }
            if self.disk.is_dead() {
                return;
            }
        }
    }

    /// Makes changes. Returns what they became, if the power was still there after the store had said so.
    async fn make(&self, effects: Vec<Effect>) -> Option<Vec<Effected>> {
        let made = self.store.commit(Commit { guard: None, effects, now: self.now }).await;
        made.ok().filter(|_| !self.disk.is_dead())
    }

    fn id(&mut self) -> RequestId {
        self.next += 1 << 8;
        RequestId::from_random(self.next)
    }

    fn promises(&self) -> MutexGuard<'_, Promises> {
        self.promises.lock().unwrap()
    }

    async fn enqueue(&mut self) {
        let id = self.id();
        let ordered = self.rng.bool();
        let (queue, name) = if ordered { (self.place.orders, "orders") } else { (self.place.work, "work") };
        let group = ordered.then(|| format!("g{}", self.rng.u8(..3)));
        let there = At::In { queue: name, failed: false, visible: None };
        self.promises().messages.insert(id, vec![At::Nowhere, there.clone()]);
        let message = NewMessage { group, ..message(id, self.now) };
        if let Some(made) = self.make(vec![Effect::Enqueue { queue, message }]).await {
            let Effected::Enqueued(Enqueued::Accepted(sequence)) = made[0] else { panic!("{made:?}") };
            let mut promises = self.promises();
            promises.last = promises.last.max(Some(sequence));
            // Another client may have settled it before its sender heard of it, and that counts.
            let fine = promises.messages.entry(id).or_default();
            if fine.as_slice() == [At::Nowhere, there.clone()] {
                *fine = vec![there];
            }
        }
    }

    async fn lease(&mut self) {
        let queue = if self.rng.bool() { self.place.orders } else { self.place.work };
        let (now, until) = (self.now, self.now.plus(LEASE));
        let lease =
            Lease { queue, max: 3, max_bytes: usize::MAX, now, until, bury: None, attempt: None, own: true };
        let Ok(batch) = self.store.lease(lease).await else { return };
        if self.disk.is_dead() {
            return; // Nobody heard of these.
        }
        for leased in batch.messages {
            self.promises().tokens.insert(leased.receipt.token);
            self.held.push((leased.message.id, leased.receipt));
        }
    }

    async fn settle(&mut self) {
        let Some((id, receipt)) = self.held.pop() else { return };
        let at = self.now.plus(Duration::from_secs(self.rng.u64(1000..2000)));
        let (then, effect) = match self.rng.u8(..3) {
            0 => (At::Nowhere, Effect::Ack { receipt, fence: Fence::Current }),
            1 => {
                let queue = self.promises().queue_of(id);
                let then = At::In { queue, failed: true, visible: Some(at) };
                (then, Effect::Release { receipt, at, why: Released::Failed(Some(failure("f"))) })
            }
            _ => {
                let then = At::In { queue: "dead", failed: true, visible: Some(self.now) };
                let (to, attributes) = (self.place.dead, Attributes::new());
                (then, Effect::Bury { receipt, to, failure: failure("f"), attributes })
            }
        };
        self.promises().messages.entry(id).or_default().push(then.clone());
        if self.rng.bool() {
            // What is settled may be forgotten: both what was and what will be stay fine.
            let commit = Commit { guard: None, effects: vec![effect], now: self.now };
            drop(self.store.settle(commit).await);
            return;
        }
        if let Some(made) = self.make(vec![effect]).await {
            assert_eq!(made, [Effected::Done], "nobody else has a receipt of it");
            self.promises().messages.insert(id, vec![then]);
        }
    }

    async fn put(&mut self) {
        let (key, text) = (format!("{:x}", self.first), self.rng.u32(..).to_string());
        let then = self.rng.bool().then_some(text);
        self.promises().documents.entry(key.clone()).or_insert_with(|| vec![None]).push(then.clone());
        let put = Effect::Put { kind: "kind", key: key.clone(), text: then.clone() };
        if self.make(vec![put]).await.is_some() {
            self.promises().documents.insert(key, vec![then]);
        }
    }

    async fn finish(&mut self) {
        let (id, text) = (RequestId::from_random(self.first), self.rng.u32(..).to_string());
        let then = Some(text.clone());
        self.promises().results.entry(id).or_insert_with(|| vec![None]).push(then.clone());
        let until = self.now.plus(Duration::from_secs(86_400));
        if self.make(vec![Effect::Finish(Finished { id, text, until })]).await.is_some() {
            self.promises().results.insert(id, vec![then]);
        }
    }

    /// A commit after which the log is carried over, so that the next ones begin it anew.
    async fn much(&mut self) {
        let put = |n: usize| Effect::Put { kind: "much", key: String::new(), text: Some(n.to_string()) };
        drop(self.make((0..ENOUGH).map(put).collect()).await);
    }
}
