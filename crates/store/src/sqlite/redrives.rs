//! Redrives: dead letters on their way back.

use rusqlite::Row;

use super::messages::{self, Known, known};
use super::rows::{millis, timestamp, total};
use super::session::{Session, Worked};
use crate::error::Error;
use crate::message::{QueueId, Sequence};
use crate::store::{Redrive, RedriveState};

/// How many messages one step looks at beside those that it moves, so that many which stay cost many steps.
const LOOKED_AT: u32 = 500;

/// The columns that [`read`] reads, of `redrive`.
macro_rules! redrive {
    () => {
        "id, source, target, fingerprint, rate, started, last, total, moved, state, reason"
    };
}
pub(super) use redrive;

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Redrive> {
    let state: String = row.get(9)?;
    Ok(Redrive {
        id: row.get(0)?,
        from: QueueId(row.get(1)?),
        to: row.get::<_, Option<i64>>(2)?.map(QueueId),
        fingerprint: row.get(3)?,
        rate: row.get(4)?,
        started: timestamp(row.get(5)?),
        last: Sequence(row.get(6)?),
        total: total(row.get(7)?),
        moved: total(row.get(8)?),
        state: match state.as_str() {
            "running" => RedriveState::Running,
            "cancelled" => RedriveState::Cancelled,
            "completed" => RedriveState::Completed,
            _ => RedriveState::Failed(row.get::<_, Option<String>>(10)?.unwrap_or_default()),
        },
    })
}

fn state_text(state: &RedriveState) -> (&'static str, Option<&str>) {
    match state {
        RedriveState::Running => ("running", None),
        RedriveState::Cancelled => ("cancelled", None),
        RedriveState::Completed => ("completed", None),
        RedriveState::Failed(reason) => ("failed", Some(reason)),
    }
}

/// Keeps a redrive. An update does not take back what was moved since its caller looked.
pub(super) fn put(session: &Session, redrive: &Redrive) -> Worked<()> {
    let (state, reason) = state_text(&redrive.state);
    session.run(
        concat!(
            "insert into redrive(",
            redrive!(),
            ", cursor) values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0)
             on conflict(id) do update set source = excluded.source, target = excluded.target,
             fingerprint = excluded.fingerprint, rate = excluded.rate, started = excluded.started,
             last = excluded.last, total = excluded.total, moved = max(moved, excluded.moved),
             state = excluded.state, reason = excluded.reason, cursor = 0"
        ),
        (
            &redrive.id,
            redrive.from.0,
            redrive.to.map(|to| to.0),
            &redrive.fingerprint,
            redrive.rate,
            millis(redrive.started),
            redrive.last.0,
            redrive.total.cast_signed(),
            redrive.moved.cast_signed(),
            state,
            reason,
        ),
    )?;
    // Those that nobody is shown any more are forgotten.
    session.run(
        "delete from redrive where state <> 'running' and seq in (select seq from redrive where source = ?1
         order by started desc, seq desc limit 100 offset 10)",
        [redrive.from.0],
    )?;
    Ok(())
}

/// Goes on with a redrive.
pub(super) fn step(session: &Session, id: &str, limit: u32, now: i64) -> Worked<Option<Redrive>> {
    let known =
        session.one(concat!("select ", redrive!(), ", cursor from redrive where id = ?1"), [id], |row| {
            Ok((read(row)?, row.get::<_, i64>(11)?))
        })?;
    let Some((mut redrive, cursor)) = known else { return Ok(None) };
    if redrive.state != RedriveState::Running {
        return Ok(Some(redrive));
    }
    let mut step = Step { limit, now, ..Step::at(cursor) };
    match redrive.to {
        Some(to) if session.keeps_order(to).is_none() => {
            redrive.state = RedriveState::Failed(Error::NoQueue(to.0).to_string());
        }
        _ => {
            step.look(session, &redrive)?;
            for (row, to, origin) in &step.moves {
                messages::redrive(session, row, *to, *origin, now)?;
            }
            redrive.moved += step.moves.len() as u64;
            if step.complete {
                redrive.state = RedriveState::Completed;
            }
        }
    }
    let (state, reason) = state_text(&redrive.state);
    session.run(
        "update redrive set moved = ?2, state = ?3, reason = ?4, cursor = ?5 where id = ?1",
        (id, redrive.moved.cast_signed(), state, reason, step.next()),
    )?;
    Ok(Some(redrive))
}

/// One step of a redrive: what it found behind the cursor. What stays for good is not looked at again; what is leased
/// now is, for it may be given back.
#[derive(Default)]
struct Step {
    limit: u32,
    now: i64,
    from: i64,
    seen: i64,
    leased: Option<i64>,
    moves: Vec<(Known, QueueId, Option<i64>)>,
    complete: bool,
}

impl Step {
    fn at(cursor: i64) -> Self {
        Self { from: cursor, seen: cursor, ..Self::default() }
    }

    fn look(&mut self, session: &Session, redrive: &Redrive) -> Worked<()> {
        let budget = self.limit.saturating_add(LOOKED_AT);
        let sql = if redrive.fingerprint.is_some() {
            concat!(
                "select ", known!(), ", origin, token is not null and vis > ?4, coalesce(entered, sent) from msg
                 where id in (select id from failure where q = ?1 and id > ?2 and id <= ?3 and fingerprint = ?6
                 order by id limit ?5) order by id"
            )
        } else {
            concat!(
                "select ",
                known!(),
                ", origin, token is not null and vis > ?4, coalesce(entered, sent)
                 from msg indexed by by_place where q = ?1 and id > ?2 and id <= ?3 and ?6 is null
                 order by id limit ?5"
            )
        };
        let mut statement = session.conn().prepare_cached(sql)?;
        let mut rows = statement.query((
            redrive.from.0,
            self.from,
            redrive.last.0,
            self.now,
            budget,
            &redrive.fingerprint,
        ))?;
        let mut looked = 0;
        while let Some(row) = rows.next()? {
            looked += 1;
            let known = Known::read(row)?;
            let (id, origin, leased) = (known.id, row.get::<_, Option<i64>>(5)?, row.get::<_, bool>(6)?);
            let late = row.get::<_, i64>(7)? > millis(redrive.started);
            // What would stay where it is anyway, or has nowhere to go, stays.
            let to = redrive.to.or_else(|| origin.map(QueueId));
            let to = to.filter(|to| *to != redrive.from && session.keeps_order(*to).is_some());
            match to {
                Some(_) if !late && leased => self.leased = self.leased.or(Some(id)),
                Some(to) if !late => {
                    if self.moves.len() >= usize::try_from(self.limit).unwrap_or(usize::MAX) {
                        return Ok(()); // There is one more to move the next time.
                    }
                    self.moves.push((known, to, origin));
                }
                _ => {}
            }
            self.seen = id;
        }
        self.complete = looked < budget;
        Ok(())
    }

    /// Where the next step begins.
    fn next(&self) -> i64 {
        match self.leased {
            // Where more are leased than one step looks at it goes on behind them, or it would never.
            Some(first) if self.complete || !self.moves.is_empty() || first - 1 > self.from => first - 1,
            _ => self.seen,
        }
    }
}
