//! Event buses.

use lambent_core::bus;
use lambent_engine::Events;
use lambent_engine::events::{self, Bus};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Error;
use super::members::{Tag, add_tags, bus_of, page};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

/// CreateEventBus.
pub(super) async fn create(events: &Events, request: Create) -> Result<Value, Error> {
    let Create { name, description, tags } = request;
    if name.contains('/') {
        return Err(Error::Validation("Event bus name must not contain '/'.".to_owned()));
    }
    let mut bus = Bus::new(bus_of(events.node(), Some(&name))?, events.now());
    add_tags(&mut bus.tags, tags)?;
    let mut reply = json!({ "EventBusArn": events.node().bus_arn(&bus.name) });
    if let Some(description) = described(description)? {
        reply["Description"] = description.clone().into();
        bus.description = description;
    }
    events.create_bus(bus).await?;
    Ok(reply)
}

/// DeleteEventBus. What is not there is deleted.
pub(super) async fn delete(events: &Events, request: Delete) -> Result<Value, Error> {
    if request.name == bus::DEFAULT {
        return Err(Error::Validation("Cannot delete event bus default.".to_owned()));
    }
    let name = bus_of(events.node(), Some(&request.name))?;
    match events.delete_bus(&name).await {
        Ok(()) | Err(events::Error::NoBus(_)) => Ok(Value::Null),
        Err(error) => Err(error.into()),
    }
}

/// DescribeEventBus.
pub(super) fn describe(events: &Events, request: Describe) -> Result<Value, Error> {
    let name = bus_of(events.node(), request.name.as_deref())?;
    Ok(document(events, &events.bus(&name)?))
}

/// ListEventBuses.
pub(super) fn list(events: &Events, request: List) -> Result<Value, Error> {
    let prefix = request.name_prefix.unwrap_or_default();
    let mut buses = events.buses();
    buses.retain(|bus| bus.name.as_str().starts_with(&prefix));
    let token = request.next_token.as_deref();
    let (buses, next) = page(buses, |bus| bus.name.as_str(), token, request.limit)?;
    let documents: Vec<_> = buses.iter().map(|bus| document(events, bus)).collect();
    Ok(with_token(json!({ "EventBuses": documents }), next))
}

/// The same with a token, where there is more.
pub(super) fn with_token(mut reply: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        reply["NextToken"] = next.into();
    }
    reply
}

/// A description that is not too long.
pub(super) fn described(text: Option<String>) -> Result<Option<String>, Error> {
    const DESCRIPTION_MAX: usize = 512;
    match text {
        Some(text) if text.chars().count() > DESCRIPTION_MAX => {
            let constraint = "Member must have length less than or equal to 512";
            Err(Error::constraint(&text, "description", constraint))
        }
        other => Ok(other.filter(|text| !text.is_empty())),
    }
}

fn document(events: &Events, bus: &Bus) -> Value {
    let mut document = json!({ "Name": bus.name.as_str(), "Arn": events.node().bus_arn(&bus.name) });
    if !bus.description.is_empty() {
        document["Description"] = bus.description.clone().into();
    }
    if let Some((created, modified)) = bus.times() {
        document["CreationTime"] = created.as_secs().into();
        document["LastModifiedTime"] = modified.as_secs().into();
    }
    document
}
