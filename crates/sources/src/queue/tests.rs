//! Queues of the node's, on a store in memory and under a clock that jumps.

use std::sync::{Arc, Mutex};

use lambent_core::message::{Value as AttributeValue, md5_of_attributes, md5_of_body};
use lambent_core::{Attribute, Attributes, Clock, Failure, QueueSpec, RedriveTo, SourceSpec, limits};
use lambent_engine::events::{Outgoing, Receive};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::event::FIELDS;
use super::*;
use crate::filter::Filter;
use crate::tests::fake::{FakeFunctions, failed, returned, spec, start};

const S: fn(u64) -> Duration = Duration::from_secs;

/// A clock that goes with the tests' own.
#[derive(Debug)]
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_770_112_800_000).plus(self.0.elapsed())
    }
}

/// Two queues, the second for the dead letters of the first.
async fn queues(name: &str, max_receives: Option<u32>) -> (Events, QueueSource) {
    let events = Events::in_memory(Arc::new(Paused(Instant::now()))).await.unwrap();
    let name = QueueName::parse(name).unwrap();
    let dead = QueueName::parse(if name.is_fifo() { "dead.fifo" } else { "dead" }).unwrap();
    events.create_queue(&dead, QueueSpec::default()).await.unwrap();
    let redrive = max_receives.map(|max_receives| RedriveTo { queue: dead, max_receives });
    events.create_queue(&name, QueueSpec { redrive, ..QueueSpec::default() }).await.unwrap();
    let source = QueueSource::new(events.clone(), name);
    (events, source)
}

async fn send(events: &Events, queue: &str, bodies: &[&str]) {
    let outgoing =
        |body: &&str| Outgoing { body: Bytes::copy_from_slice(body.as_bytes()), ..Outgoing::default() };
    send_all(events, queue, bodies.iter().map(outgoing).collect()).await;
}

async fn send_all(events: &Events, queue: &str, messages: Vec<Outgoing>) {
    let (_, queue) = events.named(queue).unwrap();
    for result in events.send(&queue, messages).await.unwrap() {
        result.unwrap();
    }
}

fn want(records: usize) -> Want {
    Want {
        records,
        batch: records,
        bytes: usize::MAX,
        wait: Duration::ZERO,
        keep: S(33),
        stop: CancellationToken::new(),
    }
}

async fn settle(source: &QueueSource, record: Taken, how: Settlement) -> usize {
    source.settle(&[Settled { record, how }], None).await.unwrap()
}

/// What is in a queue: ready, leased, delayed.
async fn holds(events: &Events, queue: &str) -> (u64, u64, u64) {
    let (_, queue) = events.named(queue).unwrap();
    let stats = events.stats(&queue).await.unwrap();
    (stats.ready, stats.leased, stats.delayed)
}

#[tokio::test(start_paused = true)]
async fn the_event_is_that_of_sqs() {
    let (events, source) = queues("orders", None).await;
    let attributes = Attributes::from([
        ("kind".to_owned(), Attribute::text("a\"b")),
        (
            "raw".to_owned(),
            Attribute { kind: "Binary".to_owned(), value: AttributeValue::Binary(vec![0, 255]) },
        ),
    ]);
    let plain = Outgoing { body: Bytes::from_static(b"{\"id\":1}"), ..Outgoing::default() };
    let trace = Some("Root=1-5e9f0c65-1de4d666d4dd26aced652b6c".to_owned());
    let more = Outgoing {
        attributes,
        trace,
        group: Some("g".to_owned()),
        body: "hello".into(),
        ..Outgoing::default()
    };
    send_all(&events, "orders", vec![plain, more]).await;
    sleep(Duration::from_millis(5)).await;
    let taken = source.poll(want(10)).await.unwrap();
    let weight = taken.iter().map(|taken| source.weigh(taken)).sum();
    let event = source.event(&taken, weight);
    assert!(event.len() <= weight);
    let arn = "arn:aws:sqs:us-east-1:000000000000:orders";
    let expect = json!({ "Records": [
        {
            "messageId": taken[0].id(),
            "receiptHandle": taken[0].handle.to_string(),
            "body": "{\"id\":1}",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1770112800000",
                "SenderId": "000000000000",
                "ApproximateFirstReceiveTimestamp": "1770112800005",
            },
            "messageAttributes": {},
            "md5OfBody": md5_of_body(b"{\"id\":1}"),
            "md5OfMessageAttributes": null,
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "awsRegion": "us-east-1",
        },
        {
            "messageId": taken[1].id(),
            "receiptHandle": taken[1].handle.to_string(),
            "body": "hello",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1770112800000",
                "SenderId": "000000000000",
                "ApproximateFirstReceiveTimestamp": "1770112800005",
                "MessageGroupId": "g",
                "AWSTraceHeader": "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c",
            },
            "messageAttributes": {
                "kind": {
                    "stringValue": "a\"b", "stringListValues": [], "binaryListValues": [], "dataType": "String",
                },
                "raw": {
                    "binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary",
                },
            },
            "md5OfBody": md5_of_body(b"hello"),
            "md5OfMessageAttributes": md5_of_attributes(&taken[1].message.meta.attributes),
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "awsRegion": "us-east-1",
        },
    ]});
    assert_eq!(serde_json::from_slice::<Value>(&event).unwrap(), expect);
}

#[tokio::test(start_paused = true)]
async fn queues_with_order_and_dead_letters_say_more() {
    let (events, source) = queues("orders.fifo", Some(1)).await;
    let body = Bytes::from_static(b"x");
    let outgoing =
        Outgoing { body, group: Some("g".to_owned()), dedup: Some("d".to_owned()), ..Outgoing::default() };
    send_all(&events, "orders.fifo", vec![outgoing]).await;
    let attributes = async |source: &QueueSource| {
        let taken = source.poll(want(10)).await.unwrap();
        let event: Value = serde_json::from_slice(&source.event(&taken, 0)).unwrap();
        let attributes = event["Records"][0]["attributes"].clone();
        let field = |name: &str| attributes[name].as_str().unwrap_or("-").to_owned();
        let names =
            ["SequenceNumber", "MessageGroupId", "MessageDeduplicationId", "DeadLetterQueueSourceArn"];
        (taken, names.map(field))
    };
    let (mut taken, [sequence, group, dedup, origin]) = attributes(&source).await;
    assert!(sequence.len() == 20 && sequence.bytes().all(|b| b.is_ascii_digit()), "{sequence}");
    assert_eq!((group.as_str(), dedup.as_str(), origin.as_str()), ("g", "d", "-"));
    let failure = Failure::new("f", "Error", "boom");
    assert_eq!(settle(&source, taken.remove(0), Settlement::Failed(Box::new(failure))).await, 0);
    sleep(S(31)).await;
    assert!(source.poll(want(10)).await.unwrap().is_empty());
    let dead = QueueSource::new(events.clone(), QueueName::parse("dead.fifo").unwrap());
    let (taken, [_, group, _, origin]) = attributes(&dead).await;
    assert_eq!((group.as_str(), origin.as_str()), ("g", "arn:aws:sqs:us-east-1:000000000000:orders.fifo"));
    assert_eq!(taken[0].message.failure.as_ref().unwrap().message, "boom");
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_waits_out_the_visibility_timeout_and_a_throttled_one_does_not_count() {
    let (events, source) = queues("orders", None).await;
    send(&events, "orders", &["a"]).await;
    let taken = source.poll(want(10)).await.unwrap().remove(0);
    sleep(S(10)).await;
    settle(&source, taken, Settlement::Failed(Box::new(Failure::new("f", "Error", "boom")))).await;
    sleep(S(19)).await;
    assert!(source.poll(want(10)).await.unwrap().is_empty());
    sleep(S(1)).await;
    let again = source.poll(want(10)).await.unwrap().remove(0);
    assert_eq!((again.attempt(), again.throttles()), (2, 0));
    settle(&source, again, Settlement::Throttled { retry_in: S(2) }).await;
    assert!(source.poll(want(10)).await.unwrap().is_empty());
    sleep(S(2)).await;
    let again = source.poll(want(10)).await.unwrap().remove(0);
    assert_eq!((again.attempt(), again.throttles()), (2, 1));
    settle(&source, again, Settlement::Done).await;
    assert_eq!(holds(&events, "orders").await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn messages_are_kept_as_long_as_they_are_extended() {
    let (events, source) = queues("orders.fifo", None).await;
    let outgoing =
        |i: u32| Outgoing { group: Some("g".to_owned()), dedup: Some(i.to_string()), ..Outgoing::default() };
    send_all(&events, "orders.fifo", (0..2).map(outgoing).collect()).await;
    let mut taken = source.poll(want(1)).await.unwrap();
    sleep(S(32)).await;
    source.extend(&taken.iter().collect::<Vec<_>>(), S(33)).await.unwrap();
    sleep(S(32)).await;
    assert!(source.poll(want(1)).await.unwrap().is_empty());
    sleep(S(2)).await;
    let others = source.poll(want(1)).await.unwrap();
    assert_eq!(others[0].id(), taken[0].id());
    assert_eq!(settle(&source, taken.remove(0), Settlement::Done).await, 1, "it is no longer ours");
}

#[tokio::test(start_paused = true)]
async fn the_hopeless_go_to_the_dead_letters_if_there_are_any() {
    for (max_receives, dead) in [(Some(5), 1), (None, 0)] {
        let (events, source) = queues("orders", max_receives).await;
        send(&events, "orders", &["a"]).await;
        let taken = source.poll(want(10)).await.unwrap().remove(0);
        settle(&source, taken, Settlement::Hopeless(Box::new(Failure::new("f", "RecursiveLoop", "circles"))))
            .await;
        assert_eq!(holds(&events, "dead").await.0, dead);
        assert_eq!(holds(&events, "orders").await, (0, 0, 1 - dead));
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_for_the_first_message_or_the_end() {
    let (events, source) = queues("orders", None).await;
    let (begun, stop) = (Instant::now(), CancellationToken::new());
    let waiting = Want { wait: S(20), stop: stop.clone(), ..want(10) };
    let (taken, ()) = tokio::join!(source.poll(waiting.clone()), async {
        sleep(S(7)).await;
        send(&events, "orders", &["a"]).await;
    });
    assert_eq!((taken.unwrap().len(), begun.elapsed().as_secs()), (1, 7));
    assert!(source.poll(waiting.clone()).await.unwrap().is_empty());
    assert_eq!(begun.elapsed().as_secs(), 27);
    let (taken, ()) = tokio::join!(source.poll(Want { wait: S(20_000), ..waiting }), async {
        sleep(S(1)).await;
        stop.cancel();
    });
    // The first message, whose time was over after 33 s, came before the end.
    assert!(taken.unwrap().is_empty());
    events.delete_queue("orders").await.unwrap();
    assert!(
        source.poll(want(1)).await.unwrap_err().to_string().contains("there is no queue called `orders`")
    );
}

#[tokio::test(start_paused = true)]
async fn filters_see_json_bodies_as_json_and_others_as_text() {
    let (events, source) = queues("orders", None).await;
    let check = async |body: &str, filter: &str, expect: bool| {
        send(&events, "orders", &[body]).await;
        let taken = source.poll(want(1)).await.unwrap().remove(0);
        let filter = Filter::of(&SourceSpec { filters: vec![filter.to_owned()], ..spec(1) }).unwrap();
        assert_eq!(filter.takes(|| source.document(&taken)), expect, "{body} {filter:?}");
        settle(&source, taken, Settlement::Done).await;
    };
    check(r#"{"kind":"a"}"#, r#"{"body":{"kind":["a"]}}"#, true).await;
    check(r#"{"kind":"b"}"#, r#"{"body":{"kind":["a"]}}"#, false).await;
    check(r#"{"n":{"m":[1,2]}}"#, r#"{"body":{"n":{"m":[{"numeric":[">",1]}]}}}"#, true).await;
    // An object pattern on text, and a rule for text on JSON (semantics.md 4.6).
    check("a", r#"{"body":{"kind":["a"]}}"#, false).await;
    check(r#"{"kind":"#, r#"{"body":{"kind":["a"]}}"#, false).await;
    check(r#"{"kind":"a"}"#, r#"{"body":["a"]}"#, false).await;
    check(r#"{"kind":"a"}"#, r#"{"body":["{\"kind\":\"a\"}"]}"#, false).await;
    check("a", r#"{"body":["a","b"]}"#, true).await;
    check("123", r#"{"body":["123"]}"#, true).await;
    check("a", r#"{"attributes":{"SenderId":["000000000000"]}}"#, true).await;
    check("a", r#"{"messageAttributes":{"x":{"stringValue":["y"]}}}"#, false).await;
    let deep = "[".repeat(100_000);
    check(&deep, r#"{"body":{"kind":["a"]}}"#, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_record_never_takes_more_than_it_weighs() {
    let (events, source) = queues("orders", None).await;
    let long = "\u{1}\"\\\n\u{7f}é".repeat(50);
    let attributes: Attributes = (0..10)
        .map(|i| {
            (format!("name-{i}"), Attribute { kind: "String.label".to_owned(), ..Attribute::text(&*long) })
        })
        .collect();
    let group = Some("\"".repeat(limits::DEDUP_ID_MAX));
    let trace = Some("\\".repeat(500));
    let bodies = ["", "plain", &long, "\u{0}\u{0}\u{0}"].map(|body| Bytes::copy_from_slice(body.as_bytes()));
    let bodies = bodies.into_iter().chain([Bytes::from_static(b"\xff\xfe a")]);
    let outgoing = |body| Outgoing {
        body,
        attributes: attributes.clone(),
        group: group.clone(),
        trace: trace.clone(),
        ..Outgoing::default()
    };
    send_all(&events, "orders", bodies.map(outgoing).collect()).await;
    for taken in source.poll(want(10)).await.unwrap() {
        let weight = source.weigh(&taken);
        let event = source.event(std::slice::from_ref(&taken), weight);
        assert!(event.len() <= weight, "{} {weight}", event.len());
        assert!(event.len() + FIELDS + 1100 > weight, "{} {weight}", event.len());
        assert!(serde_json::from_slice::<Value>(&event).is_ok());
    }
}

/// The bodies of an event's records.
fn bodies(event: &str) -> Vec<String> {
    let event: Value = serde_json::from_str(event).unwrap();
    event["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["body"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn groups_keep_their_order_through_failures_and_nothing_is_lost() {
    let (events, source) = queues("orders.fifo", None).await;
    let outgoing = |i: usize| {
        let (body, group) = (Bytes::from(i.to_string()), ["a", "b", "c"][i % 3].to_owned());
        Outgoing { body, group: Some(group), dedup: Some(i.to_string()), ..Outgoing::default() }
    };
    send_all(&events, "orders.fifo", (0..300).map(outgoing).collect()).await;
    let functions = FakeFunctions::new(|_| (S(1), returned("")));
    let done = Arc::new(Mutex::new(Vec::new()));
    let (log, tries) = (Arc::clone(&done), Arc::new(Mutex::new(0)));
    functions.answer(move |words| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        if *tries % 4 == 0 {
            return (S(1), failed("Error", "boom"));
        }
        log.lock().unwrap().extend(bodies(&words.join(" ")));
        (S(1), returned(""))
    });
    let (status, stop, tasks) = start(spec(10), source, Arc::clone(&functions));
    while status.get().counts.done < 300 {
        sleep(S(1)).await;
    }
    assert!(status.get().counts.failed > 0);
    assert_eq!(holds(&events, "orders.fifo").await, (0, 0, 0));
    let done: Vec<usize> = done.lock().unwrap().iter().map(|body| body.parse().unwrap()).collect();
    assert_eq!(done.len(), 300, "each once, since nothing crashed");
    for group in 0..3 {
        assert!(done.iter().filter(|i| *i % 3 == group).is_sorted(), "{done:?}");
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_deep_group_does_not_keep_the_others_waiting() {
    let (events, source) = queues("orders.fifo", None).await;
    let outgoing = |i: usize| Outgoing {
        body: Bytes::from(i.to_string()),
        group: Some(if i < 500 { "deep".to_owned() } else { format!("g{i}") }),
        dedup: Some(i.to_string()),
        ..Outgoing::default()
    };
    send_all(&events, "orders.fifo", (0..500).map(outgoing).collect()).await;
    let functions = FakeFunctions::new(|_| (S(10), returned("")));
    let (status, stop, tasks) = start(spec(10), source, Arc::clone(&functions));
    sleep(S(205)).await;
    assert_eq!(status.get().counts.done, 200);
    assert_eq!(holds(&events, "orders.fifo").await.1, 10, "only what is worked on is leased");
    send_all(&events, "orders.fifo", (500..800).map(outgoing).collect()).await;
    sleep(S(20)).await;
    assert_eq!(status.get().counts.done, 200 + 300 + 20);
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn what_always_fails_ends_in_the_dead_letters_with_its_error() {
    let (events, source) = queues("orders", Some(3)).await;
    let functions = FakeFunctions::new(|_| (S(1), failed("TypeError", "no price")));
    let (status, stop, tasks) = start(spec(10), source, Arc::clone(&functions));
    send(&events, "orders", &["a", "b"]).await;
    while holds(&events, "dead").await.0 < 2 {
        sleep(S(1)).await;
    }
    assert_eq!((status.get().counts.failed, functions.calls().len()), (6, 3));
    let (_, dead) = events.named("dead").unwrap();
    let receive = Receive { max: 10, max_bytes: usize::MAX, wait: None, visibility: None, attempt: None };
    let letters = events.receive(&dead, receive).await.unwrap().messages;
    let failure = letters[0].message.failure.as_ref().unwrap();
    assert_eq!(
        (failure.kind.as_str(), failure.message.as_str(), failure.attempt),
        ("TypeError", "no price", 3)
    );
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
