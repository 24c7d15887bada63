//! The driver, with a scripted broker and a scripted function, under a clock that jumps.

pub(crate) mod fake;

use std::sync::Arc;
use std::time::Duration;

use lambent_core::{FunctionError, Outcome, limits};
use tokio::time::{Instant, sleep};

use crate::source::Settlement;
use crate::status::State;
use fake::{Rig, Thing, failed, returned, spec, throttled};

const S: fn(u64) -> Duration = Duration::from_secs;

#[tokio::test(start_paused = true)]
async fn while_nothing_comes_there_is_a_parked_poll_and_nothing_else() {
    let rig = Rig::start(spec(10), |_| (S(1), returned("")));
    sleep(S(100)).await;
    assert!(rig.source.polls() <= 6, "{} polls", rig.source.polls());
    assert!(rig.functions.calls().is_empty());
    rig.source.send(["a", "b"]);
    rig.source.settled(2).await;
    assert_eq!(rig.functions.calls(), ["a b"]);
    assert_eq!(rig.source.how("a"), [Settlement::Done]);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_window_gathers_and_its_end_or_its_size_sends() {
    let rig = Rig::start(lambent_core::SourceSpec { window: S(5), ..spec(3) }, |_| (S(0), returned("")));
    rig.source.send(["a"]);
    sleep(S(4)).await;
    rig.source.send(["b"]);
    assert!(rig.functions.calls().is_empty());
    let begun = Instant::now();
    rig.source.settled(2).await;
    assert_eq!(rig.functions.calls(), ["a b"]);
    assert!(begun.elapsed() <= S(1) + Duration::from_millis(50), "{:?}", begun.elapsed());
    rig.source.send(["c", "d", "e"]);
    let begun = Instant::now();
    rig.source.settled(5).await;
    assert!(begun.elapsed() < S(1));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_deep_queue_gets_more_batches_at_once_up_to_the_limit() {
    for (concurrency, expect) in [(None, limits::ASYNC_PER_FUNCTION), (Some(4), 4), (Some(1), 1)] {
        let spec = lambent_core::SourceSpec { concurrency, ..spec(10) };
        let rig = Rig::start(spec, |_| (S(1), returned("")));
        rig.source.send((0..2000).map(|i| format!("m{i}")));
        rig.source.settled(2000).await;
        assert_eq!(rig.functions.peak(), expect);
        assert_eq!(rig.functions.calls().len(), 200);
        // At most one batch was taken ahead of those that could run.
        assert!(rig.source.most_taken() <= (expect + 1) * 10, "{}", rig.source.most_taken());
        sleep(S(60)).await;
        assert_eq!((rig.status().running, rig.status().limit), (0, 1));
        assert_eq!((rig.status().counts.done, rig.status().counts.batches), (2000, 200));
        rig.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_with_every_record_of_its_batch() {
    let rig = Rig::start(spec(10), |_| (S(1), failed("TypeError", "no price")));
    rig.source.send(["a", "b"]);
    rig.source.settled(2).await;
    for id in ["a", "b"] {
        let how = rig.source.how(id);
        let [Settlement::Failed(failure)] = &how[..] else { panic!("{how:?}") };
        assert_eq!((failure.kind.as_str(), failure.message.as_str()), ("TypeError", "no price"));
        assert_eq!((failure.by.as_str(), failure.attempt, failure.fingerprint.len()), ("f", 1, 8));
    }
    let meter = rig.source.meter();
    assert_eq!((meter.runs, meter.failed, meter.billed_ms), (1, 1, 1000));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn partial_failures_count_only_when_the_source_says_so() {
    let reply = r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#;
    for (partial_failures, expect) in [(true, "b"), (false, "")] {
        let spec = lambent_core::SourceSpec { partial_failures, ..spec(10) };
        let rig = Rig::start(spec, move |_| (S(0), returned(reply)));
        rig.source.send(["a", "b", "c"]);
        rig.source.settled(3).await;
        let again = ["a", "b", "c"].into_iter().filter(|id| rig.source.how(id) != [Settlement::Done]);
        assert_eq!(again.collect::<Vec<_>>().join(" "), expect);
        assert_eq!(rig.source.meter().failed, 0);
        rig.stop().await;
    }
    let rig = Rig::start(lambent_core::SourceSpec { partial_failures: true, ..spec(10) }, |_| {
        (S(0), returned("oops"))
    });
    rig.source.send(["a"]);
    rig.source.settled(1).await;
    assert!(
        matches!(&rig.source.how("a")[..], [Settlement::Failed(f)] if f.kind == "InvalidBatchItemFailures")
    );
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_sandboxes_records_wait_untried_and_the_driver_slows_down() {
    let rig = Rig::start(spec(1), |_| (S(0), throttled()));
    rig.source.send((0..1000).map(|i| format!("m{i}")));
    sleep(S(120)).await;
    let calls = rig.functions.calls().len();
    assert!((3..=12).contains(&calls), "{calls} calls in two minutes");
    assert_eq!(rig.source.how("m0"), [Settlement::Throttled { retry_in: S(1) }]);
    rig.functions.answer(|_| (S(0), returned("")));
    let begun = Instant::now();
    while rig.status().counts.done < 900 {
        sleep(S(1)).await;
    }
    assert!(begun.elapsed() < S(120), "{:?}", begun.elapsed());
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_group_has_one_batch_at_a_time() {
    let rig = Rig::start(spec(2), |_| (S(1), returned("")));
    let things = (0..100).map(|i| format!("{}{i}", ["A", "B", "C"][i % 3]));
    rig.source.send(things);
    rig.source.settled(100).await;
    assert!(rig.functions.peak() <= 3);
    for group in ["A", "B", "C"] {
        let calls = rig.functions.calls();
        let ran: Vec<u32> = calls
            .iter()
            .flat_map(|call| call.split(' '))
            .filter_map(|id| id.strip_prefix(group)?.parse().ok())
            .collect();
        assert!(ran.is_sorted(), "{ran:?}");
    }
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_behind_a_failure_in_its_group_is_given_back() {
    let fails_first = |ids: &[&str]| match ids[0] {
        "A0" => (S(60), failed("Error", "boom")),
        _ => (S(1), returned("")),
    };
    let rig = Rig::start(spec(2), fails_first);
    rig.source.send(["A0", "A1", "A2", "B0", "A3"]);
    rig.source.settled(5).await;
    assert_eq!(rig.functions.calls().concat().matches('A').count(), 2, "{:?}", rig.functions.calls());
    assert!(matches!(rig.source.how("A1")[..], [Settlement::Failed(_)]));
    assert_eq!(rig.source.how("A2"), [Settlement::Throttled { retry_in: S(0) }]);
    assert_eq!(rig.source.how("B0"), [Settlement::Done]);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_to_be_run_is_settled_at_once() {
    let filters = vec![r#"{"id":[{"prefix":"a"}]}"#.to_owned(), r#"{"id":[{"prefix":"A"}]}"#.to_owned()];
    let rig = Rig::start(lambent_core::SourceSpec { filters, ..spec(10) }, |_| (S(0), returned("")));
    let large = Thing { weight: limits::PAYLOAD_MAX, ..Thing::new("A1") };
    let looping = (0..limits::VISITS_MAX).fold(fake::trace(), |trace, _| trace.visit("f"));
    let looping = Thing { trace: Some(looping.to_string()), ..Thing::new("a-looping") };
    let once_less = (1..limits::VISITS_MAX).fold(fake::trace(), |trace, _| trace.visit("f"));
    let once_less = Thing { trace: Some(once_less.to_string()), ..Thing::new("a-last") };
    rig.source.put(vec![large, Thing::new("A2"), looping, Thing::new("b"), once_less]);
    rig.source.settled(5).await;
    assert_eq!(rig.functions.calls(), ["a-last"]);
    assert!(matches!(&rig.source.how("A1")[..], [Settlement::Failed(f)] if f.kind == "PayloadTooLarge"));
    // It is behind one that comes again.
    assert_eq!(rig.source.how("A2"), [Settlement::Throttled { retry_in: S(0) }]);
    assert!(
        matches!(&rig.source.how("a-looping")[..], [Settlement::Hopeless(f)] if f.kind == "RecursiveLoop")
    );
    assert_eq!(rig.source.how("b"), [Settlement::Filtered]);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_its_function_nothing_is_taken() {
    let rig = Rig::start(spec(10), |_| (S(0), returned("")));
    sleep(S(1)).await;
    rig.functions.deploy(false);
    rig.source.send(["a"]);
    rig.source.settled(1).await;
    assert_eq!(rig.source.how("a"), [Settlement::Throttled { retry_in: S(0) }]);
    assert_eq!(rig.status().state, State::Paused);
    let polls = rig.source.polls();
    rig.source.send(["b"]);
    sleep(S(600)).await;
    assert_eq!((rig.source.polls(), rig.functions.calls().len()), (polls, 0));
    rig.functions.deploy(true);
    rig.source.settled(2).await;
    assert_eq!((rig.functions.calls(), rig.status().state), (vec!["b".to_owned()], State::Enabled));
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_the_batch_finish_and_gives_the_rest_back() {
    let rig =
        Rig::start(lambent_core::SourceSpec { concurrency: Some(1), ..spec(1) }, |_| (S(30), returned("")));
    rig.source.send(["a", "b", "c"]);
    sleep(S(1)).await;
    let begun = Instant::now();
    let source = Arc::clone(&rig.source);
    rig.stop().await;
    assert_eq!(begun.elapsed().as_secs(), 29);
    assert_eq!(source.how("a"), [Settlement::Done]);
    assert_eq!(source.how("b"), [Settlement::Throttled { retry_in: S(0) }]);
    assert!(source.how("c").is_empty(), "it was never taken");
    assert_eq!(source.left(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_worked_on_or_waits_is_kept() {
    let rig =
        Rig::start(lambent_core::SourceSpec { concurrency: Some(1), ..spec(1) }, |_| (S(200), returned("")));
    rig.source.send(["a", "b"]);
    rig.source.settled(1).await;
    // Kept for the timeout of 3 s and 30 s, so extended every 16.5 s.
    assert!((12..=13).contains(&rig.source.extended("a")), "{}", rig.source.extended("a"));
    assert!((12..=13).contains(&rig.source.extended("b")), "{}", rig.source.extended("b"));
    rig.source.settled(2).await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_longer_timeout_does_not_outlast_what_was_taken_before() {
    let rig = Rig::start(spec(1), |_| (S(40), returned("")));
    sleep(S(1)).await;
    rig.functions.set_timeout(S(900));
    rig.source.send(["a"]);
    rig.source.settled(1).await;
    // It was taken for 33 s, then for 930 s.
    assert_eq!(rig.source.extended("a"), 1);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_away_is_asked_again_and_nothing_runs_twice() {
    let rig = Rig::start(spec(10), |_| (S(0), returned("")));
    rig.source.send(["a"]);
    rig.source.fail_settles(7);
    rig.source.settled(1).await;
    assert_eq!(rig.functions.calls(), ["a"]);
    rig.source.fail_polls(1000);
    sleep(S(60)).await;
    let polls = rig.source.polls();
    assert!((10..=60).contains(&polls), "{polls} polls in a minute");
    assert!(matches!(rig.status().state, State::Troubled(_)));
    rig.source.fail_polls(0);
    rig.source.send(["b"]);
    rig.source.settled(2).await;
    assert_eq!(rig.status().state, State::Enabled);
    rig.source.fail_settles(u32::MAX);
    rig.source.send(["c"]);
    while rig.functions.calls().len() < 3 {
        sleep(S(1)).await;
    }
    // It comes again later; a node that stops does not wait for a broker that is away.
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_trace_goes_on_from_the_first_record() {
    let rig = Rig::start(spec(10), |_| (S(0), returned("")));
    let traced = Thing { trace: Some(fake::trace().visit("g").to_string()), ..Thing::new("a") };
    rig.source.put(vec![traced, Thing::new("b")]);
    rig.source.settled(2).await;
    rig.source.send(["c"]);
    rig.source.settled(3).await;
    let traces = rig.functions.traces();
    assert_eq!((traces[0].visits("g"), traces[0].visits("f")), (1, 1));
    assert!(traces[0].as_str().starts_with(fake::trace().as_str()));
    assert_eq!(traces[1].visits("f"), 1);
    rig.stop().await;
}

#[test]
fn every_end_of_a_run_is_judged() {
    use crate::run::{Verdict, judge};
    let spec = spec(10);
    let things = [Thing::new("a"), Thing { throttles: 3, ..Thing::new("b") }];
    let check = |ran: &crate::function::Ran, verdict: Verdict, done: bool| {
        let (what, settlements) = judge(&spec, ran, &things, fake::NOW);
        assert_eq!(what, verdict, "{ran:?}");
        assert!(settlements.iter().all(|how| how.is_over() == done), "{settlements:?}");
        settlements
    };
    check(&returned("anything"), Verdict::Succeeded, true);
    check(&failed("Error", "x"), Verdict::Failed, false);
    check(&fake::ended(Outcome::TimedOut { after: S(3) }), Verdict::Failed, false);
    check(&fake::ended(Outcome::Crashed(lambent_core::Exit::Signal(9))), Verdict::Failed, false);
    check(&fake::ended(Outcome::Failed(FunctionError::result_too_large())), Verdict::Failed, false);
    let back = check(&throttled(), Verdict::Throttled, false);
    let retry_in = |secs| Settlement::Throttled { retry_in: S(secs) };
    assert_eq!(back, [retry_in(1), retry_in(8)]);
    let back = check(&crate::function::Ran::Gone, Verdict::Gone, false);
    assert_eq!(back, [retry_in(0), retry_in(0)]);
    let long = "x".repeat(10_000);
    let how = check(&failed("Error", &long), Verdict::Failed, false);
    assert!(matches!(&how[0], Settlement::Failed(f) if f.message.len() == limits::FAILURE_MESSAGE_MAX));
}
