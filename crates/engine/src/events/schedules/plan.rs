//! What is to be done with a schedule that is due. It depends on the times alone, and costs the same however many of
//! them were missed.

use std::time::Duration;

use lambent_core::Timestamp;
use lambent_core::schedule::{Missed, Timetable};
use lambent_store::Next;

use super::next;

/// A time that is fired so much later than it was due counts as missed.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// What is to be done with a schedule that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// This time is fired, and the schedule goes on with the next one.
    Fire {
        /// The time.
        nominal: Timestamp,
        /// Whether times before it are left out.
        missed: bool,
        /// What comes next.
        then: Option<Next>,
    },
    /// Nothing is fired, and the schedule goes on.
    Skip {
        /// What comes next.
        then: Option<Next>,
    },
}

/// Decides about a schedule whose next time is due.
pub(super) fn plan(table: &Timetable, policy: Missed, due: Next, now: Timestamp) -> Plan {
    // A time within the jitter waits until it is due itself.
    let newest = table.last_within(due.nominal, now.minus(table.jitter())).unwrap_or(due.nominal);
    let fire = |nominal: Timestamp| Plan::Fire {
        nominal,
        missed: nominal > due.nominal,
        then: next(table, nominal),
    };
    match policy {
        Missed::Last => fire(newest),
        Missed::Skip => {
            // The row knows when its own time is due; it may have been made with another jitter.
            let at = if newest == due.nominal { due.at } else { table.due(newest) };
            if now.since(at) <= GRACE { fire(newest) } else { Plan::Skip { then: next(table, newest) } }
        }
        Missed::All(most) => fire(first_of_last(table, due.nominal, newest, most)),
    }
}

/// The first of the last `most` times in `[from, to]`.
fn first_of_last(table: &Timetable, from: Timestamp, to: Timestamp, most: u32) -> Timestamp {
    // Mostly they are few: then it is the first one.
    let steps = usize::try_from(most).unwrap_or(usize::MAX);
    let mut times = std::iter::successors(Some(from), |last| table.next_after(*last)).take(steps);
    if times.any(|time| time >= to) {
        return from;
    }
    let step = Duration::from_millis(1);
    let before = |time: &Timestamp| table.last_within(from, time.minus(step));
    std::iter::successors(Some(to), before).take(steps.max(1)).last().unwrap_or(to)
}

#[cfg(test)]
mod tests {
    use lambent_core::schedule::Fires;
    use lambent_core::{ScheduleSpec, Target, When};

    use super::*;

    fn minutes(jitter: u64) -> Timetable {
        let to = Fires::To(Target::parse("function:f").unwrap());
        let spec = ScheduleSpec::new("s", When::Cron("* * * * *".to_owned()), to);
        ScheduleSpec { jitter: Duration::from_secs(jitter), ..spec }.timetable(Timestamp::default()).unwrap()
    }

    /// A minute, and the second in it.
    fn at(minute: u64, second: u64) -> Timestamp {
        Timestamp::from_millis((29_000_000 + minute) * 60_000 + second * 1000)
    }

    fn due(minute: u64) -> Next {
        Next { nominal: at(minute, 0), at: at(minute, 0) }
    }

    /// Which minute is fired and which comes next.
    fn decide(policy: Missed, now: Timestamp) -> (Option<u64>, u64) {
        let minute = |at: Timestamp| at.as_millis() / 60_000 - 29_000_000;
        match plan(&minutes(0), policy, due(0), now) {
            Plan::Fire { nominal, missed, then } => {
                assert_eq!(missed, minute(nominal) > 0);
                (Some(minute(nominal)), minute(then.unwrap().nominal))
            }
            Plan::Skip { then } => (None, minute(then.unwrap().nominal)),
        }
    }

    #[test]
    fn a_time_that_is_due_is_fired() {
        for policy in [Missed::Skip, Missed::Last, Missed::All(3)] {
            assert_eq!(decide(policy, at(0, 1)), (Some(0), 1), "{policy:?}");
        }
    }

    #[test]
    fn of_missed_times_the_policy_says_which_are_fired() {
        assert_eq!(decide(Missed::Last, at(10, 30)), (Some(10), 11));
        assert_eq!(decide(Missed::Skip, at(10, 30)), (Some(10), 11), "the last one is not late");
        assert_eq!(decide(Missed::All(3), at(10, 30)), (Some(8), 9));
        assert_eq!(decide(Missed::All(1), at(10, 30)), (Some(10), 11));
        assert_eq!(decide(Missed::All(100), at(10, 30)), (Some(0), 1));
        assert_eq!(decide(Missed::All(11), at(10, 30)), (Some(0), 1));
        assert_eq!(decide(Missed::All(10), at(10, 30)), (Some(1), 2));
        let ten_years = at(10 * 365 * 24 * 60, 30);
        assert_eq!(decide(Missed::Last, ten_years), (Some(5_256_000), 5_256_001));
        assert_eq!(decide(Missed::All(100), ten_years), (Some(5_255_901), 5_255_902));
    }

    #[test]
    fn what_is_too_late_is_skipped() {
        let to = Fires::To(Target::parse("function:f").unwrap());
        let spec = ScheduleSpec::new("s", When::Cron("0 * * * *".to_owned()), to);
        let table = spec.timetable(Timestamp::default()).unwrap();
        let hour = Timestamp::from_millis(480_000 * 3_600_000);
        let due = Next { nominal: hour, at: hour };
        let then = next(&table, hour);
        assert_eq!(plan(&table, Missed::Skip, due, hour.plus(GRACE * 2)), Plan::Skip { then });
        let on_time = Plan::Fire { nominal: hour, missed: false, then };
        assert_eq!(plan(&table, Missed::Skip, due, hour.plus(GRACE)), on_time);
        assert_eq!(plan(&table, Missed::Last, due, hour.plus(GRACE * 2)), on_time);
    }

    #[test]
    fn a_time_within_the_jitter_waits_for_its_own() {
        let table = minutes(300);
        let fired = plan(&table, Missed::Last, due(0), at(4, 0));
        assert!(
            matches!(fired, Plan::Fire { nominal, missed: false, .. } if nominal == at(0, 0)),
            "{fired:?}"
        );
    }
}
