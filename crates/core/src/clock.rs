//! Time as a value: the `Clock` that the node carries, and how its instants are written.

use std::fmt;

/// Where the time comes from. The node uses the system's clock, tests set their own.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Milliseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The instant that lies `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The instant `duration` later, at whole milliseconds.
    pub fn plus(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The instant `duration` earlier, at whole milliseconds; the epoch at the earliest.
    pub fn minus(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time that has passed since `earlier`; zero when that lies in the future.
    pub fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// `2026-02-03T10:00:00.000Z`, as Lambda writes log lines.
    pub fn iso8601(self) -> String {
        self.zoned().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }

    /// `03/Feb/2026:10:00:00 +0000`, as API Gateway writes `requestContext.time`.
    pub fn common_log(self) -> String {
        self.zoned().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
    }

    /// `2026/02/03`, the date in a log stream's name.
    pub fn date_path(self) -> String {
        self.zoned().strftime("%Y/%m/%d").to_string()
    }

    fn zoned(self) -> jiff::Zoned {
        i64::try_from(self.0)
            .ok()
            .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
            .unwrap_or(jiff::Timestamp::MAX)
            .to_zoned(jiff::tz::TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn written_as_aws_writes_it() {
        let at = Timestamp::from_millis(1_770_112_800_007);
        assert_eq!(at.iso8601(), "2026-02-03T10:00:00.007Z");
        assert_eq!(at.common_log(), "03/Feb/2026:10:00:00 +0000");
        assert_eq!(at.date_path(), "2026/02/03");
    }

    #[test]
    fn an_instant_past_all_calendars_is_written_too() {
        assert!(Timestamp::from_millis(u64::MAX).iso8601().starts_with("9999-"));
    }
}
