//! The loop beneath every HTTP port: accepts connections, serves HTTP/1.1 and HTTP/2 on them, and drains.
//!
//! Each connection is a tracked task that ends by itself: when its client goes, when it has been idle or stuck for
//! [`limits::HTTP_HEAD_TIMEOUT`], or at the latest [`limits::DRAIN_TIMEOUT`] after the stop. So [`serve`] has
//! nothing to do at the end but to wait.

mod activity;
mod connection;
mod socket;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;
use lambent_core::limits;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use connection::Streams;

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address; an IPv4 address is written as one even on an IPv6 socket.
    pub ip: IpAddr,
    /// The port that it connected to.
    pub local_port: u16,
}

/// Errors of a response's body, of whatever kind.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;

/// Bytes of a head that is still read to be refused properly; what is larger is refused without a body.
const READ_BUFFER: usize = 64 * 1024;

/// The same for HTTP/2, which counts 32 more bytes for each header.
const HEADER_LIST_MAX: u32 = 32 * 1024;

/// How long to wait after an accept that failed, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves every request on `listener` with `handler` until `stop` is cancelled, and then drains: the port is
/// closed, idle connections are closed at once and others after the requests that are under way.
///
/// At most [`limits::CONNECTIONS_MAX`] connections are served; further ones wait in the system's backlog. Returns
/// when the last connection is closed, [`limits::DRAIN_TIMEOUT`] after the stop at the latest.
pub async fn serve<H, F, B>(listener: TcpListener, stop: CancellationToken, handler: H)
where
    H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BodyError>,
{
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    let local_port = listener.local_addr().map_or(0, |address| address.port());
    let protocol = protocol(Streams { tasks: connections.clone(), stop: stop.clone() });
    let server = Arc::new(Server { protocol, stop, handler });
    while let Some((stream, address, place)) = accept(&listener, &places, &server.stop).await {
        let peer = Peer { ip: address.ip().to_canonical(), local_port };
        let server = Arc::clone(&server);
        connections.spawn(async move {
            connection::serve(&server, stream, peer).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// What the connections of one port share.
struct Server<H> {
    protocol: auto::Builder<Streams>,
    stop: CancellationToken,
    handler: H,
}

fn protocol(streams: Streams) -> auto::Builder<Streams> {
    let mut protocol = auto::Builder::new(streams);
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HTTP_HEAD_TIMEOUT)
        .max_headers(limits::HTTP_HEADERS_MAX)
        .max_buf_size(READ_BUFFER);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_LIST_MAX)
        .keep_alive_interval(limits::HTTP_HEAD_TIMEOUT)
        .keep_alive_timeout(limits::HTTP_HEAD_TIMEOUT);
    protocol
}

/// The next connection and its place among [`limits::CONNECTIONS_MAX`]; `None` after the stop.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let next = async {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, address)) => return Some((stream, address, place)),
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    };
    stop.run_until_cancelled(next).await.flatten()
}
