//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lambent_core::limits;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::{Activity, Exchange, Progress};
use super::socket::Socket;
use super::{BodyError, Peer, Server};

/// Serves one connection to its end.
pub(super) async fn serve<H, F, B>(server: &Server<H>, stream: TcpStream, peer: Peer)
where
    H: Fn(Request<Incoming>, Peer) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BodyError>,
{
    // Without this a small answer may wait for the client's acknowledgement of the one before; where it cannot
    // be set, that is all that happens.
    stream.set_nodelay(true).unwrap_or_default();
    let activity = Arc::new(Activity::default());
    let service = service_fn(|request| {
        let exchange = activity.begin();
        let response = (server.handler)(request, peer);
        async move { Ok::<_, Infallible>(response.await.map(|body| Counted { body, _exchange: exchange })) }
    });
    let io = TokioIo::new(Socket::new(stream, Arc::clone(&activity)));
    let mut connection = std::pin::pin!(server.protocol.serve_connection(io, service));
    let mut stopped = std::pin::pin!(server.stop.cancelled());
    let mut patience = std::pin::pin!(sleep(limits::HTTP_HEAD_TIMEOUT));
    let mut seen = activity.progress();
    let mut closing = false;
    loop {
        tokio::select! {
            biased;
            // A connection that breaks is its client's affair, and the client knows.
            _ = connection.as_mut() => return,
            () = &mut stopped, if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
                patience.as_mut().reset(Instant::now() + limits::DRAIN_TIMEOUT);
            }
            () = &mut patience => {
                let now = activity.progress();
                let past = std::mem::replace(&mut seen, now);
                match now.since(past) {
                    _ if closing => return,
                    Progress::Stuck => return,
                    Progress::Idle => {
                        closing = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    Progress::Good => {}
                }
                patience.as_mut().reset(Instant::now() + limits::HTTP_HEAD_TIMEOUT);
            }
        }
    }
}

/// A response's body, which keeps the exchange open until it is through.
struct Counted<B> {
    body: B,
    _exchange: Exchange,
}

impl<B> Body for Counted<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Runs the requests of HTTP/2 connections, each of which is a task. They end as their connections do: by
/// themselves, or [`limits::DRAIN_TIMEOUT`] after the stop.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let too_late = async {
                stop.cancelled().await;
                sleep(limits::DRAIN_TIMEOUT).await;
            };
            tokio::select! {
                biased;
                () = stream => {}
                () = too_late => {}
            }
        });
    }
}
