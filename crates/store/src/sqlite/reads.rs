//! What is looked at without the writer, on connections that cannot write.

use std::sync::{Arc, Mutex, PoisonError};

use lambent_core::{RequestId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use tokio::sync::Semaphore;

use super::redrives::{self, redrive};
use super::rows::{Stored, millis, parse, stored, timestamp, total};
use super::{Options, schema};
use crate::effect::Meter;
use crate::error::{Error, Result};
use crate::message::{Message, QueueId};
use crate::store::{Account, Browse, Group, Queue, Redrive, Stats};

/// Connections that read at once.
const READERS: usize = 2;
/// Messages at the head of a queue among which the oldest is looked for; senders' clocks differ.
const HEAD: u32 = 256;
/// Redrives of one queue that are listed.
const LISTED: u32 = 10;

/// Connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    /// As many as there are connections: who has a permit finds one.
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(options: &Options) -> Result<Self> {
        let readers = (0..READERS).map(|_| schema::reader(options)).collect::<Result<_>>()?;
        Ok(Self { free: Arc::new(Mutex::new(readers)), permits: Arc::new(Semaphore::new(READERS)) })
    }

    /// Reads on a thread that may block.
    pub(super) async fn read<T, F>(&self, what: &'static str, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Read<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Stopped)?;
        let free = Arc::clone(&self.free);
        let reading = tokio::task::spawn_blocking(move || {
            let conn = free
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop()
                .expect("who has a permit finds one");
            let found = read(&conn);
            free.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            drop(permit);
            found
        });
        reading.await.map_err(|_| Error::Stopped)?.map_err(|error| match error {
            ReadError::Sql(error) => Error::Failed { what, reason: error.to_string() },
            ReadError::Other(error) => error,
        })
    }
}

/// Why nothing could be read.
#[derive(Debug)]
pub(super) enum ReadError {
    Sql(rusqlite::Error),
    Other(Error),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

pub(super) type Read<T> = std::result::Result<T, ReadError>;

pub(super) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Read<Vec<T>> {
    Ok(conn.prepare_cached(sql)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

fn is_there(conn: &Connection, queue: QueueId) -> Read<()> {
    let found: Option<i64> = conn
        .prepare_cached("select 1 from queue where id = ?1 and name is not null")?
        .query_row([queue.0], |row| row.get(0))
        .optional()?;
    found.map(drop).ok_or(ReadError::Other(Error::NoQueue(queue.0)))
}

pub(super) fn queues(conn: &Connection) -> Read<Vec<Queue>> {
    all(conn, "select id, name, fifo, spec from queue where name is not null order by id", [], |row| {
        Ok(Queue { id: QueueId(row.get(0)?), name: row.get(1)?, fifo: row.get(2)?, spec: row.get(3)? })
    })
}

/// What waits is not counted: it is what the account says is there, less what is counted.
pub(super) fn stats(conn: &Connection, queue: QueueId, now: Timestamp) -> Read<Stats> {
    is_there(conn, queue)?;
    // One statement is one snapshot, so that its parts fit together.
    let sql = "select a.accepted - a.done - a.dead - a.dropped, count(m.id), count(m.token),
               (select min(sent) from (select sent from msg indexed by by_place where q = ?1 order by id limit ?3))
               from account a left join msg m indexed by by_time on m.q = ?1 and m.vis > ?2 where a.queue = ?1";
    let stats = conn.prepare_cached(sql)?.query_row((queue.0, millis(now), HEAD), |row| {
        let (pending, later, leased): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Stats {
            ready: total(pending - later),
            leased: total(leased),
            delayed: total(later - leased),
            oldest: row.get::<_, Option<i64>>(3)?.map(timestamp),
        })
    })?;
    Ok(stats)
}

pub(super) fn browse(conn: &Connection, browse: &Browse) -> Read<Vec<Message>> {
    is_there(conn, browse.queue)?;
    let after = browse.after.map_or(i64::MIN, |after| after.0);
    let (queue, limit) = (browse.queue.0, browse.limit);
    let found = match (browse.only, &browse.fingerprint) {
        (Some(only), fingerprint) => all(
            conn,
            concat!(
                "select ", stored!(), " from msg m join body b on b.id = m.id where m.q = ?1 and m.id > ?2 and m.id = ?3
                 and (?4 is null or exists(select 1 from failure f where f.id = m.id and f.fingerprint = ?4)) limit ?5"
            ),
            (queue, after, only.0, fingerprint, limit),
            Stored::read,
        ),
        (None, Some(fingerprint)) => all(
            conn,
            concat!(
                "select ", stored!(), " from failure g indexed by failure_by_kind join msg m on m.id = g.id
                 join body b on b.id = g.id where g.q = ?1 and g.fingerprint = ?3 and g.id > ?2 order by g.id limit ?4"
            ),
            (queue, after, fingerprint, limit),
            Stored::read,
        ),
        (None, None) => all(
            conn,
            concat!(
                "select ", stored!(), " from msg m indexed by by_place join body b on b.id = m.id
                 where m.q = ?1 and m.id > ?2 order by m.id limit ?3"
            ),
            (queue, after, limit),
            Stored::read,
        ),
    }?;
    Ok(found.into_iter().map(Stored::message).collect::<Result<_>>()?)
}

pub(super) fn groups(conn: &Connection, queue: QueueId, limit: u32) -> Read<Vec<Group>> {
    is_there(conn, queue)?;
    let sql = "select g.fingerprint, g.n, f.text from
               (select fingerprint, count(*) as n, min(id) as example from failure indexed by failure_by_kind
                where q = ?1 group by fingerprint order by n desc, fingerprint limit ?2) g
               join failure f on f.id = g.example order by g.n desc, g.fingerprint";
    let found: Vec<(String, i64, String)> =
        all(conn, sql, (queue.0, limit), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let group = |(fingerprint, count, text): (String, i64, String)| {
        Ok(Group { fingerprint, count: total(count), example: parse(&text)? })
    };
    Ok(found.into_iter().map(group).collect::<Result<_>>()?)
}

pub(super) fn redrives(conn: &Connection) -> Read<Vec<Redrive>> {
    let sql = concat!(
        "select ",
        redrive!(),
        " from (select *, row_number() over
         (partition by source order by started desc, seq desc) as n from redrive)
         where n <= ?1 order by started desc, seq desc"
    );
    all(conn, sql, [LISTED], redrives::read)
}

pub(super) fn documents(conn: &Connection, kind: &str) -> Read<Vec<(String, String)>> {
    all(conn, "select key, text from document where kind = ?1 order by key", [kind], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

pub(super) fn result(conn: &Connection, id: RequestId) -> Read<Option<String>> {
    let mut statement = conn.prepare_cached("select text from result where id = ?1")?;
    Ok(statement.query_row([id.as_str()], |row| row.get(0)).optional()?)
}

pub(super) fn accounts(conn: &Connection) -> Read<Vec<Account>> {
    let sql = "select a.queue, a.accepted, a.done, a.dead, a.dropped,
               (select count(*) from msg indexed by by_place where q = a.queue)
               from account a join queue q on q.id = a.queue where q.name is not null order by a.queue";
    all(conn, sql, [], |row| {
        Ok(Account {
            queue: row.get(0)?,
            accepted: total(row.get(1)?),
            done: total(row.get(2)?),
            dead: total(row.get(3)?),
            dropped: total(row.get(4)?),
            pending: total(row.get(5)?),
        })
    })
}

pub(super) fn meters(conn: &Connection) -> Read<Vec<Meter>> {
    all(conn, "select function, runs, failed, billed from meter order by function", [], |row| {
        Ok(Meter {
            function: row.get(0)?,
            runs: total(row.get(1)?),
            failed: total(row.get(2)?),
            billed_ms: total(row.get(3)?),
        })
    })
}
