//! Tags of buses and rules.

use std::collections::BTreeMap;

use lambent_core::{Arn, BusName, NodeIdentity, RuleName, bus};
use lambent_engine::Events;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Error;
use super::members::{Tag, add_tags};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    #[serde(rename = "ResourceARN")]
    resource: String,
    #[serde(rename = "Tags")]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    #[serde(rename = "ResourceARN")]
    resource: String,
    #[serde(rename = "TagKeys")]
    keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    #[serde(rename = "ResourceARN")]
    resource: String,
}

/// What has tags.
enum Tagged {
    Bus(BusName),
    Rule(BusName, RuleName),
}

impl Tagged {
    /// Reads the ARN of a bus or of a rule.
    fn of(node: &NodeIdentity, text: &str) -> Result<Self, Error> {
        let unknown = || Error::NotFound(format!("There is no event bus and no rule {text}."));
        let arn = Arn::parse(text).filter(|arn| arn.service == "events").ok_or_else(unknown)?;
        let (found, its) = match arn.resource.strip_prefix("rule/") {
            Some(rule) => {
                let (bus, rule) = rule.rsplit_once('/').unwrap_or((bus::DEFAULT, rule));
                let bus = BusName::parse(bus).map_err(|_| unknown())?;
                let rule = RuleName::parse(rule).map_err(|_| unknown())?;
                let its = node.rule_arn(&bus, &rule);
                (Self::Rule(bus, rule), its)
            }
            None => {
                let bus = arn.bus().ok_or_else(unknown)?;
                let its = node.bus_arn(&bus);
                (Self::Bus(bus), its)
            }
        };
        if its == text { Ok(found) } else { Err(unknown()) }
    }

    fn tags(&self, events: &Events) -> Result<BTreeMap<String, String>, Error> {
        Ok(match self {
            Self::Bus(bus) => events.bus(bus)?.tags,
            Self::Rule(bus, rule) => events.rule(bus, rule)?.tags,
        })
    }

    async fn set(&self, events: &Events, tags: BTreeMap<String, String>) -> Result<Value, Error> {
        match self {
            Self::Bus(name) => events.change_bus(name, |bus| bus.tags = tags).await?,
            Self::Rule(bus, name) => events.change_rule(bus, name, |rule| rule.tags = tags).await?,
        }
        Ok(json!({}))
    }
}

/// TagResource.
pub(super) async fn tag(events: &Events, request: Add) -> Result<Value, Error> {
    let tagged = Tagged::of(events.node(), &request.resource)?;
    let mut tags = tagged.tags(events)?;
    add_tags(&mut tags, request.tags)?;
    tagged.set(events, tags).await
}

/// UntagResource.
pub(super) async fn untag(events: &Events, request: Remove) -> Result<Value, Error> {
    let tagged = Tagged::of(events.node(), &request.resource)?;
    let mut tags = tagged.tags(events)?;
    tags.retain(|key, _| !request.keys.contains(key));
    tagged.set(events, tags).await
}

/// ListTagsForResource.
pub(super) fn list(events: &Events, request: List) -> Result<Value, Error> {
    let tags = Tagged::of(events.node(), &request.resource)?.tags(events)?;
    let tags: Vec<_> = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    Ok(json!({ "Tags": tags }))
}
