//! Times, and the one that so many of them do not exceed.

use std::time::Duration;

/// Times of one thing.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The time that this part of all times does not exceed, in microseconds; zero when there are none.
    pub(crate) fn percentile(&mut self, percent: usize) -> f64 {
        self.0.sort_unstable();
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut times = Times::default();
        assert_eq!(times.percentile(50), 0.0);
        for micros in (1..=100).rev() {
            times.push(Duration::from_micros(micros));
        }
        let found = [1, 50, 99, 100].map(|percent| times.percentile(percent).round());
        assert_eq!(found, [1.0, 50.0, 99.0, 100.0]);
    }
}
