//! The writer's connection and what is kept in memory beside it: numbers that are given out, accounts, groups to look at.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::space::Space;
use crate::error::Error;
use crate::message::QueueId;

/// Places that are taken at a time, so that `state` is not written with every message.
const PLACES: i64 = 1 << 16;
/// Bits of a token below its epoch: leases of one run of the node.
const EPOCH_SHIFT: u32 = 40;

/// What a piece of work on the writer's thread comes to.
pub(super) type Worked<T> = std::result::Result<T, Fail>;

/// Why a piece of work came to nothing.
#[derive(Debug)]
pub(super) enum Fail {
    /// It was refused before it had written anything.
    Refused(Error),
    /// It broke in the middle; what it wrote must be rolled back.
    Broken(rusqlite::Error),
}

impl Fail {
    /// It broke on something that was read, perhaps after something was written.
    pub(super) fn broken(error: Error) -> Self {
        Self::Broken(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}

impl From<rusqlite::Error> for Fail {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error)
    }
}

/// What a batch adds to the account of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delta {
    pub(super) accepted: i64,
    pub(super) done: i64,
    pub(super) dead: i64,
    pub(super) dropped: i64,
}

/// The writer's connection. It lives on one thread.
#[derive(Debug)]
pub(super) struct Session {
    conn: Connection,
    pub(super) space: Space,
    /// The queues that can be used, and whether they keep order.
    queues: RefCell<HashMap<i64, bool>>,
    queues_changed: Cell<bool>,
    accounts: RefCell<HashMap<i64, Delta>>,
    groups: RefCell<HashSet<(i64, String)>>,
    next_place: Cell<i64>,
    high: Cell<i64>,
    next_token: Cell<i64>,
}

impl Session {
    /// Begins a run of the node: with an epoch of its own, which is on disk before the first token is given out.
    pub(super) fn begin(conn: Connection, space: Space) -> rusqlite::Result<Self> {
        let (epoch, high): (i64, i64) = conn.query_row(
            "update state set epoch = epoch + 1, high = max(high, (select coalesce(max(id), 0) from msg))
             returning epoch, high",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let session = Self {
            conn,
            space,
            queues: RefCell::default(),
            queues_changed: Cell::new(true),
            accounts: RefCell::default(),
            groups: RefCell::default(),
            next_place: Cell::new(high + 1),
            high: Cell::new(high),
            next_token: Cell::new((epoch << EPOCH_SHIFT) + 2),
        };
        session.forget()?;
        Ok(session)
    }

    pub(super) fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Runs a statement that returns nothing. How many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.conn.prepare_cached(sql)?.execute(params)
    }

    /// The only row of a query, if there is one.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.conn.prepare_cached(sql)?.query_row(params, read).optional()
    }

    /// All rows of a query, which the caller has bounded.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.conn.prepare_cached(sql)?.query_map(params, read)?.collect()
    }

    /// Whether a queue keeps order; `None` when there is no such queue.
    pub(super) fn keeps_order(&self, queue: QueueId) -> Option<bool> {
        self.queues.borrow().get(&queue.0).copied()
    }

    /// Whether a queue keeps order.
    pub(super) fn queue(&self, queue: QueueId) -> Worked<bool> {
        self.keeps_order(queue).ok_or(Fail::Refused(Error::NoQueue(queue.0)))
    }

    /// Takes note that a queue is there and whether it keeps order, or that it is gone.
    pub(super) fn note_queue(&self, queue: QueueId, fifo: Option<bool>) {
        self.queues_changed.set(true);
        let mut queues = self.queues.borrow_mut();
        match fifo {
            Some(fifo) => queues.insert(queue.0, fifo),
            None => queues.remove(&queue.0),
        };
    }

    /// A place behind all others.
    pub(super) fn next_place(&self) -> i64 {
        let place = self.next_place.get();
        self.next_place.set(place + 1);
        place
    }

    /// The place that was given out last.
    pub(super) fn last_place(&self) -> i64 {
        self.next_place.get() - 1
    }

    /// A token that was never given out; an odd one is the node's own.
    pub(super) fn next_token(&self, own: bool) -> i64 {
        let token = self.next_token.get();
        self.next_token.set(token + 2);
        token + i64::from(own)
    }

    /// Books on the account of a queue.
    pub(super) fn book(&self, queue: i64, book: impl FnOnce(&mut Delta)) {
        book(self.accounts.borrow_mut().entry(queue).or_default());
    }

    /// Takes note that something happened to a group, which is looked at again before anyone leases from it, once for
    /// everything.
    pub(super) fn touch_group(&self, queue: i64, group: &str) {
        self.groups.borrow_mut().insert((queue, group.to_owned()));
    }

    /// Works out again when those groups can be leased from that something happened to: when its first message is
    /// visible and the last of its leases has run out.
    pub(super) fn settle_groups(&self) -> rusqlite::Result<()> {
        if self.groups.borrow().is_empty() {
            return Ok(());
        }
        for (queue, group) in self.groups.take() {
            let head: Option<i64> = self.one(
                "select vis from msg where q = ?1 and gid = ?2 order by id limit 1",
                (queue, &group),
                |row| row.get(0),
            )?;
            let Some(head) = head else {
                self.run("delete from fifo_group where q = ?1 and gid = ?2", (queue, &group))?;
                continue;
            };
            let held: Option<Option<i64>> = self.one(
                "select max(vis) from msg where q = ?1 and gid = ?2 and token is not null",
                (queue, &group),
                |row| row.get(0),
            )?;
            let next = head.max(held.flatten().unwrap_or(0));
            self.run(
                "insert into fifo_group values(?1, ?2, ?3)
                 on conflict do update set next_vis = excluded.next_vis where next_vis <> excluded.next_vis",
                (queue, &group, next),
            )?;
        }
        Ok(())
    }

    /// Writes what a batch left to be written once, before it is committed.
    pub(super) fn settle(&self) -> rusqlite::Result<()> {
        self.settle_groups()?;
        for (queue, delta) in self.accounts.take() {
            self.run(
                "update account set accepted = accepted + ?2, done = done + ?3, dead = dead + ?4,
                 dropped = dropped + ?5 where queue = ?1",
                (queue, delta.accepted, delta.done, delta.dead, delta.dropped),
            )?;
        }
        if self.last_place() > self.high.get() {
            self.run("update state set high = ?1", [self.last_place() + PLACES])?;
        }
        Ok(())
    }

    /// The batch is committed.
    pub(super) fn committed(&self) {
        if self.last_place() > self.high.get() {
            self.high.set(self.last_place() + PLACES);
        }
        self.queues_changed.set(false);
    }

    /// The batch is rolled back: what is in memory follows. Numbers that were given out stay given out.
    pub(super) fn forget(&self) -> rusqlite::Result<()> {
        self.accounts.borrow_mut().clear();
        self.groups.borrow_mut().clear();
        if self.queues_changed.get() {
            let queues = self.all("select id, fifo from queue where name is not null", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            *self.queues.borrow_mut() = queues.into_iter().collect();
            self.queues_changed.set(false);
        }
        Ok(())
    }
}
