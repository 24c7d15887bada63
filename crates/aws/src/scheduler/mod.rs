//! EventBridge Scheduler, REST-JSON (semantics.md 5.3).
//!
//! Targets are functions, queues and topics. What a schedule fires is stored together with its next time, so there is
//! no delivery that could fail: `MaximumRetryAttempts` is kept and shown, and has nothing to do.
//! `MaximumEventAgeInSeconds` counts for times that passed while the node was down.

mod error;
mod groups;
mod request;
mod schedules;
#[cfg(test)]
mod tests;

use http::{Method, Response};
use lambent_core::Timestamp;
use lambent_engine::Events;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::body::Body;
use crate::protocol::{Protocol, Refusal};
use crate::service::{Action, Call, KnownBy, Run, Running, Service};

pub use error::Error;

/// EventBridge Scheduler.
pub const SERVICE: Service = Service {
    name: "scheduler",
    title: "EventBridge Scheduler",
    protocol: Protocol::RestJson,
    target: None,
    query: None,
    actions: ACTIONS,
};

const SCHEDULE: &str = "/schedules/{Name}";
const GROUP: &str = "/schedule-groups/{Name}";

/// What Lambent has of it.
pub const ACTIONS: &[Action] = &[
    action("CreateSchedule", Method::POST, SCHEDULE, |events, call| {
        Box::pin(async move { answer(schedules::create(events, &call).await) })
    }),
    action("UpdateSchedule", Method::PUT, SCHEDULE, |events, call| {
        Box::pin(async move { answer(schedules::update(events, &call).await) })
    }),
    action("GetSchedule", Method::GET, SCHEDULE, |events, call| {
        Box::pin(async move { answer(schedules::get(events, &call).await) })
    }),
    action("DeleteSchedule", Method::DELETE, SCHEDULE, |events, call| {
        Box::pin(async move { answer(schedules::delete(events, &call).await) })
    }),
    action("ListSchedules", Method::GET, "/schedules", |events, call| {
        Box::pin(async move { answer(schedules::list(events, &call).await) })
    }),
    action("CreateScheduleGroup", Method::POST, GROUP, |events, call| {
        Box::pin(async move { answer(groups::create(events, &call).await) })
    }),
    action("GetScheduleGroup", Method::GET, GROUP, |events, call| {
        Box::pin(async move { answer(groups::get(events, &call)) })
    }),
    action("DeleteScheduleGroup", Method::DELETE, GROUP, |events, call| {
        Box::pin(async move { answer(groups::delete(events, &call).await) })
    }),
    action("ListScheduleGroups", Method::GET, "/schedule-groups", |events, call| {
        Box::pin(async move { answer(groups::list(events, &call)) })
    }),
];

/// The largest body: an input of 256 KB, every byte of which may be written as two.
const BODY_MAX: usize = 1024 * 1024;

/// Most entries of one page of a list.
const PAGE_MAX: usize = 100;

/// A row of [`ACTIONS`].
const fn action(
    name: &'static str,
    method: Method,
    path: &'static str,
    run: for<'a> fn(&'a Events, Call) -> Running<'a>,
) -> Action {
    Action { name, known_by: KnownBy::Path(method, path), body_max: BODY_MAX, run: Run::Events(run) }
}

/// The request in a body. A member that Lambent does not have is refused by its name.
fn read<T: DeserializeOwned>(call: &Call) -> Result<T, Error> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body).map_err(|error| Error::Validation(error.to_string()))
}

fn answer(result: Result<Value, Error>) -> Result<Response<Body>, Refusal> {
    Ok(Protocol::RestJson.answer(result?.to_string()))
}

/// A page of a list that is sorted by its keys: the token is the key of the last entry before it.
fn page<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> String,
    call: &Call,
) -> Result<(Vec<T>, Option<String>), Error> {
    let limit = match call.query("MaxResults") {
        None => PAGE_MAX,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE_MAX).contains(limit))
            .ok_or_else(|| Error::Validation(format!("MaxResults is 1 to {PAGE_MAX}, not {text}.")))?,
    };
    let after = call.query("NextToken").unwrap_or_default();
    let mut rest = items.into_iter().filter(|item| key(item) > after).peekable();
    let page: Vec<T> = rest.by_ref().take(limit).collect();
    let more = rest.peek().is_some();
    let next = page.last().filter(|_| more).map(&key);
    Ok((page, next))
}

fn with_token(mut document: Value, token: Option<String>) -> Value {
    if let Some(token) = token {
        document["NextToken"] = token.into();
    }
    document
}

/// A time as REST-JSON writes it: seconds since the Unix epoch.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of thousands of years fit")]
fn seconds(at: Timestamp) -> Value {
    json!(at.as_millis() as f64 / 1000.0)
}
