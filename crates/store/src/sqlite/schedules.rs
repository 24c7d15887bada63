//! Schedules: rows, their turns, and what became of them.

use rusqlite::{Connection, Row};

use super::reads::{self, Read};
use super::rows::{millis, request_id, timestamp, total};
use super::session::{Session, Worked};
use crate::effect::Effected;
use crate::message::Sequence;
use crate::schedule::{FIRINGS_KEPT, Firing, Next, ScheduleRow, Turn};

/// Keeps a schedule, if its version is still the one that its owner knows.
pub(super) fn put(session: &Session, schedule: &ScheduleRow) -> Worked<bool> {
    let ScheduleRow { id, version, next, enabled, text } = schedule;
    let (at, nominal) = (next.map(|next| millis(next.at)), next.map(|next| millis(next.nominal)));
    let changed = if *version == 0 {
        session.run(
            "insert into schedule(id, next_at, nominal, version, enabled, text) values(?1, ?2, ?3, 1, ?4, ?5)
             on conflict do nothing",
            (id, at, nominal, enabled, text),
        )?
    } else {
        session.run(
            "update schedule set next_at = ?2, nominal = ?3, enabled = ?4, text = ?5, version = version + 1
             where id = ?1 and version = ?6",
            (id, at, nominal, enabled, text, version.cast_signed()),
        )?
    };
    Ok(changed == 1)
}

/// Removes a schedule and what became of its times.
pub(super) fn remove(session: &Session, id: &str) -> Worked<bool> {
    session.run("delete from firing where schedule = ?1", [id])?;
    Ok(session.run("delete from schedule where id = ?1", [id])? == 1)
}

/// Moves a schedule on whose turn it still is. Whether it was.
pub(super) fn take(session: &Session, turn: &Turn) -> Worked<bool> {
    let then = turn.then;
    let moved = session.run(
        "update schedule set next_at = ?4, nominal = ?5, version = version + 1
         where id = ?1 and version = ?2 and next_at = ?3 and enabled",
        (
            &turn.schedule,
            turn.version.cast_signed(),
            millis(turn.at),
            then.map(|next| millis(next.at)),
            then.map(|next| millis(next.nominal)),
        ),
    )?;
    Ok(moved == 1)
}

/// Notes what became of a time, and forgets what is too long ago.
pub(super) fn note(
    session: &Session,
    schedule: &str,
    firing: &Firing,
    message: Option<Sequence>,
) -> Worked<Effected> {
    if session.one("select 1 from schedule where id = ?1", [schedule], |_| Ok(()))?.is_none() {
        return Ok(Effected::NotFound);
    }
    session.run(
        "insert into firing(schedule, nominal, at, event, msg, note) values(?1, ?2, ?3, ?4, ?5, ?6)",
        (
            schedule,
            millis(firing.nominal),
            millis(firing.at),
            firing.event.as_ref().map(|event| event.as_str()),
            message.map(|place| place.0),
            &firing.note,
        ),
    )?;
    session.run(
        "delete from firing where schedule = ?1 and seq in
         (select seq from firing where schedule = ?1 order by seq desc limit 10 offset ?2)",
        (schedule, FIRINGS_KEPT),
    )?;
    Ok(Effected::Done)
}

/// The columns that [`read`] reads.
const COLUMNS: &str = "id, version, next_at, nominal, enabled, text";

fn read(row: &Row<'_>) -> rusqlite::Result<ScheduleRow> {
    let (at, nominal): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
    let next = at.zip(nominal).map(|(at, nominal)| Next { nominal: timestamp(nominal), at: timestamp(at) });
    Ok(ScheduleRow {
        id: row.get(0)?,
        version: total(row.get(1)?),
        next,
        enabled: row.get(4)?,
        text: row.get(5)?,
    })
}

pub(super) fn list(conn: &Connection) -> Read<Vec<ScheduleRow>> {
    reads::all(conn, &format!("select {COLUMNS} from schedule order by id"), [], read)
}

pub(super) fn due(conn: &Connection, by: i64, limit: u32) -> Read<Vec<ScheduleRow>> {
    let sql = format!(
        "select {COLUMNS} from schedule indexed by schedule_due
         where enabled and next_at is not null and next_at <= ?1 order by next_at, id limit ?2"
    );
    reads::all(conn, &sql, (by, limit), read)
}

pub(super) fn firings(conn: &Connection, schedule: &str, limit: u32) -> Read<Vec<Firing>> {
    let sql =
        "select nominal, at, event, msg, note from firing where schedule = ?1 order by seq desc limit ?2";
    let found = reads::all(conn, sql, (schedule, limit), |row| {
        let event: Option<String> = row.get(2)?;
        let firing = Firing {
            nominal: timestamp(row.get(0)?),
            at: timestamp(row.get(1)?),
            event: None,
            message: row.get::<_, Option<i64>>(3)?.map(Sequence),
            note: row.get(4)?,
        };
        Ok((firing, event))
    })?;
    let with_event = |(firing, event): (Firing, Option<String>)| {
        Ok(Firing { event: event.map(|text| request_id(&text)).transpose()?, ..firing })
    };
    Ok(found.into_iter().map(with_event).collect::<crate::error::Result<_>>()?)
}
