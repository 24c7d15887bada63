//! Schedules: rows of the store, each with the time at which it is due.
//!
//! Firing is one commit: it moves the schedule on, stores the event and notes it, behind a guard that holds only as
//! long as the schedule is as it was seen. So there is one event for each of its times, whatever dies when. An event
//! that was fired is one like any other.

mod fire;
mod groups;
mod plan;
mod run;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lambent_core::schedule::{Fires, Overlap, Owner, Timetable};
use lambent_core::{RequestId, ScheduleSpec, Target, Timestamp, limits};
use lambent_store::{FIRINGS_KEPT, Firing, Next, ScheduleRow};
use serde::{Deserialize, Serialize};

use super::{Error, Events, Result};

pub(super) use groups::Groups;
pub(crate) use run::run;

/// How often a change is tried again when the schedule fires at the same moment.
const TRIES: usize = 10;

/// A schedule, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// What its owner says.
    pub spec: ScheduleSpec,
    /// When it was made.
    pub created: Timestamp,
    /// When what is said about it was changed last.
    pub modified: Timestamp,
    /// Whether it is at work.
    pub enabled: bool,
    /// Its next time. `None` when there is none any more.
    pub next: Option<Next>,
    version: u64,
}

/// What the store keeps as its text.
#[derive(Debug, Serialize, Deserialize)]
struct Text {
    spec: ScheduleSpec,
    created: Timestamp,
    modified: Timestamp,
}

impl Scheduled {
    fn read(row: ScheduleRow) -> Result<Self> {
        let ScheduleRow { id, version, next, enabled, text } = row;
        let Text { spec, created, modified } = serde_json::from_str(&text).map_err(|error| {
            Error::Invalid(format!("the store's schedule `{id}` cannot be read: {error}"))
        })?;
        Ok(Self { spec, created, modified, enabled, next, version })
    }

    fn row(&self) -> ScheduleRow {
        let text = Text { spec: self.spec.clone(), created: self.created, modified: self.modified };
        ScheduleRow {
            id: self.spec.name.clone(),
            version: self.version,
            next: self.next,
            enabled: self.enabled,
            text: serde_json::to_string(&text).expect("plain data is written as JSON"),
        }
    }

    /// Its times.
    ///
    /// # Errors
    /// When they cannot be read, which they could when it was made.
    pub fn timetable(&self) -> Result<Timetable> {
        self.spec.timetable(self.created).map_err(|error| Error::Invalid(error.to_string()))
    }

    /// Its times from now on: the one that it waits for, and those after it.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn upcoming(&self, count: usize) -> Result<Vec<Timestamp>> {
        let table = self.timetable()?;
        let first = self.next.map(|next| next.nominal);
        Ok(std::iter::successors(first, |last| table.next_after(*last)).take(count).collect())
    }

    /// Gives it its first time behind an instant.
    fn start_after(&mut self, instant: Timestamp) -> Result<()> {
        self.next = next(&self.timetable()?, instant);
        Ok(())
    }
}

/// The first time behind an instant, and when it is fired.
fn next(table: &Timetable, after: Timestamp) -> Option<Next> {
    table.next_after(after).map(|nominal| Next { nominal, at: table.due(nominal) })
}

impl Events {
    /// Makes a schedule, or changes the one of this name. It keeps its next time if its times stay the same.
    ///
    /// # Errors
    /// When something about it is wrong, or there are too many.
    pub async fn put_schedule(&self, spec: ScheduleSpec, enabled: bool) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        self.check_schedule(&spec)?;
        self.keep_schedule(spec, Some(enabled)).await
    }

    /// Removes a schedule. What it fired stays.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_schedule(&self, name: &str) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        if self.store().remove_schedule(name).await? {
            Ok(())
        } else {
            Err(Error::NoSchedule(name.to_owned()))
        }
    }

    /// Every schedule, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn schedules(&self) -> Result<Vec<Scheduled>> {
        self.store().schedules().await?.into_iter().map(Scheduled::read).collect()
    }

    /// A schedule.
    ///
    /// # Errors
    /// When there is none.
    pub async fn schedule(&self, name: &str) -> Result<Scheduled> {
        let found = self.known_schedule(name).await?;
        found.ok_or_else(|| Error::NoSchedule(name.to_owned()))
    }

    /// Takes a schedule from work; its times pass by as if it had none.
    ///
    /// # Errors
    /// When there is none.
    pub async fn pause_schedule(&self, name: &str) -> Result<()> {
        self.set_schedule(name, false).await
    }

    /// Sets a schedule to work again, from its next time on.
    ///
    /// # Errors
    /// When there is none.
    pub async fn resume_schedule(&self, name: &str) -> Result<()> {
        self.set_schedule(name, true).await
    }

    /// What became of the times of a schedule, the newest first.
    ///
    /// # Errors
    /// When there is none.
    pub async fn schedule_history(&self, name: &str) -> Result<Vec<Firing>> {
        self.schedule(name).await?;
        Ok(self.store().firings(name, KEPT).await?)
    }

    /// Fires a schedule now, whether it is at work or not. Its times stay.
    ///
    /// # Errors
    /// When there is none, or its event cannot be stored.
    pub async fn fire_schedule(&self, name: &str) -> Result<RequestId> {
        let scheduled = self.schedule(name).await?;
        self.fire_aside(&scheduled, self.now(), "run by hand").await
    }

    /// Fires the times of a schedule in `[from, to]`, which have passed, again. Returns how many.
    ///
    /// # Errors
    /// When there is none, when there are too many times, or when the store could not do it: those before are fired
    /// then.
    pub async fn backfill_schedule(&self, name: &str, from: Timestamp, to: Timestamp) -> Result<usize> {
        let scheduled = self.schedule(name).await?;
        let table = scheduled.timetable()?;
        if to > self.now() {
            return Err(Error::Invalid("only times that have passed can be made up for".to_owned()));
        }
        let before = from.minus(Duration::from_millis(1));
        let first = table.next_after(before);
        let times = std::iter::successors(first, |last| table.next_after(*last)).take_while(|at| *at <= to);
        let times: Vec<_> = times.take(limits::SCHEDULE_BACKFILL_MAX + 1).collect();
        if times.len() > limits::SCHEDULE_BACKFILL_MAX {
            return Err(Error::Invalid(format!(
                "`{name}` has more than {} times between these two: take a shorter while",
                limits::SCHEDULE_BACKFILL_MAX
            )));
        }
        for nominal in &times {
            self.fire_aside(&scheduled, *nominal, "made up for").await?;
        }
        Ok(times.len())
    }

    /// Takes the schedules of the manifest in the place of those that it had before. One that stays keeps its next
    /// time and whether it is at work.
    ///
    /// # Errors
    /// When one is wrong, or has the name of one that was made otherwise. Nothing is changed then.
    pub async fn declare_schedules(&self, specs: Vec<ScheduleSpec>) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let known: BTreeMap<_, _> =
            self.schedules().await?.into_iter().map(|known| (known.spec.name.clone(), known)).collect();
        for spec in &specs {
            self.check_schedule(spec)?;
            if known.get(&spec.name).is_some_and(|known| known.spec.owner != Owner::Manifest) {
                return Err(Error::Invalid(format!(
                    "there is a schedule called `{}` already that is not of the manifest: delete it or take another name",
                    spec.name
                )));
            }
        }
        let names: BTreeSet<_> = specs.iter().map(|spec| spec.name.clone()).collect();
        for spec in specs {
            if known.get(&spec.name).is_none_or(|known| known.spec != spec) {
                self.keep_schedule(spec, None).await?;
            }
        }
        for (name, _) in known.iter().filter(|(_, known)| known.spec.owner == Owner::Manifest) {
            if !names.contains(name) {
                self.store().remove_schedule(name).await?;
            }
        }
        self.inner.scheduling.notify_one();
        Ok(())
    }

    pub(super) async fn known_schedule(&self, name: &str) -> Result<Option<Scheduled>> {
        let rows = self.store().schedules().await?;
        rows.into_iter().find(|row| row.id == name).map(Scheduled::read).transpose()
    }

    async fn set_schedule(&self, name: &str, enabled: bool) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        self.change_schedule(name, |scheduled, now| {
            if enabled && !scheduled.enabled {
                scheduled.start_after(now)?;
            }
            scheduled.enabled = enabled;
            Ok(())
        })
        .await
    }

    /// Changes a schedule, again if it fires at the same moment.
    async fn change_schedule(
        &self,
        name: &str,
        change: impl Fn(&mut Scheduled, Timestamp) -> Result<()>,
    ) -> Result<()> {
        for _ in 0..TRIES {
            let mut scheduled = self.schedule(name).await?;
            change(&mut scheduled, self.now())?;
            if self.store().put_schedule(scheduled.row()).await? {
                self.inner.scheduling.notify_one();
                return Ok(());
            }
        }
        Err(Error::Invalid(format!("`{name}` fires too often to be changed: try again")))
    }

    /// Stores a schedule. Without `enabled` it stays at work or not. Whoever calls holds `changing`.
    pub(super) async fn keep_schedule(&self, spec: ScheduleSpec, enabled: Option<bool>) -> Result<()> {
        if self.known_schedule(&spec.name).await?.is_none() {
            return self.add_schedule(spec, enabled.unwrap_or(true)).await;
        }
        let name = spec.name.clone();
        self.change_schedule(&name, |scheduled, now| {
            let resumed = enabled == Some(true) && !scheduled.enabled;
            let same = scheduled.spec.same_times(&spec);
            scheduled.spec = spec.clone();
            scheduled.modified = now;
            scheduled.enabled = enabled.unwrap_or(scheduled.enabled);
            if same && !resumed { Ok(()) } else { scheduled.start_after(now) }
        })
        .await
    }

    async fn add_schedule(&self, spec: ScheduleSpec, enabled: bool) -> Result<()> {
        if self.store().schedules().await?.len() >= limits::SCHEDULES_MAX {
            return Err(Error::TooMany { what: "schedules", max: limits::SCHEDULES_MAX });
        }
        let now = self.now();
        let after = if spec.at_once { now.minus(Duration::from_millis(1)) } else { now };
        let mut scheduled = Scheduled { spec, created: now, modified: now, enabled, next: None, version: 0 };
        scheduled.start_after(after)?;
        self.store().put_schedule(scheduled.row()).await?;
        self.inner.scheduling.notify_one();
        Ok(())
    }

    pub(super) fn check_schedule(&self, spec: &ScheduleSpec) -> Result<()> {
        let wrong = |why: String| Err(Error::Invalid(format!("the schedule `{}`: {why}", spec.name)));
        if let Err(error) = spec.timetable(self.now()) {
            return wrong(error.to_string());
        }
        if spec.overlap != Overlap::Allow && !matches!(&spec.fires, Fires::To(Target::Function(_))) {
            return wrong("only of a function it is known whether a run before is over".to_owned());
        }
        match &spec.fires {
            Fires::To(Target::Queue(name)) => self.named(name.as_str()).map(drop),
            Fires::To(Target::Topic(name)) => self.topic(name).map(drop),
            Fires::To(Target::Bus(name)) => self.bus(name).map(drop),
            Fires::To(Target::Http(_)) => wrong("it cannot fire to an address".to_owned()),
            Fires::To(Target::Function(_)) | Fires::Rule(_) => Ok(()),
        }
    }
}

/// Firings that are looked at: all that there are.
#[expect(clippy::cast_possible_truncation, reason = "it is one hundred")]
const KEPT: u32 = FIRINGS_KEPT as u32;
