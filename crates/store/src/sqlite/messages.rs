//! What happens to one message: it is found by its receipt, goes, or moves to another queue.

use rusqlite::Row;

use super::session::{Session, Worked};
use crate::effect::Effected;
use crate::message::{QueueId, Receipt};

/// The group of a message that came without one into a queue that keeps order.
const GROUP: &str = "default";

/// What a change has to know of a message.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: i64,
    pub(super) queue: i64,
    pub(super) group: Option<String>,
    /// Whether it was leased since it came into its queue.
    pub(super) leased_once: bool,
    /// Whether there is something in `failure` about it.
    pub(super) has_failure: bool,
}

/// The columns that [`Known`] reads, of `msg`.
macro_rules! known {
    () => {
        "id, q, gid, first is not null, failed is not null"
    };
}
pub(super) use known;

impl Known {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            queue: row.get(1)?,
            group: row.get(2)?,
            leased_once: row.get(3)?,
            has_failure: row.get(4)?,
        })
    }

    /// Takes note that something happened in its group, if it has one.
    pub(super) fn touch(&self, session: &Session) {
        if let Some(group) = &self.group {
            session.touch_group(self.queue, group);
        }
    }

    /// The same message, when its failure has just been noted.
    pub(super) fn failed(self) -> Self {
        Self { has_failure: true, ..self }
    }
}

/// What a receipt is worth.
#[derive(Debug)]
pub(super) enum Found {
    /// It is the one of the message's latest lease.
    Current(Known),
    /// It is not, or no longer.
    Stale(Known),
    /// There is no such message.
    Nothing,
}

impl Found {
    /// What an effect comes to that wants the current receipt and has another.
    pub(super) fn refusal(&self) -> Effected {
        match self {
            Self::Nothing => Effected::NotFound,
            Self::Current(_) | Self::Stale(_) => Effected::Stale,
        }
    }
}

/// Finds the message of a receipt.
pub(super) fn find(session: &Session, receipt: Receipt) -> Worked<Found> {
    let found = session.one(
        concat!("select ", known!(), ", token from msg where id = ?1"),
        [receipt.message.0],
        |row| Ok((Known::read(row)?, row.get::<_, Option<i64>>(5)?)),
    )?;
    Ok(match found {
        Some((row, Some(token))) if token == receipt.token => Found::Current(row),
        Some((row, _)) => Found::Stale(row),
        None => Found::Nothing,
    })
}

/// Whether the lease of a message has not run out.
pub(super) fn is_held(session: &Session, id: i64, now: i64) -> Worked<bool> {
    let held = session.one("select vis > ?2 from msg where id = ?1", (id, now), |row| row.get(0))?;
    Ok(held.unwrap_or(false))
}

/// Removes a message and all that belongs to it. Whoever calls this books it.
pub(super) fn remove(session: &Session, row: &Known) -> Worked<()> {
    session.run("delete from msg where id = ?1", [row.id])?;
    session.run("delete from body where id = ?1", [row.id])?;
    if row.has_failure {
        session.run("delete from failure where id = ?1", [row.id])?;
    }
    row.touch(session);
    Ok(())
}

/// Gives a message back that nobody tried: its lease does not count.
pub(super) fn throttle(session: &Session, row: &Known, at: i64) -> Worked<()> {
    session.run(
        "update msg set vis = ?2, token = null, att = max(att - 1, 0), thr = thr + 1 where id = ?1",
        (row.id, at),
    )?;
    row.touch(session);
    Ok(())
}

/// Keeps why a message failed, in place of what was kept before.
pub(super) fn note_failure(
    session: &Session,
    id: i64,
    queue: i64,
    fingerprint: &str,
    text: &str,
) -> Worked<()> {
    session.run("insert or replace into failure values(?1, ?2, ?3, ?4)", (id, queue, fingerprint, text))?;
    session.run("update msg set failed = 1 where id = ?1 and failed is null", [id])?;
    Ok(())
}

/// Moves a message to the dead letters, and books it.
pub(super) fn bury(session: &Session, row: &Known, to: QueueId, now: i64) -> Worked<()> {
    relocate(session, row, to, Some(row.queue), now)?;
    session.book(row.queue, |account| account.dead += 1);
    session.book(to.0, |account| account.accepted += 1);
    Ok(())
}

/// Moves a message from the dead letters to another queue, and books it: coming back to where it died, it is no
/// longer dead; elsewhere it is new.
pub(super) fn redrive(
    session: &Session,
    row: &Known,
    to: QueueId,
    origin: Option<i64>,
    now: i64,
) -> Worked<()> {
    relocate(session, row, to, None, now)?;
    // Its age counts from here, or it would be too old at once.
    session.run("update msg set sent = ?2 where id = ?1", (row.id, now))?;
    session.book(row.queue, |account| account.done += 1);
    session.book(to.0, |account| match origin == Some(to.0) {
        true => account.dead -= 1,
        false => account.accepted += 1,
    });
    Ok(())
}

/// The group of a message in a queue that keeps order, or does not.
pub(super) fn group_in(fifo: bool, group: Option<&str>) -> Option<&str> {
    fifo.then(|| group.unwrap_or(GROUP))
}

/// It keeps its place and its body. In the new queue nobody has leased it yet.
fn relocate(session: &Session, row: &Known, to: QueueId, origin: Option<i64>, now: i64) -> Worked<()> {
    let group = group_in(session.queue(to)?, row.group.as_deref());
    session.run(
        "update msg set q = ?2, vis = ?3, gid = ?4, att = 0, thr = 0, token = null, first = null, origin = ?5,
         entered = ?3 where id = ?1",
        (row.id, to.0, now, group, origin),
    )?;
    if row.has_failure {
        session.run("update failure set q = ?2 where id = ?1", (row.id, to.0))?;
    }
    row.touch(session);
    if let Some(group) = group {
        session.touch_group(to.0, group);
    }
    Ok(())
}
