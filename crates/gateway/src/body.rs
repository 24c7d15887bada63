//! The body of a response.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use lambent_core::FunctionError;
use lambent_engine::HttpInstance;
use tokio::sync::mpsc;

/// The body of a response. An error cuts the connection: that is how the client learns of it.
#[derive(Debug)]
pub(crate) struct Body(Kind);

#[derive(Debug)]
enum Kind {
    /// All of it; empty once it is sent.
    Whole(Bytes),
    /// What a function streams. The channel is short, so a slow client makes the function wait.
    Stream { first: Bytes, chunks: mpsc::Receiver<Result<Bytes, FunctionError>> },
    /// What a web server sends, which counts as busy until it is through.
    Proxied { body: Incoming, _instance: HttpInstance },
}

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The function failed after it had begun to stream.
    #[error("the function failed while it streamed: {0}")]
    Function(String),
    /// The connection to an `http` function broke.
    #[error("the function's answer broke off: {0}")]
    Upstream(#[from] hyper::Error),
}

impl Body {
    /// A body of one piece.
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }

    /// A body that a function streams, `first` being what came already.
    pub(crate) fn stream(first: Bytes, chunks: mpsc::Receiver<Result<Bytes, FunctionError>>) -> Self {
        Self(Kind::Stream { first, chunks })
    }

    /// A body that comes from an instance of an `http` function.
    pub(crate) fn proxied(body: Incoming, instance: HttpInstance) -> Self {
        Self(Kind::Proxied { body, _instance: instance })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.0 {
            Kind::Whole(bytes) | Kind::Stream { first: bytes, .. } if !bytes.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))))
            }
            Kind::Whole(_) => Poll::Ready(None),
            Kind::Stream { chunks, .. } => Poll::Ready(match ready!(chunks.poll_recv(context)) {
                None => None,
                Some(Ok(chunk)) => Some(Ok(Frame::data(chunk))),
                Some(Err(error)) => Some(Err(Error::Function(error.kind))),
            }),
            Kind::Proxied { body, .. } => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(Error::from)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Stream { .. } => false,
            Kind::Proxied { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream { .. } => SizeHint::default(),
            Kind::Proxied { body, .. } => body.size_hint(),
        }
    }
}
