use std::sync::Arc;

use lambent_core::message::Value;
use lambent_core::pattern::policy::Scope;
use lambent_core::topic::{Filter, Subscription, TopicSpec};
use lambent_core::{
    Attribute, Attributes, Clock, NodeIdentity, QueueName, QueueSpec, Target, Timestamp, TopicName,
};
use lambent_store::memory::MemoryStore;
use lambent_store::{Browse, Message};

use lambent_core::topic::SubscriptionSpec;

use super::{Bodies, Publication};
use crate::events::{Error, Events, Fanout};

#[derive(Debug)]
struct At;

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_770_112_800_007)
    }
}

async fn open(store: &Arc<MemoryStore>) -> Events {
    let store = Arc::clone(store);
    Events::open(store, Arc::new(At), NodeIdentity::default(), "http://127.0.0.1:4566".to_owned())
        .await
        .unwrap()
}

/// Events with the topics `t` and `t.fifo`, and the queues `q`, `dead`, `q.fifo` and `dead.fifo`.
async fn ready() -> Events {
    let events = open(&Arc::default()).await;
    for name in ["q", "dead", "q.fifo", "dead.fifo"] {
        events.create_queue(&QueueName::parse(name).unwrap(), QueueSpec::default()).await.unwrap();
    }
    for name in ["t", "t.fifo"] {
        events.create_topic(&topic(name), TopicSpec::default()).await.unwrap();
    }
    events
}

fn topic(name: &str) -> TopicName {
    TopicName::parse(name).unwrap()
}

fn spec(target: &str) -> SubscriptionSpec {
    SubscriptionSpec::to(Target::parse(target).unwrap())
}

fn raw(target: &str) -> SubscriptionSpec {
    SubscriptionSpec { raw: true, ..spec(target) }
}

fn message(text: &str) -> Publication {
    Publication { message: text.to_owned(), ..Publication::default() }
}

fn ordered(text: &str, dedup: &str) -> Publication {
    Publication { group: Some("g".to_owned()), dedup: Some(dedup.to_owned()), ..message(text) }
}

async fn subscribe(events: &Events, name: &str, spec: SubscriptionSpec) -> Subscription {
    events.subscribe(&topic(name), spec).await.unwrap()
}

async fn publish(events: &Events, name: &str, publication: Publication) -> super::Published {
    events.publish(&topic(name), vec![publication]).await.unwrap().remove(0).unwrap()
}

/// All that a queue holds.
async fn held(events: &Events, key: &str) -> Vec<Message> {
    let Some(queue) = events.queue_by_key(key) else { return Vec::new() };
    let browse = Browse { queue: queue.id, after: None, only: None, fingerprint: None, limit: 100 };
    events.store().browse(browse).await.unwrap()
}

async fn bodies(events: &Events, key: &str) -> Vec<String> {
    let text = |message: Message| String::from_utf8(message.body.to_vec()).unwrap();
    held(events, key).await.into_iter().map(text).collect()
}

#[tokio::test]
async fn everybody_gets_the_envelope_of_their_kind() {
    let events = ready().await;
    let to_queue = subscribe(&events, "t", spec("queue:q")).await;
    let to_function = subscribe(&events, "t", spec("function:later")).await;
    let attributes = Attributes::from([
        ("kind".to_owned(), Attribute::text("a")),
        ("photo".to_owned(), Attribute { kind: "Binary".to_owned(), value: Value::Binary(vec![1, 2, 3]) }),
    ]);
    let publication = Publication { subject: Some("s".to_owned()), attributes, ..message("hi \"you\"") };
    let id = publish(&events, "t", publication).await.id;
    let unsubscribe = |subscription: &Subscription| {
        let arn = events.subscription_arn(subscription);
        format!("http://127.0.0.1:4566/?Action=Unsubscribe&SubscriptionArn={arn}")
    };
    assert_eq!(
        bodies(&events, "queue:q").await,
        [format!(
            r#"{{"Type":"Notification","MessageId":"{id}","TopicArn":"arn:aws:sns:us-east-1:000000000000:t","Subject":"s","Message":"hi \"you\"","Timestamp":"2026-02-03T10:00:00.007Z","SignatureVersion":"1","Signature":"","SigningCertURL":"","UnsubscribeURL":"{}","MessageAttributes":{{"kind":{{"Type":"String","Value":"a"}},"photo":{{"Type":"Binary","Value":"AQID"}}}}}}"#,
            unsubscribe(&to_queue)
        )]
    );
    let id = publish(&events, "t", message("plain")).await.id;
    let arn = events.subscription_arn(&to_function);
    assert_eq!(arn, format!("arn:aws:sns:us-east-1:000000000000:t:{}", to_function.id));
    assert_eq!(
        bodies(&events, "function:later").await[1],
        format!(
            r#"{{"Records":[{{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"{arn}","Sns":{{"Type":"Notification","MessageId":"{id}","TopicArn":"arn:aws:sns:us-east-1:000000000000:t","Subject":null,"Message":"plain","Timestamp":"2026-02-03T10:00:00.007Z","SignatureVersion":"1","Signature":"","SigningCertUrl":"","UnsubscribeUrl":"{}","MessageAttributes":{{}}}}}}]}}"#,
            unsubscribe(&to_function)
        )
    );
    let second = &bodies(&events, "queue:q").await[1];
    assert!(!second.contains("Subject") && !second.contains("MessageAttributes"), "{second}");
}

#[tokio::test]
async fn raw_messages_keep_their_attributes_up_to_ten() {
    let events = ready().await;
    subscribe(
        &events,
        "t",
        SubscriptionSpec { dead_letter: QueueName::parse("dead").ok(), ..raw("queue:q") },
    )
    .await;
    let with = |count: usize| {
        let one = |number: usize| (format!("a{number}"), Attribute::number(number));
        Publication { attributes: (0..count).map(one).collect(), ..message("raw") }
    };
    publish(&events, "t", with(10)).await;
    publish(&events, "t", with(11)).await;
    let messages = held(&events, "queue:q").await;
    assert_eq!(
        (messages.len(), messages[0].meta.attributes.len(), &messages[0].body[..]),
        (1, 10, &b"raw"[..])
    );
    let dead = held(&events, "queue:dead").await;
    assert_eq!(dead[0].meta.attributes["ERROR_CODE"], Attribute::text("TOO_MANY_ATTRIBUTES"));
}

#[tokio::test]
async fn bodies_may_differ_by_the_kind_of_subscriber() {
    let events = ready().await;
    subscribe(&events, "t", raw("queue:q")).await;
    subscribe(&events, "t", spec("function:f")).await;
    let bodies_of = Bodies { queue: Some("for queues".to_owned()), ..Bodies::default() };
    publish(&events, "t", Publication { bodies: bodies_of, ..message("for all") }).await;
    assert_eq!(bodies(&events, "queue:q").await, ["for queues"]);
    assert!(bodies(&events, "function:f").await[0].contains(r#""Message":"for all""#));
}

#[tokio::test]
async fn filters_say_who_gets_what() {
    let events = ready().await;
    let filter = |policy: &str, scope| Some(Filter { policy: policy.to_owned(), scope });
    let by_attribute =
        filter(r#"{"kind": ["order"], "price": [{"numeric": [">", 5]}]}"#, Scope::MessageAttributes);
    let by_body = filter(r#"{"kind": ["order"]}"#, Scope::MessageBody);
    let first = subscribe(&events, "t", SubscriptionSpec { filter: by_attribute, ..raw("queue:q") }).await;
    subscribe(&events, "t", SubscriptionSpec { filter: by_body, ..raw("queue:dead") }).await;
    let with = |text: &str, kind: &str, price: u32| {
        let attributes =
            [("kind".to_owned(), Attribute::text(kind)), ("price".to_owned(), Attribute::number(price))];
        Publication { attributes: Attributes::from(attributes), ..message(text) }
    };
    publish(&events, "t", with("1", "order", 7)).await;
    publish(&events, "t", with("2", "order", 3)).await;
    publish(&events, "t", with(r#"{"kind":"order"}"#, "refund", 7)).await;
    assert_eq!(bodies(&events, "queue:q").await, ["1"]);
    assert_eq!(bodies(&events, "queue:dead").await, [r#"{"kind":"order"}"#]);

    events.change_subscription(&topic("t"), &first.id, |spec| spec.filter = None).await.unwrap();
    publish(&events, "t", with("4", "refund", 0)).await;
    assert_eq!(bodies(&events, "queue:q").await, ["1", "4"]);
    let bad = |spec: &mut SubscriptionSpec| spec.filter = filter(r#"{"a": []}"#, Scope::MessageBody);
    let refused = events.change_subscription(&topic("t"), &first.id, bad).await.unwrap_err();
    assert_eq!(refused.to_string(), "FilterPolicy: Empty arrays are not allowed");
}

#[tokio::test]
async fn order_and_deduplication_go_to_the_queues() {
    let events = ready().await;
    subscribe(&events, "t.fifo", spec("queue:q.fifo")).await;
    let first = publish(&events, "t.fifo", ordered("a", "1")).await;
    let again = publish(&events, "t.fifo", ordered("a", "1")).await;
    let last = publish(&events, "t.fifo", ordered("b", "2")).await;
    assert!(first.sequence < again.sequence && again.sequence < last.sequence);
    assert_eq!(first.sequence.unwrap().to_string().len(), 20);
    let messages = held(&events, "queue:q.fifo").await;
    let seen: Vec<_> = messages.iter().map(|m| (m.group.as_deref(), m.meta.dedup.as_deref())).collect();
    assert_eq!(seen, [(Some("g"), Some("1")), (Some("g"), Some("2"))]);
    assert!(String::from_utf8_lossy(&messages[0].body).contains(r#""SequenceNumber":"1"#));

    let refused = |publication| {
        let events = &events;
        async move { events.publish(&topic("t.fifo"), vec![publication]).await.unwrap().remove(0).unwrap_err() }
    };
    assert!(matches!(refused(message("a")).await, Error::NoGroup(_)));
    let without = || Publication { dedup: None, ..ordered("c", "") };
    assert!(matches!(refused(without()).await, Error::NoDedup(_)));
    events.change_topic(&topic("t.fifo"), |spec| spec.content_dedup = true).await.unwrap();
    publish(&events, "t.fifo", without()).await;
    publish(&events, "t.fifo", without()).await;
    assert_eq!(held(&events, "queue:q.fifo").await.len(), 3);
    let bodies_of = Bodies { queue: Some("another".to_owned()), ..Bodies::default() };
    publish(&events, "t.fifo", Publication { bodies: bodies_of, ..without() }).await;
    assert_eq!(held(&events, "queue:q.fifo").await.len(), 4);
    let dedup = Publication { dedup: Some("1".to_owned()), ..message("a") };
    let refused = events.publish(&topic("t"), vec![dedup]).await.unwrap().remove(0);
    assert!(matches!(refused, Err(Error::FifoOnly { .. })));
}

#[tokio::test]
async fn a_batch_tells_what_became_of_each() {
    let events = ready().await;
    subscribe(&events, "t", raw("queue:q")).await;
    let large = message(&"x".repeat(lambent_core::limits::MESSAGE_MAX + 1));
    let results = events.publish(&topic("t"), vec![message("1"), large, message("3")]).await.unwrap();
    assert!(results[0].is_ok() && matches!(results[1], Err(Error::TooLarge { .. })) && results[2].is_ok());
    assert_eq!(bodies(&events, "queue:q").await, ["1", "3"]);
    let none = events.publish(&topic("none"), vec![message("1")]).await;
    assert!(matches!(none, Err(Error::NoTopic(_))));
}

#[tokio::test]
async fn two_rules_that_lead_to_one_topic_are_two_messages() {
    let events = ready().await;
    subscribe(&events, "t", raw("queue:q")).await;
    let mut fanout = Fanout::new(events.now(), Some("trace".to_owned()));
    for text in ["1", "2"] {
        events.publish_into(&mut fanout, &topic("t"), message(text)).await.unwrap();
    }
    assert_eq!(bodies(&events, "queue:q").await, [""; 0]);
    events.commit_fanout(fanout).await.unwrap();
    assert_eq!(bodies(&events, "queue:q").await, ["1", "2"]);
    assert_eq!(held(&events, "queue:q").await[0].meta.trace.as_deref(), Some("trace"));
}

#[tokio::test]
async fn what_leads_in_circles_or_breaks_order_is_refused() {
    let events = ready().await;
    let dead = |target: &str, name: &str| SubscriptionSpec {
        dead_letter: QueueName::parse(name).ok(),
        ..spec(target)
    };
    let check = |name: &'static str, spec: SubscriptionSpec, expect: &'static str| {
        let events = &events;
        async move {
            let error = events.subscribe(&topic(name), spec).await.unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        }
    };
    check("t", spec("topic:t"), "topics send to functions, queues and addresses").await;
    check("t", spec("bus:default"), "topics send to functions, queues and addresses").await;
    check("t", spec("queue:q.fifo"), "one of them keeps order").await;
    check("t.fifo", spec("queue:q"), "one of them keeps order").await;
    check("t.fifo", spec("function:f"), "queues that keep order only").await;
    check("t.fifo", spec("http://127.0.0.1:1/"), "queues that keep order only").await;
    check("t", spec("http://host:port/"), "it is no address").await;
    check("t", spec("queue:none"), "there is no queue called `none`").await;
    check("t", raw("function:f"), "always get the envelope").await;
    check("t", dead("queue:q", "none"), "there is no such queue").await;
    check("t", dead("queue:q", "dead.fifo"), "one of them keeps order").await;
    check("none", spec("queue:q"), "there is no topic called `none`").await;
}

#[tokio::test]
async fn the_same_subscription_is_made_once() {
    let events = ready().await;
    let first = subscribe(&events, "t", spec("queue:q")).await;
    assert_eq!(subscribe(&events, "t", spec("queue:q")).await, first);
    let other = events.subscribe(&topic("t"), raw("queue:q")).await.unwrap_err();
    assert!(other.to_string().contains("already, with other settings"), "{other}");
    assert_eq!(events.subscriptions(&topic("t")).unwrap(), std::slice::from_ref(&first));
    events.unsubscribe(&topic("t"), &first.id).await.unwrap();
    assert!(matches!(events.unsubscribe(&topic("t"), &first.id).await, Err(Error::NoSubscription(_))));
    publish(&events, "t", message("nobody")).await;
    assert_eq!(bodies(&events, "queue:q").await, [""; 0]);
}

#[tokio::test]
async fn addresses_are_asked_first() {
    let events = ready().await;
    let asked = subscribe(&events, "t", spec("http://127.0.0.1:1/hook")).await;
    let key = format!("address:subscription:{}", asked.id);
    publish(&events, "t", message("too early")).await;
    let token = asked.unconfirmed.unwrap();
    let arn = "arn:aws:sns:us-east-1:000000000000:t";
    let questions = bodies(&events, &key).await;
    assert_eq!(questions.len(), 1);
    assert!(questions[0].starts_with(r#"{"Type":"SubscriptionConfirmation","MessageId":""#), "{questions:?}");
    let url = format!("http://127.0.0.1:4566/?Action=ConfirmSubscription&TopicArn={arn}&Token={token}");
    assert!(questions[0].contains(&format!(r#""SubscribeURL":"{url}""#)), "{questions:?}");

    for wrong in ["", "x", &token[..32], &format!("{}é", &token[..31]), &"0".repeat(64)] {
        assert!(events.confirm_subscription(&topic("t"), wrong).await.is_err(), "{wrong}");
    }
    for _ in 0..2 {
        let confirmed = events.confirm_subscription(&topic("t"), &token).await.unwrap();
        assert_eq!((confirmed.id, confirmed.unconfirmed), (asked.id.clone(), None));
    }
    let id = publish(&events, "t", message("now")).await.id;
    let messages = held(&events, &key).await;
    assert_eq!((messages.len(), messages[1].id), (2, id));
}

#[tokio::test]
async fn what_has_no_queue_any_more_is_kept_as_a_dead_letter() {
    let events = ready().await;
    subscribe(&events, "t", spec("queue:q")).await;
    events.delete_queue("q").await.unwrap();
    publish(&events, "t", message("lost?")).await;
    let dead = held(&events, "dead:topic:t").await;
    assert_eq!(dead.len(), 1);
    assert!(dead[0].meta.attributes.contains_key("SUBSCRIPTION_ARN"));
    assert!(String::from_utf8_lossy(&dead[0].body).contains("lost?"));
}

#[tokio::test]
async fn topics_are_made_once_and_go_with_their_subscriptions() {
    let events = ready().await;
    let named = TopicSpec { display_name: "T".to_owned(), ..TopicSpec::default() };
    assert!(events.create_topic(&topic("t"), TopicSpec::default()).await.is_ok());
    let other = events.create_topic(&topic("t"), named).await.unwrap_err();
    assert!(other.to_string().contains("another value for display-name"), "{other}");
    let dedup = TopicSpec { content_dedup: true, ..TopicSpec::default() };
    assert!(matches!(events.create_topic(&topic("n"), dedup).await, Err(Error::FifoOnly { .. })));
    subscribe(&events, "t", spec("queue:q")).await;
    events.delete_topic(&topic("t")).await.unwrap();
    assert_eq!(events.store().documents("subscription").await.unwrap(), []);
    assert_eq!(events.topics().iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>(), ["t.fifo"]);
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let store = Arc::<MemoryStore>::default();
    let events = open(&store).await;
    events.create_queue(&QueueName::parse("q").unwrap(), QueueSpec::default()).await.unwrap();
    events.create_topic(&topic("t"), TopicSpec::default()).await.unwrap();
    let filter = Some(Filter { policy: r#"{"a": ["b"]}"#.to_owned(), scope: Scope::MessageBody });
    let before = subscribe(&events, "t", SubscriptionSpec { filter, ..raw("queue:q") }).await;
    let events = open(&store).await;
    assert_eq!(events.subscriptions(&topic("t")).unwrap(), [before]);
    publish(&events, "t", message(r#"{"a":"b"}"#)).await;
    publish(&events, "t", message("other")).await;
    assert_eq!(bodies(&events, "queue:q").await, [r#"{"a":"b"}"#]);
}

#[tokio::test]
async fn the_manifest_changes_only_what_is_its_own() {
    let events = ready().await;
    let by_client = subscribe(&events, "t", spec("queue:dead")).await;
    let name = topic("t");
    let declare = |subscriptions| events.declare_topic(&name, TopicSpec::default(), subscriptions);
    let hook = spec("http://127.0.0.1:1/hook");
    declare(vec![raw("queue:q"), hook.clone()]).await.unwrap();
    let first = events.subscriptions(&topic("t")).unwrap();
    assert_eq!(first.len(), 3);
    assert!(first[..2].iter().all(|have| have.declared && have.unconfirmed.is_none()));

    declare(vec![spec("queue:q"), spec("function:f")]).await.unwrap();
    let second = events.subscriptions(&topic("t")).unwrap();
    let targets: Vec<_> = second.iter().map(|have| have.target.to_string()).collect();
    assert_eq!(targets, ["queue:q", "function:f", "queue:dead"]);
    assert_eq!((&second[0].id, second[0].raw, &second[2]), (&first[0].id, false, &by_client));

    let twice = declare(vec![spec("queue:q"), spec("queue:q")]).await.unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
    assert!(declare(vec![spec("queue:none")]).await.is_err());
    assert_eq!(events.subscriptions(&topic("t")).unwrap(), second);
}
