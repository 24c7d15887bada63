//! The worker: it waits for the first schedule that is due, and fires it.

use std::collections::HashMap;
use std::time::Duration;

use lambent_core::schedule::Fires;
use lambent_core::{FunctionName, Target, Timestamp};
use lambent_store::{Next, ScheduleRow};
use tokio_util::sync::CancellationToken;

use super::fire::Turned;
use super::{KEPT, Scheduled, next};
use crate::Engine;
use crate::events::{Events, Result};

/// Schedules that one step looks at.
const STEP: u32 = 64;

/// How long before its time a schedule's function gets a sandbox.
const WARM_BEFORE: Duration = Duration::from_secs(2);

/// How often the clock is looked at, which may have been set.
const LOOK: Duration = Duration::from_secs(1);

/// How often a schedule is looked at that waits for a run before.
const RECHECK: Duration = Duration::from_millis(500);

/// When the clock is so much behind what was fired last, it was wrong then: the schedule is not kept waiting for it.
const AHEAD: Duration = Duration::from_secs(3600);

/// What the worker remembers between two steps.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The time at the last step.
    seen: Option<Timestamp>,
    /// Schedules that wait for a run before, and when they are looked at again.
    waiting: HashMap<String, Timestamp>,
    /// The last time of each schedule whose function was given a sandbox.
    warmed: HashMap<String, Timestamp>,
}

/// What one step came to.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// Functions that are needed soon.
    pub(super) warm: Vec<FunctionName>,
    /// When there is something to do again; now if there is more already.
    pub(super) next: Option<Timestamp>,
}

/// Fires schedules when they are due, until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let events = engine.events();
    let mut watch = Watch::default();
    loop {
        let next = match events.step_schedules(&mut watch).await {
            Ok(step) => {
                step.warm.iter().for_each(|function| engine.warm(function));
                step.next
            }
            Err(error) => {
                Events::complain("schedules wait", &error);
                Some(events.now().plus(LOOK))
            }
        };
        if stop.run_until_cancelled(events.wait_for_schedules(next)).await.is_none() {
            return;
        }
    }
}

impl Events {
    /// Waits until then, by a clock that may be set, or until a schedule is changed.
    async fn wait_for_schedules(&self, next: Option<Timestamp>) {
        let changed = self.inner.scheduling.notified();
        let Some(next) = next else { return changed.await };
        let due = async {
            let mut last = self.now();
            loop {
                let now = self.now();
                if now >= next || now.plus(AHEAD) < last {
                    return;
                }
                last = now;
                tokio::time::sleep(next.since(now).clamp(Duration::from_millis(1), LOOK)).await;
            }
        };
        tokio::select! {
            () = due => {}
            () = changed => {}
        }
    }

    /// Fires what is due.
    pub(super) async fn step_schedules(&self, watch: &mut Watch) -> Result<Step> {
        let now = self.now();
        if watch.seen.is_none_or(|seen| now.plus(AHEAD) < seen) {
            self.replan_schedules(now).await?;
        }
        watch.seen = Some(now);
        watch.waiting.retain(|_, until| *until > now);
        let waiting = u32::try_from(watch.waiting.len()).unwrap_or(u32::MAX);
        let end = Timestamp::from_millis(i64::MAX.unsigned_abs());
        let rows = self.store().due_schedules(end, STEP.saturating_add(waiting)).await?;
        let mut step = Step { next: watch.waiting.values().min().copied(), ..Step::default() };
        let mut warmed = HashMap::new();
        for row in rows {
            let Some(due) = row.next.filter(|_| !watch.waiting.contains_key(&row.id)) else { continue };
            if due.at > now {
                let soon = due.at.minus(WARM_BEFORE);
                if soon <= now {
                    if watch.warmed.get(&row.id) != Some(&due.at) {
                        step.warm.extend(function(&row));
                    }
                    warmed.insert(row.id.clone(), due.at);
                }
                let then = if soon > now { soon } else { due.at };
                step.next = Some(step.next.map_or(then, |next| next.min(then)));
                continue;
            }
            let turned = self.turn_row(row.clone(), now).await;
            // One that cannot be fired must not keep others from it.
            let turned = turned.unwrap_or_else(|error| {
                Self::complain(&format!("the schedule {} waits", row.id), &error);
                Turned::Waits
            });
            if turned == Turned::Waits {
                watch.waiting.insert(row.id, now.plus(RECHECK));
            }
            // What comes next may be due as well.
            step.next = Some(now);
        }
        watch.warmed = warmed;
        Ok(step)
    }

    async fn turn_row(&self, row: ScheduleRow, now: Timestamp) -> Result<Turned> {
        let scheduled = Scheduled::read(row)?;
        match scheduled.next {
            Some(due) => self.turn_schedule(&scheduled, due, now).await,
            None => Ok(Turned::Moved),
        }
    }

    /// Works out the next times again: the rules of a zone may be others than when they were worked out, and the clock
    /// may have been wrong. Times that were fired are not fired again.
    async fn replan_schedules(&self, now: Timestamp) -> Result<()> {
        for row in self.store().schedules().await? {
            let id = row.id.clone();
            if let Err(error) = self.replan(row, now).await {
                Self::complain(&format!("the schedule {id} stays as it was"), &error);
            }
        }
        Ok(())
    }

    async fn replan(&self, row: ScheduleRow, now: Timestamp) -> Result<()> {
        let mut scheduled = Scheduled::read(row)?;
        // What is over is deleted, if a kill came between its last time and this.
        if scheduled.next.is_none() {
            return self.delete_if_over(&scheduled.spec.name).await;
        }
        let Some(known) = scheduled.next.filter(|next| next.nominal > now) else { return Ok(()) };
        let table = scheduled.timetable()?;
        let fired = self.store().firings(&scheduled.spec.name, KEPT).await?;
        let last = fired.iter().map(|firing| firing.nominal).max().unwrap_or_default();
        let ahead = last > now.plus(AHEAD);
        let first = next(&table, if ahead { now } else { last.max(now) });
        let was_fired = |next: &Next| fired.iter().any(|firing| firing.nominal == next.nominal);
        let mut times = std::iter::successors(first, |before| next(&table, before.nominal));
        let expected = times.find(|next| !was_fired(next));
        if expected.is_none_or(|expected| expected.nominal == known.nominal) {
            return Ok(());
        }
        scheduled.next = expected;
        self.store().put_schedule(scheduled.row()).await?;
        Ok(())
    }
}

/// The function that a schedule needs, if it is worth a look ahead.
fn function(row: &ScheduleRow) -> Option<FunctionName> {
    let scheduled = Scheduled::read(row.clone()).ok()?;
    let often =
        scheduled.timetable().ok()?.schedule().period().is_some_and(|period| period < WARM_BEFORE * 5);
    match scheduled.spec.fires {
        Fires::To(Target::Function(name)) if !often => Some(name),
        _ => None,
    }
}
