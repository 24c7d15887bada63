//! Whole calls in both protocols, over events in memory.

mod refusals;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use lambent_core::{Clock, NodeIdentity, Timestamp};
use lambent_store::memory::MemoryStore;
use serde_json::{Value, json};

use super::*;
use crate::api::answer_over_events;
use crate::sign::{Credentials, Strangers};

/// 2026-02-03T10:00:00Z.
const START: u64 = 1_770_112_800_000;

const URL: &str = "http://localhost:4566/000000000000/orders";

/// A clock that stands until it is moved.
#[derive(Debug)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

struct Node {
    events: Events,
    clock: Arc<Hand>,
    credentials: Credentials,
}

/// An answer in XML.
struct Xml {
    status: u16,
    text: String,
}

impl Node {
    async fn start() -> Self {
        let clock = Arc::new(Hand(AtomicU64::new(START)));
        let store = Arc::new(MemoryStore::new());
        let endpoint = "http://127.0.0.1:4566".to_owned();
        let events =
            Events::open(store, Arc::clone(&clock) as _, NodeIdentity::default(), endpoint).await.unwrap();
        Self { events, clock, credentials: Credentials::new([], Strangers::Admitted) }
    }

    /// A node with a queue.
    async fn with(name: &str, attributes: Value) -> Self {
        let node = Self::start().await;
        node.good("CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
        node
    }

    fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(time.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }

    async fn send(&self, request: http::request::Builder, body: String) -> (http::response::Parts, Bytes) {
        let request = request.header("host", "localhost:4566").body(Full::new(body.into())).unwrap();
        let answer = answer_over_events(&self.events, &self.credentials, request).await;
        let (head, mut body) = answer.into_parts();
        let body = body.frame().await.unwrap().unwrap().into_data().unwrap();
        (head, body)
    }

    /// A call in JSON: its status, its document and the error's name in the query protocol.
    async fn call(&self, action: &str, body: Value) -> (u16, Value, Option<String>) {
        let request = Request::post("/").header("x-amz-target", format!("AmazonSQS.{action}"));
        let (head, body) = self.send(request, body.to_string()).await;
        assert_eq!(head.headers["content-type"], "application/x-amz-json-1.0");
        let code = head.headers.get("x-amzn-query-error").map(|value| value.to_str().unwrap().to_owned());
        (head.status.as_u16(), serde_json::from_slice(&body).unwrap(), code)
    }

    /// A call in JSON that must succeed.
    async fn good(&self, action: &str, body: Value) -> Value {
        let (status, document, code) = self.call(action, body).await;
        assert_eq!((status, code), (200, None), "{action}: {document}");
        document
    }

    /// A call in JSON that must fail.
    async fn bad(&self, action: &str, body: Value, expect: (u16, &str, &str, &str)) {
        let (status, document, code) = self.call(action, body.clone()).await;
        let name = document["__type"].as_str().unwrap_or_default();
        let message = document["message"].as_str().unwrap_or_default();
        let code = code.unwrap_or_default();
        let found = (status, name.trim_start_matches("com.amazonaws.sqs#"), code.as_str(), message);
        assert_eq!(found, expect, "{action} {body}");
    }

    /// A call in the query protocol.
    async fn form(&self, path: &str, form: &str) -> Xml {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        let (head, body) = self.send(request, format!("{form}&Version=2012-11-05")).await;
        assert_eq!(head.headers["content-type"], "text/xml");
        let text = String::from_utf8(body.to_vec()).unwrap();
        let id = head.headers["x-amzn-requestid"].to_str().unwrap();
        assert!(text.contains(&format!("<RequestId>{id}</RequestId>")), "{text}");
        Xml { status: head.status.as_u16(), text }
    }

    async fn receive(&self, more: Value) -> Vec<Value> {
        let mut body = json!({ "QueueUrl": URL, "MaxNumberOfMessages": 10 });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let document = self.good("ReceiveMessage", body).await;
        document["Messages"].as_array().cloned().unwrap_or_default()
    }
}

impl Xml {
    /// The text of the first element of this name.
    fn text(&self, name: &str) -> &str {
        let begin = self.text.find(&format!("<{name}>")).unwrap_or_else(|| panic!("{name}: {}", self.text));
        let rest = &self.text[begin + name.len() + 2..];
        &rest[..rest.find(&format!("</{name}>")).unwrap()]
    }
}

#[tokio::test]
async fn a_message_is_sent_received_and_deleted() {
    let node = Node::with("orders", json!({})).await;
    let sent = node
        .good("SendMessage", json!({ "QueueUrl": URL, "MessageBody": "hello", "MessageAttributes": { "kind": { "DataType": "String", "StringValue": "a" } } }))
        .await;
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(sent["MD5OfMessageAttributes"].as_str().unwrap().len(), 32);
    assert_eq!(sent.get("MD5OfMessageSystemAttributes"), None);
    assert_eq!(sent.get("SequenceNumber"), None);
    let messages = node.receive(json!({})).await;
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(message["MessageId"], sent["MessageId"]);
    assert_eq!(message["Body"], "hello");
    assert_eq!(message["MD5OfBody"], sent["MD5OfMessageBody"]);
    for name in ["Attributes", "MessageAttributes", "MD5OfMessageAttributes"] {
        assert_eq!(message.get(name), None, "{name} was not asked for");
    }
    // An empty answer has no list at all.
    assert_eq!(node.good("ReceiveMessage", json!({ "QueueUrl": URL })).await, json!({}));
    let handle = json!({ "QueueUrl": URL, "ReceiptHandle": message["ReceiptHandle"] });
    assert_eq!(node.good("DeleteMessage", handle.clone()).await, json!({}));
    // What is deleted can be deleted.
    node.good("DeleteMessage", handle).await;
    node.pass(Duration::from_secs(31));
    assert_eq!(node.receive(json!({})).await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_query_protocol_does_the_same() {
    let node = Node::start().await;
    let created = node.form("/", "Action=CreateQueue&QueueName=orders&Attribute.1.Name=DelaySeconds&Attribute.1.Value=0&Tag.1.Key=a&Tag.1.Value=b").await;
    assert_eq!((created.status, created.text("QueueUrl")), (200, URL));
    assert!(created.text.starts_with("<?xml version=\"1.0\"?><CreateQueueResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><CreateQueueResult>"));
    let sent = node
        .form("/000000000000/orders", "Action=SendMessage&MessageBody=a%0D%3Cb%3E+c&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType=Number&MessageAttribute.1.Value.StringValue=1")
        .await;
    assert_eq!(sent.text("MD5OfMessageBody"), lambent_core::message::md5_of_body(b"a\r<b> c"));
    let received = node
        .form("/", &format!("Action=ReceiveMessage&QueueUrl={URL}&AttributeName.1=ApproximateReceiveCount&MessageAttributeName.1=All"))
        .await;
    assert_eq!(received.text("Body"), "a&#xD;&lt;b&gt; c");
    assert_eq!(received.text("Attribute"), "<Name>ApproximateReceiveCount</Name><Value>1</Value>");
    assert_eq!(
        received.text("MessageAttribute"),
        "<Name>n</Name><Value><StringValue>1</StringValue><DataType>Number</DataType></Value>"
    );
    assert_eq!(received.text("MD5OfMessageAttributes"), sent.text("MD5OfMessageAttributes"));
    let handle = received.text("ReceiptHandle");
    let batch = node
        .form("/000000000000/orders", &format!("Action=DeleteMessageBatch&DeleteMessageBatchRequestEntry.1.Id=a&DeleteMessageBatchRequestEntry.1.ReceiptHandle={handle}&DeleteMessageBatchRequestEntry.2.Id=b&DeleteMessageBatchRequestEntry.2.ReceiptHandle=x"))
        .await;
    assert_eq!(batch.text("DeleteMessageBatchResultEntry"), "<Id>a</Id>");
    assert!(
        batch
            .text("BatchResultErrorEntry")
            .starts_with("<Id>b</Id><SenderFault>true</SenderFault><Code>ReceiptHandleIsInvalid</Code>")
    );
    let tags = node.form("/", "Action=ListQueueTags&QueueUrl=orders").await;
    assert_eq!(tags.text("Tag"), "<Key>a</Key><Value>b</Value>");
    let empty = node.form("/", "Action=ReceiveMessage&QueueUrl=orders").await;
    assert_eq!(empty.text("ReceiveMessageResult"), "");
    let deleted = node.form("/", "Action=DeleteQueue&QueueUrl=orders").await;
    assert!(!deleted.text.contains("DeleteQueueResult"), "{}", deleted.text);
    let gone = node.form("/", "Action=DeleteQueue&QueueUrl=orders").await;
    assert_eq!((gone.status, gone.text("Code")), (400, "AWS.SimpleQueueService.NonExistentQueue"));
    assert_eq!(gone.text("Message"), "The specified queue does not exist for this wsdl version.");
    assert_eq!(gone.text("Type"), "Sender");
}

#[tokio::test]
async fn forms_can_stand_in_the_address() {
    let node = Node::with("orders", json!({})).await;
    let (head, body) = node.send(Request::get("/?Action=ListQueues&Version=2012-11-05"), String::new()).await;
    assert_eq!(head.status, 200);
    assert!(String::from_utf8_lossy(&body).contains(&format!("<QueueUrl>{URL}</QueueUrl>")));
}

#[tokio::test]
async fn attributes_are_given_when_they_are_asked_for() {
    let node = Node::with("orders", json!({})).await;
    let attributes: Value = ["a.x", "a.y", "b"]
        .into_iter()
        .map(|name| (name.to_owned(), json!({ "DataType": "Binary", "BinaryValue": "AAE=" })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let trace = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c";
    let message = json!({
        "QueueUrl": URL, "MessageBody": "m", "MessageAttributes": attributes, "MessageGroupId": "g",
        "MessageSystemAttributes": { "AWSTraceHeader": { "DataType": "String", "StringValue": trace } },
    });
    let sent = node.good("SendMessage", message).await;
    assert_eq!(sent["MD5OfMessageSystemAttributes"].as_str().unwrap().len(), 32);
    let again = json!({ "VisibilityTimeout": 0 });
    let names = async |wanted: &[&str]| {
        let mut more = again.clone();
        more["MessageAttributeNames"] = json!(wanted);
        let message = node.receive(more).await.remove(0);
        let names =
            message["MessageAttributes"].as_object().map(|map| map.keys().cloned().collect::<Vec<_>>());
        (
            names.unwrap_or_default().join(","),
            message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"],
        )
    };
    assert_eq!(names(&["All"]).await, ("a.x,a.y,b".to_owned(), true));
    assert_eq!(names(&[".*"]).await, ("a.x,a.y,b".to_owned(), true));
    assert_eq!(names(&["a.*"]).await, ("a.x,a.y".to_owned(), false));
    assert_eq!(names(&["b", "c"]).await, ("b".to_owned(), false));
    let mut all = again.clone();
    all["MessageSystemAttributeNames"] = json!(["All"]);
    let message = node.receive(all).await.remove(0);
    let expect = json!({
        "SenderId": "000000000000", "SentTimestamp": START.to_string(), "ApproximateReceiveCount": "5",
        "ApproximateFirstReceiveTimestamp": START.to_string(), "MessageGroupId": "g", "AWSTraceHeader": trace,
    });
    assert_eq!(message["Attributes"], expect);
    let unknown = json!({ "QueueUrl": URL, "AttributeNames": ["Colour"] });
    let refused = (400, "InvalidAttributeName", "InvalidAttributeName;Sender", "Unknown Attribute Colour.");
    node.bad("ReceiveMessage", unknown, refused).await;
}

#[tokio::test]
async fn the_trace_of_a_request_goes_along() {
    let node = Node::with("orders", json!({})).await;
    let root = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c";
    let request =
        Request::post("/").header("x-amz-target", "AmazonSQS.SendMessage").header("x-amzn-trace-id", root);
    node.send(request, json!({ "QueueUrl": URL, "MessageBody": "m" }).to_string()).await;
    let message = node.receive(json!({ "AttributeNames": ["AWSTraceHeader"] })).await.remove(0);
    assert_eq!(message["Attributes"], json!({ "AWSTraceHeader": root }));
}

#[tokio::test]
async fn entries_of_a_batch_stand_for_themselves() {
    let node = Node::with("orders", json!({})).await;
    let entries = json!([{ "Id": "a", "MessageBody": "1" }, { "Id": "b", "MessageBody": "" }, { "Id": "c", "MessageBody": "3", "DelaySeconds": 901 }, { "Id": "d", "MessageBody": "\u{1}" }, { "Id": "e", "MessageBody": "5" }]);
    let document = node.good("SendMessageBatch", json!({ "QueueUrl": URL, "Entries": entries })).await;
    let ids = |list: &str| -> Vec<String> {
        let entries = document[list].as_array().unwrap();
        entries
            .iter()
            .map(|entry| {
                format!("{} {}", entry["Id"].as_str().unwrap(), entry["Code"].as_str().unwrap_or_default())
            })
            .collect()
    };
    assert_eq!(ids("Successful"), ["a ", "e "]);
    assert_eq!(ids("Failed"), ["b MissingParameter", "c InvalidParameterValue", "d InvalidMessageContents"]);
    assert_eq!(document["Successful"][1]["MD5OfMessageBody"], lambent_core::message::md5_of_body(b"5"));
    let messages = node.receive(json!({})).await;
    let changes: Vec<_> = messages
        .iter()
        .map(|message| json!({ "Id": message["Body"], "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0 }))
        .chain([json!({ "Id": "x", "ReceiptHandle": "x", "VisibilityTimeout": 1 }), json!({ "Id": "y", "ReceiptHandle": "y" })])
        .collect();
    let changed =
        node.good("ChangeMessageVisibilityBatch", json!({ "QueueUrl": URL, "Entries": changes })).await;
    assert_eq!(changed["Successful"], json!([{ "Id": "1" }, { "Id": "5" }]));
    assert_eq!(changed["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
    assert_eq!(changed["Failed"][1]["Code"], "MissingParameter");
    assert_eq!(node.receive(json!({})).await.len(), 2);
}

#[tokio::test]
async fn settings_are_kept_and_compared() {
    let node = Node::with("orders", json!({ "DelaySeconds": "5", "VisibilityTimeout": "60" })).await;
    let create = |attributes: Value| json!({ "QueueName": "orders", "Attributes": attributes });
    for same in [json!({}), json!({ "DelaySeconds": "5" })] {
        assert_eq!(node.good("CreateQueue", create(same)).await, json!({ "QueueUrl": URL }));
    }
    let exists = "A queue already exists with the same name and a different value for attribute DelaySeconds";
    node.bad(
        "CreateQueue",
        create(json!({ "DelaySeconds": "6" })),
        (400, "QueueNameExists", "QueueAlreadyExists;Sender", exists),
    )
    .await;
    node.good("SetQueueAttributes", json!({ "QueueUrl": URL, "Attributes": { "DelaySeconds": "0" } })).await;
    for body in ["a", "b", "c"] {
        node.good("SendMessage", json!({ "QueueUrl": URL, "MessageBody": body })).await;
    }
    node.good("SendMessage", json!({ "QueueUrl": URL, "MessageBody": "d", "DelaySeconds": 9 })).await;
    node.receive(json!({ "MaxNumberOfMessages": 1 })).await;
    let all = node.good("GetQueueAttributes", json!({ "QueueUrl": URL, "AttributeNames": ["All"] })).await;
    let expect = json!({
        "QueueArn": "arn:aws:sqs:us-east-1:000000000000:orders", "ApproximateNumberOfMessages": "2",
        "ApproximateNumberOfMessagesNotVisible": "1", "ApproximateNumberOfMessagesDelayed": "1",
        "CreatedTimestamp": "1770112800", "LastModifiedTimestamp": "1770112800", "DelaySeconds": "0",
        "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0",
        "VisibilityTimeout": "60", "SqsManagedSseEnabled": "false",
    });
    assert_eq!(all["Attributes"], expect);
    assert_eq!(node.good("GetQueueAttributes", json!({ "QueueUrl": URL })).await, json!({}));
    node.good("PurgeQueue", json!({ "QueueUrl": URL })).await;
    let purged = "Only one PurgeQueue operation on orders is allowed every 60 seconds.";
    node.bad(
        "PurgeQueue",
        json!({ "QueueUrl": URL }),
        (403, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress;Sender", purged),
    )
    .await;
    node.good("DeleteQueue", json!({ "QueueUrl": URL })).await;
    node.good("CreateQueue", create(json!({}))).await;
}

#[tokio::test]
async fn lists_are_paged() {
    let node = Node::start().await;
    for name in ["b", "a", "other", "ab"] {
        node.good("CreateQueue", json!({ "QueueName": name })).await;
    }
    let url = |name: &str| format!("http://localhost:4566/000000000000/{name}");
    let first = node.good("ListQueues", json!({ "QueueNamePrefix": "a", "MaxResults": 1 })).await;
    assert_eq!(first["QueueUrls"], json!([url("a")]));
    let rest = json!({ "QueueNamePrefix": "a", "MaxResults": 1, "NextToken": first["NextToken"] });
    assert_eq!(node.good("ListQueues", rest).await, json!({ "QueueUrls": [url("ab")] }));
    assert_eq!(node.good("ListQueues", json!({ "QueueNamePrefix": "x" })).await, json!({}));
    let (status, ..) = node.call("ListQueues", json!({ "NextToken": "%" })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn tags_come_and_go() {
    let node = Node::start().await;
    node.good("CreateQueue", json!({ "QueueName": "orders", "tags": { "a": "1" } })).await;
    node.good("TagQueue", json!({ "QueueUrl": URL, "Tags": { "b": "2", "c": "3" } })).await;
    node.good("UntagQueue", json!({ "QueueUrl": URL, "TagKeys": ["b", "x"] })).await;
    let tags = node.good("ListQueueTags", json!({ "QueueUrl": URL })).await;
    assert_eq!(tags, json!({ "Tags": { "a": "1", "c": "3" } }));
    let (status, ..) = node.call("TagQueue", json!({ "QueueUrl": URL, "Tags": { "aws:b": "2" } })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn queues_that_keep_order_have_rules_of_their_own() {
    let url = "http://localhost:4566/000000000000/orders.fifo";
    let node = Node::with("orders.fifo", json!({ "FifoQueue": "true" })).await;
    let send = |more: Value| {
        let mut body = json!({ "QueueUrl": url, "MessageBody": "m" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let missing = (
        400,
        "MissingRequiredParameterException",
        "MissingParameter;Sender",
        "The request must contain the parameter MessageGroupId.",
    );
    node.bad("SendMessage", send(json!({})), missing).await;
    let value = async |body: Value, message: &str| {
        node.bad(
            "SendMessage",
            body,
            (400, "InvalidParameterValueException", "InvalidParameterValue;Sender", message),
        )
        .await;
    };
    value(send(json!({ "MessageGroupId": "g" })), "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly").await;
    value(send(json!({ "MessageGroupId": "g", "DelaySeconds": 2 })), "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.").await;
    let good = send(json!({ "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 0 }));
    let first = node.good("SendMessage", good.clone()).await;
    assert_eq!(first["SequenceNumber"].as_str().unwrap().len(), 20);
    assert_eq!(node.good("SendMessage", good).await, first);
    let received = node
        .good("ReceiveMessage", json!({ "QueueUrl": url, "AttributeNames": ["All"], "VisibilityTimeout": 1 }))
        .await;
    let message = &received["Messages"][0];
    assert_eq!(message["Attributes"]["SequenceNumber"], first["SequenceNumber"]);
    assert_eq!(message["Attributes"]["MessageDeduplicationId"], "d");
    assert_eq!(message["Attributes"]["MessageGroupId"], "g");
    node.pass(Duration::from_secs(2));
    node.good("ReceiveMessage", json!({ "QueueUrl": url })).await;
    let handle = message["ReceiptHandle"].as_str().unwrap();
    let expired = format!(
        "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    );
    let delete = json!({ "QueueUrl": url, "ReceiptHandle": handle });
    node.bad(
        "DeleteMessage",
        delete,
        (400, "InvalidParameterValueException", "InvalidParameterValue;Sender", &expired),
    )
    .await;
}

#[tokio::test]
async fn dead_letters_say_where_they_come_from_and_can_be_moved_back() {
    let node = Node::with("dead", json!({})).await;
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    let policy = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":1}}"#, arn("dead"));
    node.good("CreateQueue", json!({ "QueueName": "orders", "Attributes": { "RedrivePolicy": policy } }))
        .await;
    let told = node
        .good("GetQueueAttributes", json!({ "QueueUrl": URL, "AttributeNames": ["RedrivePolicy"] }))
        .await;
    assert_eq!(told["Attributes"]["RedrivePolicy"], policy);
    let sources = node.good("ListDeadLetterSourceQueues", json!({ "QueueUrl": "dead" })).await;
    assert_eq!(sources, json!({ "queueUrls": [URL] }));
    node.good("SendMessage", json!({ "QueueUrl": URL, "MessageBody": "m" })).await;
    assert_eq!(node.receive(json!({ "VisibilityTimeout": 0 })).await.len(), 1);
    assert_eq!(node.receive(json!({})).await.len(), 0);
    let dead =
        json!({ "QueueUrl": "dead", "VisibilityTimeout": 0, "AttributeNames": ["DeadLetterQueueSourceArn"] });
    let dead = node.good("ReceiveMessage", dead).await;
    assert_eq!(dead["Messages"][0]["Attributes"], json!({ "DeadLetterQueueSourceArn": arn("orders") }));
    let source = json!({ "SourceArn": arn("orders") });
    let no_dead = "Source queue must be configured as a Dead Letter Queue.";
    node.bad(
        "StartMessageMoveTask",
        source,
        (400, "InvalidParameterValueException", "InvalidParameterValue;Sender", no_dead),
    )
    .await;
    let started = node
        .good("StartMessageMoveTask", json!({ "SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 5 }))
        .await;
    let again = json!({ "SourceArn": arn("dead") });
    let running = "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
    node.bad(
        "StartMessageMoveTask",
        again.clone(),
        (400, "InvalidParameterValueException", "InvalidParameterValue;Sender", running),
    )
    .await;
    let expect = json!({ "Results": [{
        "TaskHandle": started["TaskHandle"], "Status": "RUNNING", "SourceArn": arn("dead"),
        "MaxNumberOfMessagesPerSecond": 5, "ApproximateNumberOfMessagesMoved": 0,
        "ApproximateNumberOfMessagesToMove": 1, "StartedTimestamp": START,
    }] });
    assert_eq!(node.good("ListMessageMoveTasks", again).await, expect);
    let cancelled = node.good("CancelMessageMoveTask", started.clone()).await;
    assert_eq!(cancelled, json!({ "ApproximateNumberOfMessagesMoved": 0 }));
    node.bad(
        "CancelMessageMoveTask",
        started,
        (404, "ResourceNotFoundException", "ResourceNotFoundException;Sender", "Task does not exist."),
    )
    .await;
    let xml = node.form("/", &format!("Action=ListMessageMoveTasks&SourceArn={}", arn("dead"))).await;
    assert_eq!((xml.text("Status"), xml.text("SourceArn")), ("CANCELLED", arn("dead").as_str()));
}

#[tokio::test(start_paused = true)]
async fn a_receive_waits_and_can_be_dropped() {
    let node = Node::with("orders", json!({})).await;
    let wait = json!({ "WaitTimeSeconds": 20 });
    // Whoever hangs up drops the call; what comes next is for others.
    assert!(tokio::time::timeout(Duration::from_secs(1), node.receive(wait.clone())).await.is_err());
    let send = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        node.good("SendMessage", json!({ "QueueUrl": URL, "MessageBody": "late" })).await
    };
    let started = tokio::time::Instant::now();
    let (messages, _) = tokio::join!(node.receive(wait), send);
    assert_eq!(messages[0]["Body"], "late");
    assert!(started.elapsed() < Duration::from_secs(20));
}
