//! What happens next to an event that a function was run for.

use std::time::Duration;

use crate::retry::{Jitter, RetryPolicy, doubling};
use crate::{Outcome, limits};

/// What happens next to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is done.
    Done,
    /// It is tried again after this time.
    Retry {
        /// The wait.
        after: Duration,
        /// Whether the try that is over counts as an attempt: one that found no place to run does not.
        counts: bool,
    },
    /// It is given up and goes to the dead letters.
    Bury(Condition),
}

/// Why an event is given up, as the destination record says it (semantics.md 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It failed as often as it may.
    RetriesExhausted,
    /// It would be too old at the next try.
    EventAgeExceeded,
    /// It has come through the same chain too often.
    RecursiveLoop,
}

impl Condition {
    /// Its name in a destination record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RetriesExhausted => "RetriesExhausted",
            Self::EventAgeExceeded => "EventAgeExceeded",
            Self::RecursiveLoop => "RecursiveInvocation",
        }
    }
}

/// What has become of an event so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// How often it was tried, the last time included.
    pub attempts: u32,
    /// How often it found no place to run, in a row.
    pub throttles: u32,
    /// How old it is now.
    pub age: Duration,
}

/// Decides what happens next to an event. Lambda's rules (semantics.md 3): a failure waits 1 minute, then 2; no
/// place to run waits from 1 s up to 5 minutes and is no failure; who would be too old at the next try is given up now.
pub fn decide(outcome: &Outcome, policy: &RetryPolicy, history: &History, jitter: Jitter) -> Step {
    let (after, counts) = match outcome {
        Outcome::Returned(_) => return Step::Done,
        Outcome::Throttled { retry_in } => {
            let (first, most) = RetryPolicy::THROTTLED;
            (doubling(first, most, history.throttles.max(1), jitter).max(*retry_in), false)
        }
        Outcome::Failed(_) | Outcome::TimedOut { .. } | Outcome::Crashed(_) => {
            if history.attempts >= policy.attempts {
                return Step::Bury(Condition::RetriesExhausted);
            }
            (policy.delay(history.attempts.max(1), jitter), true)
        }
    };
    match history.age.checked_add(after) {
        Some(age) if age <= policy.max_age => Step::Retry { after, counts },
        _ => Step::Bury(Condition::EventAgeExceeded),
    }
}

/// What becomes of an event before it is run: one that is too old or goes round in circles is not.
/// `visits` says how often its chain of events has come to the function already.
pub fn admit(policy: &RetryPolicy, age: Duration, visits: u32) -> Option<Condition> {
    if visits >= limits::VISITS_MAX {
        return Some(Condition::RecursiveLoop);
    }
    (age > policy.max_age).then_some(Condition::EventAgeExceeded)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Exit, FunctionError};

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn check(outcome: &Outcome, (attempts, throttles, age): (u32, u32, u64), expect: Step) {
        let history = History { attempts, throttles, age: S(age) };
        assert_eq!(
            decide(outcome, &RetryPolicy::LAMBDA, &history, Jitter::NONE),
            expect,
            "{outcome:?} {history:?}"
        );
    }

    #[test]
    fn lambdas_table() {
        let retry = |secs| Step::Retry { after: S(secs), counts: true };
        let wait = |secs| Step::Retry { after: S(secs), counts: false };
        let exhausted = Step::Bury(Condition::RetriesExhausted);
        let too_old = Step::Bury(Condition::EventAgeExceeded);
        let failed = Outcome::Failed(FunctionError::new("Error", "boom"));
        let throttled = Outcome::Throttled { retry_in: Duration::ZERO };

        check(&Outcome::Returned(Bytes::new()), (1, 0, 0), Step::Done);
        check(&Outcome::Returned(Bytes::new()), (9, 9, 999_999), Step::Done);
        for failed in [failed, Outcome::TimedOut { after: S(1) }, Outcome::Crashed(Exit::Signal(9))] {
            check(&failed, (1, 0, 0), retry(60));
            check(&failed, (2, 0, 61), retry(120));
            check(&failed, (3, 0, 190), exhausted);
            check(&failed, (4, 0, 190), exhausted);
            // Tried at 21,600 s it is just young enough, one second later it is not.
            check(&failed, (1, 0, 21_540), retry(60));
            check(&failed, (1, 0, 21_541), too_old);
        }
        check(&throttled, (1, 1, 0), wait(1));
        check(&throttled, (3, 2, 0), wait(2));
        check(&throttled, (3, 9, 0), wait(256));
        check(&throttled, (3, 10, 0), wait(300));
        check(&throttled, (3, 10, 21_301), too_old);
        check(&Outcome::Throttled { retry_in: S(7) }, (1, 1, 0), wait(7));
    }

    #[test]
    fn more_than_aws_allows() {
        let policy = RetryPolicy {
            attempts: 1000,
            first_delay: Duration::from_millis(10),
            max_delay: S(1),
            max_age: S(30 * 24 * 3600),
        };
        let history = History { attempts: 999, throttles: 0, age: S(24 * 3600) };
        let failed = Outcome::TimedOut { after: S(1) };
        assert_eq!(
            decide(&failed, &policy, &history, Jitter::NONE),
            Step::Retry { after: S(1), counts: true }
        );
        let once = RetryPolicy { attempts: 1, ..policy };
        let history = History { attempts: 1, ..history };
        assert_eq!(decide(&failed, &once, &history, Jitter::NONE), Step::Bury(Condition::RetriesExhausted));
    }

    #[test]
    fn the_old_and_the_looping_are_not_run() {
        let policy = RetryPolicy::LAMBDA;
        assert_eq!(admit(&policy, S(0), 0), None);
        assert_eq!(admit(&policy, policy.max_age, limits::VISITS_MAX - 1), None);
        assert_eq!(admit(&policy, policy.max_age + S(1), 0), Some(Condition::EventAgeExceeded));
        assert_eq!(admit(&policy, S(0), limits::VISITS_MAX), Some(Condition::RecursiveLoop));
    }
}
