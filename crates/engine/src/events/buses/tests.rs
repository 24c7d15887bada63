//! Buses end to end, over a store in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lambent_core::bus::{Input, RETRY, Rule, RuleTarget};
use lambent_core::{BusName, Clock, NodeIdentity, QueueName, QueueSpec, RuleName, Target, Timestamp};
use lambent_store::Browse;
use lambent_store::memory::MemoryStore;
use serde_json::{Value, json};

use super::{Bus, Detail, Events, NewEvent, RuleSpec};
use crate::events::{Error, Fanout};

#[derive(Debug)]
struct At(u64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0)
    }
}

/// 2026-02-03T10:00:00.007Z
const NOW: u64 = 1_770_112_800_007;

async fn open(store: &Arc<MemoryStore>) -> Events {
    let store = Arc::clone(store);
    let endpoint = "http://127.0.0.1:4566".to_owned();
    Events::open(store, Arc::new(At(NOW)), NodeIdentity::default(), endpoint).await.unwrap()
}

/// Events with the queues `a` and `b.fifo`.
async fn with_queues() -> Events {
    let events = open(&Arc::default()).await;
    for name in ["a", "b.fifo"] {
        events.create_queue(&QueueName::parse(name).unwrap(), QueueSpec::default()).await.unwrap();
    }
    events
}

fn bus(name: &str) -> BusName {
    BusName::parse(name).unwrap()
}

fn name(name: &str) -> RuleName {
    RuleName::parse(name).unwrap()
}

fn target(id: &str, to: &str) -> RuleTarget {
    RuleTarget {
        id: id.to_owned(),
        target: Target::parse(to).unwrap(),
        input: Input::Event,
        group: None,
        retry: RETRY,
        dead_letter: None,
    }
}

fn spec(on: &str, rule: &str, pattern: &str) -> RuleSpec {
    RuleSpec {
        schedule: None,
        bus: bus(on),
        name: name(rule),
        pattern: pattern.to_owned(),
        enabled: true,
        description: String::new(),
        tags: BTreeMap::new(),
    }
}

fn declared(rule: &str, targets: Vec<RuleTarget>) -> Rule {
    Rule {
        schedule: None,
        bus: bus("default"),
        name: name(rule),
        pattern: r#"{"source": ["shop"]}"#.to_owned(),
        enabled: true,
        description: String::new(),
        targets,
        declared: false,
        tags: BTreeMap::new(),
    }
}

/// A rule for everything of the shop's, with these targets.
async fn rule(events: &Events, on: &str, rule: &str, targets: Vec<RuleTarget>) {
    events.put_rule(spec(on, rule, r#"{"source": ["shop"]}"#)).await.unwrap();
    events.put_targets(&bus(on), &name(rule), targets).await.unwrap();
}

fn event(on: &str, source: &str, detail: &str) -> NewEvent {
    NewEvent {
        bus: bus(on),
        source: source.to_owned(),
        detail_type: "order".to_owned(),
        detail: Detail::parse(detail.to_owned()).unwrap(),
        resources: vec!["r".to_owned()],
        time: None,
        trace: None,
    }
}

async fn put(events: &Events, on: &str, source: &str) {
    let results = events.put_events(vec![event(on, source, r#"{"id": 7}"#)]).await.unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

/// The messages of a queue, by the key that the store knows it by.
async fn messages(events: &Events, key: &str) -> Vec<lambent_store::Message> {
    let Some(queue) = events.queue_by_key(key) else { return Vec::new() };
    let browse = Browse { queue: queue.id, after: None, only: None, fingerprint: None, limit: 100 };
    events.store().browse(browse).await.unwrap()
}

async fn bodies(events: &Events, key: &str) -> Vec<String> {
    let text = |message: lambent_store::Message| String::from_utf8(message.body.to_vec()).unwrap();
    messages(events, key).await.into_iter().map(text).collect()
}

#[tokio::test]
async fn an_event_goes_to_the_targets_of_the_rules_that_take_it() {
    let events = with_queues().await;
    let everything = [
        ("by-source", r#"{"source": ["shop", "stock"]}"#, true),
        ("by-type", r#"{"detail-type": ["order"], "detail": {"id": [{"numeric": [">", 5]}]}}"#, true),
        ("by-prefix", r#"{"source": [{"prefix": "sh"}]}"#, true),
        ("of-another", r#"{"source": ["mail"]}"#, true),
        ("of-another-type", r#"{"detail-type": ["parcel"]}"#, true),
        ("not-at-work", r#"{"source": ["shop"]}"#, false),
    ];
    for (rule, pattern, enabled) in everything {
        events.put_rule(RuleSpec { enabled, ..spec("default", rule, pattern) }).await.unwrap();
        let constant = Input::Constant(format!("\"{rule}\""));
        let target = RuleTarget { input: constant, ..target("t", "queue:a") };
        events.put_targets(&bus("default"), &name(rule), vec![target]).await.unwrap();
    }
    put(&events, "default", "shop").await;
    let taken: BTreeSet<_> = bodies(&events, "queue:a").await.into_iter().collect();
    let expect = ["\"by-prefix\"", "\"by-source\"", "\"by-type\""].map(str::to_owned);
    assert_eq!(taken, BTreeSet::from(expect));
    events.disable_rule(&bus("default"), &name("by-source")).await.unwrap();
    events.enable_rule(&bus("default"), &name("not-at-work")).await.unwrap();
    put(&events, "default", "shop").await;
    let later = bodies(&events, "queue:a").await.split_off(3);
    assert!(later.contains(&"\"not-at-work\"".to_owned()) && !later.contains(&"\"by-source\"".to_owned()));
}

#[tokio::test]
async fn a_target_gets_the_input_that_it_asked_for() {
    let events = with_queues().await;
    let paths = BTreeMap::from([("id".to_owned(), "$.detail.id".to_owned())]);
    let template = r#"{"order": <id>, "rule": "<aws.events.rule-name>"}"#.to_owned();
    let inputs = [
        Input::Event,
        Input::Constant("[1, 2]".to_owned()),
        Input::Path("$.detail".to_owned()),
        Input::Path("$.detail.nothing".to_owned()),
        Input::Template { paths, template },
    ];
    let id = |i: usize| format!("t{i}");
    let targets = inputs.into_iter().enumerate();
    let targets = targets.map(|(i, input)| RuleTarget { input, ..target(&id(i), "queue:a") });
    rule(&events, "default", "r", targets.collect()).await;
    put(&events, "default", "shop").await;
    let mut bodies = bodies(&events, "queue:a").await;
    let whole = bodies.remove(0);
    assert_eq!(bodies, ["[1, 2]", r#"{"id":7}"#, "null", r#"{"order":7,"rule":"r"}"#]);
    // The detail as it came, and the members in the order of AWS's documents.
    let (head, tail) = whole.split_once("\",\"detail-type\":").unwrap();
    assert!(head.starts_with(r#"{"version":"0","id":""#), "{head}");
    let expect = r#""order","source":"shop","account":"000000000000","time":"2026-02-03T10:00:00Z","region":"us-east-1","resources":["r"],"detail":{"id": 7}}"#;
    assert_eq!(tail, expect);
}

#[tokio::test]
async fn functions_and_addresses_get_queues_of_their_own() {
    let events = with_queues().await;
    let fifo = RuleTarget { group: Some("g".to_owned()), ..target("f", "queue:b.fifo") };
    let constant = RuleTarget { input: Input::Constant("1".to_owned()), id: "g".to_owned(), ..fifo.clone() };
    let targets =
        vec![target("fn", "function:later"), target("web", "https://example.com/x"), fifo, constant];
    rule(&events, "default", "r", targets).await;
    put(&events, "default", "shop").await;
    put(&events, "default", "shop").await;
    for (key, count) in [("function:later", 2), ("address:rule:default/r/web", 2), ("queue:b.fifo", 4)] {
        assert_eq!(messages(&events, key).await.len(), count, "{key}");
    }
    let group = messages(&events, "queue:b.fifo").await.pop().unwrap().group;
    assert_eq!(group.as_deref(), Some("g"));
    // What is on its way to an address is delivered, and an address without events goes with its target.
    rule(&events, "default", "other", vec![target("web", "https://example.com/y")]).await;
    for (rule, kept) in [("r", true), ("other", false)] {
        events.remove_targets(&bus("default"), &name(rule), &["web".to_owned()]).await.unwrap();
        let key = format!("address:rule:default/{rule}/web");
        assert_eq!(events.queue_by_key(&key).is_some(), kept, "{key}");
    }
}

#[tokio::test]
async fn buses_send_on_to_buses_and_never_in_circles() {
    let events = with_queues().await;
    for name in ["one", "two"] {
        events.create_bus(Bus::new(bus(name), events.now())).await.unwrap();
    }
    rule(&events, "one", "r", vec![target("b", "bus:two"), target("q", "queue:a")]).await;
    rule(&events, "two", "r", vec![target("b", "bus:one"), target("q", "queue:a")]).await;
    for count in [2, 4] {
        put(&events, "one", "shop").await;
        let bodies = bodies(&events, "queue:a").await;
        assert_eq!(bodies.len(), count);
        assert_eq!(bodies[count - 2], bodies[count - 1], "it stays the same event");
    }
    // Two events of one call do not stand in each other's way.
    let both = vec![event("one", "shop", "{}"), event("two", "shop", "{}")];
    events.put_events(both).await.unwrap();
    assert_eq!(messages(&events, "queue:a").await.len(), 8);
    let mut fanout = Fanout::new(events.now(), None);
    events.put_into(&mut fanout, &bus("one"), &json!({"source": "shop", "detail": {}})).await.unwrap();
    events.commit_fanout(fanout).await.unwrap();
    assert_eq!(messages(&events, "queue:a").await.len(), 10);
}

#[tokio::test]
async fn what_has_no_target_any_more_goes_to_the_dead_letters() {
    let events = with_queues().await;
    events.create_queue(&QueueName::parse("dead").unwrap(), QueueSpec::default()).await.unwrap();
    events.create_bus(Bus::new(bus("two"), events.now())).await.unwrap();
    let dead_letter = Some(QueueName::parse("dead").unwrap());
    let named = RuleTarget { dead_letter, ..target("named", "queue:a") };
    let targets = vec![named, target("bus", "bus:two"), target("topic", "topic:nowhere")];
    rule(&events, "default", "r", targets).await;
    events.delete_queue("a").await.unwrap();
    events.delete_bus(&bus("two")).await.unwrap();
    put(&events, "default", "shop").await;
    let letters = messages(&events, "queue:dead").await;
    let attribute = |key: &str| String::from_utf8(letters[0].meta.attributes[key].bytes().to_vec()).unwrap();
    assert_eq!(attribute("RULE_ARN"), "arn:aws:events:us-east-1:000000000000:rule/r");
    assert_eq!(attribute("TARGET_ARN"), "arn:aws:sqs:us-east-1:000000000000:a");
    assert_eq!((attribute("ERROR_CODE"), letters.len()), ("NO_RESOURCE".to_owned(), 1));
    assert_eq!(attribute("ERROR_MESSAGE"), "there is no queue:a");
    let own = messages(&events, "dead:rule:default/r").await;
    let reason =
        |i: usize| String::from_utf8(own[i].meta.attributes["ERROR_MESSAGE"].bytes().to_vec()).unwrap();
    assert_eq!(
        [reason(0), reason(1)],
        ["there is no bus called `two`", "there is no topic called `nowhere`"]
    );
}

#[tokio::test]
async fn an_input_that_is_too_large_leaves_the_event_in_the_dead_letters() {
    let events = with_queues().await;
    let small = QueueSpec { message_max: 1024, ..QueueSpec::default() };
    events.create_queue(&QueueName::parse("small").unwrap(), small).await.unwrap();
    let template = format!("[{}1]", "<aws.events.event.json>,".repeat(300));
    let template = Input::Template { paths: BTreeMap::new(), template };
    let targets = vec![RuleTarget { input: template, ..target("t", "queue:a") }, target("s", "queue:small")];
    rule(&events, "default", "r", targets).await;
    let large = format!(r#"{{"x": "{}"}}"#, "x".repeat(100_000));
    events.put_events(vec![event("default", "shop", &large)]).await.unwrap();
    let letters = messages(&events, "dead:rule:default/r").await;
    let codes: Vec<_> = letters.iter().map(|letter| letter.meta.attributes["ERROR_CODE"].bytes()).collect();
    assert_eq!(codes, [b"INVALID_PARAMETER", b"INVALID_PARAMETER"]);
    assert!(letters.iter().all(|letter| letter.body.starts_with(b"{\"version\":\"0\"")));
    assert!(messages(&events, "queue:a").await.is_empty());
}

#[tokio::test]
async fn one_bad_event_does_not_keep_the_others_back() {
    let events = with_queues().await;
    rule(&events, "default", "r", vec![target("q", "queue:a")]).await;
    let mixed = ["default", "nowhere", "default"].map(|on| event(on, "shop", "{}"));
    let results = events.put_events(mixed.to_vec()).await.unwrap();
    assert!(matches!(&results[..], [Ok(_), Err(Error::NoBus(_)), Ok(_)]), "{results:?}");
    assert_eq!(messages(&events, "queue:a").await.len(), 2);
    let large = format!(r#"{{"x": "{}"}}"#, "x".repeat(256 * 1024));
    let error = events.put_events(vec![event("default", "shop", &large)]).await.unwrap_err();
    assert!(error.to_string().contains("bytes together, and 262144 are allowed"), "{error}");
    assert!(Detail::parse("[]".to_owned()).is_err() && Detail::parse("{".to_owned()).is_err());
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let store = Arc::default();
    let events = open(&store).await;
    events.create_bus(Bus::new(bus("shop/v1"), events.now())).await.unwrap();
    let template = Input::Template { paths: BTreeMap::new(), template: "<aws.events.rule-arn>".to_owned() };
    let target = RuleTarget { input: template, ..target("f", "function:f") };
    rule(&events, "shop/v1", "r", vec![target]).await;
    rule(&events, "default", "kept", Vec::new()).await;
    events.change_bus(&bus("default"), |bus| bus.description = "everybody's".to_owned()).await.unwrap();
    let before = (events.buses(), events.rules(&bus("shop/v1")).unwrap());
    let events = open(&store).await;
    assert_eq!((events.buses(), events.rules(&bus("shop/v1")).unwrap()), before);
    assert_eq!(events.bus(&bus("default")).unwrap().description, "everybody's");
    put(&events, "shop/v1", "shop").await;
    let arn = r#""arn:aws:events:us-east-1:000000000000:rule/shop/v1/r""#;
    assert_eq!(bodies(&events, "function:f").await, [arn]);
    events.delete_rule(&bus("default"), &name("kept")).await.unwrap();
    assert_eq!(open(&store).await.rules(&bus("default")).unwrap(), []);
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted() {
    let events = with_queues().await;
    events.create_bus(Bus::new(bus("one"), events.now())).await.unwrap();
    rule(&events, "one", "r", vec![target("q", "queue:a")]).await;
    let check = |result: Result<(), Error>, expect: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    let (one, r) = (bus("one"), name("r"));
    check(events.create_bus(Bus::new(one.clone(), events.now())).await, "called `one` already");
    check(events.delete_bus(&bus("default")).await, "is always there");
    check(events.delete_bus(&one).await, "has rules");
    check(events.delete_rule(&one, &r).await, "has targets");
    check(events.delete_rule(&one, &name("x")).await, "there is no rule called `x` on the bus `one`");
    let names = events.rules_by_target(&one, &Target::parse("queue:a").unwrap()).unwrap();
    assert_eq!(names, std::slice::from_ref(&r));
    let unknown = events.remove_targets(&one, &r, &["q".to_owned(), "x".to_owned()]).await.unwrap();
    assert_eq!(unknown, ["x"]);
    events.delete_rule(&one, &r).await.unwrap();
    events.delete_bus(&one).await.unwrap();
    check(events.delete_bus(&one).await, "there is no bus called `one`");
}

#[tokio::test]
async fn targets_that_cannot_be_are_refused() {
    let events = with_queues().await;
    rule(&events, "default", "r", vec![target("q", "queue:a")]).await;
    let refused = async |target: RuleTarget, expect: &str| {
        let error =
            events.put_targets(&bus("default"), &name("r"), vec![target]).await.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    refused(target("x", "queue:nowhere"), "there is no queue called `nowhere`").await;
    refused(target("x", "queue:b.fifo"), "needs a message group").await;
    refused(target("x", "bus:default"), "round in circles").await;
    refused(target("x", "bus:nowhere"), "there is no bus called `nowhere`").await;
    let with = |input| RuleTarget { input, ..target("x", "queue:a") };
    refused(with(Input::Constant("{".to_owned())), "the input of the target `x`: it is no JSON").await;
    refused(with(Input::Path("detail".to_owned())), "`detail`: no `$` at character 1").await;
    let template = Input::Template { paths: BTreeMap::new(), template: "\"<x>\"".to_owned() };
    refused(with(template), "<x> at character 2 of the template stands for nothing").await;
    let dead = |name: &str| Some(QueueName::parse(name).unwrap());
    refused(RuleTarget { dead_letter: dead("b.fifo"), ..target("x", "queue:a") }, "cannot take its dead")
        .await;
    refused(RuleTarget { dead_letter: dead("no"), ..target("x", "queue:a") }, "no queue called `no`").await;
    refused(RuleTarget { group: Some("g".to_owned()), ..target("x", "function:f") }, "only queues and").await;
    let many = (0..6).map(|i| target(&i.to_string(), "queue:a")).collect();
    let error = events.put_targets(&bus("default"), &name("r"), many).await.unwrap_err();
    assert!(matches!(error, Error::TooMany { max: 5, .. }), "{error}");
    assert_eq!(events.rule(&bus("default"), &name("r")).unwrap().targets, [target("q", "queue:a")]);
    let error = events.put_rule(spec("default", "bad", r#"{"source": "shop"}"#)).await.unwrap_err();
    assert!(error.to_string().starts_with("the pattern of the rule `bad`: `source`: "), "{error}");
}

#[tokio::test]
async fn a_bus_takes_three_hundred_rules() {
    let events = with_queues().await;
    let rules = (0..300).map(|i| declared(&format!("r{i}"), vec![target("q", "queue:a")])).collect();
    events.declare_bus(&bus("default"), rules).await.unwrap();
    let error = events.put_rule(spec("default", "more", r#"{"source": ["shop"]}"#)).await.unwrap_err();
    assert!(matches!(error, Error::TooMany { max: 300, .. }), "{error}");
}

#[tokio::test]
async fn the_manifest_changes_its_own_rules_only() {
    let store = Arc::default();
    let events = open(&store).await;
    rule(&events, "default", "made", vec![target("f", "function:f")]).await;
    let f = |rule: &str| declared(rule, vec![target("f", "function:f")]);
    let names = |events: &Events, on: &str| -> Vec<String> {
        events.rules(&bus(on)).unwrap().iter().map(|rule| rule.name.to_string()).collect()
    };
    events.declare_bus(&bus("default"), vec![f("one"), f("two")]).await.unwrap();
    assert_eq!(names(&events, "default"), ["made", "one", "two"]);
    let changed = Rule { enabled: false, ..f("two") };
    events.declare_bus(&bus("default"), vec![changed, f("three")]).await.unwrap();
    assert_eq!(names(&events, "default"), ["made", "three", "two"]);
    assert!(!events.rule(&bus("default"), &name("two")).unwrap().enabled);
    for (wrong, expect) in
        [(vec![f("made")], "is not of the manifest"), (vec![f("x"), f("x")], "two rules called `x`")]
    {
        let error = events.declare_bus(&bus("default"), wrong).await.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
    assert_eq!(names(&open(&store).await, "default"), ["made", "three", "two"]);

    events.declare_bus(&bus("shop"), vec![f("one")]).await.unwrap();
    events.declare_bus(&bus("mail"), vec![f("one")]).await.unwrap();
    rule(&events, "mail", "made", Vec::new()).await;
    events.undeclare_buses(&BTreeSet::new()).await.unwrap();
    let buses: Vec<_> = events.buses().into_iter().map(|bus| bus.name.to_string()).collect();
    assert_eq!(buses, ["default", "mail"]);
    assert_eq!([names(&events, "default"), names(&events, "mail")], [["made"], ["made"]]);
}

#[tokio::test]
async fn the_time_and_trace_of_an_event_stay() {
    let events = with_queues().await;
    rule(&events, "default", "r", vec![target("q", "queue:a")]).await;
    let time = Some(Timestamp::from_millis(NOW).minus(Duration::from_secs(3600)));
    let trace = Some("Root=1-x".to_owned());
    events.put_events(vec![NewEvent { time, trace, ..event("default", "shop", "{}") }]).await.unwrap();
    let message = messages(&events, "queue:a").await.remove(0);
    assert_eq!(message.meta.trace.as_deref(), Some("Root=1-x"));
    let event: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(event["time"], "2026-02-03T09:00:00Z");
}
