//! The body of a request, read whole or refused.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;
use lambent_core::limits;

use crate::refusal::Refusal;

/// How long the next piece of a body may take.
const PIECE_TIMEOUT: Duration = limits::HTTP_HEAD_TIMEOUT;

/// The most that is set aside for a body because of its stated length alone.
const TRUSTED_LENGTH: usize = 256 * 1024;

/// Refuses a body that is known to be too large before any of it is read.
///
/// # Errors
/// [`Refusal::TooLarge`] when its stated length is beyond [`limits::HTTP_BODY_MAX`].
pub(crate) fn check_length(body: &impl Body) -> Result<(), Refusal> {
    if body.size_hint().lower() > limits::HTTP_BODY_MAX as u64 {
        return Err(Refusal::TooLarge);
    }
    Ok(())
}

/// Reads a body to its end. One that came in one piece is not copied.
///
/// # Errors
/// [`Refusal::TooLarge`] beyond [`limits::HTTP_BODY_MAX`], [`Refusal::BadRequest`] when it is malformed or
/// breaks off, [`Refusal::RequestTimeout`] when it stalls.
pub(crate) async fn read<B>(mut body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let stated = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while !body.is_end_stream() {
        let piece = tokio::time::timeout(PIECE_TIMEOUT, body.frame()).await;
        let Some(frame) = piece.map_err(|_| Refusal::RequestTimeout)? else { break };
        // Trailers say nothing to a function.
        let Ok(data) = frame.map_err(|_| Refusal::BadRequest)?.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limits::HTTP_BODY_MAX {
            return Err(Refusal::TooLarge);
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.reserve(stated.min(TRUSTED_LENGTH).max(first.len() + data.len()));
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    async fn check(pieces: &[&[u8]], expect: Result<&[u8], Refusal>) {
        let frames =
            pieces.iter().map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece))));
        let read = read(StreamBody::new(stream::iter(frames.collect::<Vec<_>>()))).await;
        assert_eq!(read.as_deref().map_err(|refusal| *refusal), expect);
    }

    #[tokio::test]
    async fn bodies_are_put_together_up_to_the_limit() {
        check(&[], Ok(b"")).await;
        check(&[b"one"], Ok(b"one")).await;
        check(&[b"", b"one", b"", b"two", b"three"], Ok(b"onetwothree")).await;
        let most = vec![b'x'; limits::HTTP_BODY_MAX];
        check(&[&most], Ok(&most)).await;
        check(&[&most, b"y"], Err(Refusal::TooLarge)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up() {
        let stalled = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        assert_eq!(read(stalled).await, Err(Refusal::RequestTimeout));
    }
}
