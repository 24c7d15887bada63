//! The actions over events in memory, as a client sees them.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use lambent_core::{Clock, QueueName, QueueSpec, RequestId, Timestamp};
use lambent_engine::Events;
use lambent_engine::events::Receive;
use serde_json::{Value, json};

use super::ACTIONS;
use crate::protocol::Protocol;
use crate::service::{Call, Run};

#[derive(Debug)]
struct At;

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_770_112_800_000)
    }
}

async fn events() -> Events {
    let events = Events::in_memory(Arc::new(At)).await.unwrap();
    for name in ["a", "b.fifo", "dead"] {
        events.create_queue(&QueueName::parse(name).unwrap(), QueueSpec::default()).await.unwrap();
    }
    events
}

/// What an action answers: its document, or its error as `CODE: message`.
async fn ask(events: &Events, name: &'static str, request: Value) -> Result<Value, String> {
    let action = ACTIONS.iter().find(|action| action.name == name).unwrap();
    let Run::Events(run) = action.run else { panic!("{name} does not run over the events") };
    let call = Call {
        head: Request::new(()).into_parts().0,
        resource: String::new(),
        body: Bytes::from(request.to_string()),
        action: name,
        protocol: Protocol::Json11,
        id: RequestId::from_random(0),
    };
    let response =
        run(events, call).await.map_err(|refusal| format!("{}: {}", refusal.code, refusal.message))?;
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.1");
    let body = crate::body::read(response.into_body(), 1 << 20).await.unwrap();
    Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
}

async fn done(events: &Events, name: &'static str, request: Value) -> Value {
    ask(events, name, request).await.unwrap()
}

async fn refused(events: &Events, name: &'static str, request: Value, expect: &str) {
    let error = ask(events, name, request).await.unwrap_err();
    assert!(error.starts_with(expect), "{error}");
}

fn arn(rest: &str) -> String {
    let (service, resource) = rest.split_once(' ').unwrap();
    format!("arn:aws:{service}:us-east-1:000000000000:{resource}")
}

/// The rule `r` of the default bus, for everything of the shop's.
async fn with_rule() -> Events {
    let events = events().await;
    done(&events, "PutRule", json!({"Name": "r", "EventPattern": r#"{"source":["shop"]}"#})).await;
    events
}

async fn received(events: &Events, queue: &str) -> Vec<String> {
    let queue = events.queue(queue).unwrap();
    let receive = Receive { max: 10, max_bytes: 1 << 20, wait: None, visibility: None, attempt: None };
    let batch = events.receive(&queue, receive).await.unwrap();
    let text =
        |leased: lambent_engine::events::Leased| String::from_utf8(leased.message.body.to_vec()).unwrap();
    batch.messages.into_iter().map(text).collect()
}

#[tokio::test]
async fn events_are_put_each_with_an_answer_of_its_own() {
    let events = with_rule().await;
    let target = json!({"Id": "q", "Arn": arn("sqs a"), "InputPath": "$.detail"});
    done(&events, "PutTargets", json!({"Rule": "r", "Targets": [target]})).await;
    let entry =
        |source: &str, detail: &str| json!({"Source": source, "DetailType": "order", "Detail": detail});
    let mut elsewhere = entry("shop", "{}");
    elsewhere["EventBusName"] = "nowhere".into();
    let mut timed = entry("shop", r#"{"id":1}"#);
    timed["Time"] = json!(1_770_000_000.5);
    timed["EventBusName"] = arn("events event-bus/default").into();
    let entries = json!([
        timed,
        entry("shop", "[]"),
        entry("aws.s3", "{}"),
        elsewhere,
        {"Source": "shop", "DetailType": "order"},
        entry("", "{}"),
        entry("shop", r#"{"id":2}"#),
    ]);
    let answer = done(&events, "PutEvents", json!({ "Entries": entries })).await;
    assert_eq!(answer["FailedEntryCount"], 5);
    let code = |i: usize| answer["Entries"][i]["ErrorCode"].as_str();
    let codes: Vec<_> = (0..7).map(code).collect();
    let expect = [
        None,
        Some("MalformedDetail"),
        Some("NotAuthorizedForSourceException"),
        Some("ResourceNotFoundException"),
        Some("InvalidArgument"),
        Some("InvalidArgument"),
        None,
    ];
    assert_eq!(codes, expect);
    assert_eq!(answer["Entries"][1]["ErrorMessage"], "Detail is malformed.");
    assert_eq!(answer["Entries"][3]["ErrorMessage"], "Event bus nowhere does not exist.");
    let reason = "Parameter Detail is not valid. Reason: Detail is a required argument.";
    assert_eq!(answer["Entries"][4]["ErrorMessage"], reason);
    assert_eq!(answer["Entries"][0]["EventId"].as_str().map(str::len), Some(36));
    assert_eq!(received(&events, "a").await, [r#"{"id":1}"#, r#"{"id":2}"#]);
}

#[tokio::test]
async fn a_call_takes_ten_events_of_256_kb_together() {
    let events = events().await;
    let entry = |size: usize| {
        let detail = format!(r#"{{"x":"{}"}}"#, "x".repeat(size));
        json!({"Source": "shop", "DetailType": "order", "Detail": detail})
    };
    let of = |entries: Vec<Value>| json!({ "Entries": entries });
    refused(&events, "PutEvents", of(vec![]), "ValidationException: 1 validation error").await;
    refused(&events, "PutEvents", of(vec![entry(1); 11]), "ValidationException: 1 validation error").await;
    let expect = "ValidationException: Total size of the entries in the request is over the limit.";
    refused(&events, "PutEvents", of(vec![entry(64 * 1024); 4]), expect).await;
    done(&events, "PutEvents", of(vec![entry(50 * 1024); 4])).await;
    let mut traced = entry(1);
    traced["Endpoint"] = "x".into();
    refused(&events, "PutEvents", of(vec![traced]), "ValidationException: unknown field `Endpoint`").await;
}

#[tokio::test]
async fn buses_come_and_go() {
    let events = events().await;
    let tags = json!([{"Key": "team", "Value": "shop"}]);
    let answer =
        done(&events, "CreateEventBus", json!({"Name": "shop", "Description": "d", "Tags": tags})).await;
    assert_eq!(answer, json!({"EventBusArn": arn("events event-bus/shop"), "Description": "d"}));
    let document = done(&events, "DescribeEventBus", json!({ "Name": arn("events event-bus/shop") })).await;
    let expect = json!({
        "Name": "shop", "Arn": arn("events event-bus/shop"), "Description": "d",
        "CreationTime": 1_770_112_800, "LastModifiedTime": 1_770_112_800,
    });
    assert_eq!(document, expect);
    let default = done(&events, "DescribeEventBus", json!({})).await;
    assert_eq!(default, json!({"Name": "default", "Arn": arn("events event-bus/default")}));
    let page = done(&events, "ListEventBuses", json!({"Limit": 1})).await;
    assert_eq!(page["EventBuses"][0]["Name"], "default");
    let page = done(&events, "ListEventBuses", json!({ "NextToken": page["NextToken"] })).await;
    assert_eq!((&page["EventBuses"][0]["Name"], &page["NextToken"]), (&json!("shop"), &Value::Null));
    let page = done(&events, "ListEventBuses", json!({"NamePrefix": "sh"})).await;
    assert_eq!(page["EventBuses"].as_array().map(Vec::len), Some(1));
    let exists = "ResourceAlreadyExistsException: Event bus shop already exists.";
    refused(&events, "CreateEventBus", json!({"Name": "shop"}), exists).await;
    refused(&events, "CreateEventBus", json!({"Name": "a/b"}), "ValidationException: Event bus name must")
        .await;
    let key = json!({"Name": "x", "KmsKeyIdentifier": "k"});
    refused(&events, "CreateEventBus", key, "ValidationException: unknown field `KmsKeyIdentifier`").await;
    let missing = "ResourceNotFoundException: Event bus x does not exist.";
    refused(&events, "DescribeEventBus", json!({"Name": "x"}), missing).await;
    refused(&events, "DeleteEventBus", json!({"Name": "default"}), "ValidationException: Cannot delete")
        .await;
    for _ in 0..2 {
        assert_eq!(done(&events, "DeleteEventBus", json!({"Name": "shop"})).await, Value::Null);
    }
}

#[tokio::test]
async fn rules_come_and_go() {
    let events = events().await;
    let pattern = r#"{"source":["shop"]}"#;
    let rule = json!({"Name": "r", "EventPattern": pattern, "State": "DISABLED", "Description": "d"});
    assert_eq!(done(&events, "PutRule", rule).await, json!({"RuleArn": arn("events rule/r")}));
    done(&events, "EnableRule", json!({"Name": "r"})).await;
    let document = done(&events, "DescribeRule", json!({"Name": "r"})).await;
    let expect = json!({
        "Name": "r", "Arn": arn("events rule/r"), "EventPattern": pattern, "State": "ENABLED",
        "EventBusName": "default", "Description": "d", "CreatedBy": "000000000000",
    });
    assert_eq!(document, expect);
    done(&events, "DisableRule", json!({"Name": "r", "EventBusName": "default"})).await;
    let list = done(&events, "ListRules", json!({"NamePrefix": "r"})).await;
    assert_eq!((&list["Rules"][0]["State"], &list["NextToken"]), (&json!("DISABLED"), &Value::Null));
    let missing = "ResourceNotFoundException: Rule x does not exist on EventBus default.";
    refused(&events, "DescribeRule", json!({"Name": "x"}), missing).await;
    refused(&events, "EnableRule", json!({"Name": "x"}), missing).await;
    let no_bus = json!({"Name": "r", "EventBusName": "x", "EventPattern": pattern});
    refused(&events, "PutRule", no_bus, "ResourceNotFoundException: Event bus x does not exist.").await;
    for (request, expect) in [
        (
            json!({"Name": "r", "EventPattern": "{"}),
            "InvalidEventPatternException: Event pattern is not valid. Reason:",
        ),
        (
            json!({"Name": "r", "ScheduleExpression": "rate(1 minutes)"}),
            "ValidationException: Parameter ScheduleExpression is not valid.",
        ),
        (
            json!({"Name": "r", "ScheduleExpression": "at(2027-01-01T00:00:00)"}),
            "ValidationException: Parameter ScheduleExpression is not valid.",
        ),
        (
            json!({"Name": "r"}),
            "ValidationException: Parameter(s) EventPattern or ScheduleExpression must be",
        ),
        (
            json!({"Name": "a b", "EventPattern": pattern}),
            "ValidationException: 1 validation error detected: Value 'a b'",
        ),
        (
            json!({"Name": "r", "EventPattern": pattern, "State": "ON"}),
            "ValidationException: 1 validation error",
        ),
        (json!({"Name": "r", "RoleArn": "x"}), "ValidationException: unknown field `RoleArn`"),
        (json!({"EventPattern": pattern}), "ValidationException: missing field `Name`"),
    ] {
        refused(&events, "PutRule", request, expect).await;
    }
    for _ in 0..2 {
        assert_eq!(done(&events, "DeleteRule", json!({"Name": "r"})).await, Value::Null);
    }
}

#[tokio::test]
async fn targets_are_read_back_as_they_were_put() {
    let events = with_rule().await;
    done(&events, "CreateEventBus", json!({"Name": "shop"})).await;
    let transformer = json!({"InputPathsMap": {"id": "$.detail.id"}, "InputTemplate": "\"<id>\""});
    let targets = json!([
        {"Id": "1", "Arn": arn("lambda function:f"), "Input": "{}"},
        {"Id": "2", "Arn": arn("sqs b.fifo"), "SqsParameters": {"MessageGroupId": "g"}, "InputPath": "$.detail"},
        {"Id": "3", "Arn": arn("sqs a"), "InputTransformer": transformer, "DeadLetterConfig": {"Arn": arn("sqs dead")}},
        {"Id": "4", "Arn": arn("events event-bus/shop"),
         "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}},
        {"Id": "5", "Arn": "https://example.com/hook"},
    ]);
    let answer = done(&events, "PutTargets", json!({"Rule": "r", "Targets": targets})).await;
    assert_eq!(answer, json!({"FailedEntryCount": 0, "FailedEntries": []}));
    let list = done(&events, "ListTargetsByRule", json!({"Rule": "r"})).await;
    assert_eq!(list, json!({ "Targets": targets }));
    let page = done(&events, "ListTargetsByRule", json!({"Rule": "r", "Limit": 4})).await;
    let page = done(&events, "ListTargetsByRule", json!({"Rule": "r", "NextToken": page["NextToken"]})).await;
    assert_eq!(page["Targets"][0]["Id"], "5");
    let rules = done(&events, "ListRuleNamesByTarget", json!({ "TargetArn": arn("sqs a") })).await;
    assert_eq!(rules, json!({"RuleNames": ["r"]}));
    refused(&events, "DeleteRule", json!({"Name": "r"}), "ValidationException: Rule can't be deleted since")
        .await;
    let sixth = json!({"Id": "6", "Arn": arn("sqs a")});
    let limit = "LimitExceededException: The requested resource exceeds the maximum number allowed";
    refused(&events, "PutTargets", json!({"Rule": "r", "Targets": [sixth]}), limit).await;
    let answer = done(&events, "RemoveTargets", json!({"Rule": "r", "Ids": ["1", "x"]})).await;
    assert_eq!(
        (&answer["FailedEntryCount"], &answer["FailedEntries"][0]["TargetId"]),
        (&json!(1), &json!("x"))
    );
    done(&events, "RemoveTargets", json!({"Rule": "r", "Ids": ["2", "3", "4", "5"], "Force": true})).await;
    done(&events, "DeleteRule", json!({"Name": "r"})).await;
}

#[tokio::test]
async fn targets_that_cannot_be_are_refused() {
    let events = with_rule().await;
    let template = |template: &str| json!({"Id": "t", "Arn": arn("sqs a"), "InputTransformer": {"InputTemplate": template}});
    let retry = |retry: Value| json!({"Id": "t", "Arn": arn("sqs a"), "RetryPolicy": retry});
    for (target, expect) in [
        (
            json!({"Id": "t", "Arn": "sqs"}),
            "Parameter sqs is not valid. Reason: Provided Arn is not in correct format.",
        ),
        (json!({"Id": "t", "Arn": arn("ecs cluster/x")}), "Parameter arn:aws:ecs"),
        (
            json!({"Id": "t", "Arn": "arn:aws:sqs:eu-west-1:000000000000:a"}),
            "Parameter arn:aws:sqs:eu-west-1",
        ),
        (json!({"Id": "t", "Arn": arn("sqs x")}), "there is no queue called `x`"),
        (
            json!({"Id": "t", "Arn": arn("sqs b.fifo")}),
            "Parameter(s) SqsParameters must be specified for target: t.",
        ),
        (
            json!({"Id": "a b", "Arn": arn("sqs a")}),
            "1 validation error detected: Value 'a b' at 'targets.member.id'",
        ),
        (json!({"Id": "t", "Arn": arn("sqs a"), "EcsParameters": {}}), "unknown field `EcsParameters`"),
        (json!({"Id": "t", "Arn": arn("sqs a"), "RoleArn": "x"}), "unknown field `RoleArn`"),
        (
            json!({"Id": "t", "Arn": arn("sqs a"), "Input": "{}", "InputPath": "$"}),
            "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
        ),
        (json!({"Id": "t", "Arn": arn("sqs a"), "Input": "{"}), "the input of the target `t`: it is no JSON"),
        (template("\"<x>\""), "InputTemplate for target t contains invalid placeholder x."),
        (template("x"), "Invalid InputTransformer for target t: the template is no JSON"),
        (retry(json!({"MaximumRetryAttempts": 186})), "1 validation error detected: Value '186' at"),
        (retry(json!({"MaximumEventAgeInSeconds": 59})), "1 validation error detected: Value '59' at"),
        (
            json!({"Id": "t", "Arn": arn("sqs a"), "DeadLetterConfig": {"Arn": arn("sns t")}}),
            "Parameter arn:aws:sns:us-east-1:000000000000:t is not valid. Reason: It is the ARN of no queue.",
        ),
    ] {
        let request = json!({"Rule": "r", "Targets": [target]});
        refused(&events, "PutTargets", request, &format!("ValidationException: {expect}")).await;
    }
    let missing = "ResourceNotFoundException: Rule x does not exist on EventBus default.";
    for (action, request) in [
        ("PutTargets", json!({"Rule": "x", "Targets": [{"Id": "t", "Arn": arn("sqs a")}]})),
        ("RemoveTargets", json!({"Rule": "x", "Ids": ["t"]})),
        ("ListTargetsByRule", json!({"Rule": "x"})),
    ] {
        refused(&events, action, request, missing).await;
    }
}

#[tokio::test]
async fn patterns_can_be_tried() {
    let events = events().await;
    let check = async |pattern: &str, event: &str| {
        ask(&events, "TestEventPattern", json!({"EventPattern": pattern, "Event": event})).await
    };
    assert_eq!(check(r#"{"a":[1]}"#, r#"{"a":1}"#).await, Ok(json!({"Result": true})));
    assert_eq!(check(r#"{"a":[2]}"#, r#"{"a":1}"#).await, Ok(json!({"Result": false})));
    assert!(
        check("[]", "{}")
            .await
            .unwrap_err()
            .starts_with("InvalidEventPatternException: Event pattern is not")
    );
    assert!(
        check(r#"{"a":[2]}"#, "[]").await.unwrap_err().starts_with("ValidationException: Parameter Event")
    );
}

#[tokio::test]
async fn buses_and_rules_have_tags() {
    let events = with_rule().await;
    done(&events, "CreateEventBus", json!({"Name": "shop"})).await;
    let rule = json!({"Name": "r", "EventBusName": "shop", "EventPattern": r#"{"a":[1]}"#});
    done(&events, "PutRule", rule).await;
    for resource in
        ["events rule/r", "events rule/shop/r", "events event-bus/shop", "events event-bus/default"]
    {
        let resource = arn(resource);
        let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]);
        done(&events, "TagResource", json!({"ResourceARN": resource, "Tags": tags})).await;
        done(&events, "UntagResource", json!({"ResourceARN": resource, "TagKeys": ["a", "x"]})).await;
        let tags = done(&events, "ListTagsForResource", json!({ "ResourceARN": resource })).await;
        assert_eq!(tags, json!({"Tags": [{"Key": "b", "Value": ""}]}), "{resource}");
    }
    for resource in ["events rule/x", "events rule/x/r", "events event-bus/x", "sqs a"] {
        let request = json!({ "ResourceARN": arn(resource) });
        refused(&events, "ListTagsForResource", request, "ResourceNotFoundException: ").await;
    }
    let many: Vec<_> = (0..51).map(|i| json!({"Key": format!("k{i}"), "Value": ""})).collect();
    let request = json!({"ResourceARN": arn("events rule/r"), "Tags": many});
    refused(&events, "TagResource", request, "ValidationException: A resource can have at most 50 tags.")
        .await;
}

#[tokio::test]
async fn what_is_no_json_is_refused_as_such() {
    let events = events().await;
    refused(&events, "PutRule", json!("x"), "ValidationException: ").await;
    let error = super::read::<super::put::PutEvents>(&Call {
        head: Request::new(()).into_parts().0,
        resource: String::new(),
        body: Bytes::from_static(b"{"),
        action: "PutEvents",
        protocol: Protocol::Json11,
        id: RequestId::from_random(0),
    });
    assert!(matches!(error, Err(super::Error::Unreadable(_))));
}

#[tokio::test]
async fn a_rule_of_the_default_bus_may_have_a_schedule() {
    let events = events().await;
    let rule = json!({"Name": "r", "ScheduleExpression": "cron(0 12 * * ? *)", "State": "DISABLED"});
    done(&events, "PutRule", rule).await;
    let described = done(&events, "DescribeRule", json!({"Name": "r"})).await;
    assert_eq!(described["ScheduleExpression"], "cron(0 12 * * ? *)");
    assert!(described.get("EventPattern").is_none());
    assert!(!events.schedule("rule:r").await.unwrap().enabled);
    done(&events, "EnableRule", json!({"Name": "r"})).await;
    assert!(events.schedule("rule:r").await.unwrap().enabled);
    let target = json!({"Id": "q", "Arn": arn("sqs a")});
    done(&events, "PutTargets", json!({"Rule": "r", "Targets": [target]})).await;
    events.fire_schedule("rule:r").await.unwrap();
    let event: Value = serde_json::from_str(&received(&events, "a").await[0]).unwrap();
    assert_eq!((&event["detail-type"], &event["source"]), (&json!("Scheduled Event"), &json!("aws.events")));
    assert_eq!(event["resources"], json!([arn("events rule/r")]));
    assert_eq!(event["detail"], json!({}));
    // What it fires comes from the schedule alone.
    let entry = json!({"Source": "shop", "DetailType": "order", "Detail": "{}"});
    done(&events, "PutEvents", json!({"Entries": [entry]})).await;
    assert!(received(&events, "a").await.is_empty());
    done(&events, "RemoveTargets", json!({"Rule": "r", "Ids": ["q"]})).await;
    done(&events, "DeleteRule", json!({"Name": "r"})).await;
    assert!(events.schedules().await.unwrap().is_empty());
    done(&events, "CreateEventBus", json!({"Name": "other"})).await;
    let elsewhere = json!({"Name": "r", "EventBusName": "other", "ScheduleExpression": "rate(1 minute)"});
    let expect = "ValidationException: ScheduleExpression is supported only on the default event bus.";
    refused(&events, "PutRule", elsewhere, expect).await;
}
