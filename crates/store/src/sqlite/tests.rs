//! What only this backend promises: what is on the disk, and when.

use std::path::{Path, PathBuf};

use lambent_core::{Failure, Meta};

use super::*;
use crate::effect::{Effect, Fence, Finished, Guard, Released};
use crate::error::Error;
use crate::message::{Dedup, Enqueued, Leased, NewMessage, Receipt};
use crate::store::RedriveState;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("lambent-store-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn options(&self) -> Options {
        Options { reserve_bytes: Some(0), ..Options::at(self.0.join("store.db")) }
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.options()).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.0.join("store.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn message(body: &'static str) -> NewMessage {
    NewMessage {
        id: RequestId::from_random(fastrand::u128(..)),
        body: Bytes::from_static(body.as_bytes()),
        meta: Meta::default(),
        sent: at(1000),
        visible: at(1000),
        group: None,
        dedup: None,
    }
}

async fn make(store: &SqliteStore, effects: Vec<Effect>) -> Vec<Effected> {
    store.commit(Commit { guard: None, effects, now: at(1000) }).await.unwrap()
}

async fn send(store: &SqliteStore, queue: QueueId, message: NewMessage) -> Sequence {
    match make(store, vec![Effect::Enqueue { queue, message }]).await[..] {
        [Effected::Enqueued(Enqueued::Accepted(sequence))] => sequence,
        ref other => panic!("{other:?}"),
    }
}

async fn receive(store: &SqliteStore, queue: QueueId, max: u32, now: u64) -> Vec<Leased> {
    store.lease(lease(queue, max, now)).await.unwrap().messages
}

fn lease(queue: QueueId, max: u32, now: u64) -> Lease {
    Lease {
        queue,
        max,
        max_bytes: usize::MAX,
        now: at(now),
        until: at(now + 1000),
        bury: None,
        attempt: None,
        own: true,
    }
}

fn ack(receipt: Receipt) -> Effect {
    Effect::Ack { receipt, fence: Fence::Current }
}

async fn only_account(store: &SqliteStore) -> Account {
    let accounts = store.accounts().await.unwrap();
    assert!(accounts.iter().all(Account::balances), "{accounts:?}");
    accounts[0]
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_store_was_closed() {
    let folder = Folder::new();
    let store = folder.open();
    let queue = store.put_queue("jobs", false, "{}").await.unwrap();
    let id = RequestId::from_random(7);
    let finished = Finished { id, text: "{}".to_owned(), until: at(5000) };
    let put = Effect::Put { kind: "rule", key: "a".to_owned(), text: Some("1".to_owned()) };
    let meter = Meter { function: "f".to_owned(), runs: 1, failed: 0, billed_ms: 12 };
    make(&store, vec![Effect::Finish(finished), put, Effect::Meter(meter.clone()), Effect::Meter(meter)])
        .await;
    let first = send(&store, queue, message("one")).await;
    send(&store, queue, message("two")).await;
    let leased = receive(&store, queue, 1, 1000).await;
    assert_eq!(leased[0].message.sequence, first);
    make(&store, vec![ack(leased[0].receipt)]).await;
    drop(store);
    let left: Vec<_> =
        std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["store.db"], "the log is carried over");

    let store = folder.open();
    assert_eq!(store.queues().await.unwrap().len(), 1);
    assert_eq!(store.result(id).await.unwrap().as_deref(), Some("{}"));
    assert_eq!(store.documents("rule").await.unwrap(), [("a".to_owned(), "1".to_owned())]);
    assert_eq!(store.meters().await.unwrap()[0].billed_ms, 24);
    let account = only_account(&store).await;
    assert_eq!((account.accepted, account.done, account.pending), (2, 1, 1));
    assert_eq!(receive(&store, queue, 10, 1000).await[0].message.body, "two");
}

#[tokio::test]
async fn places_and_tokens_are_never_given_out_twice() {
    let folder = Folder::new();
    let store = folder.open();
    let queue = store.put_queue("jobs", false, "").await.unwrap();
    let place = send(&store, queue, message("one")).await;
    let token = receive(&store, queue, 1, 1000).await[0].receipt.token;
    assert_eq!(store.purge(queue).await.unwrap(), 1);
    drop(store);
    let store = folder.open();
    let next = send(&store, queue, message("two")).await;
    assert!(next > place);
    let again = receive(&store, queue, 1, 1000).await[0].receipt;
    assert!(again.token > token);
    // Numbers of queues are as precious: an old receipt or a redrive must not find another queue under them.
    assert!(store.remove_queue(queue).await.unwrap());
    assert!(store.put_queue("jobs", false, "").await.unwrap() > queue);
}

#[tokio::test]
async fn only_leases_are_committed_without_a_sync() {
    let folder = Folder::new();
    let store = folder.open();
    let level = |session: &Session| -> session::Worked<i64> {
        Ok(session.conn().pragma_query_value(None, "synchronous", |row| row.get(0))?)
    };
    let queue = store.put_queue("jobs", false, "").await.unwrap();
    let relaxed = Shape { durable: false, ..Shape::small("look") };
    let (full, normal) = (2, 1);
    assert_eq!(store.writer.work(Shape::small("look"), level).await.unwrap(), full);
    assert_eq!(store.writer.work(relaxed, level).await.unwrap(), normal);
    receive(&store, queue, 1, 1000).await;
    assert_eq!(store.writer.work(relaxed, level).await.unwrap(), normal);
    assert!(!lease::shape().durable);
    assert!(effects::Prepared::new(Commit::default()).unwrap().shape().durable);
    assert_eq!(store.writer.work(Shape::small("look"), level).await.unwrap(), full);
}

#[tokio::test]
async fn readers_cannot_write() {
    let folder = Folder::new();
    let store = folder.open();
    let written = store
        .readers
        .read("write", |conn| Ok(conn.execute("insert into document values('a', 'b', 'c')", [])?))
        .await
        .unwrap_err();
    assert!(written.to_string().contains("readonly"), "{written}");
    let checkpointed = store
        .readers
        .read("checkpoint", |conn| {
            Ok(conn.query_row("pragma wal_checkpoint", [], |row| row.get::<_, i64>(2))?)
        })
        .await;
    assert!(!matches!(checkpointed, Ok(1..)), "{checkpointed:?}");
}

#[tokio::test]
async fn what_breaks_in_a_batch_takes_nothing_else_along() {
    let folder = Folder::new();
    let store = folder.open();
    let queue = store.put_queue("jobs", false, "").await.unwrap();
    // The first job holds the writer up until the others wait, so that they become one batch.
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let holding = store.write("hold", move |_| {
        held.recv().unwrap_err();
        Ok(())
    });
    let broken = store.write("break", |session| {
        session.run("insert into document values('half', 'done', 'x')", [])?;
        session.book(1, |account| account.dropped += 1);
        session.run("insert into state values(2, 2, 2)", [])?;
        Ok(())
    });
    let one = store.commit(Commit {
        effects: vec![Effect::Enqueue { queue, message: message("one") }],
        ..Commit::default()
    });
    let two = store.commit(Commit {
        effects: vec![Effect::Enqueue { queue, message: message("two") }],
        ..Commit::default()
    });
    let release = async {
        tokio::task::yield_now().await;
        drop(hold);
    };
    let (held, one, broken, two, ()) = tokio::join!(biased; holding, one, broken, two, release);
    held.unwrap();
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    assert!(matches!(broken, Err(Error::Failed { what: "break", .. })), "{broken:?}");
    assert!(store.documents("half").await.unwrap().is_empty());
    let account = only_account(&store).await;
    assert_eq!((account.accepted, account.dropped, account.pending), (2, 0, 2));
}

#[tokio::test]
async fn near_the_end_of_the_disk_only_work_in_progress_goes_on() {
    let folder = Folder::new();
    let store = folder.open();
    let queue = store.put_queue("jobs", false, "").await.unwrap();
    send(&store, queue, message("one")).await;
    drop(store);
    let store = SqliteStore::open(Options { reserve_bytes: Some(u64::MAX / 2), ..folder.options() }).unwrap();
    let enqueue = Effect::Enqueue { queue, message: message("two") };
    let finish =
        Effect::Finish(Finished { id: RequestId::from_random(1), text: "{}".to_owned(), until: at(9000) });
    let refused =
        store.commit(Commit { effects: vec![enqueue.clone()], ..Commit::default() }).await.unwrap_err();
    assert!(matches!(refused, Error::Full { .. }), "{refused}");
    assert!(refused.to_string().contains("make room"), "{refused}");
    // The end of work in progress with all that follows from it: its result, and who is told.
    let leased = receive(&store, queue, 1, 1000).await;
    let receipt = leased[0].receipt;
    let effects = vec![ack(receipt), finish, enqueue];
    let made = store
        .commit(Commit { guard: Some(Guard::Receipt(receipt)), effects, ..Commit::default() })
        .await
        .unwrap();
    assert_eq!(made[..2], [Effected::Done, Effected::Done]);
    let leased = receive(&store, queue, 1, 1000).await;
    assert_eq!(make(&store, vec![ack(leased[0].receipt)]).await, [Effected::Done]);
    assert_eq!(only_account(&store).await.done, 2);
}

#[tokio::test]
async fn a_disk_that_is_full_costs_nothing_that_was_accepted() {
    let folder = Folder::new();
    let store = folder.open();
    let queue = store.put_queue("jobs", false, "").await.unwrap();
    let kept = send(&store, queue, message("kept")).await;
    let pages = |more: i64| {
        move |session: &Session| {
            let count: i64 = session.conn().pragma_query_value(None, "page_count", |row| row.get(0))?;
            let sql = format!("pragma max_page_count = {}", count + more);
            Ok(session.conn().query_row(&sql, [], |_| Ok(()))?)
        }
    };
    store.write("limit", pages(2)).await.unwrap();
    let large = NewMessage { body: Bytes::from(vec![b'x'; 100_000]), ..message("") };
    let commit =
        Commit { effects: vec![Effect::Enqueue { queue, message: large.clone() }], ..Commit::default() };
    let refused = store.commit(commit.clone()).await.unwrap_err();
    assert!(matches!(refused, Error::Full { .. }), "{refused}");
    let account = only_account(&store).await;
    assert_eq!((account.accepted, account.pending), (1, 1));
    assert_eq!(receive(&store, queue, 10, 1000).await[0].message.sequence, kept);
    store.write("lift", pages(100_000)).await.unwrap();
    assert!(matches!(store.commit(commit).await.unwrap()[..], [Effected::Enqueued(Enqueued::Accepted(_))]));
}

#[tokio::test]
async fn verbs_on_queues_that_are_not_there_say_so() {
    let folder = Folder::new();
    let store = folder.open();
    let nowhere = QueueId(77);
    let browse = Browse { queue: nowhere, after: None, only: None, fingerprint: None, limit: 1 };
    let errors = [
        store.lease(lease(nowhere, 1, 1000)).await.unwrap_err(),
        store.stats(nowhere, at(1000)).await.unwrap_err(),
        store.purge(nowhere).await.unwrap_err(),
        store.expire(nowhere, at(1000), 1).await.unwrap_err(),
        store.reclaim(nowhere, at(1000)).await.unwrap_err(),
        store.groups(nowhere, 1).await.unwrap_err(),
        store.browse(browse).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| matches!(error, Error::NoQueue(77))), "{errors:?}");
    let enqueue = Effect::Enqueue { queue: nowhere, message: message("lost") };
    assert_eq!(make(&store, vec![enqueue]).await, [Effected::NotFound]);
    assert!(!store.remove_queue(nowhere).await.unwrap());
}

#[tokio::test]
async fn a_queue_with_messages_keeps_its_kind() {
    let folder = Folder::new();
    let store = folder.open();
    let queue = store.put_queue("jobs", false, "").await.unwrap();
    assert_eq!(store.put_queue("jobs", true, "").await.unwrap(), queue);
    send(&store, queue, message("one")).await;
    let refused = store.put_queue("jobs", false, "").await.unwrap_err();
    assert!(refused.to_string().contains("must be emptied"), "{refused}");
    assert_eq!(store.put_queue("jobs", true, "new").await.unwrap(), queue);
}

fn refused(path: &Path) -> String {
    SqliteStore::open(Options::at(path)).map(drop).unwrap_err().to_string()
}

#[test]
fn files_that_are_not_ours_or_newer_are_left_alone() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "this is a letter to my grandmother, and no database at all ......")
        .unwrap();
    assert!(refused(&folder.file()).contains("not a database"));
    std::fs::remove_file(folder.file()).unwrap();

    let other = rusqlite::Connection::open(folder.file()).unwrap();
    other.execute_batch("create table letters(text)").unwrap();
    drop(other);
    assert!(refused(&folder.file()).contains("another program"));
    std::fs::remove_file(folder.file()).unwrap();

    drop(folder.open());
    let newer = rusqlite::Connection::open(folder.file()).unwrap();
    newer.pragma_update(None, "user_version", 3).unwrap();
    drop(newer);
    assert!(refused(&folder.file()).contains("use a newer Lambent"));
    assert!(refused(&folder.0.join("nowhere").join("store.db")).contains("cannot open the store"));
}

#[tokio::test]
async fn a_removal_that_was_interrupted_is_finished_after_the_next_start() {
    let folder = Folder::new();
    let store = folder.open();
    let queue = store.put_queue("jobs", true, "").await.unwrap();
    let dedup = Dedup { key: "k".to_owned(), until: at(9000), digest: None };
    send(&store, queue, NewMessage { dedup: Some(dedup), ..message("one") }).await;
    assert!(store.write("hide", move |session| queues::hide(session, queue)).await.unwrap());
    assert!(store.queues().await.unwrap().is_empty());
    drop(store);
    let store = folder.open();
    let rows = |session: &Session| {
        let sql = "select (select count(*) from msg) + (select count(*) from queue) + (select count(*) from account)
                   + (select count(*) from dedup) + (select count(*) from body) + (select count(*) from fifo_group)";
        Ok(session.conn().query_row(sql, [], |row| row.get::<_, i64>(0))?)
    };
    while store.write("count", rows).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_redrive_passes_by_what_stays_and_waits_for_what_is_leased() {
    let folder = Folder::new();
    let store = folder.open();
    let jobs = store.put_queue("jobs", false, "").await.unwrap();
    let dead = store.put_queue("dead", false, "").await.unwrap();
    for _ in 0..3 {
        send(&store, jobs, message("job")).await;
    }
    send(&store, dead, message("a stranger")).await;
    for leased in receive(&store, jobs, 3, 1000).await {
        let failure = Failure { fingerprint: "f".to_owned(), ..Failure::default() };
        let bury =
            Effect::Bury { receipt: leased.receipt, to: dead, failure, attributes: Default::default() };
        assert_eq!(make(&store, vec![bury]).await, [Effected::Done]);
    }
    let groups = store.groups(dead, 10).await.unwrap();
    assert_eq!((groups[0].fingerprint.as_str(), groups[0].count), ("f", 3));
    let leased = receive(&store, dead, 1, 1000).await;
    let redrive = Redrive {
        id: "r".to_owned(),
        from: dead,
        to: None,
        fingerprint: None,
        rate: None,
        started: at(1000),
        last: Sequence(i64::MAX),
        total: 3,
        moved: 0,
        state: RedriveState::Running,
    };
    store.put_redrive(redrive).await.unwrap();
    let step = store.step_redrive("r", 1, at(1500)).await.unwrap().unwrap();
    assert_eq!((step.moved, &step.state), (1, &RedriveState::Running));
    let why = Released::Failed(None);
    make(&store, vec![Effect::Release { receipt: leased[0].receipt, at: at(1500), why }]).await;
    let step = store.step_redrive("r", 10, at(1500)).await.unwrap().unwrap();
    assert_eq!((step.moved, &step.state), (3, &RedriveState::Completed));
    let [jobs, dead]: [Account; 2] = store.accounts().await.unwrap().try_into().unwrap();
    assert!(jobs.balances() && dead.balances());
    assert_eq!((jobs.accepted, jobs.dead, jobs.pending), (3, 0, 3));
    assert_eq!((dead.accepted, dead.done, dead.pending), (4, 3, 1));
}

#[tokio::test]
async fn a_store_of_the_first_version_is_brought_to_this_one_and_keeps_what_it_has() {
    let folder = Folder::new();
    let old = rusqlite::Connection::open(folder.file()).unwrap();
    old.execute_batch(schema::VERSIONS[0]).unwrap();
    old.execute_batch(
        "pragma application_id = 0x4c4d4254; pragma user_version = 1;
         insert into queue(id, name, fifo, spec) values(7, 'orders', 0, '{}');
         insert into account values(7, 1, 0, 0, 0);
         insert into msg(id, q, vis, att, thr, sent) values(3, 7, 1000, 0, 0, 1000);
         insert into body values(3, '00000000-0000-4000-8000-000000000001', null, x'6869');
         insert into document values('rule', 'a', 'text');",
    )
    .unwrap();
    drop(old);
    for _ in 0..2 {
        let store = folder.open();
        let leased = receive(&store, QueueId(7), 1, 2000).await;
        assert_eq!(leased[0].message.body, "hi");
        assert_eq!(store.documents("rule").await.unwrap(), [("a".to_owned(), "text".to_owned())]);
        assert!(store.schedules().await.unwrap().is_empty());
        assert!(store.accounts().await.unwrap()[0].balances());
        let (receipt, why) = (leased[0].receipt, Released::Throttled);
        make(&store, vec![Effect::Release { receipt, at: at(1000), why }]).await;
    }
    let version: i64 = rusqlite::Connection::open(folder.file())
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 2);
}
