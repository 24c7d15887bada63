//! SQS, JSON 1.0 and the query protocol (semantics.md 10.1).
//!
//! An action is a function from a request to an answer that knows nothing of the two protocols: [`request`] reads
//! both, [`writer`] writes both. All rules that clients see are here; the engine has those that every queue has.

mod attributes;
mod batch;
mod error;
mod message;
mod moves;
mod queues;
mod receive;
mod request;
mod send;
mod settle;
mod tags;
#[cfg(test)]
mod tests;
mod writer;

use http::Response;
use lambent_core::limits;
use lambent_engine::Events;

use crate::body::Body;
use crate::protocol::{Protocol, Refusal};
use crate::service::{Action, Call, KnownBy, Query, Run, Running, Service};
use error::Error;

/// SQS.
pub const SERVICE: Service = Service {
    name: "sqs",
    title: "SQS",
    protocol: Protocol::Json10,
    target: Some("AmazonSQS"),
    query: Some(Query { version: "2012-11-05", namespace: "http://queue.amazonaws.com/doc/2012-11-05/" }),
    actions: ACTIONS,
};

/// What Lambent has of it.
pub const ACTIONS: &[Action] = &[
    action("SendMessage", |events, call| Box::pin(run(events, call, send::one))),
    action("SendMessageBatch", |events, call| Box::pin(run(events, call, send::batch))),
    action("ReceiveMessage", |events, call| Box::pin(run(events, call, receive::receive))),
    action("DeleteMessage", |events, call| Box::pin(run(events, call, settle::delete))),
    action("DeleteMessageBatch", |events, call| Box::pin(run(events, call, settle::delete_batch))),
    action("ChangeMessageVisibility", |events, call| Box::pin(run(events, call, settle::change))),
    action("ChangeMessageVisibilityBatch", |events, call| Box::pin(run(events, call, settle::change_batch))),
    action("CreateQueue", |events, call| Box::pin(run(events, call, queues::create))),
    action("GetQueueUrl", |events, call| Box::pin(run(events, call, queues::url))),
    action("ListQueues", |events, call| Box::pin(run(events, call, queues::list))),
    action("ListDeadLetterSourceQueues", |events, call| Box::pin(run(events, call, queues::list_sources))),
    action("DeleteQueue", |events, call| Box::pin(run(events, call, queues::delete))),
    action("PurgeQueue", |events, call| Box::pin(run(events, call, queues::purge))),
    action("GetQueueAttributes", |events, call| Box::pin(run(events, call, attributes::get))),
    action("SetQueueAttributes", |events, call| Box::pin(run(events, call, attributes::set))),
    action("TagQueue", |events, call| Box::pin(run(events, call, tags::tag))),
    action("UntagQueue", |events, call| Box::pin(run(events, call, tags::untag))),
    action("ListQueueTags", |events, call| Box::pin(run(events, call, tags::list))),
    action("StartMessageMoveTask", |events, call| Box::pin(run(events, call, moves::start))),
    action("ListMessageMoveTasks", |events, call| Box::pin(run(events, call, moves::list))),
    action("CancelMessageMoveTask", |events, call| Box::pin(run(events, call, moves::cancel))),
    action("AddPermission", |events, call| Box::pin(run(events, call, no_permissions))),
    action("RemovePermission", |events, call| Box::pin(run(events, call, no_permissions))),
];

/// The largest body: the largest message, of which a form may write every byte as three.
const BODY_MAX: usize = 4 * limits::MESSAGE_MAX;

/// A row of [`ACTIONS`].
const fn action(name: &'static str, run: for<'a> fn(&'a Events, Call) -> Running<'a>) -> Action {
    Action { name, known_by: KnownBy::TargetOrForm, body_max: BODY_MAX, run: Run::Events(run) }
}

/// Runs an action and tells what goes wrong in the words of the client's protocol.
async fn run(
    events: &Events,
    call: Call,
    act: impl AsyncFnOnce(&Events, &Call) -> Result<Response<Body>, Error>,
) -> Result<Response<Body>, Refusal> {
    act(events, &call).await.map_err(|error| error.refusal(call.protocol))
}

/// `AddPermission` and `RemovePermission`.
async fn no_permissions(_: &Events, call: &Call) -> Result<Response<Body>, Error> {
    Err(Error::unsupported(format!(
        "Lambent does not support {}: whoever may call this API may use every queue.",
        call.action
    )))
}
