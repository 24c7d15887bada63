//! `InvokeWithResponseStream`: a function's result, heard as it speaks (semantics.md 2.1).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use lambent_core::{FunctionError, Outcome, RequestId};
use lambent_engine::{Answer, Completed, Engine};
use serde::Serialize;
use tokio::sync::mpsc;

use super::Error;
use super::event_stream::{PAYLOAD_MAX, event};
use super::identifier::Found;
use super::invoke::{Kind, Request, checked_only, invocation, payload, text};
use crate::body::{self, Body};
use crate::protocol::Refusal;
use crate::service::Call;

/// The content type of a result that is no stream: one chunk of JSON.
const WHOLE_TYPE: &str = "application/json";

/// Runs a function and answers with what it says, as it says it.
pub(super) async fn run(engine: &Engine, call: Call) -> Result<Response<Body>, Refusal> {
    let request = Request::of(&call, &["RequestResponse", "DryRun"])?;
    let found = Found::by(engine, &call)?;
    let payload = payload(&found, call.body)?;
    if request.kind == Kind::DryRun {
        return Ok(checked_only());
    }
    let tail = request.tail;
    let call = invocation(engine, found, payload, request)?;
    let (id, trace, version) = (call.id, call.trace.clone(), call.function.version.clone());
    let (content_type, body) = match engine.invoke_streaming(call).await {
        Answer::Whole(completed) => (WHOLE_TYPE.to_owned(), body::whole(whole(&completed, id, tail)?)),
        Answer::Stream(stream) => {
            (stream.content_type, Events { chunks: Some(stream.chunks) }.boxed_unsync())
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/vnd.amazon.eventstream"));
    headers.insert("x-amzn-remapped-content-type", text(&content_type));
    headers.insert("x-amz-executed-version", text(&version));
    headers.insert("x-amzn-requestid", text(id.as_str()));
    headers.insert("x-amzn-trace-id", text(trace.as_str()));
    Ok(response)
}

/// The stream of an answer that came in one piece.
fn whole(completed: &Completed, id: RequestId, tail: bool) -> Result<Bytes, Error> {
    let mut out = BytesMut::new();
    let log = tail.then(|| BASE64.encode(completed.log_tail()));
    match &completed.outcome {
        Outcome::Returned(result) => {
            out.extend_from_slice(&chunk(result));
            out.extend_from_slice(&complete(None, log));
        }
        Outcome::Throttled { retry_in } => return Err(Error::Throttled { retry_in: *retry_in }),
        failed => out.extend_from_slice(&complete(failed.error(id).as_ref(), log)),
    }
    Ok(out.freeze())
}

/// The events of a function that streams. The log of one is not at hand when it ends, so none is given.
struct Events {
    /// `None` when the last event was given.
    chunks: Option<mpsc::Receiver<Result<Bytes, FunctionError>>>,
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(chunks) = &mut self.chunks else { return Poll::Ready(None) };
        let bytes = match ready!(chunks.poll_recv(context)) {
            Some(Ok(piece)) => chunk(&piece),
            end => {
                self.chunks = None;
                complete(end.and_then(Result::err).as_ref(), None)
            }
        };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

/// `PayloadChunk`, as many as it takes.
fn chunk(bytes: &[u8]) -> Bytes {
    let frame = |piece: &[u8]| event("PayloadChunk", "application/octet-stream", piece);
    if bytes.len() <= PAYLOAD_MAX {
        return frame(bytes);
    }
    let frames: Vec<Bytes> = bytes.chunks(PAYLOAD_MAX).map(frame).collect();
    frames.concat().into()
}

/// `InvokeComplete`, the last event.
fn complete(error: Option<&FunctionError>, log: Option<String>) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Complete {
        #[serde(skip_serializing_if = "Option::is_none")]
        error_code: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_details: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        log_result: Option<String>,
    }
    let document = Complete {
        error_code: error.map(|_| "Unhandled"),
        // A document of megabytes would not fit an event, and is no document any more.
        error_details: error.map(|error| {
            let kept = &error.document[..error.document.len().min(PAYLOAD_MAX / 8)];
            String::from_utf8_lossy(kept).into_owned()
        }),
        log_result: log,
    };
    event(
        "InvokeComplete",
        "application/json",
        &serde_json::to_vec(&document).expect("a document of texts is JSON"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(outcome: Outcome) -> Completed {
        Completed { outcome, report: Some(crate::lambda::report()), printed: Vec::new() }
    }

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn a_whole_answer_is_one_chunk_and_the_end() {
        let stream = shown(
            &whole(&completed(Outcome::Returned("[1]".into())), RequestId::from_random(0), true).unwrap(),
        );
        assert!(stream.contains("PayloadChunk") && stream.contains("event[1]"), "{stream}");
        let log = BASE64.encode(crate::lambda::report().log_tail(b""));
        assert!(stream.contains(&format!(r#"event{{"LogResult":"{log}"}}"#)), "{stream}");
        let failed = Outcome::Failed(FunctionError::new("E", "m"));
        let stream = shown(&whole(&completed(failed), RequestId::from_random(0), false).unwrap());
        assert!(!stream.contains("PayloadChunk"), "{stream}");
        let end =
            r#"event{"ErrorCode":"Unhandled","ErrorDetails":"{\"errorType\":\"E\",\"errorMessage\":\"m\"}"}"#;
        assert!(stream.contains(end), "{stream}");
    }

    #[tokio::test]
    async fn a_stream_ends_with_how_it_ended() {
        for (last, expect) in
            [(None, "event{}"), (Some(FunctionError::new("E", "m")), r#"event{"ErrorCode":"#)]
        {
            let (send, chunks) = mpsc::channel(4);
            send.send(Ok(Bytes::from_static(b"one"))).await.unwrap();
            if let Some(error) = last {
                send.send(Err(error)).await.unwrap();
            }
            drop(send);
            let mut events = Events { chunks: Some(chunks) };
            let mut frames = Vec::new();
            while let Some(frame) = events.frame().await {
                frames.push(shown(&frame.unwrap().into_data().unwrap()));
            }
            assert_eq!(frames.len(), 2);
            assert!(frames[0].contains("PayloadChunk") && frames[0].contains("eventone"));
            assert!(frames[1].contains("InvokeComplete") && frames[1].contains(expect), "{}", frames[1]);
        }
    }

    #[test]
    fn large_pieces_are_split() {
        let bytes = vec![b'x'; PAYLOAD_MAX + 1];
        let frames = chunk(&bytes);
        assert_eq!(
            frames.len(),
            bytes.len() + 2 * event("PayloadChunk", "application/octet-stream", b"").len()
        );
    }
}
