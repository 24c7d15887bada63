//! The store in one SQLite file: one thread writes, commits what waits together, and answers when it is on the disk.
//!
//! How it is laid out says [`schema`]; what is kept in memory, [`session`]; when what is synced, [`writer`].

mod checkpoint;
mod effects;
mod lease;
mod messages;
mod queues;
mod reads;
mod redrives;
mod rows;
mod schedules;
mod schema;
mod session;
mod space;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use lambent_core::{RequestId, Timestamp};

use crate::effect::{Commit, Effected, Meter};
use crate::error::Result;
use crate::message::{Message, QueueId, Sequence};
use crate::schedule::{Firing, ScheduleRow};
use crate::store::{Account, Browse, Group, Lease, LeasedBatch, Queue, Redrive, Stats, Store, Swept};
use reads::Readers;
use rows::millis;
use session::Session;
use space::Space;
use writer::{Shape, Writer};

/// Where the store is and what it may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its file. Two more are beside it while it is open, with `-wal` and `-shm` behind its name.
    pub path: PathBuf,
    /// Space on the disk that new messages may not use, so that work in progress can end: 64 MiB or a tenth of the
    /// file system, whichever is less, when this is `None`.
    pub reserve_bytes: Option<u64>,
    /// The name of a VFS of SQLite's, for tests.
    pub vfs: Option<String>,
}

impl Options {
    /// A store in this file.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), reserve_bytes: None, vfs: None }
    }
}

/// The store in one SQLite file. Nobody else may have the file open to write.
///
/// Verbs that write are not cancel-safe: what was handed over is done even when nobody waits for the answer. When it
/// is dropped, what is queued is done first, and the file is left without a log.
#[derive(Debug)]
pub struct SqliteStore {
    // The order counts: once the readers are gone, the writer can clear the log.
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the store, and makes it when there is none.
    ///
    /// # Errors
    /// When the file cannot be opened, belongs to another program or has a format of a newer version.
    pub fn open(options: Options) -> Result<Self> {
        let failed = |reason: &str| schema::cannot_open(&options.path, reason);
        let conn = schema::writer(&options)?;
        let space = Space::new(&options.path, options.reserve_bytes);
        let session = Session::begin(conn, space).map_err(|e| failed(&e.to_string()))?;
        complain_of_accounts(&session);
        let hidden = session
            .all("select id from queue where name is null", [], |row| row.get(0))
            .map_err(|e| failed(&e.to_string()))?;
        let readers = Readers::open(&options)?;
        let writer =
            Writer::start(session, options.path.clone(), hidden).map_err(|e| failed(&e.to_string()))?;
        Ok(Self { readers, writer })
    }

    async fn write<T, F>(&self, what: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Session) -> session::Worked<T> + Send + 'static,
    {
        self.writer.work(Shape::small(what), work).await
    }
}

/// Says which accounts do not balance. The node starts all the same: the messages that are there are worth more than
/// a count of those that are not, and whoever looks at the accounts sees it too.
fn complain_of_accounts(session: &Session) {
    match reads::accounts(session.conn()) {
        Ok(accounts) => {
            for account in accounts.iter().filter(|account| !account.balances()) {
                eprintln!("lambent: the account of queue {} does not balance: {account:?}", account.queue);
            }
        }
        Err(error) => eprintln!("lambent: the accounts of the store cannot be read: {error:?}"),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn put_queue(&self, name: &str, fifo: bool, spec: &str) -> Result<QueueId> {
        let (name, spec) = (name.to_owned(), spec.to_owned());
        self.write("make a queue", move |session| queues::put(session, &name, fifo, &spec)).await
    }

    async fn remove_queue(&self, queue: QueueId) -> Result<bool> {
        if !self.write("remove a queue", move |session| queues::hide(session, queue)).await? {
            return Ok(false);
        }
        while !self.write("empty a queue", move |session| queues::clear(session, queue.0)).await? {}
        Ok(true)
    }

    async fn queues(&self) -> Result<Vec<Queue>> {
        self.readers.read("list queues", reads::queues).await
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<Effected>> {
        let commit = effects::Prepared::new(commit)?;
        let shape = commit.shape();
        self.writer.work(shape, move |session| effects::commit(session, &commit)).await
    }

    async fn settle(&self, commit: Commit) -> Result<Vec<Effected>> {
        let commit = effects::Prepared::new(commit)?;
        let shape = Shape { durable: false, ..commit.shape() };
        self.writer.work(shape, move |session| effects::commit(session, &commit)).await
    }

    async fn lease(&self, lease: Lease) -> Result<LeasedBatch> {
        self.writer.work(lease::shape(), move |session| lease::lease(session, &lease)).await?.batch()
    }

    async fn reclaim(&self, queue: QueueId, now: Timestamp) -> Result<u64> {
        let mut reclaimed = 0;
        loop {
            // As the leases that it ends: a loss of power would end them, too.
            let shape = Shape { durable: false, ..Shape::small("reclaim") };
            let reclaim = move |session: &Session| queues::reclaim(session, queue, millis(now));
            match self.writer.work(shape, reclaim).await? {
                0 => return Ok(reclaimed),
                more => reclaimed += more,
            }
        }
    }

    async fn stats(&self, queue: QueueId, now: Timestamp) -> Result<Stats> {
        self.readers.read("count messages", move |conn| reads::stats(conn, queue, now)).await
    }

    async fn browse(&self, browse: Browse) -> Result<Vec<Message>> {
        self.readers.read("browse", move |conn| reads::browse(conn, &browse)).await
    }

    async fn groups(&self, queue: QueueId, limit: u32) -> Result<Vec<Group>> {
        self.readers.read("group failures", move |conn| reads::groups(conn, queue, limit)).await
    }

    async fn edit(&self, queue: QueueId, sequence: Sequence, body: Bytes, now: Timestamp) -> Result<bool> {
        let shape = Shape { bytes: body.len(), ..Shape::small("edit a message") };
        let edit = move |session: &Session| queues::edit(session, queue, sequence.0, &body, millis(now));
        self.writer.work(shape, edit).await
    }

    async fn discard(&self, queue: QueueId, sequence: Sequence, now: Timestamp) -> Result<bool> {
        self.write("discard", move |session| queues::discard(session, queue, sequence.0, millis(now))).await
    }

    async fn purge(&self, queue: QueueId) -> Result<u64> {
        let (mut purged, mut upto) = (0, None);
        loop {
            let chunk = self.write("purge", move |session| queues::purge(session, queue, upto)).await?;
            match chunk {
                (0, _) => return Ok(purged),
                (some, last) => (purged, upto) = (purged + some, Some(last)),
            }
        }
    }

    async fn expire(&self, queue: QueueId, before: Timestamp, limit: u32) -> Result<u64> {
        self.write("expire", move |session| queues::expire(session, queue, millis(before), limit)).await
    }

    async fn sweep(&self, now: Timestamp, limit: u32) -> Result<Swept> {
        let [dedups, attempts, results] =
            self.write("sweep", move |session| queues::sweep(session, millis(now), limit)).await?;
        Ok(Swept { dedups: dedups as u64, attempts: attempts as u64, results: results as u64 })
    }

    async fn put_redrive(&self, redrive: Redrive) -> Result<()> {
        self.write("keep a redrive", move |session| redrives::put(session, &redrive)).await
    }

    async fn step_redrive(&self, id: &str, limit: u32, now: Timestamp) -> Result<Option<Redrive>> {
        let id = id.to_owned();
        self.write("redrive", move |session| redrives::step(session, &id, limit, millis(now))).await
    }

    async fn redrives(&self) -> Result<Vec<Redrive>> {
        self.readers.read("list redrives", reads::redrives).await
    }

    async fn put_schedule(&self, schedule: ScheduleRow) -> Result<bool> {
        self.write("keep a schedule", move |session| schedules::put(session, &schedule)).await
    }

    async fn remove_schedule(&self, id: &str) -> Result<bool> {
        let id = id.to_owned();
        self.write("remove a schedule", move |session| schedules::remove(session, &id)).await
    }

    async fn schedules(&self) -> Result<Vec<ScheduleRow>> {
        self.readers.read("list schedules", schedules::list).await
    }

    async fn due_schedules(&self, by: Timestamp, limit: u32) -> Result<Vec<ScheduleRow>> {
        self.readers.read("look for due schedules", move |conn| schedules::due(conn, millis(by), limit)).await
    }

    async fn firings(&self, schedule: &str, limit: u32) -> Result<Vec<Firing>> {
        let schedule = schedule.to_owned();
        self.readers.read("list firings", move |conn| schedules::firings(conn, &schedule, limit)).await
    }

    async fn documents(&self, kind: &str) -> Result<Vec<(String, String)>> {
        let kind = kind.to_owned();
        self.readers.read("list documents", move |conn| reads::documents(conn, &kind)).await
    }

    async fn result(&self, id: RequestId) -> Result<Option<String>> {
        self.readers.read("read a result", move |conn| reads::result(conn, id)).await
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        self.readers.read("read the accounts", reads::accounts).await
    }

    async fn meters(&self) -> Result<Vec<Meter>> {
        self.readers.read("read the meters", reads::meters).await
    }
}
