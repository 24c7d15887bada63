//! The gateway: which requests it takes, and the order in which the stages see them.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use lambent_core::{FunctionVersion, Origin, Outcome, Route, Runtime};
use lambent_engine::Engine;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::arrival::{self, Arrival, ArrivalId};
use crate::body::Body;
use crate::proxy::{self, Proxy};
use crate::refusal::Refusal;
use crate::router::{self, Found, Router};
use crate::server::{self, Peer};
use crate::{accept, admission, intake, invoke};

/// The gateway. Cheap to clone; all clones serve the same routes.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Engine,
    router: RwLock<Arc<Router>>,
    proxy: Proxy,
}

impl Gateway {
    /// A gateway without routes: every request is answered with 404 until [`replace`](Self::replace) gives it some.
    pub fn new(engine: Engine) -> Self {
        let router = RwLock::new(Arc::new(Router::default()));
        Self(Arc::new(Shared { engine, router, proxy: Proxy::new() }))
    }

    /// Serves these routes from the next request on. Requests that are under way keep theirs.
    ///
    /// # Errors
    /// When the routes contradict each other or cannot be served; the routes before stay in place then.
    pub fn replace(&self, routes: &[Route]) -> Result<(), router::Error> {
        let router = Arc::new(Router::new(routes)?);
        *self.0.router.write().unwrap_or_else(PoisonError::into_inner) = router;
        Ok(())
    }

    /// Serves requests on `listener` until `stop` is cancelled, and returns when the last one is answered, at
    /// most [`DRAIN_TIMEOUT`](lambent_core::limits::DRAIN_TIMEOUT) later. A gateway serves once: at the end it closes
    /// its connections to `http` functions too.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        let shared = Arc::clone(&self.0);
        server::serve(listener, stop, move |request, peer| {
            let shared = Arc::clone(&shared);
            async move { shared.answer(request, peer).await }
        })
        .await;
        self.0.proxy.close().await;
    }
}

impl Shared {
    /// The response to a request, whatever happens.
    async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let id = ArrivalId::from_random(fastrand::u128(..));
        let (version, is_head) = (request.version(), request.method() == Method::HEAD);
        let response = self.respond(request, peer, &id).await;
        finish(response.unwrap_or_else(|refusal| refusal.response(version)), &id, is_head)
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        id: &ArrivalId,
    ) -> Result<Response<Body>, Refusal> {
        let (head, body) = request.into_parts();
        let host = admission::admit(&head)?;
        let router = self.router();
        let found = router.find(&head.method, head.uri.path()).ok_or(Refusal::NotFound)?;
        intake::check_length(&body)?;
        let function = self.engine.function(found.target.route.function.as_str());
        // A function can be removed a moment before its routes are.
        let function = function.ok_or(Refusal::InternalServerError)?;
        let now = self.engine.clock().now();
        let trace = arrival::trace(&head.headers, now);
        let account = &self.engine.node().account;
        let arrival = Arrival { head: &head, host, peer, id, trace: &trace, now, account };
        if function.function.runtime == Runtime::Http {
            return self.forward(&arrival, &found, &function, body).await;
        }
        if found.target.route.asynchronous {
            return accept::accept(self.engine.events(), &arrival, &found, body).await;
        }
        invoke::invoke(&arrival, &found, body, async |event: Bytes| {
            let call = self.engine.invocation(&function, event, Origin::Http, Some(trace.clone()));
            self.engine.invoke_streaming(call).await
        })
        .await
    }

    /// Hands a request to an instance of an `http` function, which has its own timeout to begin its answer.
    async fn forward(
        &self,
        arrival: &Arrival<'_>,
        found: &Found<'_, '_>,
        function: &Arc<FunctionVersion>,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        proxy::check_upgrade(&arrival.head.headers)?;
        let answer = async {
            let instance = self.engine.http_instance(function).await.map_err(|outcome| match outcome {
                Outcome::Throttled { .. } => Refusal::ServiceUnavailable,
                Outcome::TimedOut { .. } => Refusal::EndpointTimeout,
                _ => Refusal::BadGateway,
            })?;
            let answer = self.proxy.forward(instance.address(), arrival, body);
            let answer = timeout(function.function.timeout, answer).await;
            let response = answer.unwrap_or(Err(Refusal::EndpointTimeout))?;
            Ok(response.map(|body| Body::proxied(body, instance)))
        };
        timeout(found.target.route.timeout, answer).await.unwrap_or(Err(Refusal::ServiceUnavailable))
    }

    fn router(&self) -> Arc<Router> {
        Arc::clone(&self.router.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What every response has in common: the id of the request, and no body for those who want none.
fn finish(mut response: Response<Body>, id: &ArrivalId, is_head: bool) -> Response<Body> {
    let bodiless = is_head || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless {
        let length = response.body().size_hint().exact().filter(|length| is_head && *length > 0);
        if let Some(length) = length {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        *response.body_mut() = Body::whole(Bytes::new());
    }
    response.headers_mut().insert("apigw-requestid", id.to_header());
    response
}

#[cfg(test)]
mod tests;
