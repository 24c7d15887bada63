//! Rules, and the patterns in them.

use lambent_core::bus::Rule;
use lambent_core::pattern::Pattern;
use lambent_core::{BusName, RuleName, Schedule, Timestamp, When, bus};
use lambent_engine::Events;
use lambent_engine::events::{self, RuleSpec};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Error;
use super::buses::{described, with_token};
use super::members::{Tag, add_tags, bus_of, page, rule_name};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    name: String,
    event_bus_name: Option<String>,
    event_pattern: Option<String>,
    schedule_expression: Option<String>,
    state: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Named {
    name: String,
    event_bus_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    name: String,
    event_bus_name: Option<String>,
    /// For rules that AWS services made; there are none.
    #[serde(default, rename = "Force")]
    _force: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    name_prefix: Option<String>,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Test {
    event_pattern: String,
    event: String,
}

impl Named {
    fn read(&self, events: &Events) -> Result<(BusName, RuleName), Error> {
        Ok((bus_of(events.node(), self.event_bus_name.as_deref())?, rule_name(&self.name, "name")?))
    }
}

/// PutRule.
pub(super) async fn put(events: &Events, request: Put) -> Result<Value, Error> {
    let Put { name, event_bus_name, event_pattern, schedule_expression, state, description, tags } = request;
    let (bus, name) = Named { name, event_bus_name }.read(events)?;
    let schedule = schedule_expression.filter(|expression| !expression.is_empty());
    if let Some(expression) = &schedule {
        check_schedule(&bus, expression)?;
    }
    let pattern = event_pattern.unwrap_or_default();
    if pattern.is_empty() && schedule.is_none() {
        let message = "Parameter(s) EventPattern or ScheduleExpression must be specified.";
        return Err(Error::Validation(message.to_owned()));
    }
    if !pattern.is_empty() {
        Pattern::parse(&pattern).map_err(|error| Error::Pattern(error.to_string()))?;
    }
    let enabled = match state.as_deref() {
        None | Some("ENABLED") => true,
        Some("DISABLED") => false,
        Some(other) => {
            let constraint = "Member must satisfy enum value set: [ENABLED, DISABLED]";
            return Err(Error::constraint(other, "state", constraint));
        }
    };
    let mut spec = RuleSpec {
        bus,
        name,
        pattern,
        schedule,
        enabled,
        description: described(description)?.unwrap_or_default(),
        tags: Default::default(),
    };
    add_tags(&mut spec.tags, tags)?;
    let arn = events.node().rule_arn(&spec.bus, &spec.name);
    events.put_rule(spec).await?;
    Ok(json!({ "RuleArn": arn }))
}

/// Whether a rule can have this schedule (semantics.md 5.2).
fn check_schedule(bus: &BusName, expression: &str) -> Result<(), Error> {
    if bus.as_str() != bus::DEFAULT {
        let message = "ScheduleExpression is supported only on the default event bus.";
        return Err(Error::Validation(message.to_owned()));
    }
    let invalid = |why: &str| Error::Validation(format!("Parameter ScheduleExpression is not valid.{why}"));
    if expression.starts_with("at(") {
        return Err(invalid(" A rule has no at(...): use EventBridge Scheduler."));
    }
    let when = When::Expression(expression.to_owned());
    Schedule::new(&when, "UTC", Timestamp::default()).map(drop).map_err(|error| invalid(&format!(" {error}")))
}

/// DeleteRule. What is not there is deleted.
pub(super) async fn delete(events: &Events, request: Delete) -> Result<Value, Error> {
    let Delete { name, event_bus_name, .. } = request;
    let (bus, name) = Named { name, event_bus_name }.read(events)?;
    if events.rule(&bus, &name).is_ok_and(|rule| !rule.targets.is_empty()) {
        return Err(Error::Validation("Rule can't be deleted since it has targets.".to_owned()));
    }
    match events.delete_rule(&bus, &name).await {
        Ok(()) | Err(events::Error::NoRule { .. }) => Ok(Value::Null),
        Err(error) => Err(error.into()),
    }
}

/// EnableRule and DisableRule.
pub(super) async fn switch(events: &Events, request: Named, enabled: bool) -> Result<Value, Error> {
    let (bus, name) = request.read(events)?;
    let done =
        if enabled { events.enable_rule(&bus, &name).await } else { events.disable_rule(&bus, &name).await };
    done.map(|()| Value::Null).map_err(Error::from)
}

/// DescribeRule.
pub(super) fn describe(events: &Events, request: Named) -> Result<Value, Error> {
    let (bus, name) = request.read(events)?;
    let mut document = document(events, &events.rule(&bus, &name)?);
    document["CreatedBy"] = events.node().account.clone().into();
    Ok(document)
}

/// ListRules.
pub(super) fn list(events: &Events, request: List) -> Result<Value, Error> {
    let bus = bus_of(events.node(), request.event_bus_name.as_deref())?;
    let prefix = request.name_prefix.unwrap_or_default();
    let mut rules = events.rules(&bus)?;
    rules.retain(|rule| rule.name.as_str().starts_with(&prefix));
    let token = request.next_token.as_deref();
    let (rules, next) = page(rules, |rule| rule.name.as_str(), token, request.limit)?;
    let documents: Vec<_> = rules.iter().map(|rule| document(events, rule)).collect();
    Ok(with_token(json!({ "Rules": documents }), next))
}

/// TestEventPattern.
pub(super) fn test(request: Test) -> Result<Value, Error> {
    let pattern =
        Pattern::parse(&request.event_pattern).map_err(|error| Error::Pattern(error.to_string()))?;
    match serde_json::from_str::<Value>(&request.event) {
        Ok(event) if event.is_object() => Ok(json!({ "Result": pattern.matches(&event) })),
        _ => Err(Error::Validation("Parameter Event is not valid. Reason: It is no JSON object.".to_owned())),
    }
}

fn document(events: &Events, rule: &Rule) -> Value {
    let mut document = json!({
        "Name": rule.name.as_str(),
        "Arn": events.node().rule_arn(&rule.bus, &rule.name),
        "State": if rule.enabled { "ENABLED" } else { "DISABLED" },
        "EventBusName": rule.bus.as_str(),
    });
    if !rule.pattern.is_empty() {
        document["EventPattern"] = rule.pattern.clone().into();
    }
    if let Some(schedule) = &rule.schedule {
        document["ScheduleExpression"] = schedule.clone().into();
    }
    if !rule.description.is_empty() {
        document["Description"] = rule.description.clone().into();
    }
    document
}
