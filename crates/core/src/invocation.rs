//! One request to run a function, whatever it came from.

use std::sync::Arc;

use bytes::Bytes;

use crate::{FunctionVersion, RequestId, TraceHeader};

/// One request to run a function. Every trigger makes one and gets an [`Outcome`](crate::Outcome) back.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its id: what the function sees as the request id.
    pub id: RequestId,
    /// What to run.
    pub function: Arc<FunctionVersion>,
    /// The event, JSON text, as the function gets it.
    pub payload: Bytes,
    /// What started it.
    pub origin: Origin,
    /// 1 for the first attempt at this event.
    pub attempt: u32,
    /// The trace that it is part of.
    pub trace: TraceHeader,
    /// The ARN as the caller named the function, with its qualifier if there was one.
    pub arn: String,
    /// The client context of an Invoke, as JSON text.
    pub client_context: Option<String>,
}

/// What started an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A request at the gateway.
    Http,
    /// A call of the Invoke API.
    Api,
    /// An event that nobody waits for.
    Event,
    /// A batch of a source's.
    Source,
    /// A person at the command line or the console.
    Admin,
}
