//! The way of a request to a function that is a web server, and back. Nothing is buffered, in either direction.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, Version, header};
use http_body::Body as _;
use http_body_util::{Either, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioTimer;
use lambent_core::limits;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::arrival::Arrival;
use crate::forwarding::{PROTO, forwarded_for, is_hop_by_hop};
use crate::refusal::Refusal;

/// Speaks to the instances of `http` functions over connections that it keeps.
#[derive(Debug)]
pub(crate) struct Proxy {
    client: Client<HttpConnector, Upload>,
    connections: Connections,
}

/// The body of a request on its way on.
type Upload = Either<Empty<Bytes>, Limited<Incoming>>;

/// How long a connection is kept without use: less than the 5 seconds after which Node closes it, which is
/// the least of the common servers.
const KEPT_FOR: Duration = Duration::from_secs(4);

impl Proxy {
    /// A proxy without connections.
    pub(crate) fn new() -> Self {
        let connections = Connections::default();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(connections.clone())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(limits::HTTP_REQUESTS_PER_INSTANCE)
            .build(connector);
        Self { client, connections }
    }

    /// Closes every connection, whatever is under way on it.
    pub(crate) async fn close(&self) {
        self.connections.end.cancel();
        self.connections.tasks.close();
        self.connections.tasks.wait().await;
    }

    /// Sends a request to the instance at `address` and waits for the head of its answer.
    ///
    /// A connection may be closed at the very moment when it is used again. Where it does no harm to ask twice,
    /// that is done, once.
    ///
    /// # Errors
    /// [`Refusal::WebSocket`], [`Refusal::TooLarge`] when the body grows beyond [`limits::HTTP_BODY_MAX`],
    /// [`Refusal::BadGateway`] when the instance refuses or drops the connection.
    pub(crate) async fn forward(
        &self,
        address: SocketAddr,
        arrival: &Arrival<'_>,
        body: Incoming,
    ) -> Result<Response<Incoming>, Refusal> {
        let (uri, headers) = (uri(address, arrival.head)?, request_headers(arrival)?);
        let request = |body: Upload| {
            let mut request = Request::new(body);
            *request.method_mut() = arrival.head.method.clone();
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = headers.clone();
            request
        };
        let answer = if body.is_end_stream() {
            match self.client.request(request(Either::Left(Empty::new()))).await {
                Err(error) if !error.is_connect() && arrival.head.method.is_idempotent() => {
                    self.client.request(request(Either::Left(Empty::new()))).await
                }
                answer => answer,
            }
        } else {
            let body = Limited::new(body, limits::HTTP_BODY_MAX);
            self.client.request(request(Either::Right(body))).await
        };
        let mut response = answer.map_err(|error| refusal(&error))?;
        // Nobody asked for another protocol, and a client that is told of one would take what follows for it.
        if response.status().is_informational() {
            return Err(Refusal::BadGateway);
        }
        remove_hop_by_hop(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        Ok(response)
    }
}

/// Refuses what cannot be proxied, before an instance is started for it.
///
/// # Errors
/// [`Refusal::WebSocket`] when the client wants the connection for itself.
pub(crate) fn check_upgrade(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut wanted = headers.get_all(header::UPGRADE).iter();
    // `Upgrade: h2c`, which curl sends by itself, may be ignored; a WebSocket cannot go on without.
    if wanted.any(|value| value.as_bytes().to_ascii_lowercase().windows(9).any(|word| word == b"websocket")) {
        return Err(Refusal::WebSocket);
    }
    Ok(())
}

fn refusal(error: &Error) -> Refusal {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<LengthLimitError>() {
            return Refusal::TooLarge;
        }
        source = cause.source();
    }
    Refusal::BadGateway
}

fn uri(address: SocketAddr, head: &Parts) -> Result<Uri, Refusal> {
    let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(address.to_string()).path_and_query(path);
    uri.build().map_err(|_| Refusal::BadRequest)
}

fn request_headers(arrival: &Arrival<'_>) -> Result<HeaderMap, Refusal> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Refusal::BadRequest);
    let sent = &arrival.head.headers;
    let mut headers = sent.clone();
    remove_hop_by_hop(&mut headers);
    // Whoever asked to be told to go on has been told by us.
    headers.remove(header::EXPECT);
    let host = value(arrival.host)?;
    headers.insert(header::HOST, host.clone());
    headers.insert("x-forwarded-host", host);
    headers.insert("x-forwarded-for", value(&forwarded_for(sent, arrival.peer))?);
    headers.insert("x-forwarded-port", HeaderValue::from(arrival.peer.local_port));
    headers.insert("x-forwarded-proto", HeaderValue::from_static(PROTO));
    headers.insert("x-amzn-trace-id", value(arrival.trace.as_str())?);
    Ok(headers)
}

/// Removes what concerns one connection: the known headers, and those that `Connection` names.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = named.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
    let named = named.filter(|name| *name != header::HOST && *name != header::CONTENT_LENGTH);
    let named = named.collect::<Vec<HeaderName>>();
    let known = headers.keys().filter(|name| is_hop_by_hop(name)).cloned();
    for name in named.into_iter().chain(known.collect::<Vec<_>>()) {
        headers.remove(name);
    }
}

/// Runs the client's connections as tracked tasks, until they close or the end.
#[derive(Clone, Debug, Default)]
struct Connections {
    tasks: TaskTracker,
    end: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Connections
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, connection: F) {
        let end = self.end.clone();
        self.tasks.spawn(async move { end.run_until_cancelled(connection).await.map(drop) });
    }
}

#[cfg(test)]
mod tests;
