//! Time zones, from the database that this program carries: every node knows the same ones, whatever its system has.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use super::{Error, Rule};
use crate::Timestamp;

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

/// The names of all time zones.
pub fn zones() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
}

impl Zone {
    /// The zone of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(name: &str) -> Result<Self, Error> {
        let found = TimeZoneDatabase::bundled().get(name).ok();
        found.map(Self).ok_or_else(|| Error::Zone(name.to_owned()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// An instant as its clocks show it: `2027-01-01 00:00:00 +01:00`.
    pub fn show(&self, at: Timestamp) -> String {
        instant(at).to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }

    /// Reads a time of this zone: `2027-01-01T00:00`, with or without seconds. Of a time that exists twice it is the
    /// first.
    ///
    /// # Errors
    /// When it is none, or when it does not exist here.
    pub fn resolve(&self, text: &str) -> Result<Timestamp, Error> {
        let wrong = || Error::Time(text.to_owned());
        let shape = |text: &str| {
            let digits = text.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b });
            let shape: Vec<u8> = digits.collect();
            shape == b"0000-00-00T00:00" || shape == b"0000-00-00T00:00:00"
        };
        if !shape(text) {
            return Err(wrong());
        }
        let civil: DateTime = text.parse().map_err(|_| wrong())?;
        let gap = || Error::Gap { time: text.to_owned(), zone: self.name().to_owned() };
        self.instant_of(civil, Rule::Skip).ok_or_else(gap)
    }

    /// Reads a time of this zone, or one that says its offset itself: `2027-01-01T00:00:00Z`.
    ///
    /// # Errors
    /// When it is none, or when it does not exist here.
    pub fn moment(&self, text: &str) -> Result<Timestamp, Error> {
        match text.parse::<jiff::Timestamp>() {
            Ok(at) => timestamp(at).ok_or_else(|| Error::Time(text.to_owned())),
            Err(_) => self.resolve(text),
        }
    }

    /// What clocks show at an instant.
    pub(super) fn civil(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(instant(at))
    }

    /// When clocks show a time: the first time that they do. A time that they never show is skipped, or the first
    /// instant after it.
    pub(super) fn instant_of(&self, civil: DateTime, rule: Rule) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(civil);
        match (ambiguous.offset(), rule) {
            (AmbiguousOffset::Gap { .. }, Rule::Skip) => None,
            (AmbiguousOffset::Gap { .. }, Rule::Shift) => {
                // With the offset from before the gap it lies behind it, by as much as it lies in it.
                let behind = ambiguous.later().ok()?.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
                self.0.preceding(behind).next().and_then(|transition| timestamp(transition.timestamp()))
            }
            _ => timestamp(ambiguous.earlier().ok()?),
        }
    }

    /// When clocks of the offset that counts at `at` show a time, and until when that offset counts.
    pub(super) fn elapsed(&self, at: Timestamp, civil: DateTime) -> (Option<Timestamp>, Option<Timestamp>) {
        let at = instant(at);
        let then = self.0.to_offset(at).to_timestamp(civil).ok().and_then(timestamp);
        let end = self.0.following(at).next().and_then(|transition| timestamp(transition.timestamp()));
        (then, end)
    }
}

fn instant(at: Timestamp) -> jiff::Timestamp {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
}

/// `None` before the Unix epoch, where nothing happens any more.
fn timestamp(at: jiff::Timestamp) -> Option<Timestamp> {
    u64::try_from(at.as_millisecond()).ok().map(Timestamp::from_millis)
}
