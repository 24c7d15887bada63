//! EventBridge, JSON 1.1 (semantics.md 5.2).

mod buses;
mod error;
mod members;
mod put;
mod rules;
mod tags;
mod targets;
#[cfg(test)]
mod tests;

use http::Response;
use lambent_core::limits;
use lambent_engine::Events;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::body::Body;
use crate::protocol::{Protocol, Refusal};
use crate::service::{Action, Call, KnownBy, Run, Running, Service};

pub use error::Error;

/// EventBridge.
pub const SERVICE: Service = Service {
    name: "events",
    title: "EventBridge",
    protocol: Protocol::Json11,
    target: Some("AWSEvents"),
    query: None,
    actions: ACTIONS,
};

/// What Lambent has of it.
pub const ACTIONS: &[Action] = &[
    action("PutEvents", |events, call| {
        Box::pin(async move { answer(put::put_events(events, read(&call)?).await) })
    }),
    action("CreateEventBus", |events, call| {
        Box::pin(async move { answer(buses::create(events, read(&call)?).await) })
    }),
    action("DeleteEventBus", |events, call| {
        Box::pin(async move { answer(buses::delete(events, read(&call)?).await) })
    }),
    action("DescribeEventBus", |events, call| {
        Box::pin(async move { answer(buses::describe(events, read(&call)?)) })
    }),
    action("ListEventBuses", |events, call| {
        Box::pin(async move { answer(buses::list(events, read(&call)?)) })
    }),
    action("PutRule", |events, call| Box::pin(async move { answer(rules::put(events, read(&call)?).await) })),
    action("DeleteRule", |events, call| {
        Box::pin(async move { answer(rules::delete(events, read(&call)?).await) })
    }),
    action("DescribeRule", |events, call| {
        Box::pin(async move { answer(rules::describe(events, read(&call)?)) })
    }),
    action("ListRules", |events, call| Box::pin(async move { answer(rules::list(events, read(&call)?)) })),
    action("EnableRule", |events, call| {
        Box::pin(async move { answer(rules::switch(events, read(&call)?, true).await) })
    }),
    action("DisableRule", |events, call| {
        Box::pin(async move { answer(rules::switch(events, read(&call)?, false).await) })
    }),
    action("TestEventPattern", |_, call| Box::pin(async move { answer(rules::test(read(&call)?)) })),
    action("PutTargets", |events, call| {
        Box::pin(async move { answer(targets::put(events, read(&call)?).await) })
    }),
    action("RemoveTargets", |events, call| {
        Box::pin(async move { answer(targets::remove(events, read(&call)?).await) })
    }),
    action("ListTargetsByRule", |events, call| {
        Box::pin(async move { answer(targets::list(events, read(&call)?)) })
    }),
    action("ListRuleNamesByTarget", |events, call| {
        Box::pin(async move { answer(targets::rules(events, read(&call)?)) })
    }),
    action("TagResource", |events, call| {
        Box::pin(async move { answer(tags::tag(events, read(&call)?).await) })
    }),
    action("UntagResource", |events, call| {
        Box::pin(async move { answer(tags::untag(events, read(&call)?).await) })
    }),
    action("ListTagsForResource", |events, call| {
        Box::pin(async move { answer(tags::list(events, read(&call)?)) })
    }),
];

/// The largest body: the largest events, every byte of whose details may be written as two.
const BODY_MAX: usize = 4 * limits::EVENTS_MAX;

/// A row of [`ACTIONS`].
const fn action(name: &'static str, run: for<'a> fn(&'a Events, Call) -> Running<'a>) -> Action {
    Action { name, known_by: KnownBy::Target, body_max: BODY_MAX, run: Run::Events(run) }
}

/// The request in a body. A member that Lambent does not have is refused by its name.
fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Error> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Error::Validation(error.to_string()),
        _ => Error::Unreadable(error.to_string()),
    })
}

/// An answer; `null` is one without a body's content.
fn answer(result: Result<Value, Error>) -> Result<Response<Body>, Refusal> {
    let text = match result? {
        Value::Null => String::new(),
        value => value.to_string(),
    };
    Ok(Protocol::Json11.answer(text))
}
