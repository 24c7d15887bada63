//! The Lambda Runtime API over HTTP, for custom runtimes (semantics.md 1.1 to 1.5).
//!
//! One listener on loopback for each process: who connects is the process that was told the address. When the
//! process is abandoned so is the listener, and a late answer finds nobody.

mod exchange;
mod server;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use lambent_core::limits::STREAM_CHUNKS_WAITING;
use lambent_core::{FunctionError, Invocation, Outcome, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::reply::Reply;
use exchange::{Event, Exchange, Part};

/// The node's side of the Runtime API of one process. The server stops when it is dropped.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    exchange: Arc<Exchange>,
    address: SocketAddr,
    _stop: DropGuard,
}

impl RuntimeApi {
    /// Listens on a free port of loopback.
    pub(crate) async fn listen(tasks: &TaskTracker) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let exchange = Arc::new(Exchange::default());
        let stop = CancellationToken::new();
        tasks.spawn(server::serve(listener, Arc::clone(&exchange), stop.clone(), tasks.clone()));
        Ok(Self { exchange, address, _stop: stop.drop_guard() })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` says.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the runtime asks for its first event, or reports that it cannot start.
    pub(crate) async fn ready(&self) -> Result<(), FunctionError> {
        self.exchange.ready().await
    }

    /// Waits until the runtime asks for the next event: only then is the last invocation over.
    pub(crate) async fn settled(&self) {
        self.exchange.settled().await;
    }

    /// Hands over an invocation and waits for the answer.
    pub(crate) async fn invoke(&self, call: &Invocation, deadline: Timestamp, reply: &mut Reply) -> Outcome {
        let (sender, mut parts) = mpsc::channel(STREAM_CHUNKS_WAITING);
        self.exchange.offer(Event::new(call, deadline, sender));
        let mut oversized = false;
        while let Some(part) = parts.recv().await {
            match part {
                Part::Start(content_type) => reply.start(&content_type),
                Part::Chunk(_) if oversized => {}
                Part::Chunk(bytes) => {
                    if reply.chunk(bytes).await.is_err() {
                        oversized = true;
                        reply.fail(FunctionError::result_too_large()).await;
                    }
                }
                Part::End if oversized => return Outcome::Failed(FunctionError::result_too_large()),
                Part::End => return Outcome::Returned(reply.finish()),
                Part::Returned(bytes) => return Outcome::Returned(bytes),
                Part::Failed(error) => {
                    reply.fail(error.clone()).await;
                    return Outcome::Failed(error);
                }
            }
        }
        // The connection broke while the runtime was answering.
        let error = server::response_truncated();
        reply.fail(error.clone()).await;
        Outcome::Failed(error)
    }
}
