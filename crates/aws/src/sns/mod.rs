//! SNS, query protocol (semantics.md 5.1).
//!
//! What is delivered has no signature: its fields are there and empty, because only AWS has the certificate that
//! subscribers check them with. Subscribers that check signatures must be told not to. Unlike at AWS, ending a
//! subscription by the link in a message needs a signature too; only the link of a confirmation does not.

mod attributes;
mod error;
mod publish;
mod subscriptions;
#[cfg(test)]
mod tests;
mod topics;

use http::request::Parts;
use http::{Method, Response};
use lambent_engine::Events;

use crate::body::Body;
use crate::protocol::{Protocol, Refusal};
use crate::service::{Action, Call, KnownBy, Query, Run, Running, Service, query_pairs};

/// SNS.
pub const SERVICE: Service = Service {
    name: "sns",
    title: "SNS",
    protocol: Protocol::Query(NAMESPACE),
    target: None,
    query: Some(Query { version: "2010-03-31", namespace: NAMESPACE }),
    actions: ACTIONS,
};

/// What Lambent has of it.
pub const ACTIONS: &[Action] = &[
    action("Publish", |events, call| Box::pin(publish::publish(events, call))),
    action("PublishBatch", |events, call| Box::pin(publish::publish_batch(events, call))),
    action("CreateTopic", |events, call| Box::pin(topics::create(events, call))),
    action("DeleteTopic", |events, call| Box::pin(topics::delete(events, call))),
    action("ListTopics", |events, call| Box::pin(topics::list(events, call))),
    action("GetTopicAttributes", |events, call| Box::pin(topics::get_attributes(events, call))),
    action("SetTopicAttributes", |events, call| Box::pin(topics::set_attributes(events, call))),
    action("Subscribe", |events, call| Box::pin(subscriptions::subscribe(events, call))),
    action(CONFIRM, |events, call| Box::pin(subscriptions::confirm(events, call))),
    action("Unsubscribe", |events, call| Box::pin(subscriptions::unsubscribe(events, call))),
    action("ListSubscriptions", |events, call| Box::pin(subscriptions::list(events, call))),
    action("ListSubscriptionsByTopic", |events, call| Box::pin(subscriptions::list_by_topic(events, call))),
    action("GetSubscriptionAttributes", |events, call| Box::pin(subscriptions::get_attributes(events, call))),
    action("SetSubscriptionAttributes", |events, call| Box::pin(subscriptions::set_attributes(events, call))),
    action("TagResource", |events, call| Box::pin(topics::tag(events, call))),
    action("UntagResource", |events, call| Box::pin(topics::untag(events, call))),
    action("ListTagsForResource", |events, call| Box::pin(topics::list_tags(events, call))),
];

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// The action of the link that an address is sent to say that it wants what a topic is told.
const CONFIRM: &str = "ConfirmSubscription";

/// Largest message, and largest sum of messages of a batch, in bytes (semantics.md 5.1).
const MESSAGE_MAX: usize = 256 * 1024;

/// The largest body: the largest message, every byte of which may be written as three in a form, and some more.
const BODY_MAX: usize = 4 * MESSAGE_MAX;

/// Things on one page of a list (SNS).
const PAGE: usize = 100;

/// What an action ends in.
type Answer = Result<Response<Body>, Refusal>;

/// A row of [`ACTIONS`].
const fn action(name: &'static str, run: for<'a> fn(&'a Events, Call) -> Running<'a>) -> Action {
    Action { name, known_by: KnownBy::Form, body_max: BODY_MAX, run: Run::Events(run) }
}

/// The action of a link that is followed without a signature: the token in it is the right to it.
pub(crate) fn link(head: &Parts) -> Option<&'static Action> {
    let query = head.uri.query().unwrap_or_default();
    let has = |name: &str, value: Option<&str>| {
        query_pairs(query).any(|(own, found)| own == name && value.is_none_or(|value| value == found))
    };
    let followed = head.method == Method::GET && has("Action", Some(CONFIRM)) && has("Token", None);
    ACTIONS.iter().find(|action| followed && action.name == CONFIRM)
}

/// The page of a list that begins behind `token`, and the token of the next. `key` says what a thing is called; the
/// things are sorted by it.
fn page<T>(all: Vec<T>, token: Option<&str>, key: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
    let mut rest = all.into_iter().filter(|thing| token.is_none_or(|token| key(thing) > token));
    let things: Vec<T> = rest.by_ref().take(PAGE).collect();
    let more = rest.next().is_some();
    let next = things.last().filter(|_| more).map(|last| key(last).to_owned());
    (things, next)
}
