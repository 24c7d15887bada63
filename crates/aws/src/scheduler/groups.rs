//! Schedule groups.

use lambent_core::{RuleName, Timestamp};
use lambent_engine::Events;
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::name;
use super::{Error, page, read, seconds, with_token};
use crate::service::Call;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Create {
    /// Creating one that is there is refused, so nothing is made twice without it.
    #[serde(rename = "ClientToken")]
    _client_token: Option<String>,
}

/// CreateScheduleGroup.
pub(super) async fn create(events: &Events, call: &Call) -> Result<Value, Error> {
    let _: Create = read(call)?;
    let name = name(&call.resource)?;
    if events.schedule_group(name.as_str()).is_ok() {
        return Err(Error::Conflict(format!("Schedule group {name} already exists.")));
    }
    events.create_schedule_group(&name).await?;
    Ok(json!({ "ScheduleGroupArn": arn(events, &name) }))
}

/// GetScheduleGroup.
pub(super) fn get(events: &Events, call: &Call) -> Result<Value, Error> {
    let name = name(&call.resource)?;
    let created = events.schedule_group(name.as_str())?;
    Ok(document(events, &name, created))
}

/// DeleteScheduleGroup: its schedules go with it.
pub(super) async fn delete(events: &Events, call: &Call) -> Result<Value, Error> {
    events.delete_schedule_group(&name(&call.resource)?).await?;
    Ok(json!({}))
}

/// ListScheduleGroups.
pub(super) fn list(events: &Events, call: &Call) -> Result<Value, Error> {
    let prefix = call.query("NamePrefix").unwrap_or_default();
    let mut groups = events.schedule_groups();
    groups.retain(|(name, _)| name.as_str().starts_with(&prefix));
    let (groups, next) = page(groups, |(name, _)| name.to_string(), call)?;
    let groups: Vec<_> = groups.iter().map(|(name, created)| document(events, name, *created)).collect();
    Ok(with_token(json!({ "ScheduleGroups": groups }), next))
}

fn arn(events: &Events, name: &RuleName) -> String {
    let node = events.node();
    format!("arn:aws:scheduler:{}:{}:schedule-group/{name}", node.region, node.account)
}

fn document(events: &Events, name: &RuleName, created: Timestamp) -> Value {
    json!({
        "Arn": arn(events, name),
        "Name": name.as_str(),
        "State": "ACTIVE",
        "CreationDate": seconds(created),
        "LastModificationDate": seconds(created),
    })
}
