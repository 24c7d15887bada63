//! Schedules.

use lambent_core::RuleName;
use lambent_core::schedule::Owner;
use lambent_engine::Events;
use lambent_engine::events::{self, Scheduled};
use serde_json::{Value, json};

use super::request::{Request, name};
use super::{Error, page, read, seconds, with_token};
use crate::service::Call;

/// CreateSchedule. The same request again, by its token, is answered as the first was.
pub(super) async fn create(events: &Events, call: &Call) -> Result<Value, Error> {
    let request: Request = read(call)?;
    let (group, name) = names(events, call, request.group_name.as_deref())?;
    let spec = request.spec(events.node(), &group, &name)?;
    let arn = events.schedule_arn(&spec);
    if let Ok(known) = events.schedule(&spec.name).await {
        let before = shown(&known);
        let token = request.client_token.as_deref().filter(|token| !token.is_empty());
        if token.is_none() || before["ClientToken"].as_str() != token {
            return Err(Error::Conflict(format!("Schedule {name} already exists.")));
        }
        return Ok(json!({ "ScheduleArn": arn }));
    }
    events.put_schedule(spec, request.enabled()?).await?;
    Ok(json!({ "ScheduleArn": arn }))
}

/// UpdateSchedule: what is not said is as if it was never said.
pub(super) async fn update(events: &Events, call: &Call) -> Result<Value, Error> {
    let request: Request = read(call)?;
    let (group, name) = names(events, call, request.group_name.as_deref())?;
    let spec = request.spec(events.node(), &group, &name)?;
    events.schedule(&spec.name).await?;
    let arn = events.schedule_arn(&spec);
    events.put_schedule(spec, request.enabled()?).await?;
    Ok(json!({ "ScheduleArn": arn }))
}

/// GetSchedule.
pub(super) async fn get(events: &Events, call: &Call) -> Result<Value, Error> {
    let known = asked(events, call).await?;
    let mut document = shown(&known);
    if let Some(members) = document.as_object_mut() {
        members.remove("ClientToken");
    }
    let (group, name) = known.spec.name.split_once('/').unwrap_or(("default", &known.spec.name));
    document["Name"] = name.into();
    document["GroupName"] = group.into();
    document["Arn"] = events.schedule_arn(&known.spec).into();
    document["State"] = state(&known).into();
    document["CreationDate"] = seconds(known.created);
    document["LastModificationDate"] = seconds(known.modified);
    for (member, usual) in [("ScheduleExpressionTimezone", "UTC"), ("ActionAfterCompletion", "NONE")] {
        if document[member].is_null() {
            document[member] = usual.into();
        }
    }
    if document["Target"]["RetryPolicy"].is_null() {
        document["Target"]["RetryPolicy"] =
            json!({ "MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185 });
    }
    Ok(document)
}

/// DeleteSchedule.
pub(super) async fn delete(events: &Events, call: &Call) -> Result<Value, Error> {
    let known = asked(events, call).await?;
    events.delete_schedule(&known.spec.name).await?;
    Ok(json!({}))
}

/// ListSchedules.
pub(super) async fn list(events: &Events, call: &Call) -> Result<Value, Error> {
    let group = call.query("ScheduleGroup");
    let prefix = call.query("NamePrefix").unwrap_or_default();
    let wanted = call.query("State");
    let fits = |scheduled: &Scheduled| {
        let Some((its, name)) = scheduled.spec.name.split_once('/') else { return false };
        scheduled.spec.owner == Owner::Client
            && group.as_deref().is_none_or(|group| group == its)
            && name.starts_with(&prefix)
            && wanted.as_deref().is_none_or(|wanted| wanted == state(scheduled))
    };
    let mut all = events.schedules().await?;
    all.retain(fits);
    let (all, next) = page(all, |scheduled| scheduled.spec.name.clone(), call)?;
    let summary = |scheduled: &Scheduled| {
        let (group, name) = scheduled.spec.name.split_once('/').unwrap_or_default();
        json!({
            "Arn": events.schedule_arn(&scheduled.spec),
            "Name": name,
            "GroupName": group,
            "State": state(scheduled),
            "CreationDate": seconds(scheduled.created),
            "LastModificationDate": seconds(scheduled.modified),
            "Target": { "Arn": shown(scheduled)["Target"]["Arn"] },
        })
    };
    let summaries: Vec<_> = all.iter().map(summary).collect();
    Ok(with_token(json!({ "Schedules": summaries }), next))
}

/// The group and the name that a request is about.
fn names(events: &Events, call: &Call, group: Option<&str>) -> Result<(RuleName, RuleName), Error> {
    let group = name(group.unwrap_or("default"))?;
    events.schedule_group(group.as_str())?;
    Ok((group, name(&call.resource)?))
}

/// The schedule that a request without a body is about.
async fn asked(events: &Events, call: &Call) -> Result<Scheduled, Error> {
    let (group, name) = names(events, call, call.query("groupName").as_deref())?;
    let known = events.schedule(&format!("{group}/{name}")).await?;
    match known.spec.owner {
        Owner::Client => Ok(known),
        Owner::Manifest | Owner::Rule => Err(events::Error::NoSchedule(name.to_string()).into()),
    }
}

/// What a client said about it.
fn shown(scheduled: &Scheduled) -> Value {
    let text = scheduled.spec.client.as_deref().unwrap_or("{}");
    serde_json::from_str(text).unwrap_or_else(|_| json!({}))
}

fn state(scheduled: &Scheduled) -> &'static str {
    if scheduled.enabled { "ENABLED" } else { "DISABLED" }
}
