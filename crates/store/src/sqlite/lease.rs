//! Leases: which messages are next, whose they are until when, and which were leased too often.
//!
//! What is due is read first and changed then, so that a lease that is over at once is not found again by its own scan.

use std::ops::ControlFlow;

use rusqlite::Row;

use super::messages::{self, Known};
use super::rows::{Stored, millis, stored};
use super::session::{Session, Worked};
use super::writer::Shape;
use crate::error::Result;
use crate::message::{Leased, Receipt, Sequence};
use crate::store::{Bury, Lease, LeasedBatch};
use lambent_core::limits;

/// Most messages that one lease sends to the dead letters, which bounds its cost; the next one goes on.
const BURIED_MAX: usize = 500;
/// Room for this many messages is made at first; more come when they are there.
const ROOM: u32 = 64;

/// What the writer has to know of a lease: it may be lost with the power.
pub(super) fn shape() -> Shape {
    Shape { durable: false, ..Shape::small("lease") }
}

/// A lease as the writer made it; texts are not yet parsed.
#[derive(Debug, Default)]
pub(super) struct Made {
    messages: Vec<(Stored, i64)>,
    buried: u32,
    next_due: Option<i64>,
}

impl Made {
    pub(super) fn batch(self) -> Result<LeasedBatch> {
        let leased = |(stored, token): (Stored, i64)| {
            let receipt = Receipt { message: Sequence(stored.id), token };
            Ok(Leased { message: stored.message()?, receipt })
        };
        Ok(LeasedBatch {
            messages: self.messages.into_iter().map(leased).collect::<Result<_>>()?,
            buried: self.buried,
            next_due: self.next_due.map(super::rows::timestamp),
        })
    }
}

/// Leases what is due.
pub(super) fn lease(session: &Session, lease: &Lease) -> Worked<Made> {
    let fifo = session.queue(lease.queue)?;
    // Without the queue of the dead letters, messages go on being leased: that is better than keeping them from all.
    let bury = lease.bury.filter(|bury| session.keeps_order(bury.to).is_some());
    let attempt = lease.attempt.as_deref().filter(|_| fifo);
    if let Some(name) = attempt
        && let Some(messages) = attempted(session, lease, name)?
    {
        return Ok(Made { messages, buried: 0, next_due: next_due(session, lease, fifo)? });
    }
    let mut due = Due::new(lease, bury);
    if lease.max > 0 {
        if fifo { due.read_groups(session)? } else { due.read(session)? }
    }
    let mut made = Made { buried: u32::try_from(due.bury.len()).unwrap_or(u32::MAX), ..Made::default() };
    if let Some(Bury { to, .. }) = bury {
        for row in &due.bury {
            messages::bury(session, row, to, millis(lease.now))?;
        }
    }
    made.messages = take(session, due.lease, lease)?;
    if let Some(name) = attempt {
        note_attempt(session, lease, name, &made.messages)?;
    }
    made.next_due = next_due(session, lease, fifo)?;
    Ok(made)
}

/// What is due, as far as the lease goes.
struct Due<'a> {
    of: &'a Lease,
    lease: Vec<Stored>,
    bytes: usize,
    /// When a message is to be buried, and those that are.
    rule: Option<Bury>,
    bury: Vec<Known>,
}

impl<'a> Due<'a> {
    fn new(of: &'a Lease, rule: Option<Bury>) -> Self {
        let room = usize::try_from(of.max.min(ROOM)).unwrap_or(0);
        Self { of, lease: Vec::with_capacity(room), bytes: 0, rule, bury: Vec::new() }
    }

    fn read(&mut self, session: &Session) -> Worked<()> {
        let mut statement = session.conn().prepare_cached(concat!(
            "select ",
            stored!(),
            ", m.failed is not null
             from msg m indexed by by_time join body b on b.id = m.id
             where m.q = ?1 and m.vis <= ?2 order by m.vis, m.id"
        ))?;
        let mut rows = statement.query((self.of.queue.0, millis(self.of.now)))?;
        while let Some(row) = rows.next()? {
            if self.take(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn read_groups(&mut self, session: &Session) -> Worked<()> {
        let (queue, now) = (self.of.queue.0, millis(self.of.now));
        session.settle_groups()?;
        let mut groups = session.conn().prepare_cached(
            "select gid from fifo_group where q = ?1 and next_vis <= ?2 order by next_vis, gid",
        )?;
        let mut messages = session.conn().prepare_cached(concat!(
            "select ",
            stored!(),
            ", m.failed is not null
             from msg m indexed by by_group join body b on b.id = m.id
             where m.q = ?1 and m.gid = ?2 order by m.id"
        ))?;
        let mut groups = groups.query((queue, now))?;
        while let Some(group) = groups.next()? {
            let mut rows = messages.query((queue, group.get::<_, String>(0)?))?;
            while let Some(row) = rows.next()? {
                if row.get::<_, i64>(1)? > now {
                    break; // What is not yet due holds up those behind it.
                }
                if self.take(row)?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes one message more, unless the lease is complete.
    fn take(&mut self, row: &Row<'_>) -> rusqlite::Result<ControlFlow<()>> {
        let receives: i64 = row.get(3)?;
        if self.rule.is_some_and(|bury| receives >= i64::from(bury.max_receives)) {
            if self.bury.len() == BURIED_MAX {
                return Ok(ControlFlow::Break(()));
            }
            self.bury.push(Known {
                id: row.get(0)?,
                queue: self.of.queue.0,
                group: row.get(2)?,
                leased_once: true,
                has_failure: row.get(12)?,
            });
            return Ok(ControlFlow::Continue(()));
        }
        let bytes = self.bytes.saturating_add(Stored::body_size(row)?);
        if !self.lease.is_empty() && bytes > self.of.max_bytes {
            return Ok(ControlFlow::Break(()));
        }
        self.bytes = bytes;
        self.lease.push(Stored::read(row)?);
        let full = self.lease.len() >= usize::try_from(self.of.max).unwrap_or(usize::MAX);
        Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

/// Makes messages the caller's, under one token. Those whose places follow each other are changed together.
fn take(session: &Session, mut due: Vec<Stored>, lease: &Lease) -> Worked<Vec<(Stored, i64)>> {
    let (token, until, now) = (session.next_token(lease.own), millis(lease.until), millis(lease.now));
    for run in due.chunk_by(|one, next| one.id + 1 == next.id) {
        session.run(
            "update msg set vis = ?3, att = att + 1, token = ?4, first = coalesce(first, ?5)
             where id between ?1 and ?2",
            (run[0].id, run[run.len() - 1].id, until, token, now),
        )?;
    }
    for stored in &mut due {
        stored.vis = until;
        stored.att += 1;
        stored.first = stored.first.or(Some(now));
        if let Some(group) = &stored.gid {
            session.touch_group(lease.queue.0, group);
        }
    }
    Ok(due.into_iter().map(|stored| (stored, token)).collect())
}

/// When there is something to lease at the earliest.
fn next_due(session: &Session, lease: &Lease, fifo: bool) -> Worked<Option<i64>> {
    let sql = if fifo {
        session.settle_groups()?;
        "select min(next_vis) from fifo_group where q = ?1"
    } else {
        "select min(vis) from msg indexed by by_time where q = ?1"
    };
    let at = session.one(sql, [lease.queue.0], |row| row.get::<_, Option<i64>>(0))?.flatten();
    Ok(at.map(|at| at.max(millis(lease.now))))
}

/// What a lease of this name was given, as long as none of it was touched.
fn attempted(session: &Session, lease: &Lease, name: &str) -> Worked<Option<Vec<(Stored, i64)>>> {
    let now = millis(lease.now);
    let receipts: Option<String> = session.one(
        "select receipts from attempt where q = ?1 and name = ?2 and exp > ?3",
        (lease.queue.0, name, now),
        |row| row.get(0),
    )?;
    let Some(receipts) = receipts else { return Ok(None) };
    let mut messages = Vec::new();
    for receipt in receipts.split_whitespace() {
        let mut parts = receipt.split(':').map(str::parse::<i64>);
        let (Some(Ok(id)), Some(Ok(token)), Some(Ok(until))) = (parts.next(), parts.next(), parts.next())
        else {
            return Ok(None);
        };
        let stored = session.one(
            concat!(
                "select ",
                stored!(),
                " from msg m join body b on b.id = m.id
                 where m.id = ?1 and m.q = ?2 and m.token = ?3 and m.vis = ?4 and m.vis > ?5"
            ),
            (id, lease.queue.0, token, until, now),
            Stored::read,
        )?;
        let Some(stored) = stored else { return Ok(None) };
        messages.push((stored, token));
    }
    Ok(Some(messages))
}

fn note_attempt(session: &Session, lease: &Lease, name: &str, messages: &[(Stored, i64)]) -> Worked<()> {
    if messages.is_empty() {
        session.run("delete from attempt where q = ?1 and name = ?2", (lease.queue.0, name))?;
        return Ok(());
    }
    let receipts: Vec<_> = messages.iter().map(|(m, token)| format!("{}:{token}:{}", m.id, m.vis)).collect();
    let until = lease.now.plus(limits::DEDUP_WINDOW);
    session.run(
        "insert or replace into attempt(q, name, receipts, exp) values(?1, ?2, ?3, ?4)",
        (lease.queue.0, name, receipts.join(" "), millis(until)),
    )?;
    Ok(())
}
