//! What is wrong with a schedule, in which field, and what to write instead.

/// A schedule that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There are too few or too many fields.
    #[error("`{text}` has {found} fields: write {wanted}")]
    Fields {
        /// What was written.
        text: String,
        /// How many it has.
        found: usize,
        /// What it should have.
        wanted: &'static str,
    },
    /// A field is wrong.
    #[error("in the field {field}, `{part}` is wrong: {advice}")]
    Field {
        /// Which.
        field: &'static str,
        /// The part of it.
        part: String,
        /// What to write.
        advice: String,
    },
    /// Both fields of days say something, or neither does.
    #[error(
        "one of the fields day-of-month and day-of-week must be `?`, and only one: write `?` in the one that does not matter"
    )]
    TwoDays,
    /// No day is meant.
    #[error("`{0}` never happens: there is no such day")]
    Never(String),
    /// It is no rate.
    #[error(
        "`{0}` is no rate: write a whole number and a unit, as in `rate(5 minutes)` or `rate(1 hour)`; the units are minutes, hours and days"
    )]
    Rate(String),
    /// It is no time.
    #[error("`{0}` is no time: write a date and a time without a zone, as in `2027-01-01T00:00`")]
    Time(String),
    /// There is no such time in the zone.
    #[error(
        "{time} does not exist in {zone}, where clocks are set forward then: write a time before or after"
    )]
    Gap {
        /// The time.
        time: String,
        /// The zone.
        zone: String,
    },
    /// It is nothing of all that.
    #[error(
        "`{0}` is no schedule: write `cron(0 12 * * ? *)`, `rate(5 minutes)` or `at(2027-01-01T00:00:00)`, without spaces around what is in the parentheses"
    )]
    Expression(String),
    /// There is no such zone.
    #[error("there is no time zone `{0}`: write a name of the tz database, as in Europe/Berlin or UTC")]
    Zone(String),
}
