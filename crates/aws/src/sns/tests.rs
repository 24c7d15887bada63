//! The actions over events in memory, as a client sees them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use lambent_core::{Clock, QueueName, QueueSpec, Timestamp};
use lambent_engine::Events;
use lambent_engine::events::Receive;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::api::answer_over_events;
use crate::sign::{Credentials, Strangers};

#[derive(Debug)]
struct At;

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_770_112_800_000)
    }
}

const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:t";
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

/// Events with the topic `t` and the queues `q`, `dead` and `q.fifo`.
async fn ready() -> Events {
    let events = Events::in_memory(Arc::new(At)).await.unwrap();
    for name in ["q", "dead", "q.fifo"] {
        events.create_queue(&QueueName::parse(name).unwrap(), QueueSpec::default()).await.unwrap();
    }
    done(&events, "CreateTopic", &[("Name", "t")]).await;
    events
}

async fn send(events: &Events, strangers: Strangers, request: Request<Full<Bytes>>) -> (u16, String) {
    let credentials = Credentials::new([], strangers);
    let response = answer_over_events(events, &credentials, request).await;
    let status = response.status().as_u16();
    let body = crate::body::read(response.into_body(), 1 << 24).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn ask(events: &Events, action: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let mut form = format!("Version=2010-03-31&Action={action}");
    for (name, value) in fields {
        form.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    }
    let request =
        Request::post("/").header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    send(events, Strangers::Admitted, request.body(Full::from(form)).unwrap()).await
}

async fn done(events: &Events, action: &str, fields: &[(&str, &str)]) -> String {
    let (status, answer) = ask(events, action, fields).await;
    assert_eq!(status, 200, "{action}: {answer}");
    assert!(answer.contains("xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\""), "{answer}");
    answer
}

async fn refused(events: &Events, action: &str, fields: &[(&str, &str)], expect: &str) {
    let (status, answer) = ask(events, action, fields).await;
    let error = format!("{status} {}: {}", text(&answer, "Code"), text(&answer, "Message"));
    assert!(error.starts_with(expect), "{action}: {error}");
}

/// The text of the first element of this name.
fn text(xml: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner =
        xml.split_once(&open).and_then(|(_, rest)| rest.split_once(&close)).map_or("", |(inner, _)| inner);
    inner.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The value of an attribute in an answer.
fn attribute(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<key>{name}</key>"))?;
    Some(text(rest, "value"))
}

async fn subscribe(
    events: &Events,
    topic: &str,
    protocol: &str,
    endpoint: &str,
    more: &[(&str, &str)],
) -> String {
    let mut fields = vec![("TopicArn", topic), ("Protocol", protocol), ("Endpoint", endpoint)];
    fields.extend(more);
    text(&done(events, "Subscribe", &fields).await, "SubscriptionArn")
}

/// Everything that a queue holds now.
async fn bodies(events: &Events, queue: &str) -> Vec<String> {
    let receive = Receive {
        max: 100,
        max_bytes: usize::MAX,
        wait: Some(Duration::ZERO),
        visibility: None,
        attempt: None,
    };
    let batch = events.receive(&events.queue(queue).unwrap(), receive).await.unwrap();
    let body =
        |leased: lambent_engine::events::Leased| String::from_utf8(leased.message.body.to_vec()).unwrap();
    batch.messages.into_iter().map(body).collect()
}

#[tokio::test]
async fn topics_are_made_listed_changed_and_removed() {
    let events = ready().await;
    let again = done(&events, "CreateTopic", &[("Name", "t")]).await;
    assert_eq!(text(&again, "TopicArn"), TOPIC);
    let other = [("Name", "t"), ("Attributes.entry.1.key", "DisplayName"), ("Attributes.entry.1.value", "T")];
    let message = "400 InvalidParameter: Invalid parameter: Attributes Reason: Topic already exists with different attributes";
    refused(&events, "CreateTopic", &other, message).await;
    let fifo =
        [("Name", "t.fifo"), ("Attributes.entry.1.key", "FifoTopic"), ("Attributes.entry.1.value", "true")];
    done(&events, "CreateTopic", &fifo).await;
    refused(
        &events,
        "CreateTopic",
        &[("Name", "u.fifo")],
        "400 InvalidParameter: Invalid parameter: Topic Name",
    )
    .await;
    refused(
        &events,
        "CreateTopic",
        &[("Name", "a b")],
        "400 InvalidParameter: Invalid parameter: Topic Name",
    )
    .await;
    let listed = done(&events, "ListTopics", &[]).await;
    assert!(
        listed.contains(&format!(
            "<member><TopicArn>{TOPIC}</TopicArn></member><member><TopicArn>{TOPIC}.fifo<"
        ))
    );

    let set = |name, value| [("TopicArn", TOPIC), ("AttributeName", name), ("AttributeValue", value)];
    done(&events, "SetTopicAttributes", &set("DisplayName", "T")).await;
    refused(
        &events,
        "SetTopicAttributes",
        &set("Policy", "{}"),
        "400 InvalidParameter: Invalid parameter: AttributeName Reason: Lambent",
    )
    .await;
    refused(
        &events,
        "SetTopicAttributes",
        &set("What", "x"),
        "400 InvalidParameter: Invalid parameter: AttributeName",
    )
    .await;
    let attributes = done(&events, "GetTopicAttributes", &[("TopicArn", TOPIC)]).await;
    assert_eq!(attribute(&attributes, "DisplayName").as_deref(), Some("T"));
    assert_eq!(attribute(&attributes, "SubscriptionsConfirmed").as_deref(), Some("0"));
    let policy =
        r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3}}}"#;
    assert_eq!(attribute(&attributes, "EffectiveDeliveryPolicy").as_deref(), Some(policy));

    for _ in 0..2 {
        done(&events, "DeleteTopic", &[("TopicArn", TOPIC)]).await;
    }
    refused(&events, "GetTopicAttributes", &[("TopicArn", TOPIC)], "404 NotFound: Topic does not exist")
        .await;
    let elsewhere = "arn:aws:sns:eu-west-1:000000000000:t.fifo";
    refused(&events, "GetTopicAttributes", &[("TopicArn", elsewhere)], "404 NotFound: Topic does not exist")
        .await;
    let message = "400 InvalidParameter: Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1";
    refused(&events, "GetTopicAttributes", &[("TopicArn", "t")], message).await;
}

#[tokio::test]
async fn tags_come_and_go() {
    let events = ready().await;
    let tags = [
        ("Tags.member.1.Key", "a"),
        ("Tags.member.1.Value", "1"),
        ("Tags.member.2.Key", "b"),
        ("Tags.member.2.Value", "2"),
    ];
    done(&events, "TagResource", &[&[("ResourceArn", TOPIC)], &tags[..]].concat()).await;
    done(&events, "UntagResource", &[("ResourceArn", TOPIC), ("TagKeys.member.1", "a")]).await;
    let listed = done(&events, "ListTagsForResource", &[("ResourceArn", TOPIC)]).await;
    assert!(listed.contains("<Tags><member><Key>b</Key><Value>2</Value></member></Tags>"), "{listed}");
    let none = format!("{TOPIC}none");
    refused(
        &events,
        "ListTagsForResource",
        &[("ResourceArn", &none)],
        "404 ResourceNotFound: Resource does not exist",
    )
    .await;
}

#[tokio::test]
async fn a_published_message_arrives_with_its_attributes() {
    let events = ready().await;
    let arn = subscribe(&events, TOPIC, "sqs", QUEUE, &[]).await;
    assert!(arn.starts_with(&format!("{TOPIC}:")), "{arn}");
    let fields = [
        ("TopicArn", TOPIC),
        ("Message", "hello <world>"),
        ("Subject", "greeting"),
        ("MessageAttributes.entry.1.Name", "kind"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "a"),
        ("MessageAttributes.entry.2.Name", "photo"),
        ("MessageAttributes.entry.2.Value.DataType", "Binary"),
        ("MessageAttributes.entry.2.Value.BinaryValue", "AQID"),
    ];
    let id = text(&done(&events, "Publish", &fields).await, "MessageId");
    let envelope: serde_json::Value = serde_json::from_str(&bodies(&events, "q").await[0]).unwrap();
    assert_eq!(envelope["MessageId"], id);
    assert_eq!((&envelope["Message"], &envelope["Subject"]), (&"hello <world>".into(), &"greeting".into()));
    let attributes = serde_json::json!({"kind": {"Type": "String", "Value": "a"}, "photo": {"Type": "Binary", "Value": "AQID"}});
    assert_eq!(envelope["MessageAttributes"], attributes);

    done(
        &events,
        "SetSubscriptionAttributes",
        &[("SubscriptionArn", &arn), ("AttributeName", "RawMessageDelivery"), ("AttributeValue", "true")],
    )
    .await;
    let structured = r#"{"default":"d","sqs":"for queues"}"#;
    done(&events, "Publish", &[("TargetArn", TOPIC), ("Message", structured), ("MessageStructure", "json")])
        .await;
    assert_eq!(bodies(&events, "q").await, ["for queues"]);
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_in_awss_words() {
    let events = ready().await;
    let check = |fields: &'static [(&'static str, &'static str)], expect: &'static str| {
        let events = &events;
        async move {
            let expect = format!("400 {expect}");
            refused(events, "Publish", &[&[("TopicArn", TOPIC)], fields].concat(), &expect).await;
        }
    };
    check(&[], "InvalidParameter: Invalid parameter: Empty message").await;
    check(&[("Message", "x"), ("Subject", "")], "InvalidParameter: Invalid parameter: Subject").await;
    check(
        &[("Message", "{"), ("MessageStructure", "json")],
        "InvalidParameter: Invalid parameter: Message Structure - JSON",
    )
    .await;
    check(
        &[("Message", "{}"), ("MessageStructure", "json")],
        "InvalidParameter: Invalid parameter: Message Structure - No default",
    )
    .await;
    check(
        &[("Message", "x"), ("MessageDeduplicationId", "1")],
        "InvalidParameter: Invalid parameter: MessageDeduplicationId Reason:",
    )
    .await;
    let named = |kind: &'static str, value: &'static str| {
        [
            ("TopicArn", TOPIC),
            ("Message", "x"),
            ("MessageAttributes.entry.1.Name", "n"),
            ("MessageAttributes.entry.1.Value.DataType", kind),
            ("MessageAttributes.entry.1.Value.StringValue", value),
        ]
    };
    let wrong = "400 ParameterValueInvalid: Invalid parameter: MessageAttributes Reason: ";
    for (kind, value) in [("Text", "x"), ("Number", "x"), ("String", ""), ("Binary", "x")] {
        refused(&events, "Publish", &named(kind, value), wrong).await;
    }
    let large = "x".repeat(262_145);
    refused(
        &events,
        "Publish",
        &[("TopicArn", TOPIC), ("Message", &large)],
        "400 InvalidParameter: Invalid parameter: Message too long",
    )
    .await;
    done(&events, "Publish", &[("TopicArn", TOPIC), ("Message", &large[1..])]).await;
    refused(&events, "Publish", &[("PhoneNumber", "+1"), ("Message", "x")], "400 InvalidParameter").await;
}

#[tokio::test]
async fn batches_tell_what_became_of_each() {
    let events = ready().await;
    subscribe(
        &events,
        TOPIC,
        "sqs",
        QUEUE,
        &[("Attributes.entry.1.key", "RawMessageDelivery"), ("Attributes.entry.1.value", "true")],
    )
    .await;
    let entry = |number: usize, name: &str| format!("PublishBatchRequestEntries.member.{number}.{name}");
    let batch = |messages: &[(&str, &str)]| {
        let mut fields = vec![("TopicArn".to_owned(), TOPIC.to_owned())];
        for (i, (id, message)) in messages.iter().enumerate() {
            fields.push((entry(i + 1, "Id"), (*id).to_owned()));
            fields.push((entry(i + 1, "Message"), (*message).to_owned()));
        }
        fields
    };
    let events = &events;
    let run = async |messages: &[(&str, &str)]| {
        let fields = batch(messages);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ask(events, "PublishBatch", &fields).await
    };
    let (status, answer) = run(&[("a", "1"), ("b", ""), ("c", "3")]).await;
    assert_eq!(status, 200, "{answer}");
    let failed = text(&answer, "Failed");
    assert!(failed.starts_with("<member><Id>b</Id><Code>InvalidParameter</Code>"), "{failed}");
    assert!(failed.ends_with("<SenderFault>true</SenderFault></member>"), "{failed}");
    assert_eq!(text(&answer, "Successful").matches("<MessageId>").count(), 2);
    assert_eq!(bodies(events, "q").await, ["1", "3"]);

    let code = async |messages: &[(&str, &str)]| text(&run(messages).await.1, "Code");
    assert_eq!(code(&[]).await, "EmptyBatchRequest");
    assert_eq!(code(&[("a", "1"); 11]).await, "TooManyEntriesInBatchRequest");
    assert_eq!(code(&[("a", "1"), ("a", "2")]).await, "BatchEntryIdsNotDistinct");
    assert_eq!(code(&[("a b", "1")]).await, "InvalidBatchEntryId");
    let half = "x".repeat(131_073);
    assert_eq!(code(&[("a", &half), ("b", &half)]).await, "BatchRequestTooLong");
}

#[tokio::test]
async fn topics_that_keep_order_number_their_messages() {
    let events = ready().await;
    let fifo =
        [("Name", "t.fifo"), ("Attributes.entry.1.key", "FifoTopic"), ("Attributes.entry.1.value", "true")];
    let topic = text(&done(&events, "CreateTopic", &fifo).await, "TopicArn");
    subscribe(&events, &topic, "sqs", "arn:aws:sqs:us-east-1:000000000000:q.fifo", &[]).await;
    let message = [
        ("TopicArn", topic.as_str()),
        ("Message", "x"),
        ("MessageGroupId", "g"),
        ("MessageDeduplicationId", "1"),
    ];
    let answer = done(&events, "Publish", &message).await;
    assert_eq!(text(&answer, "SequenceNumber").len(), 20, "{answer}");
    done(&events, "Publish", &message).await;
    assert_eq!(bodies(&events, "q.fifo").await.len(), 1);
    let group =
        "400 InvalidParameter: Invalid parameter: The MessageGroupId parameter is required for FIFO topics";
    refused(&events, "Publish", &message[..2], group).await;
    let dedup = "400 InvalidParameter: Invalid parameter: The topic should either have ContentBasedDeduplication enabled";
    refused(&events, "Publish", &message[..3], dedup).await;
}

#[tokio::test]
async fn attributes_of_subscriptions_are_kept_and_shown() {
    let events = ready().await;
    let url = "http://127.0.0.1:9/hook";
    let arn = subscribe(&events, TOPIC, "http", url, &[("ReturnSubscriptionArn", "true")]).await;
    let set = async |name: &str, value: &str| {
        ask(
            &events,
            "SetSubscriptionAttributes",
            &[("SubscriptionArn", &arn), ("AttributeName", name), ("AttributeValue", value)],
        )
        .await
    };
    let policy = r#"{"healthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":9,"numRetries":7}}"#;
    let redrive = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}"#;
    let values = [
        ("RawMessageDelivery", "true"),
        ("FilterPolicyScope", "MessageBody"),
        ("FilterPolicy", r#"{"a":{"b":["c"]}}"#),
        ("RedrivePolicy", redrive),
        ("DeliveryPolicy", policy),
    ];
    for (name, value) in values {
        let (status, answer) = set(name, value).await;
        assert_eq!(status, 200, "{name}: {answer}");
    }
    let attributes = done(&events, "GetSubscriptionAttributes", &[("SubscriptionArn", &arn)]).await;
    for (name, value) in values {
        assert_eq!(attribute(&attributes, name).as_deref(), Some(value));
    }
    for (name, value) in
        [("Protocol", "http"), ("Endpoint", url), ("PendingConfirmation", "true"), ("TopicArn", TOPIC)]
    {
        assert_eq!(attribute(&attributes, name).as_deref(), Some(value));
    }
    let wrong = async |name: &str, value: &str, expect: &str| {
        let (_, answer) = set(name, value).await;
        let message = text(&answer, "Message");
        assert!(message.starts_with(&format!("Invalid parameter: {expect}")), "{message}");
    };
    wrong("FilterPolicy", r#"{"a":[{"foo":1}]}"#, "FilterPolicy: Unrecognized match type foo").await;
    wrong("FilterPolicyScope", "x", "FilterPolicyScope: Invalid value [x].").await;
    wrong(
        "RedrivePolicy",
        r#"{"deadLetterTargetArn":"x"}"#,
        "RedrivePolicy: deadLetterTargetArn is an invalid arn",
    )
    .await;
    wrong("RedrivePolicy", &redrive.replace("dead\"", "none\""), "RedrivePolicy: there is no such queue")
        .await;
    wrong(
        "DeliveryPolicy",
        r#"{"healthyRetryPolicy":{"backoffFunction":"linear"}}"#,
        "DeliveryPolicy: Lambent has numRetries",
    )
    .await;
    wrong(
        "DeliveryPolicy",
        r#"{"healthyRetryPolicy":{"numRetries":101}}"#,
        "DeliveryPolicy: healthyRetryPolicy.numRetries",
    )
    .await;
    wrong("RawMessageDelivery", "yes", "RawMessageDelivery: Invalid value [yes]. Must be true or false.")
        .await;
    wrong("ReplayPolicy", "{}", "AttributeName: Lambent does not have ReplayPolicy").await;
    assert_eq!(set("FilterPolicy", "{}").await.0, 200);
    let attributes = done(&events, "GetSubscriptionAttributes", &[("SubscriptionArn", &arn)]).await;
    assert_eq!(attribute(&attributes, "FilterPolicy"), None);
}

#[tokio::test]
async fn who_cannot_subscribe_is_told_why() {
    let events = ready().await;
    let check = async |protocol: &str, endpoint: &str, more: &[(&str, &str)], expect: &str| {
        let fields = [&[("TopicArn", TOPIC), ("Protocol", protocol), ("Endpoint", endpoint)], more].concat();
        refused(&events, "Subscribe", &fields, &format!("400 InvalidParameter: Invalid parameter: {expect}"))
            .await;
    };
    check("email", "a@example.com", &[], "Protocol Reason: Lambent does not deliver by `email`.").await;
    check("sms", "+1", &[], "Protocol Reason: Lambent does not deliver by `sms`.").await;
    check("pigeon", "x", &[], "Amazon SNS does not support this protocol string: pigeon").await;
    check("sqs", TOPIC, &[], "SQS endpoint ARN").await;
    check("sqs", "arn:aws:sqs:us-east-1:000000000000:none", &[], "Endpoint Reason: there is no such queue")
        .await;
    check("lambda", QUEUE, &[], "Lambda endpoint ARN").await;
    check("https", "http://127.0.0.1/", &[], "Endpoint must match the specified protocol").await;
    let filter =
        [("Attributes.entry.1.key", "FilterPolicy"), ("Attributes.entry.1.value", r#"{"a":[{"foo":1}]}"#)];
    check("sqs", QUEUE, &filter, "Attributes Reason: FilterPolicy: Unrecognized match type foo").await;
    let raw = [("Attributes.entry.1.key", "RawMessageDelivery"), ("Attributes.entry.1.value", "true")];
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    check("lambda", function, &raw, "Attributes Reason: Delivery protocol [lambda] does not support raw")
        .await;
    subscribe(&events, TOPIC, "sqs", QUEUE, &[]).await;
    check("sqs", QUEUE, &raw, "Attributes Reason: Subscription already exists with different attributes")
        .await;
    let none =
        [("TopicArn", "arn:aws:sns:us-east-1:000000000000:none"), ("Protocol", "sqs"), ("Endpoint", QUEUE)];
    refused(&events, "Subscribe", &none, "404 NotFound: Topic does not exist").await;
}

#[tokio::test]
async fn subscriptions_are_listed_and_ended() {
    let events = ready().await;
    let function =
        subscribe(&events, TOPIC, "lambda", "arn:aws:lambda:us-east-1:000000000000:function:f", &[]).await;
    assert_eq!(subscribe(&events, TOPIC, "https", "https://127.0.0.1/", &[]).await, "pending confirmation");
    for (action, fields) in
        [("ListSubscriptions", &[][..]), ("ListSubscriptionsByTopic", &[("TopicArn", TOPIC)])]
    {
        let listed = done(&events, action, fields).await;
        assert!(listed.contains(&format!("<SubscriptionArn>{function}</SubscriptionArn>")), "{listed}");
        assert!(listed.contains("<SubscriptionArn>PendingConfirmation</SubscriptionArn>"), "{listed}");
        assert_eq!(listed.matches("<member>").count(), 2);
    }
    for _ in 0..2 {
        done(&events, "Unsubscribe", &[("SubscriptionArn", &function)]).await;
    }
    refused(
        &events,
        "GetSubscriptionAttributes",
        &[("SubscriptionArn", &function)],
        "404 NotFound: Subscription does not exist",
    )
    .await;
    let message = "400 InvalidParameter: Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1";
    refused(&events, "Unsubscribe", &[("SubscriptionArn", "pending confirmation")], message).await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let events = ready().await;
    for number in 0..150 {
        done(&events, "CreateTopic", &[("Name", &format!("n{number:03}"))]).await;
    }
    let first = done(&events, "ListTopics", &[]).await;
    let token = text(&first, "NextToken");
    let second = done(&events, "ListTopics", &[("NextToken", &token)]).await;
    let counts = [&first, &second].map(|page| page.matches("<member>").count());
    assert_eq!((counts, text(&second, "NextToken").as_str()), ([100, 51], ""));
}

#[tokio::test]
async fn the_link_of_a_confirmation_needs_no_signature() {
    let events = ready().await;
    subscribe(&events, TOPIC, "http", "http://127.0.0.1:9/", &[]).await;
    let topic = lambent_core::TopicName::parse("t").unwrap();
    let token = events.subscriptions(&topic).unwrap().remove(0).unconfirmed.unwrap();
    let follow = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(&events, Strangers::Refused, request.body(Full::default()).unwrap()).await
    };
    let link = |token: &str| format!("/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}");
    let (status, answer) = follow(&link("0"), &[]).await;
    assert_eq!((status, text(&answer, "Message").as_str()), (400, "Invalid parameter: Token"));
    // The token opens nothing else.
    let others = [
        follow("/?Action=ListTopics&Version=2010-03-31&Token=x", &[]).await,
        follow(
            &format!("/?Action=ListTopics&Version=2010-03-31&{}", &link(&token)[2..]),
            &[("x-amz-target", "AmazonSQS.ListQueues")],
        )
        .await,
        follow(&link(&token), &[("x-amz-target", "AmazonSQS.ListQueues")]).await,
    ];
    assert!(others.iter().all(|(_, answer)| answer.contains("MissingAuthenticationToken")), "{others:?}");
    assert!(events.subscriptions(&topic).unwrap()[0].unconfirmed.is_some());

    let (status, answer) = follow(&link(&token), &[]).await;
    assert_eq!(status, 200, "{answer}");
    assert!(text(&answer, "SubscriptionArn").starts_with(&format!("{TOPIC}:")), "{answer}");
    assert!(events.subscriptions(&topic).unwrap()[0].unconfirmed.is_none());
}
