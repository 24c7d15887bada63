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

/// What an action answers for what its path names, with a query behind `?`; or its error as `CODE: message`.
async fn ask(events: &Events, name: &'static str, path: &str, request: Value) -> Result<Value, String> {
    let action = ACTIONS.iter().find(|action| action.name == name).unwrap();
    let Run::Events(run) = action.run else { panic!("{name} does not run over the events") };
    let (resource, query) = path.split_once('?').unwrap_or((path, ""));
    let call = Call {
        head: Request::get(format!("/?{query}")).body(()).unwrap().into_parts().0,
        resource: resource.to_owned(),
        body: if request.is_null() { Bytes::new() } else { Bytes::from(request.to_string()) },
        action: name,
        protocol: Protocol::RestJson,
        id: RequestId::from_random(0),
    };
    let response =
        run(events, call).await.map_err(|refusal| format!("{}: {}", refusal.code, refusal.message))?;
    let body = crate::body::read(response.into_body(), 1 << 20).await.unwrap();
    Ok(serde_json::from_slice(&body).unwrap())
}

async fn done(events: &Events, name: &'static str, path: &str, request: Value) -> Value {
    ask(events, name, path, request).await.unwrap()
}

fn arn(rest: &str) -> String {
    let (service, resource) = rest.split_once(' ').unwrap();
    format!("arn:aws:{service}:us-east-1:000000000000:{resource}")
}

fn schedule(expression: &str, target: &str) -> Value {
    json!({
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": arn(target), "RoleArn": "arn:aws:iam::000000000000:role/r"},
    })
}

#[tokio::test]
async fn a_schedule_is_made_shown_changed_and_deleted() {
    let events = events().await;
    let mut request = schedule("cron(0 3 * * ? *)", "lambda function:f");
    request["ScheduleExpressionTimezone"] = "Europe/Berlin".into();
    request["FlexibleTimeWindow"] = json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5});
    request["ClientToken"] = "t".into();
    let made = done(&events, "CreateSchedule", "s", request.clone()).await;
    assert_eq!(made["ScheduleArn"], arn("scheduler schedule/default/s"));
    assert_eq!(done(&events, "CreateSchedule", "s", request.clone()).await, made, "the same again");
    request["ClientToken"] = "other".into();
    let again = ask(&events, "CreateSchedule", "s", request).await.unwrap_err();
    assert_eq!(again, "ConflictException: Schedule s already exists.");
    let shown = done(&events, "GetSchedule", "s", Value::Null).await;
    assert_eq!(shown["Arn"], made["ScheduleArn"]);
    assert_eq!(shown["ScheduleExpressionTimezone"], "Europe/Berlin");
    assert_eq!(shown["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 185);
    assert_eq!((&shown["State"], &shown["GroupName"]), (&json!("ENABLED"), &json!("default")));
    assert_eq!(shown["CreationDate"], 1_770_112_800.0);
    assert!(shown.get("ClientToken").is_none());

    let mut changed = schedule("rate(5 minutes)", "lambda function:f");
    changed["State"] = "DISABLED".into();
    done(&events, "UpdateSchedule", "s", changed).await;
    let shown = done(&events, "GetSchedule", "s", Value::Null).await;
    assert_eq!((&shown["State"], &shown["ScheduleExpressionTimezone"]), (&json!("DISABLED"), &json!("UTC")));
    let listed = done(&events, "ListSchedules", "?State=DISABLED&NamePrefix=s", Value::Null).await;
    assert_eq!(listed["Schedules"][0]["Name"], "s");
    done(&events, "DeleteSchedule", "s", Value::Null).await;
    for action in ["GetSchedule", "DeleteSchedule"] {
        let gone = ask(&events, action, "s", Value::Null).await.unwrap_err();
        assert_eq!(gone, "ResourceNotFoundException: Schedule s does not exist.");
    }
}

#[tokio::test]
async fn a_target_gets_its_input_with_what_is_filled_in() {
    let events = events().await;
    let mut request = schedule("rate(1 hour)", "sqs a");
    request["Target"]["Input"] = "at <aws.scheduler.scheduled-time> of <aws.scheduler.schedule-arn>".into();
    done(&events, "CreateSchedule", "s", request).await;
    let next = events.schedule("default/s").await.unwrap().next.unwrap().nominal;
    assert_eq!(next, events.now(), "a rate without a start begins at once");
    events.fire_schedule("default/s").await.unwrap();
    let queue = events.queue("a").unwrap();
    let receive = Receive { max: 10, max_bytes: 1 << 20, wait: None, visibility: None, attempt: None };
    let batch = events.receive(&queue, receive).await.unwrap();
    let expect = format!("at 2026-02-03T10:00:00Z of {}", arn("scheduler schedule/default/s"));
    assert_eq!(batch.messages[0].message.body, expect);
}

#[tokio::test]
async fn groups_hold_schedules_and_take_them_along() {
    let events = events().await;
    let made = done(&events, "CreateScheduleGroup", "g", json!({})).await;
    assert_eq!(made["ScheduleGroupArn"], arn("scheduler schedule-group/g"));
    let twice = ask(&events, "CreateScheduleGroup", "g", json!({})).await.unwrap_err();
    assert!(twice.starts_with("ConflictException"), "{twice}");
    let mut request = schedule("rate(1 hour)", "sqs a");
    request["GroupName"] = "g".into();
    done(&events, "CreateSchedule", "s", request.clone()).await;
    done(&events, "CreateSchedule", "t", request.clone()).await;
    assert_eq!(done(&events, "GetSchedule", "s?groupName=g", Value::Null).await["GroupName"], "g");
    assert!(ask(&events, "GetSchedule", "s", Value::Null).await.is_err());
    let first = done(&events, "ListSchedules", "?ScheduleGroup=g&MaxResults=1", Value::Null).await;
    let token = first["NextToken"].as_str().unwrap();
    let path = format!("?ScheduleGroup=g&MaxResults=1&NextToken={token}");
    let second = done(&events, "ListSchedules", &path, Value::Null).await;
    assert_eq!((&second["Schedules"][0]["Name"], second.get("NextToken")), (&json!("t"), None));
    let groups = done(&events, "ListScheduleGroups", "", Value::Null).await;
    assert_eq!(groups["ScheduleGroups"].as_array().unwrap().len(), 2);
    done(&events, "DeleteScheduleGroup", "g", Value::Null).await;
    assert!(events.schedules().await.unwrap().is_empty());
    let gone = ask(&events, "CreateSchedule", "s", request).await.unwrap_err();
    assert_eq!(gone, "ResourceNotFoundException: Schedule group g does not exist.");
    assert!(ask(&events, "DeleteScheduleGroup", "default", Value::Null).await.is_err());
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let events = events().await;
    let with = |member: &str, value: Value| {
        let mut request = schedule("rate(5 minutes)", "lambda function:f");
        request[member] = value;
        request
    };
    let target = |member: &str, value: Value| {
        let mut request = schedule("rate(5 minutes)", "lambda function:f");
        request["Target"][member] = value;
        request
    };
    for (request, expect) in [
        (schedule("rate(5 minute)", "lambda function:f"), "Invalid Schedule Expression rate(5 minute)."),
        (schedule("rate(5 seconds)", "lambda function:f"), "Invalid Schedule Expression"),
        (schedule("at(2027-01-01T00:00:00Z)", "lambda function:f"), "Invalid Schedule Expression"),
        (schedule("rate( 5 minutes )", "lambda function:f"), "Invalid Schedule Expression"),
        (with("ScheduleExpressionTimezone", json!("Mars/Base")), "Invalid Timezone Mars/Base."),
        (with("FlexibleTimeWindow", json!({"Mode": "FLEXIBLE"})), "A flexible time window has"),
        (with("State", json!("ON")), "State is ENABLED or DISABLED"),
        (with("KmsKeyArn", json!("k")), "Lambent has no encryption keys"),
        (with("Unknown", json!(1)), "unknown field `Unknown`"),
        (target("Input", json!("{a")), "The Input of a Lambda function must be well-formed JSON."),
        (target("Arn", json!("arn:aws:scheduler:::aws-sdk:sqs:sendMessage")), "Lambent fires schedules to"),
        (target("Arn", json!(arn("sqs b.fifo"))), "SqsParameters.MessageGroupId is needed"),
        (target("RetryPolicy", json!({"MaximumEventAgeInSeconds": 5})), "MaximumEventAgeInSeconds is 60"),
        (target("DeadLetterConfig", json!({"Arn": "x"})), "The dead-letter queue x"),
    ] {
        let error = ask(&events, "CreateSchedule", "s", request).await.unwrap_err();
        assert!(error.starts_with(&format!("ValidationException: {expect}")), "{error}");
    }
    let error =
        ask(&events, "CreateSchedule", "a b", schedule("rate(5 minutes)", "sqs a")).await.unwrap_err();
    assert!(error.starts_with("ValidationException: 1 validation error"), "{error}");
}
