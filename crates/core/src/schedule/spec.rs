//! Everything that an owner says about a schedule, and the timetable that follows from it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Error, Schedule, When};
use crate::{QueueName, RuleName, Target, Timestamp};

/// Everything that an owner says about a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSpec {
    /// Its name, unique on a node: as the manifest or a rule names it, or `GROUP/NAME`.
    pub name: String,
    /// When it fires.
    pub when: When,
    /// The time zone that this is meant in.
    pub timezone: String,
    /// Nothing is fired before.
    pub start: Option<Timestamp>,
    /// Nothing is fired after.
    pub end: Option<Timestamp>,
    /// Whether a rate without a start fires at once, and not only after its first period.
    pub at_once: bool,
    /// What becomes of times that passed while nobody could fire.
    pub missed: Missed,
    /// What happens when a run before is not over.
    pub overlap: Overlap,
    /// A time is fired up to so much later, always by the same amount.
    pub jitter: Duration,
    /// What is fired.
    pub fires: Fires,
    /// What the target gets, JSON text for a function; the Scheduled Event of EventBridge without one.
    pub input: Option<String>,
    /// The message group, where the target keeps order.
    pub group: Option<String>,
    /// The queue of what cannot be delivered.
    pub dead_letter: Option<QueueName>,
    /// A time is given up that could not be fired for so long.
    pub max_age: Option<Duration>,
    /// Whether it is deleted when it has no times any more.
    pub delete_after: bool,
    /// Who said all this.
    pub owner: Owner,
    /// What a client wrote, to be shown to clients; nothing else looks into it.
    pub client: Option<String>,
}

/// What is fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fires {
    /// The target gets the input.
    To(Target),
    /// The targets of a rule of the bus that is always there get the Scheduled Event.
    Rule(RuleName),
}

/// Who made a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The manifest, which takes it away again.
    Manifest,
    /// A rule of a bus, which takes it away again.
    Rule,
    /// A client of the API.
    Client,
}

/// What becomes of times that passed while nobody could fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// They are left out.
    Skip,
    /// Only the last one is fired.
    Last,
    /// The last ones are fired, at most so many, in their order.
    All(u32),
}

/// What happens when a run before is not over: its event is waiting, running or to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Both run.
    Allow,
    /// The later one is left out.
    Skip,
    /// The later one waits. Those that come in the meantime count as missed.
    Queue,
}

/// The times of a schedule, within its start and end.
#[derive(Clone, Debug)]
pub struct Timetable {
    schedule: Schedule,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    jitter: u64,
    seed: u64,
}

impl ScheduleSpec {
    /// A schedule of the manifest's in UTC, with what is usual.
    pub fn new(name: &str, when: When, fires: Fires) -> Self {
        Self {
            name: name.to_owned(),
            when,
            timezone: "UTC".to_owned(),
            start: None,
            end: None,
            at_once: false,
            missed: Missed::Last,
            overlap: Overlap::Allow,
            jitter: Duration::ZERO,
            fires,
            input: None,
            group: None,
            dead_letter: None,
            max_age: None,
            delete_after: false,
            owner: Owner::Manifest,
            client: None,
        }
    }

    /// The times of the schedule. A rate counts from its start, or from when it was made.
    ///
    /// # Errors
    /// When the expression or the zone is wrong.
    pub fn timetable(&self, created: Timestamp) -> Result<Timetable, Error> {
        Ok(Timetable {
            schedule: Schedule::new(&self.when, &self.timezone, self.start.unwrap_or(created))?,
            start: self.start,
            end: self.end,
            jitter: u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX),
            seed: hash(self.name.as_bytes(), 0xcbf2_9ce4_8422_2325),
        })
    }

    /// Whether another one has the same times.
    pub fn same_times(&self, other: &Self) -> bool {
        let times = |spec: &Self| {
            (spec.when.clone(), spec.timezone.clone(), spec.start, spec.end, spec.jitter, spec.at_once)
        };
        times(self) == times(other)
    }
}

impl Timetable {
    /// The first time after an instant.
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let next = self.schedule.next_after(self.from(instant))?;
        self.end.is_none_or(|end| next <= end).then_some(next)
    }

    /// The last time in `(after, until]`.
    pub fn last_within(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let until = self.end.map_or(until, |end| end.min(until));
        self.schedule.last_within(self.from(after), until)
    }

    /// When a time is fired: later by an amount that depends on the schedule and the time alone.
    pub fn due(&self, nominal: Timestamp) -> Timestamp {
        if self.jitter == 0 {
            return nominal;
        }
        let late = hash(&nominal.as_millis().to_le_bytes(), self.seed) % self.jitter;
        nominal.plus(Duration::from_millis(late))
    }

    /// How much later than its time something is fired, at most.
    pub fn jitter(&self) -> Duration {
        Duration::from_millis(self.jitter)
    }

    /// When it fires.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn from(&self, instant: Timestamp) -> Timestamp {
        let before = |start: Timestamp| start.minus(Duration::from_millis(1));
        self.start.map_or(instant, |start| instant.max(before(start)))
    }
}

/// FNV-1a, mixed once more (the finalizer of MurmurHash3): neighbouring times lie far apart.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    let hash = bytes.iter().fold(seed, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ScheduleSpec {
        ScheduleSpec::new("s", When::Rate(60_000), Fires::To(Target::parse("function:f").unwrap()))
    }

    #[test]
    fn times_lie_within_start_and_end() {
        let at = Timestamp::from_millis;
        let table = ScheduleSpec { start: Some(at(100_000)), end: Some(at(220_000)), ..spec() };
        let table = table.timetable(at(0)).unwrap();
        assert_eq!(table.next_after(at(0)), Some(at(100_000)));
        assert_eq!(table.next_after(at(160_000)), Some(at(220_000)));
        assert_eq!(table.next_after(at(220_000)), None);
        assert_eq!(table.last_within(at(0), at(9_000_000)), Some(at(220_000)));
    }

    #[test]
    fn jitter_is_the_same_every_time_and_spreads() {
        let table =
            ScheduleSpec { jitter: Duration::from_secs(60), ..spec() }.timetable(Timestamp::default());
        let table = table.unwrap();
        let late: Vec<_> = (0..100)
            .map(|minute| Timestamp::from_millis(minute * 60_000))
            .map(|at| table.due(at).since(at))
            .collect();
        assert!(late.iter().all(|late| *late < Duration::from_secs(60)));
        assert!(late.iter().filter(|late| **late < Duration::from_secs(30)).count().abs_diff(50) < 25);
        let again =
            ScheduleSpec { jitter: Duration::from_secs(60), ..spec() }.timetable(Timestamp::default());
        assert_eq!(
            again.unwrap().due(Timestamp::from_millis(60_000)).since(Timestamp::from_millis(60_000)),
            late[1]
        );
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let spec = ScheduleSpec { missed: Missed::All(3), ..spec() };
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<ScheduleSpec>(&text).unwrap(), spec);
    }
}
