//! Where a sandbox puts the result of an invocation.

use bytes::{Bytes, BytesMut};
use lambent_core::FunctionError;
use lambent_core::limits::{RESULT_MAX, STREAM_CHUNKS_WAITING, STREAM_MAX};
use tokio::sync::{mpsc, oneshot};

/// Where a sandbox puts a streamed result: to a listener, or together into one piece.
///
/// A result that comes in one piece does not pass through here; it is the outcome itself.
#[derive(Debug)]
pub struct Reply {
    listener: Option<oneshot::Sender<Stream>>,
    chunks: Option<mpsc::Sender<Result<Bytes, FunctionError>>>,
    collected: BytesMut,
    bytes: u64,
}

/// A result that is being streamed.
#[derive(Debug)]
pub struct Stream {
    /// Its content type, as the function set it.
    pub content_type: String,
    /// Its pieces; an `Err` is the last item of a broken stream.
    pub chunks: mpsc::Receiver<Result<Bytes, FunctionError>>,
}

/// The stream became larger than [`STREAM_MAX`], or than [`RESULT_MAX`] where it is put together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Reply {
    /// Puts a streamed result together; it becomes the outcome.
    pub fn whole() -> Self {
        Self { listener: None, chunks: None, collected: BytesMut::new(), bytes: 0 }
    }

    /// Hands a streamed result on as it comes. The receiver hears nothing when the result is not streamed.
    pub fn streaming() -> (Self, oneshot::Receiver<Stream>) {
        let (listener, heard) = oneshot::channel();
        (Self { listener: Some(listener), ..Self::whole() }, heard)
    }

    /// The function begins to stream.
    pub(crate) fn start(&mut self, content_type: &str) {
        if let Some(listener) = self.listener.take() {
            let (sender, chunks) = mpsc::channel(STREAM_CHUNKS_WAITING);
            self.chunks = Some(sender);
            // A listener who has gone away hears nothing; the function runs on all the same.
            drop(listener.send(Stream { content_type: content_type.to_owned(), chunks }));
        }
    }

    /// Another piece. Waits while a slow listener has [`STREAM_CHUNKS_WAITING`] pieces before it.
    pub(crate) async fn chunk(&mut self, bytes: Bytes) -> Result<(), TooLarge> {
        self.bytes += bytes.len() as u64;
        if let Some(chunks) = &self.chunks {
            if self.bytes > STREAM_MAX {
                return Err(TooLarge);
            }
            drop(chunks.send(Ok(bytes)).await);
            return Ok(());
        }
        if self.bytes > RESULT_MAX as u64 {
            return Err(TooLarge);
        }
        self.collected.extend_from_slice(&bytes);
        Ok(())
    }

    /// The stream is broken off.
    pub(crate) async fn fail(&mut self, error: FunctionError) {
        if let Some(chunks) = self.chunks.take() {
            drop(chunks.send(Err(error)).await);
        }
    }

    /// The stream is complete: what was put together of it.
    pub(crate) fn finish(&mut self) -> Bytes {
        self.chunks = None;
        self.collected.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_whole_reply_is_put_together_up_to_its_limit() {
        let mut reply = Reply::whole();
        reply.start("text/plain");
        assert_eq!(reply.chunk(Bytes::from_static(b"ab")).await, Ok(()));
        assert_eq!(reply.chunk(Bytes::from_static(b"c")).await, Ok(()));
        assert_eq!(reply.chunk(Bytes::from(vec![0; RESULT_MAX])).await, Err(TooLarge));
        assert_eq!(reply.finish(), "abc");
    }

    #[tokio::test]
    async fn a_listener_hears_the_pieces_and_the_break() {
        let (mut reply, heard) = Reply::streaming();
        reply.start("text/plain");
        reply.chunk(Bytes::from_static(b"ab")).await.unwrap();
        reply.fail(FunctionError::new("Oops", "broken")).await;
        let mut stream = heard.await.unwrap();
        assert_eq!(stream.content_type, "text/plain");
        assert_eq!(stream.chunks.recv().await.unwrap().unwrap(), "ab");
        assert_eq!(stream.chunks.recv().await.unwrap().unwrap_err().kind, "Oops");
        assert!(stream.chunks.recv().await.is_none());
    }

    #[tokio::test]
    async fn a_listener_who_left_does_not_stop_the_function() {
        let (mut reply, heard) = Reply::streaming();
        drop(heard);
        reply.start("text/plain");
        for _ in 0..100 {
            assert_eq!(reply.chunk(Bytes::from_static(b"x")).await, Ok(()));
        }
    }
}
