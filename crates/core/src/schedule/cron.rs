//! Times of a calendar: cron expressions, and what setting the clocks does to them.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;

use super::field::{Field, SIX, UNIX};
use super::zone::Zone;
use super::{Error, Rule};
use crate::Timestamp;

/// How often clocks are set before a search ends. They are set twice a year, and no expression skips forty years.
const SETTINGS: usize = 1000;
/// Times that lie in one gap or overlap, at most: the minutes of two days.
const SET_ASIDE: usize = 2 * 24 * 60;

/// The names that stand for an expression (crontab(5)).
const NICKNAMES: &[(&str, &str)] = &[
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Times of a calendar.
#[derive(Clone, Debug)]
pub(super) struct Times {
    cron: Cron,
    rule: Rule,
    /// Whether it runs by elapsed time when clocks are set, as every few minutes should.
    elapsed: bool,
}

impl Times {
    /// Unix cron, with five fields.
    pub(super) fn unix(text: &str) -> Result<Self, Error> {
        let nickname = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
        let meant = nickname.map_or(text, |(_, meant)| meant);
        let fields: Vec<&str> = meant.split_whitespace().collect();
        let [minute, hour, ..] = fields[..] else { return Err(too_few(text, fields.len())) };
        if fields.len() != UNIX.len() {
            return Err(too_few(text, fields.len()));
        }
        let elapsed = minute.starts_with('*') || hour.starts_with('*');
        let plain = read(&UNIX, &fields)?;
        Self::new(text, &format!("0 {} *", plain.join(" ")), Rule::Shift, elapsed)
    }

    /// EventBridge's cron, with six fields.
    pub(super) fn six(text: &str) -> Result<Self, Error> {
        let fields: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
        if fields.len() != SIX.len() {
            let wanted =
                "six, as in `cron(0 12 * * ? *)`: minutes, hours, day-of-month, month, day-of-week, year";
            return Err(Error::Fields { text: text.to_owned(), found: fields.len(), wanted });
        }
        if (fields[2] == "?") == (fields[4] == "?") {
            return Err(Error::TwoDays);
        }
        let fields: Vec<&str> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| if *field == "?" && matches!(at, 2 | 4) { "*" } else { *field })
            .collect();
        let plain = read(&SIX, &fields)?;
        Self::new(text, &format!("0 {}", plain.join(" ")), Rule::Skip, false)
    }

    fn new(text: &str, pattern: &str, rule: Rule, elapsed: bool) -> Result<Self, Error> {
        let never = || Error::Never(text.to_owned());
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required).build();
        let times = Self { cron: parser.parse(pattern).map_err(|_| never())?, rule, elapsed };
        let first = times.civil_after(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
        first.map(|_| times).ok_or_else(never)
    }

    /// The first time after an instant.
    pub(super) fn next_after(&self, zone: &Zone, instant: Timestamp) -> Option<Timestamp> {
        if self.elapsed { self.by_elapsed_time(zone, instant) } else { self.by_the_clock(zone, instant) }
    }

    /// Times that clocks show, each once. Those in an overlap that is under way were had before.
    fn by_the_clock(&self, zone: &Zone, instant: Timestamp) -> Option<Timestamp> {
        let mut civil = zone.civil(instant);
        for _ in 0..SET_ASIDE {
            civil = self.civil_after(civil)?;
            match zone.instant_of(civil, self.rule) {
                Some(at) if at > instant => return Some(at),
                _ => {}
            }
        }
        None
    }

    /// Times that clocks show, as often as they show them.
    fn by_elapsed_time(&self, zone: &Zone, instant: Timestamp) -> Option<Timestamp> {
        let mut from = instant;
        for _ in 0..SETTINGS {
            let civil = self.civil_after(zone.civil(from))?;
            let (then, end) = zone.elapsed(from, civil);
            let (Some(then), Some(end)) = (then, end) else { return then };
            if then < end {
                return Some(then);
            }
            // Just before, so that the very instant at which clocks are set is found.
            let behind = Timestamp::from_millis(end.as_millis());
            let shown = zone.civil(behind);
            if self.cron.is_time_matching(&shown).unwrap_or(false) {
                return Some(behind);
            }
            from = behind;
        }
        None
    }

    fn civil_after(&self, civil: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&civil, false).ok()
    }
}

fn read(fields: &[Field], texts: &[&str]) -> Result<Vec<String>, Error> {
    fields.iter().zip(texts).map(|(field, text)| field.read(text)).collect()
}

fn too_few(text: &str, found: usize) -> Error {
    let wanted = "five, as in `0 3 * * *`: minute, hour, day-of-month, month, day-of-week";
    Error::Fields { text: text.to_owned(), found, wanted }
}
