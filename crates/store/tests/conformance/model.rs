//! Sequences of verbs that nobody thought of: whatever the model answers, the store has to answer.

mod pair;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;

use crate::rig::Backend;
use pair::Pair;

/// One verb. What it is about is said by numbers that are taken modulo what there is, so that any sequence makes sense.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Pass { ms: u64 },
    Commit { guard: Option<usize>, effects: Vec<Change> },
    Lease { queue: usize, max: u32, max_bytes: usize, secs: u64, bury: bool, attempt: Option<u8> },
    Reclaim { queue: usize },
    Edit { queue: usize, message: usize },
    Discard { queue: usize, message: usize },
    Purge { queue: usize },
    Expire { queue: usize, age: u64, limit: u32 },
    Sweep,
    Redrive { id: usize, from: usize, to: Option<usize>, fingerprint: Option<u8>, back: usize },
    GoOn { id: usize, limit: u32 },
    CancelRedrive { id: usize },
    PutSchedule { id: usize, known: bool, due: Option<u64>, enabled: bool },
    RemoveSchedule { id: usize },
    Fire { id: usize, stale: bool, then: Option<u64>, queue: usize },
    RemoveSpare,
    PutSpare,
    Reopen,
}

/// One effect of a commit.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Enqueue { queue: usize, group: u8, key: Option<u8>, digest: Option<u64>, delay: u64, size: usize },
    Ack { receipt: usize, any: bool },
    Extend { receipt: usize, ms: u64 },
    Release { receipt: usize, ms: u64, throttled: bool, failure: Option<u8> },
    Bury { receipt: usize, to: usize, failure: u8, attribute: bool },
    Finish { id: u8 },
    Meter { function: u8 },
    Put { key: u8, remove: bool },
}

/// Times that meet each other often, around the lengths that mean something.
fn times() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(1000), Just(14_999), Just(15_000), Just(30_000), Just(300_000)]
}

fn change() -> impl Strategy<Value = Change> {
    let receipt = || prop_oneof![3 => 0..4_usize, 1 => 0..40_usize];
    prop_oneof![
        8 => (0..5_usize, 0..3_u8, proptest::option::weighted(0.3, 0..3_u8), proptest::option::of(0..2_u64),
              prop_oneof![4 => Just(0), 1 => times()], 0..40_usize)
            .prop_map(|(queue, group, key, digest, delay, size)| Change::Enqueue {
                queue, group, key, digest, delay, size
            }),
        4 => (receipt(), proptest::bool::weighted(0.2)).prop_map(|(receipt, any)| Change::Ack { receipt, any }),
        2 => (receipt(), times()).prop_map(|(receipt, ms)| Change::Extend { receipt, ms }),
        4 => (receipt(), times(), any::<bool>(), proptest::option::of(0..3_u8))
            .prop_map(|(receipt, ms, throttled, failure)| Change::Release { receipt, ms, throttled, failure }),
        3 => (receipt(), 2..5_usize, 0..3_u8, any::<bool>())
            .prop_map(|(receipt, to, failure, attribute)| Change::Bury { receipt, to, failure, attribute }),
        1 => (0..3_u8).prop_map(|id| Change::Finish { id }),
        1 => (0..2_u8).prop_map(|function| Change::Meter { function }),
        1 => (0..3_u8, any::<bool>()).prop_map(|(key, remove)| Change::Put { key, remove }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let guard = proptest::option::weighted(0.2, 0..6_usize);
    let lease = (
        0..5_usize,
        prop_oneof![1 => Just(0), 9 => 1..5_u32],
        prop_oneof![3 => Just(usize::MAX), 1 => 0..60_usize],
        prop_oneof![Just(15), Just(30), Just(400)],
        any::<bool>(),
        proptest::option::weighted(0.3, 0..2_u8),
    );
    let redrive =
        (0..3_usize, 0..4_usize, proptest::option::of(0..5_usize), proptest::option::of(0..3_u8), 0..3_usize);
    prop_oneof![
        6 => times().prop_map(|ms| Step::Pass { ms }),
        16 => (guard, proptest::collection::vec(change(), 1..4))
            .prop_map(|(guard, effects)| Step::Commit { guard, effects }),
        12 => lease.prop_map(|(queue, max, max_bytes, secs, bury, attempt)| Step::Lease {
            queue, max, max_bytes, secs, bury, attempt
        }),
        1 => (0..5_usize).prop_map(|queue| Step::Reclaim { queue }),
        1 => (0..5_usize, 0..6_usize).prop_map(|(queue, message)| Step::Edit { queue, message }),
        1 => (0..5_usize, 0..6_usize).prop_map(|(queue, message)| Step::Discard { queue, message }),
        1 => (0..5_usize).prop_map(|queue| Step::Purge { queue }),
        1 => (0..5_usize, times(), 0..4_u32).prop_map(|(queue, age, limit)| Step::Expire { queue, age, limit }),
        1 => Just(Step::Sweep),
        2 => redrive.prop_map(|(id, from, to, fingerprint, back)| Step::Redrive { id, from, to, fingerprint, back }),
        4 => (0..3_usize, 1..4_u32).prop_map(|(id, limit)| Step::GoOn { id, limit }),
        1 => (0..3_usize).prop_map(|id| Step::CancelRedrive { id }),
        3 => (0..3_usize, proptest::bool::weighted(0.8), proptest::option::weighted(0.8, times()),
              proptest::bool::weighted(0.8))
            .prop_map(|(id, known, due, enabled)| Step::PutSchedule { id, known, due, enabled }),
        1 => (0..3_usize).prop_map(|id| Step::RemoveSchedule { id }),
        5 => (0..3_usize, proptest::bool::weighted(0.3), proptest::option::weighted(0.8, times()), 0..5_usize)
            .prop_map(|(id, stale, then, queue)| Step::Fire { id, stale, then, queue }),
        1 => Just(Step::RemoveSpare),
        1 => Just(Step::PutSpare),
        1 => Just(Step::Reopen),
    ]
}

/// The sequences. The model itself runs beside the store, so there is nothing to know of it beforehand.
#[derive(Debug)]
struct Verbs;

impl ReferenceStateMachine for Verbs {
    type State = ();
    type Transition = Step;

    fn init_state() -> BoxedStrategy<()> {
        Just(()).boxed()
    }

    fn transitions((): &()) -> BoxedStrategy<Step> {
        step().boxed()
    }

    fn apply((): (), _: &Step) {}
}

fn config() -> Config {
    let cases = std::env::var("LAMBENT_STORE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(64);
    Config { cases, max_shrink_iters: 600, failure_persistence: None, ..Config::default() }
}

#[test]
fn sqlite_answers_as_the_model_does() {
    let sequences = Verbs::sequential_strategy(40..80);
    let run = |((), steps, seen): ((), Vec<Step>, Option<Arc<AtomicUsize>>)| {
        let mut pair = Pair::new(Backend::Sqlite);
        steps.iter().try_for_each(|step| {
            // What comes after the step that failed is cut off first.
            if let Some(seen) = &seen {
                seen.fetch_add(1, Ordering::SeqCst);
            }
            pair.step(step).map_err(TestCaseError::fail)
        })
    };
    if let Err(failure) = TestRunner::new(config()).run(&sequences, run) {
        panic!("{failure}");
    }
}

/// Whether some sequence tells a store from the model.
pub(crate) fn differs(backend: Backend) -> bool {
    let mut runner = TestRunner::deterministic();
    let sequences = proptest::collection::vec(step(), 60..61);
    (0..300).any(|_| {
        let steps = sequences.new_tree(&mut runner).expect("any sequence will do").current();
        let mut pair = Pair::new(backend);
        steps.iter().any(|step| pair.step(step).is_err())
    })
}

#[test]
fn the_model_answers_as_itself() {
    assert!(!differs(Backend::Memory));
}
