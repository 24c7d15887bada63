//! The fields of a cron expression: what each may hold, read strictly and written out as plain lists.

use super::Error;

/// A field of a cron expression.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    first: u16,
    last: u16,
    /// Words that stand for values, from the first on.
    words: &'static [&'static str],
    /// What is taken off a number for the value: weekdays that count from 1.
    base: u16,
    special: Special,
}

/// What a field of days may hold besides numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    None,
    /// `L`, `LW` and `15W`.
    OfMonth,
    /// `5L` and `5#3`.
    OfWeek,
}

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const fn plain(name: &'static str, first: u16, last: u16) -> Field {
    Field { name, first, last, words: &[], base: 0, special: Special::None }
}

const DAY: Field = Field { special: Special::OfMonth, ..plain("day-of-month", 1, 31) };
const MONTH: Field = Field { words: MONTHS, ..plain("month", 1, 12) };

/// Unix cron, where Sunday is 0 and 7.
pub(super) const UNIX: [Field; 5] = [
    plain("minute", 0, 59),
    plain("hour", 0, 23),
    DAY,
    MONTH,
    Field { words: DAYS, special: Special::OfWeek, ..plain("day-of-week", 0, 7) },
];

/// EventBridge, where Sunday is 1 (semantics.md 5.2).
pub(super) const SIX: [Field; 6] = [
    plain("minutes", 0, 59),
    plain("hours", 0, 23),
    DAY,
    MONTH,
    Field { words: DAYS, base: 1, special: Special::OfWeek, ..plain("day-of-week", 1, 7) },
    plain("year", 1970, 2199),
];

impl Field {
    /// Reads the field, and writes it as a list of numbers that needs no rules any more; `*` stays.
    pub(super) fn read(&self, text: &str) -> Result<String, Error> {
        if text == "*" {
            return Ok("*".to_owned());
        }
        let mut values = Vec::new();
        let mut specials = Vec::new();
        for part in text.split(',') {
            match self.special(part)? {
                Some(special) => specials.push(special),
                None => self.range(part, &mut values)?,
            }
        }
        let has = |special: &str| specials.iter().any(|known| known == special);
        if has("L") && has("LW") {
            return Err(
                self.wrong(text, "`L` and `LW` cannot stand together: write two schedules".to_owned())
            );
        }
        let of_week = self.special == Special::OfWeek;
        let mut values: Vec<u16> =
            values.into_iter().map(|v| if of_week { (v - self.base) % 7 } else { v }).collect();
        values.sort_unstable();
        values.dedup();
        let numbers = values.iter().map(u16::to_string);
        Ok(numbers.chain(specials).collect::<Vec<_>>().join(","))
    }

    /// `L`, `LW`, `15W`, `5L`, `5#3`; `None` when the part is nothing of that.
    fn special(&self, part: &str) -> Result<Option<String>, Error> {
        let upper = part.to_ascii_uppercase();
        match self.special {
            Special::None => Ok(None),
            Special::OfMonth if upper == "L" || upper == "LW" => Ok(Some(upper)),
            Special::OfMonth => match upper.strip_suffix('W') {
                Some(day) => Ok(Some(format!("{}W", self.value(day, part)?))),
                None => Ok(None),
            },
            // Alone it is the last day of the week.
            Special::OfWeek if upper == "L" && self.base == 1 => Ok(Some("6".to_owned())),
            Special::OfWeek => {
                let day = |day: &str| Ok::<_, Error>((self.value(day, part)? - self.base) % 7);
                if let Some((of, nth)) = upper.split_once('#') {
                    let nth = nth.parse::<u8>().ok().filter(|nth| (1..=5).contains(nth));
                    let nth = nth.ok_or_else(|| {
                        self.wrong(part, "behind `#` stands 1 to 5, as in `3#2`".to_owned())
                    })?;
                    return Ok(Some(format!("{}#{nth}", day(of)?)));
                }
                match upper.strip_suffix('L').filter(|of| !of.is_empty()) {
                    Some(of) => Ok(Some(format!("{}L", day(of)?))),
                    None => Ok(None),
                }
            }
        }
    }

    /// `5`, `1-5`, `*/15`, `0/15`, `10-40/5`; a range may go round, as in `22-2`.
    fn range(&self, part: &str, values: &mut Vec<u16>) -> Result<(), Error> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step = step.parse::<u16>().ok().filter(|step| *step > 0);
                let wrong = || self.wrong(part, "behind `/` stands a whole number from 1 on".to_owned());
                (range, Some(step.ok_or_else(wrong)?))
            }
            None => (part, None),
        };
        // Sunday is 0 and 7 of Unix: all of them are 0 to 6.
        let last = if self.last == 7 && self.base == 0 { 6 } else { self.last };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.first, last),
            Some((from, to)) => (self.value(from, part)?, self.value(to, part)?),
            None if step.is_some() => (self.value(range, part)?, last.max(self.value(range, part)?)),
            None => (self.value(range, part)?, self.value(range, part)?),
        };
        let step = usize::from(step.unwrap_or(1));
        if from <= to {
            values.extend((from..=to).step_by(step));
        } else if self.first >= 1970 {
            return Err(self.wrong(part, "the years of a range ascend".to_owned()));
        } else {
            values.extend((from..=last).chain(self.first..=to).step_by(step));
        }
        Ok(())
    }

    fn value(&self, text: &str, part: &str) -> Result<u16, Error> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let word = word.and_then(|at| u16::try_from(at).ok());
        let at = match word {
            Some(at) if self.special == Special::OfWeek => Some(at + self.base),
            Some(at) => Some(at + self.first),
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            None => None,
        };
        at.filter(|value| (self.first..=self.last).contains(value)).ok_or_else(|| self.out_of_bounds(part))
    }

    fn out_of_bounds(&self, part: &str) -> Error {
        let words = match self.words {
            [first, .., last] => format!(" or {first} to {last}"),
            _ => String::new(),
        };
        let special = match self.special {
            Special::None => "",
            Special::OfMonth => ", `L` for the last day, `15W` for the weekday nearest to the 15th",
            Special::OfWeek if self.base == 1 => {
                ", `6L` for the last Friday, `6#2` for the second; Sunday is 1"
            }
            Special::OfWeek => ", `5L` for the last Friday, `5#2` for the second; Sunday is 0",
        };
        self.wrong(
            part,
            format!("write {} to {}{words}, with `,`, `-`, `*` and `/`{special}", self.first, self.last),
        )
    }

    fn wrong(&self, part: &str, advice: String) -> Error {
        Error::Field { field: self.name, part: part.to_owned(), advice }
    }
}
