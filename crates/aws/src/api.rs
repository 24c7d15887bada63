//! The AWS-compatible port's one door: a request in, an answer out.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use lambent_core::{RequestId, Timestamp};
use lambent_engine::Engine;

use crate::body::{self, Body};
use crate::protocol::{Protocol, Refusal};
use crate::s3::{self, Door};
use crate::service::{self, Action, Asked, Call, Run};
use crate::sign::{Admission, Claim, Credentials};
use crate::{dynamodb, lambda};

/// The AWS-compatible API of a node. Cheap to share behind an `Arc`.
#[derive(Clone, Debug)]
pub struct Api {
    engine: Engine,
    credentials: Credentials,
    buckets: Door,
}

impl Api {
    /// The API over an engine, for those who have the credentials.
    pub fn new(engine: Engine, credentials: Credentials) -> Self {
        let buckets = Door::of(&engine);
        Self { engine, credentials, buckets }
    }

    /// Answers a request. Whatever goes wrong is in the answer. The body is read to
    /// [`Action::body_max`](crate::service::Action::body_max) bytes at most, and only once the head was found good.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let now = self.engine.clock().now();
        let (head, body) = request.into_parts();
        let is_for_buckets = self.is_for_buckets(&head).await;
        let request = Request::from_parts(head, body);
        if is_for_buckets {
            let answer = self.buckets.answer(&self.credentials, now, request).await;
            return finish(Protocol::RestXml, RequestId::from_random(fastrand::u128(..)), answer);
        }
        let received = receive(&self.credentials, now, request).await;
        let answer = match received.call {
            Ok((action, call)) => match action.run {
                Run::Engine(run) => run(&self.engine, call).await,
                Run::Events(run) => run(self.engine.events(), call).await,
                Run::Buckets => unreachable!("no request but a bucket's finds its actions"),
                Run::Tables(run) => {
                    Ok(dynamodb::answer(self.engine.tables(), self.engine.node(), run, call.body).await)
                }
            },
            Err(refusal) => Err(refusal),
        };
        finish(received.protocol, received.id, answer)
    }

    /// Whether a request is for the buckets: it says so, or it is not signed, nobody else answers it, and its path begins
    /// with a bucket.
    async fn is_for_buckets(&self, head: &Parts) -> bool {
        match s3::is_asked(head) {
            Some(asked) => return asked,
            None if Asked::of(head, None).is_known() => return false,
            None => {}
        }
        match s3::may_be_asked(head) {
            Some(bucket) => self.buckets.has(bucket).await,
            None => false,
        }
    }
}

/// A request that came in: how to answer it, and what to do if anything.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) protocol: Protocol,
    pub(crate) id: RequestId,
    pub(crate) call: Result<(&'static Action, Call), Refusal>,
}

/// Takes a request in: finds its action, checks its signature, reads its body.
pub(crate) async fn receive<B>(credentials: &Credentials, now: Timestamp, request: Request<B>) -> Received
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Display,
{
    let (head, body) = request.into_parts();
    let claim = Claim::of(&head);
    let scope = claim.as_ref().ok().and_then(Option::as_ref).map(|claim| claim.service.as_str());
    let mut asked = Asked::of(&head, scope);
    let id = RequestId::from_random(fastrand::u128(..));
    let call = async {
        let protocol = asked.protocol();
        let unsigned = |error: crate::sign::Error| error.refusal(protocol);
        let claim = claim.map_err(unsigned)?;
        let service = asked.service().map(|service| service.name);
        let admission = if asked.is_link() {
            Admission::Done
        } else {
            credentials.admit(&head, claim.as_ref(), service, now).map_err(unsigned)?
        };
        let (body_max, name) = asked.body_max()?;
        let mut body = body::read(body, body_max).await.map_err(|error| not_read(protocol, name, &error))?;
        admission.check(&body).map_err(unsigned)?;
        if asked.is_form() {
            if service::has_form_query(&head) {
                body = Bytes::copy_from_slice(head.uri.query().unwrap_or_default().as_bytes());
            }
            asked.read(&body)?;
        }
        let (action, resource) = asked.action()?;
        Ok((action, Call { head, resource, body, action: action.name, protocol: asked.protocol(), id }))
    };
    let call = call.await;
    Received { protocol: asked.protocol(), id, call }
}

/// What a client is told whose body was not taken.
fn not_read(protocol: Protocol, action: &str, error: &body::Error) -> Refusal {
    match error {
        body::Error::TooLarge { max } => match protocol {
            Protocol::RestJson => lambda::too_large(action, *max),
            Protocol::Json10 | Protocol::Json11 | Protocol::RestXml | Protocol::Query(_) => Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLargeException",
                format!("Request must be smaller than {max} bytes for the {action} operation"),
            ),
        },
        body::Error::Slow => {
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", error.to_string())
        }
        body::Error::Broken(_) => {
            Refusal::new(StatusCode::BAD_REQUEST, "IncompleteBodyException", error.to_string())
        }
    }
}

/// Puts the request's id on an answer, unless the action has given it one.
pub(crate) fn finish(
    protocol: Protocol,
    id: RequestId,
    answer: Result<Response<Body>, Refusal>,
) -> Response<Body> {
    const REQUEST_ID: &str = "x-amzn-requestid";
    let mut response = answer.unwrap_or_else(|refusal| protocol.refuse(&refusal, id.as_str()));
    let value = HeaderValue::from_str(id.as_str()).expect("hexadecimal digits and hyphens");
    response.headers_mut().entry(REQUEST_ID).or_insert(value);
    response
}

/// Answers a request over events alone, for the tests of the services that need no more.
#[cfg(test)]
pub(crate) async fn answer_over_events(
    events: &lambent_engine::Events,
    credentials: &Credentials,
    request: Request<http_body_util::Full<Bytes>>,
) -> Response<Body> {
    let received = receive(credentials, events.now(), request).await;
    let answer = match received.call {
        Ok((action, call)) => match action.run {
            Run::Events(run) => run(events, call).await,
            Run::Engine(_) | Run::Tables(_) | Run::Buckets => {
                panic!("`{}` is not over events alone", action.name)
            }
        },
        Err(refusal) => Err(refusal),
    };
    finish(received.protocol, received.id, answer)
}
