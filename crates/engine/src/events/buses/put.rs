//! Putting events on a bus.

use std::sync::Arc;

use bytes::Bytes;
use lambent_core::bus::{self, RuleTarget};
use lambent_core::json::push_string;
use lambent_core::transform::Context;
use lambent_core::{Attribute, Attributes, BusName, RequestId, RuleName, Target, Timestamp, limits};
use serde_json::{Map, Value};

use super::check::address_key;
use super::live::{Compiled, Live, Ready};
use super::{Events, Result};
use crate::events::messages::sha256;
use crate::events::topics::Publication;
use crate::events::{Error, Fanout, Parcel};

/// An event that is to be put on a bus.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The bus.
    pub bus: BusName,
    /// Who sends it.
    pub source: String,
    /// What kind of event it is.
    pub detail_type: String,
    /// What it says.
    pub detail: Detail,
    /// What it is about, as ARNs.
    pub resources: Vec<String>,
    /// When it happened; now without it.
    pub time: Option<Timestamp>,
    /// The trace that it is part of.
    pub trace: Option<String>,
}

/// What an event says: a JSON object. Targets get its text as it came.
#[derive(Clone, Debug)]
pub struct Detail {
    text: String,
    value: Map<String, Value>,
}

impl Detail {
    /// Reads an object.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: String) -> Result<Self> {
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Self { text, value }),
            Err(error) => Err(Error::Invalid(format!("the detail is no JSON object: {error}"))),
        }
    }
}

impl NewEvent {
    /// Its bytes as EventBridge counts them (user guide, "Calculating PutEvents event entry size").
    pub fn size(&self) -> usize {
        let resources: usize = self.resources.iter().map(String::len).sum();
        let time = if self.time.is_some() { 14 } else { 0 };
        time + self.source.len() + self.detail_type.len() + self.detail.text.len() + resources
    }
}

/// An event on its way through buses.
#[derive(Debug)]
struct Passing<'a> {
    value: &'a Value,
    text: Bytes,
    /// When it came in.
    ingested: String,
}

/// Why a target cannot take what it would get, as dead letters tell it.
const INVALID: &str = "INVALID_PARAMETER";
const TOO_LARGE: &str = "the target takes no input of this size";

impl Passing<'_> {
    /// What a target gets. `None` when that is too large for any.
    fn input(&self, rule: &Compiled, input: &Ready) -> Option<Bytes> {
        match input {
            Ready::Event => Some(self.text.clone()),
            Ready::Constant(text) => Some(text.clone()),
            Ready::Path(path) => {
                let value = path.find(self.value);
                Some(value.map_or(Bytes::from_static(b"null"), |value| value.to_string().into()))
            }
            Ready::Template(template) => {
                let rule_name = rule.rule.name.as_str();
                let context = Context { rule_arn: &rule.arn, rule_name, ingestion_time: &self.ingested };
                template.render(self.value, context, limits::MESSAGE_MAX).map(Bytes::from)
            }
        }
    }
}

impl Events {
    /// Puts events on their buses: when this returns, a message for each target is on disk. Each event has a result
    /// of its own.
    ///
    /// # Errors
    /// When they are too large together, or when the store could not take them: none is taken then.
    pub async fn put_events(&self, events: Vec<NewEvent>) -> Result<Vec<Result<RequestId>>> {
        let size: usize = events.iter().map(NewEvent::size).sum();
        if size > limits::EVENTS_MAX {
            let max = limits::EVENTS_MAX;
            return Err(Error::Invalid(format!(
                "the events have {size} bytes together, and {max} are allowed"
            )));
        }
        let mut fanout = Fanout::new(self.now(), None);
        let mut results = Vec::with_capacity(events.len());
        for event in events {
            let bus = match self.existing(&event.bus) {
                Ok(bus) => bus,
                Err(error) => {
                    results.push(Err(error));
                    continue;
                }
            };
            let id = RequestId::from_random(fastrand::u128(..));
            fanout.begin_another(event.trace.clone());
            let (value, text) = self.envelope(event, id, fanout.now);
            let event = Passing { value: &value, text: Bytes::from(text), ingested: seconds(fanout.now) };
            self.pass_on(&mut fanout, bus, &event).await?;
            results.push(Ok(id));
        }
        self.commit_fanout(fanout).await?;
        Ok(results)
    }

    /// Adds what an event becomes on a bus. `event` is the whole of it, as targets get it.
    ///
    /// # Errors
    /// When there is no such bus, or not even a queue of dead letters can be made.
    pub(crate) async fn put_into(&self, fanout: &mut Fanout, bus: &BusName, event: &Value) -> Result<()> {
        let bus = self.existing(bus)?;
        let (text, ingested) = (Bytes::from(event.to_string()), seconds(fanout.now));
        self.pass_on(fanout, bus, &Passing { value: event, text, ingested }).await
    }

    /// Adds what the targets of a rule get of an event that comes from its schedule. A rule that is gone has none.
    ///
    /// # Errors
    /// When not even a queue of dead letters can be made.
    pub(crate) async fn put_through_rule(
        &self,
        fanout: &mut Fanout,
        rule: &RuleName,
        event: &Value,
    ) -> Result<()> {
        let bus = self.existing(&BusName::parse(bus::DEFAULT).expect("letters are a name"))?;
        let Some(rule) = bus.rules.get(rule) else { return Ok(()) };
        let (text, ingested) = (Bytes::from(event.to_string()), seconds(fanout.now));
        let event = Passing { value: event, text, ingested };
        for (target, input) in rule.targets() {
            match (&target.target, event.input(rule, input)) {
                (Target::Bus(next), _) if self.live(next).is_some() => {
                    self.put_into(fanout, next, event.value).await?;
                }
                (_, Some(body)) => {
                    let parcel = Parcel { body, ..self.parcel(rule, target, &event) };
                    self.send_to(fanout, rule, target, parcel).await?;
                }
                (_, None) => {
                    let parcel = self.parcel(rule, target, &event);
                    self.undeliverable(fanout, parcel, INVALID, TOO_LARGE).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes an event through a bus, and through every bus that rules send it on to.
    async fn pass_on(&self, fanout: &mut Fanout, bus: Arc<Live>, event: &Passing<'_>) -> Result<()> {
        let mut open = vec![bus];
        while let Some(bus) = open.pop() {
            if !fanout.visits(Target::Bus(bus.bus.name.clone())) {
                continue;
            }
            for rule in bus.takers(event.value) {
                for (target, input) in rule.targets() {
                    if let Target::Bus(next) = &target.target
                        && let Some(next) = self.live(next)
                    {
                        open.push(next);
                        continue;
                    }
                    let parcel = self.parcel(rule, target, event);
                    match event.input(rule, input) {
                        Some(body) => self.send_to(fanout, rule, target, Parcel { body, ..parcel }).await?,
                        None => self.undeliverable(fanout, parcel, INVALID, TOO_LARGE).await?,
                    }
                }
            }
        }
        Ok(())
    }

    /// The event on its way to a target.
    fn parcel(&self, rule: &Compiled, target: &RuleTarget, event: &Passing<'_>) -> Parcel {
        // Neither a constant input nor two rules make two events one.
        let dedup = target.group.as_ref().map(|_| {
            let id = event.value.get("id").and_then(Value::as_str).unwrap_or_default();
            sha256(format!("{id} {} {}", rule.arn, target.id).as_bytes())
        });
        let dead_attributes = Attributes::from([
            ("RULE_ARN".to_owned(), Attribute::text(&*rule.arn)),
            ("TARGET_ARN".to_owned(), Attribute::text(self.node().target_arn(&target.target))),
        ]);
        Parcel {
            body: event.text.clone(),
            attributes: Attributes::new(),
            group: target.group.clone(),
            dedup,
            dead_letter: target.dead_letter.clone(),
            dead_attributes,
            owner: format!("rule:{}/{}", rule.rule.bus, rule.rule.name),
        }
    }

    async fn send_to(
        &self,
        fanout: &mut Fanout,
        rule: &Compiled,
        target: &RuleTarget,
        parcel: Parcel,
    ) -> Result<()> {
        match &target.target {
            Target::Function(name) => self.deliver(fanout, &format!("function:{name}"), parcel).await,
            Target::Queue(name) => {
                let most = self.queue(name.as_str()).map_or(usize::MAX, |queue| queue.spec().message_max);
                if parcel.body.len() > most {
                    return self.undeliverable(fanout, parcel, INVALID, TOO_LARGE).await;
                }
                self.deliver(fanout, &format!("queue:{name}"), parcel).await
            }
            Target::Http(_) => self.deliver(fanout, &address_key(&rule.rule, &target.id), parcel).await,
            Target::Topic(name) => {
                let message = String::from_utf8_lossy(&parcel.body).into_owned();
                let (group, dedup) = (parcel.group.clone(), parcel.dedup.clone().filter(|_| name.is_fifo()));
                let publication = Publication { message, group, dedup, ..Publication::default() };
                match self.publish_into(fanout, name, publication).await {
                    Ok(_) => Ok(()),
                    Err(error @ Error::Store(_)) => Err(error),
                    Err(error) => {
                        let code = if matches!(error, Error::NoTopic(_)) { "NO_RESOURCE" } else { INVALID };
                        self.undeliverable(fanout, parcel, code, &error.to_string()).await
                    }
                }
            }
            Target::Bus(name) => {
                let why = Error::NoBus(name.to_string()).to_string();
                self.undeliverable(fanout, parcel, "NO_RESOURCE", &why).await
            }
        }
    }

    /// The whole event: to match, and as its targets get it (semantics.md 5.2).
    fn envelope(&self, event: NewEvent, id: RequestId, now: Timestamp) -> (Value, String) {
        let NewEvent { source, detail_type, detail, resources, time, .. } = event;
        let time = seconds(time.unwrap_or(now));
        let node = self.node();
        let mut text = String::with_capacity(detail.text.len() + 400);
        let texts = [
            ("{\"version\":", "0"),
            (",\"id\":", id.as_str()),
            (",\"detail-type\":", &detail_type),
            (",\"source\":", &source),
            (",\"account\":", &node.account),
            (",\"time\":", &time),
            (",\"region\":", &node.region),
        ];
        for (key, value) in texts {
            text.push_str(key);
            push_string(&mut text, value);
        }
        text.push_str(",\"resources\":");
        let resources = Value::from(resources);
        text.push_str(&resources.to_string());
        text.push_str(",\"detail\":");
        text.push_str(&detail.text);
        text.push('}');
        let value = serde_json::json!({
            "version": "0",
            "id": id.as_str(),
            "detail-type": detail_type,
            "source": source,
            "account": node.account,
            "time": time,
            "region": node.region,
            "resources": resources,
            "detail": detail.value,
        });
        (value, text)
    }
}

/// `2026-02-03T10:00:00Z`, as EventBridge writes times.
pub(crate) fn seconds(at: Timestamp) -> String {
    let text = at.iso8601();
    format!("{}Z", text.split('.').next().unwrap_or(&text))
}
