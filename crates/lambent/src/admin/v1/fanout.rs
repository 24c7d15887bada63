//! Topics and buses: who listens, and telling them.

use http::StatusCode;
use hyper::body::Incoming;
use lambent_core::{BusName, TopicName};
use lambent_engine::Events;
use lambent_engine::events::{Detail, NewEvent, Publication};

use super::super::asked::read_json;
use super::super::refusal::Refusal;
use super::super::reply::json;
use super::super::view;
use super::Answer;
use super::messages::Checked;

/// Longest source and type of an event, in characters.
const EVENT_WORD_MAX: usize = 256;

/// `GET /v1/topics`
pub(super) fn topics(events: &Events) -> Answer {
    let subscription = |s: &lambent_core::topic::Subscription| view::Subscription {
        id: s.id.clone(),
        to: s.target.to_string(),
        filter: s.filter.as_ref().map(|filter| filter.policy.clone()),
        raw: s.raw,
        dead_letter: s.dead_letter.as_ref().map(ToString::to_string),
        confirmed: s.unconfirmed.is_none(),
    };
    let topics = events.topics();
    let topics = topics.iter().map(|topic| view::Topic {
        name: topic.name.to_string(),
        subscriptions: topic.subscriptions().map(subscription).collect(),
    });
    Ok(json(StatusCode::OK, &view::Topics { topics: topics.collect() }))
}

/// `POST /v1/topics/NAME/messages`
pub(super) async fn publish(events: &Events, name: &str, body: Incoming) -> Answer {
    let known = || events.topics().iter().map(|topic| topic.name.to_string()).collect::<Vec<_>>();
    let unknown = || Refusal::unknown("topic", name, &known());
    let topic = TopicName::parse(name).map_err(|_| unknown())?;
    events.topic(&topic).map_err(|_| unknown())?;
    let message: view::NewMessage = read_json(body).await?;
    if message.delay_ms.is_some() {
        return Err(Refusal::bad(
            "what is published to a topic cannot be delayed; a queue can have a `delay`",
        ));
    }
    let message = Checked::new(message, &topic, topic.is_fifo())?;
    let publication = Publication {
        message: message.body,
        attributes: message.attributes,
        group: message.group,
        dedup: message.dedup,
        ..Publication::default()
    };
    let published = events.publish(&topic, vec![publication]).await?.pop();
    let published = published.ok_or_else(|| Refusal::conflict("nothing was published"))??;
    Ok(json(StatusCode::CREATED, &view::Accepted { id: published.id.to_string() }))
}

/// `GET /v1/buses`
pub(super) fn buses(events: &Events) -> Answer {
    let mut buses = Vec::new();
    for bus in events.buses() {
        let rules = events.rules(&bus.name)?;
        let rules = rules.into_iter().map(|rule| view::Rule {
            name: rule.name.to_string(),
            enabled: rule.enabled,
            to: rule.targets.iter().map(|target| target.target.to_string()).collect(),
            pattern: if rule.pattern.is_empty() { rule.schedule.unwrap_or_default() } else { rule.pattern },
        });
        buses.push(view::Bus { name: bus.name.to_string(), rules: rules.collect() });
    }
    Ok(json(StatusCode::OK, &view::Buses { buses }))
}

/// `POST /v1/buses/NAME/events`
pub(super) async fn put(events: &Events, name: &str, body: Incoming) -> Answer {
    let known = || events.buses().iter().map(|bus| bus.name.to_string()).collect::<Vec<_>>();
    let unknown = || Refusal::unknown("bus", name, &known());
    let bus = BusName::parse(name).map_err(|_| unknown())?;
    events.bus(&bus).map_err(|_| unknown())?;
    let view::NewEvent { source, kind, detail } = read_json(body).await?;
    for (what, word) in [("source", &source), ("type", &kind)] {
        if word.is_empty() || word.len() > EVENT_WORD_MAX {
            return Err(Refusal::bad(format!("the {what} of an event has 1 to {EVENT_WORD_MAX} characters")));
        }
    }
    let detail = Detail::parse(detail.get().to_owned())?;
    let event =
        NewEvent { bus, source, detail_type: kind, detail, resources: vec![], time: None, trace: None };
    let put = events.put_events(vec![event]).await?.pop();
    let id = put.ok_or_else(|| Refusal::conflict("nothing was put"))??;
    Ok(json(StatusCode::CREATED, &view::Accepted { id: id.to_string() }))
}
