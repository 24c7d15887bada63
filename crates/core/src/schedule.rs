//! Schedules: when something is to happen, by the calendar of a time zone or at a steady rate.
//!
//! What happens when clocks are set ([`Rule`]):
//!
//! - **Written as EventBridge writes it**: a time that does not exist is skipped, one that exists twice counts once,
//!   the first time.
//! - **Unix cron**, as Vixie's: a time that does not exist counts at the first instant after the gap, one that exists
//!   twice counts the first time. Where minutes or hours begin with `*` it runs by elapsed time: not in the gap, and
//!   in both passes of the hour that comes twice.
//! - **Rates** are elapsed time and know no clocks.

mod cron;
mod error;
mod field;
mod spec;
#[cfg(test)]
mod tests;
mod zone;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use cron::Times;
pub use error::Error;
pub use spec::{Fires, Missed, Overlap, Owner, ScheduleSpec, Timetable};
pub use zone::{Zone, zones};

/// Steps of the search for a last firing: enough to halve all of time to a millisecond.
const HALVINGS: usize = 64;

/// When something is to happen, as its owner writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Unix cron: `minute hour day-of-month month day-of-week`, or `@daily` and its like.
    Cron(String),
    /// Again and again, so many milliseconds apart.
    Rate(u64),
    /// Once, at a time of the zone: `2027-01-01T00:00`.
    At(String),
    /// `cron(...)` with six fields, `rate(...)` or `at(...)` (EventBridge).
    Expression(String),
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cron(text) | Self::Expression(text) => f.write_str(text),
            Self::Rate(millis) => {
                let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
                let (size, unit) =
                    units.into_iter().find(|(size, _)| millis.is_multiple_of(*size)).unwrap_or((1, "ms"));
                write!(f, "every {}{unit}", millis / size)
            }
            Self::At(text) => write!(f, "at {text}"),
        }
    }
}

/// What happens when clocks are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// EventBridge's: what does not exist is skipped.
    Skip,
    /// Vixie cron's: what does not exist comes after the gap.
    Shift,
}

/// When something is to happen, ready to be asked.
#[derive(Clone, Debug)]
pub struct Schedule {
    zone: Zone,
    timing: Timing,
}

#[derive(Clone, Debug)]
enum Timing {
    Calendar(Box<Times>),
    Rate { every: u64, anchor: u64 },
    Once(Timestamp),
}

impl Schedule {
    /// Reads a schedule in a zone. A rate counts from `anchor`, which is its first time.
    ///
    /// # Errors
    /// When it cannot be read, or when its time never comes; it says which part is wrong and what to write.
    pub fn new(when: &When, zone: &str, anchor: Timestamp) -> Result<Self, Error> {
        let zone = Zone::find(zone)?;
        let timing = match when {
            When::Cron(text) => Timing::Calendar(Box::new(Times::unix(text)?)),
            When::Rate(0) => return Err(Error::Rate("0".to_owned())),
            When::Rate(millis) => Timing::Rate { every: *millis, anchor: anchor.as_millis() },
            When::At(text) => Timing::Once(zone.resolve(text)?),
            When::Expression(text) => Self::expression(text, &zone, anchor)?,
        };
        Ok(Self { zone, timing })
    }

    fn expression(text: &str, zone: &Zone, anchor: Timestamp) -> Result<Timing, Error> {
        let unknown = || Error::Expression(text.to_owned());
        let (kind, rest) = text.split_once('(').ok_or_else(unknown)?;
        let inner = rest.strip_suffix(')').ok_or_else(unknown)?;
        if inner.trim() != inner {
            return Err(unknown());
        }
        match kind {
            "cron" => Ok(Timing::Calendar(Box::new(Times::six(inner)?))),
            "rate" => Ok(Timing::Rate { every: rate(inner)?, anchor: anchor.as_millis() }),
            "at" => Ok(Timing::Once(zone.resolve(inner)?)),
            _ => Err(unknown()),
        }
    }

    /// The first time after an instant. `None` when there is none any more.
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        match &self.timing {
            Timing::Calendar(times) => times.next_after(&self.zone, instant),
            Timing::Rate { every, anchor } => {
                let next = match instant.as_millis().checked_sub(*anchor) {
                    None => *anchor,
                    Some(passed) => {
                        anchor.checked_add((passed / every).checked_add(1)?.checked_mul(*every)?)?
                    }
                };
                Some(Timestamp::from_millis(next))
            }
            Timing::Once(at) => (*at > instant).then_some(*at),
        }
    }

    /// The last time in `(after, until]`. `None` when there is none. What it costs does not depend on how many lie
    /// between.
    pub fn last_within(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let next = |instant: Timestamp| self.next_after(instant).filter(|next| *next <= until);
        let mut last = next(after)?;
        // Behind `beyond` there is nothing up to `until`.
        let mut beyond = until;
        for _ in 0..HALVINGS {
            let Some(following) = next(last) else { break };
            last = following;
            let middle = last.as_millis() + beyond.as_millis().saturating_sub(last.as_millis()) / 2;
            match next(Timestamp::from_millis(middle)) {
                Some(later) => last = later,
                None => beyond = Timestamp::from_millis(middle),
            }
        }
        Some(last)
    }

    /// The time between two firings, where it is always the same.
    pub fn period(&self) -> Option<Duration> {
        match &self.timing {
            Timing::Rate { every, .. } => Some(Duration::from_millis(*every)),
            Timing::Calendar(_) | Timing::Once(_) => None,
        }
    }

    /// Whether it happens once.
    pub fn is_once(&self) -> bool {
        matches!(self.timing, Timing::Once(_))
    }

    /// The zone that its times are of.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }
}

/// `5 minutes`, in milliseconds: the unit is singular exactly when there is one (semantics.md 5.2).
fn rate(text: &str) -> Result<u64, Error> {
    let wrong = || Error::Rate(text.to_owned());
    let (value, unit) = text.split_once(' ').ok_or_else(wrong)?;
    let value: u64 = value
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| value.parse().ok())
        .flatten()
        .filter(|v| *v > 0)
        .ok_or_else(wrong)?;
    let unit = match (unit, value) {
        ("minute", 1) | ("minutes", 2..) => 60_000,
        ("hour", 1) | ("hours", 2..) => 3_600_000,
        ("day", 1) | ("days", 2..) => 86_400_000,
        _ => return Err(wrong()),
    };
    value.checked_mul(unit).ok_or_else(wrong)
}
