//! The beginning of a streamed answer: what it says about the response before the body comes
//! (semantics.md 1.5).

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderValue, Response, header};
use lambent_engine::Streaming;

use crate::body::Body;
use crate::refusal::Refusal;
use crate::reply;

/// The content type of a stream that begins with a prelude.
const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

/// What stands between the prelude and the body.
const DELIMITER: [u8; 8] = [0; 8];

/// Within how many bytes the delimiter must have come.
const PRELUDE_MAX: usize = 16 * 1024;

/// Waits for the beginning of a streamed answer, and gives the response whose body is the rest.
///
/// # Errors
/// [`Refusal::InternalServerError`] when the prelude is malformed, does not end within [`PRELUDE_MAX`], or the
/// function fails before it does.
pub(crate) async fn begin(mut streaming: Streaming) -> Result<Response<Body>, Refusal> {
    let essence = streaming.content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(WITH_PRELUDE) {
        let content_type = HeaderValue::from_bytes(streaming.content_type.as_bytes())
            .map_err(|_| Refusal::InternalServerError)?;
        let first = next(&mut streaming).await?.unwrap_or_default();
        let mut response = Response::new(Body::stream(first, streaming.chunks));
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        return Ok(response);
    }
    let (prelude, first) = read_prelude(&mut streaming).await?;
    let head = reply::prelude(&prelude).map_err(|_| Refusal::InternalServerError)?;
    Ok(head.map(|()| Body::stream(first, streaming.chunks)))
}

/// The prelude, and what came of the body with it.
async fn read_prelude(streaming: &mut Streaming) -> Result<(Bytes, Bytes), Refusal> {
    let mut read = BytesMut::new();
    let mut searched = 0;
    while searched < PRELUDE_MAX {
        let chunk = next(streaming).await?.ok_or(Refusal::InternalServerError)?;
        read.extend_from_slice(&chunk);
        let window = &read[searched..read.len().min(PRELUDE_MAX)];
        if let Some(at) = window.windows(DELIMITER.len()).position(|bytes| bytes == DELIMITER) {
            let prelude = read.split_to(searched + at).freeze();
            read.advance(DELIMITER.len());
            return Ok((prelude, read.freeze()));
        }
        if read.len() >= PRELUDE_MAX {
            break;
        }
        // The delimiter may come in two pieces.
        searched = read.len().saturating_sub(DELIMITER.len() - 1);
    }
    Err(Refusal::InternalServerError)
}

/// The next piece that is not empty; `None` at the end.
async fn next(streaming: &mut Streaming) -> Result<Option<Bytes>, Refusal> {
    while let Some(chunk) = streaming.chunks.recv().await {
        let chunk = chunk.map_err(|_| Refusal::InternalServerError)?;
        if !chunk.is_empty() {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::BodyExt as _;
    use lambent_core::FunctionError;
    use tokio::sync::mpsc;

    use super::*;

    /// Streams the pieces, and an error at the end when there is one.
    async fn stream(content_type: &str, pieces: &[&[u8]], breaks: bool) -> Result<Response<Body>, Refusal> {
        let (sender, chunks) = mpsc::channel(pieces.len() + 1);
        for piece in pieces {
            sender.send(Ok(Bytes::copy_from_slice(piece))).await.unwrap();
        }
        if breaks {
            sender.send(Err(FunctionError::new("Runtime.ExitError", "gone"))).await.unwrap();
        }
        drop(sender);
        begin(Streaming { content_type: content_type.to_owned(), chunks }).await
    }

    async fn text(mut body: Body) -> Result<String, crate::body::Error> {
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            text.extend_from_slice(&frame?.into_data().unwrap());
        }
        Ok(String::from_utf8(text).unwrap())
    }

    #[tokio::test]
    async fn a_prelude_may_come_in_any_pieces() {
        let whole =
            b"{\"statusCode\":201,\"headers\":{\"x\":\"1\"},\"cookies\":[\"a=1\"]}\0\0\0\0\0\0\0\0hello";
        for size in [1, 7, 50, 63, whole.len()] {
            let pieces = whole.chunks(size).collect::<Vec<_>>();
            let response = stream(WITH_PRELUDE, &pieces, false).await.unwrap();
            assert_eq!(response.status(), StatusCode::CREATED, "{size}");
            assert_eq!(response.headers()["x"], "1");
            assert_eq!(response.headers()["set-cookie"], "a=1");
            assert_eq!(response.headers()["content-type"], "application/octet-stream");
            assert_eq!(text(response.into_body()).await.unwrap(), "hello", "{size}");
        }
    }

    #[tokio::test]
    async fn other_types_are_passed_on() {
        let response = stream("text/event-stream", &[b"", b"a", b"b"], false).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(text(response.into_body()).await.unwrap(), "ab");
        assert_eq!(text(stream("text/plain", &[], false).await.unwrap().into_body()).await.unwrap(), "");
    }

    #[tokio::test]
    async fn what_breaks_early_is_refused_and_what_breaks_late_is_cut() {
        for (content_type, pieces) in [
            (WITH_PRELUDE, vec![&b"{}"[..]]),
            (WITH_PRELUDE, vec![b"{}\0\0\0\0\0\0\0"]),
            (WITH_PRELUDE, vec![b"[]\0\0\0\0\0\0\0\0"]),
            (WITH_PRELUDE, vec![b"{\"statusCode\":99}\0\0\0\0\0\0\0\0"]),
            (WITH_PRELUDE, vec![]),
            ("bad\ntype", vec![b"a"]),
            ("text/plain", vec![]),
        ] {
            let refused = stream(content_type, &pieces, true).await.map(drop);
            assert_eq!(refused, Err(Refusal::InternalServerError), "{content_type} {pieces:?}");
        }
        let response = stream("text/plain", &[b"a"], true).await.unwrap();
        assert!(text(response.into_body()).await.is_err());
    }

    #[tokio::test]
    async fn the_delimiter_comes_within_16_kilobytes() {
        for (length, fine) in [(PRELUDE_MAX - 8, true), (PRELUDE_MAX - 7, false), (PRELUDE_MAX * 2, false)] {
            let prelude = format!("{{{}}}", " ".repeat(length - 2));
            let parts: [&[u8]; 2] = [prelude.as_bytes(), b"\0\0\0\0\0\0\0\0x"];
            assert_eq!(stream(WITH_PRELUDE, &parts, false).await.is_ok(), fine, "in pieces: {length}");
            assert_eq!(
                stream(WITH_PRELUDE, &[&parts.concat()], false).await.is_ok(),
                fine,
                "at once: {length}"
            );
        }
    }
}
