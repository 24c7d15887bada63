//! Bodies: read with a cap, written whole or as a stream.

use std::convert::Infallible;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use lambent_core::limits;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Why a request's body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is larger than the action takes.
    #[error("the body is larger than {max} bytes")]
    TooLarge {
        /// The limit in bytes.
        max: usize,
    },
    /// The client paused for too long.
    #[error("the body did not arrive: nothing came for {} seconds", limits::HTTP_HEAD_TIMEOUT.as_secs())]
    Slow,
    /// The connection broke.
    #[error("the body did not arrive whole: {0}")]
    Broken(String),
}

/// A body of one piece.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// Reads a body of at most `max` bytes. A client that pauses between two pieces for longer than it may take for
/// the head of a request is given up.
///
/// # Errors
/// When the body is too large, too slow or broken off.
pub(crate) async fn read<B>(body: B, max: usize) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Display,
{
    // A declared length is believed where it refuses, never where it would reserve memory.
    if body.size_hint().lower() > max as u64 {
        return Err(Error::TooLarge { max });
    }
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let frame = match tokio::time::timeout(limits::HTTP_HEAD_TIMEOUT, body.frame()).await {
            Err(_) => return Err(Error::Slow),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(Error::Broken(error.to_string())),
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers carry nothing that an action reads.
        let Ok(piece) = frame.into_data() else { continue };
        if first.len() + rest.len() + piece.len() > max {
            return Err(Error::TooLarge { max });
        }
        // Most bodies arrive in one piece, which is then not copied.
        if first.is_empty() && rest.is_empty() {
            first = piece;
        } else {
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&piece);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::Frame;

    use super::*;

    /// A body that arrives in pieces; `None` never arrives.
    struct Pieces(VecDeque<Option<&'static str>>);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            if self.0.front() == Some(&None) {
                return Poll::Pending;
            }
            match self.0.pop_front().flatten() {
                None => Poll::Ready(None),
                Some("broken") => Poll::Ready(Some(Err(std::io::Error::other("reset")))),
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece.into())))),
            }
        }
    }

    async fn check(pieces: &[Option<&'static str>], expect: Result<&str, &str>) {
        let read = read(Pieces(pieces.iter().copied().collect()), 6).await;
        let read =
            read.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).map_err(|error| error.to_string());
        assert_eq!(read.as_deref().map_err(String::as_str), expect);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_are_read_up_to_the_limit() {
        check(&[], Ok("")).await;
        check(&[Some("abc")], Ok("abc")).await;
        check(&[Some("ab"), Some(""), Some("cd"), Some("ef")], Ok("abcdef")).await;
        check(&[Some("ab"), Some("cdefg")], Err("the body is larger than 6 bytes")).await;
        check(&[Some("ab"), Some("broken")], Err("the body did not arrive whole: reset")).await;
        check(&[Some("ab"), None], Err("the body did not arrive: nothing came for 30 seconds")).await;
    }

    #[tokio::test]
    async fn a_declared_length_is_refused_at_once() {
        let refused = read(Full::new(Bytes::from_static(b"1234567")), 6).await;
        assert!(matches!(refused, Err(Error::TooLarge { max: 6 })));
    }
}
