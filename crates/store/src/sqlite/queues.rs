//! Queues as a whole: made, removed, emptied, and what is thrown out of them.

use super::messages::{self, Known, known};
use super::session::{Fail, Session, Worked};
use crate::error::Error;
use crate::message::QueueId;

/// Most messages that one transaction removes, so that a purge does not keep others waiting.
pub(super) const CHUNK: u32 = 500;
/// How far behind the first message that stays expiry looks for others: senders' clocks differ, so that places and
/// times of sending do not ascend together exactly.
const SKEWED: usize = 256;

pub(super) fn put(session: &Session, name: &str, fifo: bool, spec: &str) -> Worked<QueueId> {
    let known: Option<(i64, bool)> =
        session.one("select id, fifo from queue where name = ?1", [name], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let Some((id, was)) = known else {
        session.run("insert into queue(name, fifo, spec) values(?1, ?2, ?3)", (name, fifo, spec))?;
        let queue = QueueId(session.conn().last_insert_rowid());
        session.run("insert into account values(?1, 0, 0, 0, 0)", [queue.0])?;
        session.note_queue(queue, Some(fifo));
        return Ok(queue);
    };
    let queue = QueueId(id);
    if was != fifo && session.one("select 1 from msg where q = ?1 limit 1", [id], |_| Ok(()))?.is_some() {
        let reason =
            format!("queue `{name}` has messages: it must be emptied before it can keep order, or stop to");
        return Err(Fail::Refused(Error::Failed { what: "change a queue", reason }));
    }
    session.run("update queue set fifo = ?2, spec = ?3 where id = ?1", (id, fifo, spec))?;
    session.note_queue(queue, Some(fifo));
    Ok(queue)
}

/// Hides a queue that is to be removed. `false` when there is none.
pub(super) fn hide(session: &Session, queue: QueueId) -> Worked<bool> {
    if session.keeps_order(queue).is_none() {
        return Ok(false);
    }
    session.run("delete from redrive where source = ?1", [queue.0])?;
    session.run("update queue set name = null where id = ?1", [queue.0])?;
    session.note_queue(queue, None);
    Ok(true)
}

/// Removes some of what a hidden queue holds, and then the queue. Whether that is all.
pub(super) fn clear(session: &Session, queue: i64) -> Worked<bool> {
    if remove_some(session, queue, i64::MAX)? > 0 {
        return Ok(false);
    }
    let some = "limit 1000)";
    for (table, key) in [("dedup", "key"), ("attempt", "name")] {
        let sql = format!(
            "delete from {table} where q = ?1 and {key} in (select {key} from {table} where q = ?1 {some}"
        );
        if session.run(&sql, [queue])? > 0 {
            return Ok(false);
        }
    }
    session.run("delete from fifo_group where q = ?1", [queue])?;
    session.run("delete from account where queue = ?1", [queue])?;
    session.run("delete from queue where id = ?1", [queue])?;
    Ok(true)
}

/// Removes some of the messages up to a place; the last one that there is when nobody says. How many, and that place.
pub(super) fn purge(session: &Session, queue: QueueId, upto: Option<i64>) -> Worked<(u64, i64)> {
    session.queue(queue)?;
    let upto = upto.unwrap_or_else(|| session.last_place());
    Ok((remove_some(session, queue.0, upto)?, upto))
}

fn remove_some(session: &Session, queue: i64, upto: i64) -> Worked<u64> {
    let rows = session.all(
        concat!(
            "select ",
            known!(),
            " from msg indexed by by_place where q = ?1 and id <= ?2 order by id limit ?3"
        ),
        (queue, upto, CHUNK),
        Known::read,
    )?;
    drop_all(session, queue, &rows)
}

/// Removes messages that are too old.
pub(super) fn expire(session: &Session, queue: QueueId, before: i64, limit: u32) -> Worked<u64> {
    session.queue(queue)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut old: Vec<(i64, i64)> = Vec::new();
    let mut younger = 0;
    let mut head = session
        .conn()
        .prepare_cached("select sent, id from msg indexed by by_place where q = ?1 order by id")?;
    let mut head = head.query([queue.0])?;
    while younger < SKEWED
        && old.len() < limit.saturating_add(SKEWED)
        && let Some(row) = head.next()?
    {
        let (sent, id) = (row.get(0)?, row.get(1)?);
        if sent < before { old.push((sent, id)) } else { younger += 1 }
    }
    old.sort_unstable();
    old.truncate(limit);
    let mut rows = Vec::with_capacity(old.len());
    for (_, id) in old {
        rows.extend(session.one(
            concat!("select ", known!(), " from msg where id = ?1"),
            [id],
            Known::read,
        )?);
    }
    drop_all(session, queue.0, &rows)
}

fn drop_all(session: &Session, queue: i64, rows: &[Known]) -> Worked<u64> {
    for row in rows {
        messages::remove(session, row)?;
    }
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    session.book(queue, |account| account.dropped += count);
    Ok(rows.len() as u64)
}

/// Removes a message that nobody has leased.
pub(super) fn discard(session: &Session, queue: QueueId, id: i64, now: i64) -> Worked<bool> {
    let row = session.one(
        concat!("select ", known!(), " from msg where id = ?1 and q = ?2 and (token is null or vis <= ?3)"),
        (id, queue.0, now),
        Known::read,
    )?;
    drop_all(session, queue.0, row.as_slice()).map(|dropped| dropped > 0)
}

/// Replaces the body of a message that nobody has leased.
pub(super) fn edit(session: &Session, queue: QueueId, id: i64, body: &[u8], now: i64) -> Worked<bool> {
    let changed = session.run(
        "update body set body = ?4 where id = ?1
         and exists(select 1 from msg m where m.id = ?1 and m.q = ?2 and (m.token is null or m.vis <= ?3))",
        (id, queue.0, now, body),
    )?;
    Ok(changed > 0)
}

/// Gives some of what is leased back, as if it was released as throttled. How many.
pub(super) fn reclaim(session: &Session, queue: QueueId, now: i64) -> Worked<u64> {
    session.queue(queue)?;
    let rows = session.all(
        concat!(
            "select ",
            known!(),
            " from msg indexed by by_time
             where q = ?1 and vis > ?2 and token & 1 limit ?3"
        ),
        (queue.0, now, CHUNK),
        Known::read,
    )?;
    for row in &rows {
        messages::throttle(session, row, now)?;
    }
    Ok(rows.len() as u64)
}

/// Forgets what has run out. How many deduplication keys, receive attempts and results.
pub(super) fn sweep(session: &Session, now: i64, limit: u32) -> Worked<[usize; 3]> {
    Ok([
        forget(
            session,
            "select q, key from dedup where exp <= ?1 order by exp limit ?2",
            "delete from dedup where q = ?1 and key = ?2",
            (now, limit),
        )?,
        forget(
            session,
            "select q, name from attempt where exp <= ?1 order by exp limit ?2",
            "delete from attempt where q = ?1 and name = ?2",
            (now, limit),
        )?,
        session.run(
            "delete from result where seq in (select seq from result where exp <= ?1 order by exp limit ?2)",
            (now, limit),
        )?,
    ])
}

/// One by one: a list of pairs of keys SQLite would look for with a scan of the queue for each.
fn forget(session: &Session, over: &str, delete: &str, (now, limit): (i64, u32)) -> Worked<usize> {
    let keys: Vec<(i64, String)> = session.all(over, (now, limit), |row| Ok((row.get(0)?, row.get(1)?)))?;
    for key in &keys {
        session.run(delete, (key.0, &key.1))?;
    }
    Ok(keys.len())
}
