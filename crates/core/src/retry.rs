//! How often and when a failed event is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often and when a failed event is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// How often an event is tried altogether, at least once.
    pub attempts: u32,
    /// How long to wait after the first failure; it doubles with each further one.
    pub first_delay: Duration,
    /// Longest wait after a failure.
    pub max_delay: Duration,
    /// An event that would be tried when it is older than this is given up.
    pub max_age: Duration,
}

impl RetryPolicy {
    /// What Lambda does when nobody says anything: 1 minute, then 2, then it gives up (semantics.md 3).
    pub const LAMBDA: Self = Self {
        attempts: 3,
        first_delay: Duration::from_secs(60),
        max_delay: Duration::from_secs(300),
        max_age: Duration::from_secs(6 * 3600),
    };

    /// How events wait that found no place to run (semantics.md 3): 1 s doubling to 5 minutes. The number of
    /// attempts does not matter, because such tries are not counted.
    pub const THROTTLED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

    /// How long to wait after failure number `failures`, counted from 1.
    pub fn delay(&self, failures: u32, jitter: Jitter) -> Duration {
        doubling(self.first_delay, self.max_delay, failures, jitter)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::LAMBDA
    }
}

/// A random number in [0, 1): how much of the last fifth of a delay is left out, so that what failed together does
/// not come back together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// The whole delay.
    pub const NONE: Self = Self(0.0);

    /// Takes a random number; what is outside of [0, 1) is brought into it.
    pub fn new(random: f64) -> Self {
        Self(if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.0 })
    }
}

/// `first`, doubled with each further `count` from 1 on, at most `most`, less up to a fifth.
pub fn doubling(first: Duration, most: Duration, count: u32, jitter: Jitter) -> Duration {
    let factor = 1_u32.checked_shl(count.saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = first.saturating_mul(factor).min(most);
    whole - whole.mul_f64(jitter.0 / 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let secs = |failures| RetryPolicy::LAMBDA.delay(failures, Jitter::NONE).as_secs();
        assert_eq!([1, 2, 3, 4, 40, u32::MAX].map(secs), [60, 120, 240, 300, 300, 300]);
    }

    #[test]
    fn jitter_takes_a_fifth_at_most() {
        for random in [0.0, 0.5, 0.999, 1.0, 7.0, -1.0, f64::NAN, f64::INFINITY] {
            let delay = RetryPolicy::LAMBDA.delay(1, Jitter::new(random)).as_secs_f64();
            assert!((48.0..=60.0).contains(&delay), "{random} {delay}");
        }
    }
}
