//! Commits: everything that the end of a piece of work changes, in one transaction.

use lambent_core::{Attributes, Meta};

use super::messages::{self, Found};
use super::rows::{failure_text, meta_text, millis, parse, request_id, text};
use super::schedules;
use super::session::{Fail, Session, Worked};
use super::writer::Shape;
use crate::effect::{Commit, Effect, Effected, Fence, Finished, Guard, Meter, Released};
use crate::error::Result;
use crate::message::{Enqueued, NewMessage, QueueId, Receipt, Sequence};

/// A commit with its texts written, which is not the writer's work.
pub(super) struct Prepared {
    guard: Option<Guard>,
    effects: Vec<(Effect, Option<String>)>,
    now: i64,
    /// Bytes of messages that it stores; `None` when it stores none. What else a commit writes is the end of work that
    /// was accepted, which may use the reserve.
    stores: Option<usize>,
}

impl Prepared {
    pub(super) fn new(commit: Commit) -> Result<Self> {
        let mut stores = None;
        let mut effects = Vec::with_capacity(commit.effects.len());
        for effect in commit.effects {
            let written = match &effect {
                Effect::Enqueue { message, .. } => {
                    *stores.get_or_insert(0) += message.body.len();
                    meta_text(&message.meta)?
                }
                Effect::Bury { failure, .. }
                | Effect::Release { why: Released::Failed(Some(failure)), .. } => {
                    Some(failure_text(failure)?)
                }
                _ => None,
            };
            effects.push((effect, written));
        }
        Ok(Self { guard: commit.guard, effects, now: millis(commit.now), stores })
    }

    pub(super) fn shape(&self) -> Shape {
        Shape { bytes: self.stores.unwrap_or(0), ..Shape::small("commit") }
    }
}

/// Makes the changes of a commit.
pub(super) fn commit(session: &Session, commit: &Prepared) -> Worked<Vec<Effected>> {
    // What is behind a receipt ends work in progress: it makes room, and the reserve is kept for it.
    let ends_work = matches!(commit.guard, Some(Guard::Receipt(_)));
    if let Some(bytes) = commit.stores.filter(|_| !ends_work) {
        session.space.take(bytes).map_err(Fail::Refused)?;
    }
    let holds = match &commit.guard {
        None => true,
        Some(Guard::Receipt(receipt)) => matches!(messages::find(session, *receipt)?, Found::Current(_)),
        Some(Guard::Schedule(turn)) => schedules::take(session, turn)?,
    };
    if !holds {
        return Ok(vec![Effected::Guarded; commit.effects.len()]);
    }
    let mut last = None;
    let mut effected = Vec::with_capacity(commit.effects.len());
    let mut rest = &commit.effects[..];
    while let Some(((effect, text), others)) = rest.split_first() {
        let run = run_of_acks(rest);
        if run.len() > 1 && ack_run(session, &run)? {
            effected.extend(run.iter().map(|_| Effected::Done));
            rest = &rest[run.len()..];
            continue;
        }
        let made = match effect {
            Effect::Fired { schedule, firing } => schedules::note(session, schedule, firing, last)?,
            effect => make(session, effect, text.as_deref(), commit.now)?,
        };
        if let Effected::Enqueued(Enqueued::Accepted(place)) = made {
            last = Some(place);
        }
        effected.push(made);
        rest = others;
    }
    Ok(effected)
}

/// The receipts at the beginning of `effects` that acknowledge messages of one lease whose places follow each other.
fn run_of_acks(effects: &[(Effect, Option<String>)]) -> Vec<Receipt> {
    let acks = effects.iter().map_while(|(effect, _)| match effect {
        Effect::Ack { receipt, fence: Fence::Current | Fence::Any } => Some(*receipt),
        _ => None,
    });
    let mut run: Vec<Receipt> = Vec::new();
    for receipt in acks {
        let follows = |last: &Receipt| {
            last.token == receipt.token && last.message.0.checked_add(1) == Some(receipt.message.0)
        };
        if !run.last().is_none_or(follows) {
            break;
        }
        run.push(receipt);
    }
    run
}

/// Acknowledges such messages together, when all of them are there under their receipts and nothing else belongs to
/// them. `false` when they have to be looked at one by one; nothing is changed then.
fn ack_run(session: &Session, run: &[Receipt]) -> Worked<bool> {
    let (first, last) = (run[0], run[run.len() - 1]);
    let range = (first.message.0, last.message.0, first.token);
    let plain = session.one(
        "select count(*), min(q), max(q) from msg
         where id between ?1 and ?2 and token = ?3 and gid is null and failed is null",
        range,
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?)),
    )?;
    let count = i64::try_from(run.len()).unwrap_or(i64::MAX);
    let queue = match plain {
        Some((found, Some(one), Some(other))) if found == count && one == other => one,
        _ => return Ok(false),
    };
    session.run("delete from msg where id between ?1 and ?2", (range.0, range.1))?;
    session.run("delete from body where id between ?1 and ?2", (range.0, range.1))?;
    session.book(queue, |account| account.done += count);
    Ok(true)
}

fn make(session: &Session, effect: &Effect, written: Option<&str>, now: i64) -> Worked<Effected> {
    match effect {
        Effect::Enqueue { queue, message } => enqueue(session, *queue, message, written, now),
        Effect::Ack { receipt, fence } => ack(session, *receipt, *fence, now),
        Effect::Extend { receipt, until } => extend(session, *receipt, millis(*until)),
        Effect::Release { receipt, at, why } => release(session, *receipt, millis(*at), why, written),
        Effect::Bury { receipt, to, failure, attributes } => {
            bury(session, *receipt, *to, (&failure.fingerprint, written.unwrap_or("{}")), attributes, now)
        }
        Effect::Finish(finished) => finish(session, finished),
        Effect::Meter(meter) => add(session, meter),
        Effect::Put { kind, key, text } => put(session, kind, key, text.as_deref()),
        Effect::Fired { schedule, firing } => schedules::note(session, schedule, firing, None),
    }
}

fn enqueue(
    session: &Session,
    queue: QueueId,
    message: &NewMessage,
    meta: Option<&str>,
    now: i64,
) -> Worked<Effected> {
    let Some(fifo) = session.keeps_order(queue) else { return Ok(Effected::NotFound) };
    if let Some(known) = known(session, queue, message, now)? {
        return Ok(Effected::Enqueued(known));
    }
    let place = session.next_place();
    let (visible, sent) = (millis(message.visible), millis(message.sent));
    let group = messages::group_in(fifo, message.group.as_deref());
    session.run(
        "insert into msg(id, q, vis, gid, att, thr, sent, entered) values(?1, ?2, ?3, ?4, 0, 0, ?5, nullif(?6, ?5))",
        (place, queue.0, visible, group, sent, now),
    )?;
    session.run(
        "insert into body(id, uid, meta, body) values(?1, ?2, ?3, ?4)",
        (place, message.id.as_str(), meta, &message.body[..]),
    )?;
    if let Some(dedup) = &message.dedup {
        session.run(
            "insert or replace into dedup(q, key, uid, msg, digest, exp) values(?1, ?2, ?3, ?4, ?5, ?6)",
            (
                queue.0,
                &dedup.key,
                message.id.as_str(),
                place,
                dedup.digest.map(u64::cast_signed),
                millis(dedup.until),
            ),
        )?;
    }
    if let Some(group) = group {
        // Behind the others of its group it changes nothing about when that has its turn.
        session.run("insert or ignore into fifo_group values(?1, ?2, ?3)", (queue.0, group, visible))?;
    }
    session.book(queue.0, |account| account.accepted += 1);
    Ok(Effected::Enqueued(Enqueued::Accepted(Sequence(place))))
}

/// What is known of a message that was stored before, as its key says.
fn known(session: &Session, queue: QueueId, message: &NewMessage, now: i64) -> Worked<Option<Enqueued>> {
    let Some(dedup) = &message.dedup else { return Ok(None) };
    let first: Option<(String, i64, Option<i64>)> = session.one(
        "select uid, msg, digest from dedup where q = ?1 and key = ?2 and exp > ?3",
        (queue.0, &dedup.key, now),
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let Some((id, place, digest)) = first else { return Ok(None) };
    if let (Some(one), Some(other)) = (digest, dedup.digest)
        && one != other.cast_signed()
    {
        return Ok(Some(Enqueued::Mismatch));
    }
    Ok(Some(Enqueued::Duplicate { id: request_id(&id).map_err(Fail::broken)?, sequence: Sequence(place) }))
}

fn ack(session: &Session, receipt: Receipt, fence: Fence, now: i64) -> Worked<Effected> {
    let row = match messages::find(session, receipt)? {
        Found::Current(row) if fence == Fence::Held && !messages::is_held(session, row.id, now)? => {
            return Ok(Effected::Stale);
        }
        Found::Current(row) => row,
        // A message that moved on was not yet leased where it is now, so nothing that it had there is any good.
        Found::Stale(row) if fence == Fence::Any && row.leased_once => row,
        Found::Stale(_) => return Ok(Effected::Stale),
        Found::Nothing => return Ok(Effected::NotFound),
    };
    messages::remove(session, &row)?;
    session.book(row.queue, |account| account.done += 1);
    Ok(Effected::Done)
}

fn extend(session: &Session, receipt: Receipt, until: i64) -> Worked<Effected> {
    let row = match messages::find(session, receipt)? {
        Found::Current(row) => row,
        other => return Ok(other.refusal()),
    };
    session.run("update msg set vis = ?2 where id = ?1", (row.id, until))?;
    row.touch(session);
    Ok(Effected::Done)
}

fn release(
    session: &Session,
    receipt: Receipt,
    at: i64,
    why: &Released,
    failed: Option<&str>,
) -> Worked<Effected> {
    let row = match messages::find(session, receipt)? {
        Found::Current(row) => row,
        other => return Ok(other.refusal()),
    };
    if *why == Released::Throttled {
        messages::throttle(session, &row, at)?;
        return Ok(Effected::Done);
    }
    session.run("update msg set vis = ?2, token = null, thr = 0 where id = ?1", (row.id, at))?;
    if let (Released::Failed(Some(failure)), Some(text)) = (why, failed) {
        messages::note_failure(session, row.id, row.queue, &failure.fingerprint, text)?;
    }
    row.touch(session);
    Ok(Effected::Done)
}

fn bury(
    session: &Session,
    receipt: Receipt,
    to: QueueId,
    (fingerprint, failure): (&str, &str),
    attributes: &Attributes,
    now: i64,
) -> Worked<Effected> {
    let row = match messages::find(session, receipt)? {
        Found::Current(row) => row,
        other => return Ok(other.refusal()),
    };
    if session.keeps_order(to).is_none() {
        return Ok(Effected::NotFound);
    }
    if !attributes.is_empty() {
        add_attributes(session, row.id, attributes)?;
    }
    messages::note_failure(session, row.id, row.queue, fingerprint, failure)?;
    messages::bury(session, &row.failed(), to, now)?;
    Ok(Effected::Done)
}

fn add_attributes(session: &Session, id: i64, attributes: &Attributes) -> Worked<()> {
    let known =
        session.one("select meta from body where id = ?1", [id], |row| row.get::<_, Option<String>>(0))?;
    // What cannot be read is not written over.
    let mut meta = match known.flatten() {
        Some(text) => parse::<Meta>(&text).map_err(Fail::broken)?,
        None => Meta::default(),
    };
    meta.attributes.extend(attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
    let meta = text(&meta).map_err(Fail::broken)?;
    session.run("update body set meta = ?2 where id = ?1", (id, meta))?;
    Ok(())
}

fn finish(session: &Session, finished: &Finished) -> Worked<Effected> {
    session.run(
        "insert into result(id, text, exp) values(?1, ?2, ?3)
         on conflict(id) do update set text = excluded.text, exp = excluded.exp",
        (finished.id.as_str(), &finished.text, millis(finished.until)),
    )?;
    Ok(Effected::Done)
}

fn add(session: &Session, meter: &Meter) -> Worked<Effected> {
    session.run(
        "insert into meter values(?1, ?2, ?3, ?4) on conflict do update set runs = runs + excluded.runs,
         failed = failed + excluded.failed, billed = billed + excluded.billed",
        (
            &meter.function,
            meter.runs.cast_signed(),
            meter.failed.cast_signed(),
            meter.billed_ms.cast_signed(),
        ),
    )?;
    Ok(Effected::Done)
}

fn put(session: &Session, kind: &str, key: &str, text: Option<&str>) -> Worked<Effected> {
    match text {
        Some(text) => session.run("insert or replace into document values(?1, ?2, ?3)", (kind, key, text))?,
        None => session.run("delete from document where kind = ?1 and key = ?2", (kind, key))?,
    };
    Ok(Effected::Done)
}
