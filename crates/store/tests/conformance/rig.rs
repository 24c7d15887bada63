//! A store under test, a clock, and short words for what tests do with both.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use lambent_core::{Failure, Meta, RequestId, Timestamp};
use lambent_store::memory::MemoryStore;
use lambent_store::sqlite::{Options, SqliteStore};
use lambent_store::{
    Account, Browse, Commit, Dedup, Effect, Effected, Enqueued, Fence, Guard, Lease, Leased, LeasedBatch,
    Message, NewMessage, QueueId, Receipt, Redrive, RedriveState, Released, Sequence, Stats, Store,
};

use crate::broken::{Broken, Flaw};

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Memory,
    Sqlite,
    /// The model with a flaw that the suite has to find.
    Broken(Flaw),
}

/// When every test starts.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_770_000_000_000);

/// How long leases last when a test does not say.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// A store under test and a clock.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) now: Timestamp,
    backend: Backend,
    folder: Folder,
    ids: u128,
}

impl Rig {
    pub(crate) fn new(backend: Backend) -> Self {
        let folder = Folder::new();
        let store: Arc<dyn Store> = match backend {
            Backend::Memory => Arc::new(MemoryStore::new()),
            Backend::Sqlite => Arc::new(open(folder.path(), None)),
            Backend::Broken(flaw) => Arc::new(Broken::new(MemoryStore::new(), flaw)),
        };
        Self { store, now: START, backend, folder, ids: 0 }
    }

    /// Ends the store and opens it again. A store in memory has nothing to come back from and stays.
    pub(crate) fn reopen(&mut self) {
        if self.backend == Backend::Sqlite {
            self.store = Arc::new(MemoryStore::new());
            self.store = Arc::new(open(self.folder.path(), None));
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    pub(crate) fn after(&self, time: Duration) -> Timestamp {
        self.now.plus(time)
    }

    pub(crate) async fn queue(&self, name: &str) -> QueueId {
        self.store.put_queue(name, false, "{}").await.unwrap()
    }

    pub(crate) async fn fifo(&self, name: &str) -> QueueId {
        self.store.put_queue(name, true, "{}").await.unwrap()
    }

    pub(crate) fn id(&mut self) -> RequestId {
        self.ids += 1;
        RequestId::from_random(self.ids)
    }

    /// A message that can be received now.
    pub(crate) fn message(&mut self, body: &str) -> NewMessage {
        NewMessage {
            id: self.id(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            meta: Meta::default(),
            sent: self.now,
            visible: self.now,
            group: None,
            dedup: None,
        }
    }

    pub(crate) async fn enqueue(&self, queue: QueueId, message: NewMessage) -> Enqueued {
        match self.make(Effect::Enqueue { queue, message }).await {
            Effected::Enqueued(enqueued) => enqueued,
            other => panic!("an enqueue became {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, queue: QueueId, body: &str) -> Sequence {
        let message = self.message(body);
        accepted(self.enqueue(queue, message).await)
    }

    /// Sends into a group of a queue that keeps order.
    pub(crate) async fn send_in(&mut self, queue: QueueId, group: &str, body: &str) -> Sequence {
        let message = NewMessage { group: Some(group.to_owned()), ..self.message(body) };
        accepted(self.enqueue(queue, message).await)
    }

    /// Sends with a deduplication key that counts for five minutes.
    pub(crate) async fn send_once(&mut self, queue: QueueId, key: &str, digest: Option<u64>) -> Enqueued {
        let until = self.after(Duration::from_secs(300));
        let dedup = Some(Dedup { key: key.to_owned(), until, digest });
        let message = NewMessage { dedup, ..self.message(key) };
        self.enqueue(queue, message).await
    }

    /// What a lease of everything asks for.
    pub(crate) fn wish(&self, queue: QueueId) -> Lease {
        Lease {
            queue,
            max: 10,
            max_bytes: usize::MAX,
            now: self.now,
            until: self.after(LEASE),
            bury: None,
            attempt: None,
            own: true,
        }
    }

    pub(crate) async fn lease(&self, lease: Lease) -> LeasedBatch {
        self.store.lease(lease).await.unwrap()
    }

    pub(crate) async fn take(&self, queue: QueueId) -> Vec<Leased> {
        self.lease(self.wish(queue)).await.messages
    }

    /// Leases the one message that there is.
    pub(crate) async fn take_one(&self, queue: QueueId) -> Leased {
        let mut taken = self.take(queue).await;
        assert_eq!(taken.len(), 1, "one message was to be leased");
        taken.remove(0)
    }

    pub(crate) async fn commit(&self, guard: Option<Receipt>, effects: Vec<Effect>) -> Vec<Effected> {
        let guard = guard.map(Guard::Receipt);
        self.store.commit(Commit { guard, effects, now: self.now }).await.unwrap()
    }

    pub(crate) async fn make(&self, effect: Effect) -> Effected {
        let made = self.commit(None, vec![effect]).await;
        assert_eq!(made.len(), 1, "one effect has one outcome");
        made[0]
    }

    pub(crate) async fn ack(&self, receipt: Receipt) -> Effected {
        self.make(Effect::Ack { receipt, fence: Fence::Current }).await
    }

    pub(crate) async fn ack_any(&self, receipt: Receipt) -> Effected {
        self.make(Effect::Ack { receipt, fence: Fence::Any }).await
    }

    pub(crate) async fn release(&self, receipt: Receipt, at: Timestamp, why: Released) -> Effected {
        self.make(Effect::Release { receipt, at, why }).await
    }

    pub(crate) async fn extend(&self, receipt: Receipt, until: Timestamp) -> Effected {
        self.make(Effect::Extend { receipt, until }).await
    }

    pub(crate) async fn bury(&self, receipt: Receipt, to: QueueId, failure: Failure) -> Effected {
        let attributes = lambent_core::Attributes::new();
        self.make(Effect::Bury { receipt, to, failure, attributes }).await
    }

    /// Sends a message and buries it: a dead letter.
    pub(crate) async fn kill(
        &mut self,
        from: QueueId,
        to: QueueId,
        body: &str,
        fingerprint: &str,
    ) -> Sequence {
        let sequence = self.send(from, body).await;
        let leased = self.take_one(from).await;
        assert_eq!(self.bury(leased.receipt, to, failure(fingerprint)).await, Effected::Done);
        sequence
    }

    pub(crate) async fn browse(&self, queue: QueueId) -> Vec<Message> {
        self.store.browse(everything(queue)).await.unwrap()
    }

    pub(crate) async fn bodies(&self, queue: QueueId) -> Vec<String> {
        self.browse(queue).await.iter().map(|message| text(&message.body)).collect()
    }

    pub(crate) async fn stats(&self, queue: QueueId) -> Stats {
        self.store.stats(queue, self.now).await.unwrap()
    }

    pub(crate) async fn account(&self, queue: QueueId) -> Account {
        let accounts = self.store.accounts().await.unwrap();
        *accounts.iter().find(|account| account.queue == queue.0).expect("every queue has an account")
    }

    /// Starts a redrive of all that is in a queue now.
    pub(crate) async fn redrive(&self, id: &str, from: QueueId, to: Option<QueueId>) -> Redrive {
        let redrive = self.redrive_of(id, from, to).await;
        self.store.put_redrive(redrive.clone()).await.unwrap();
        redrive
    }

    /// A redrive of all that is in a queue now, not started.
    pub(crate) async fn redrive_of(&self, id: &str, from: QueueId, to: Option<QueueId>) -> Redrive {
        let inside = self.browse(from).await;
        Redrive {
            id: id.to_owned(),
            from,
            to,
            fingerprint: None,
            rate: None,
            started: self.now,
            last: inside.last().map_or(Sequence(0), |message| message.sequence),
            total: inside.len() as u64,
            moved: 0,
            state: RedriveState::Running,
        }
    }

    pub(crate) async fn step(&self, id: &str, limit: u32) -> Redrive {
        self.store.step_redrive(id, limit, self.now).await.unwrap().expect("the redrive is known")
    }

    /// Everything that was accepted is accounted for, and what is pending is what can be seen.
    pub(crate) async fn assert_balanced(&self) {
        for account in self.store.accounts().await.unwrap() {
            assert!(account.balances(), "{account:?} does not balance");
            let inside = self.browse(QueueId(account.queue)).await.len() as u64;
            assert_eq!(account.pending, inside, "{account:?} says otherwise than what is in the queue");
        }
    }
}

pub(crate) fn open(folder: &Path, vfs: Option<String>) -> SqliteStore {
    try_open(folder, vfs).expect("the store opens")
}

pub(crate) fn try_open(folder: &Path, vfs: Option<String>) -> lambent_store::Result<SqliteStore> {
    SqliteStore::open(Options { path: folder.join("lambent.db"), reserve_bytes: None, vfs })
}

pub(crate) fn accepted(enqueued: Enqueued) -> Sequence {
    match enqueued {
        Enqueued::Accepted(sequence) => sequence,
        other => panic!("the message was not accepted: {other:?}"),
    }
}

pub(crate) fn everything(queue: QueueId) -> Browse {
    Browse { queue, after: None, only: None, fingerprint: None, limit: 100_000 }
}

pub(crate) fn failure(fingerprint: &str) -> Failure {
    Failure {
        by: "worker".to_owned(),
        kind: "Error".to_owned(),
        message: "it broke".to_owned(),
        fingerprint: fingerprint.to_owned(),
        condition: "RetriesExhausted".to_owned(),
        attempt: 1,
        at: START,
    }
}

pub(crate) fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

pub(crate) fn texts(leased: &[Leased]) -> Vec<String> {
    leased.iter().map(|leased| text(&leased.message.body)).collect()
}

/// A folder of its own that goes with the test.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lambent-store-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system: a test that failed for its own reason says that one.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A runtime for one test.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test)
}
