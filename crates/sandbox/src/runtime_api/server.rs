//! The HTTP side of the Runtime API: five paths, exact to the status code and header.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lambent_core::FunctionError;
use lambent_core::limits::RESULT_MAX;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exchange::{Answering, Event, Exchange, Part, Refusal};

/// Runtimes send the cause of an error as a header of up to 1 MiB; hyper's default would cut the connection.
const HEAD_MAX: usize = 3 * 512 * 1024;

const MODE: &str = "lambda-runtime-function-response-mode";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// The content type of a result that begins with an HTTP status, which is only ever streamed. The client for Go
/// sends it without [`MODE`].
const WITH_PRELUDE: &[u8] = b"application/vnd.awslambda.http-integration-response";

type Reply = Response<Full<Bytes>>;

/// Serves until `stop`. Connections are never closed for being idle: runtimes take that badly.
pub(super) async fn serve(
    listener: TcpListener,
    exchange: Arc<Exchange>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        if let Ok((stream, _)) = accepted {
            let (exchange, stop) = (Arc::clone(&exchange), stop.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = connection(stream, exchange) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
    }
}

async fn connection(stream: TcpStream, exchange: Arc<Exchange>) {
    // Without it small answers wait for an acknowledgement that waits for them.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let exchange = Arc::clone(&exchange);
        async move { Ok::<_, Infallible>(handle(request, &exchange).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.max_buf_size(HEAD_MAX).header_read_timeout(None);
    // A runtime that breaks the connection ends the exchange; the process says the rest.
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
}

async fn handle(request: Request<Incoming>, exchange: &Arc<Exchange>) -> Reply {
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix("/2018-06-01/") else { return not_found(&path) };
    if request.method() == Method::GET {
        return match path {
            "runtime/invocation/next" => next(exchange).await,
            "ping" => text(StatusCode::OK, "text/plain", "pong"),
            _ => not_found(path),
        };
    }
    if request.method() != Method::POST {
        return not_found(path);
    }
    if path == "runtime/init/error" {
        return init_error(request, exchange).await;
    }
    match path.strip_prefix("runtime/invocation/").and_then(|rest| rest.split_once('/')) {
        Some((id, "response")) => response(id, request, exchange).await,
        Some((id, "error")) => error(id, request, exchange).await,
        _ => not_found(path),
    }
}

async fn next(exchange: &Exchange) -> Reply {
    match exchange.next().await {
        Ok(event) => event_reply(event),
        Err(refusal) => refused(&refusal),
    }
}

fn event_reply(event: Event) -> Reply {
    let mut reply = Response::new(Full::new(event.payload));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut set = |name: &'static str, value: &str| {
        // All of it is of the node's own making, and printable ASCII.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set("lambda-runtime-aws-request-id", event.id.as_str());
    set("lambda-runtime-deadline-ms", &event.deadline.as_millis().to_string());
    set("lambda-runtime-invoked-function-arn", &event.arn);
    set("lambda-runtime-trace-id", &event.trace);
    if let Some(context) = &event.client_context {
        set("lambda-runtime-client-context", &ascii_json(context));
    }
    reply
}

/// JSON text of the same meaning that a header can carry and every client reads: some take no other characters than
/// ASCII in a header, and others take them for Latin-1.
fn ascii_json(text: &str) -> Cow<'_, str> {
    let plain = |c: char| matches!(c, ' '..='~');
    if text.chars().all(plain) {
        return text.into();
    }
    let mut ascii = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        match c {
            _ if plain(c) => ascii.push(c),
            // Strings have no control characters as they are: this is white space between two tokens.
            '\0'..' ' => ascii.push(' '),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| ascii += &format!("\\u{unit:04x}")),
        }
    }
    ascii.into()
}

async fn response(id: &str, request: Request<Incoming>, exchange: &Arc<Exchange>) -> Reply {
    let mode = request.headers().get(MODE).map(|mode| mode.as_bytes().eq_ignore_ascii_case(b"streaming"));
    let with_prelude = || request.headers().get(CONTENT_TYPE).is_some_and(|value| value == WITH_PRELUDE);
    let mode = mode.or_else(|| with_prelude().then_some(true));
    let answering = match exchange.answer(id, "InvocationResponse") {
        Ok(answering) => answering,
        Err(refusal) => return refused(&refusal),
    };
    match mode {
        Some(true) => stream(request, answering).await,
        Some(false) => {
            let kind = "Runtime.InvalidResponseModeHeader";
            answering.finish(Part::Failed(FunctionError::new(kind, "Invalid response mode header"))).await;
            failure(StatusCode::BAD_REQUEST, "InvalidFunctionResponseMode", "Invalid response mode header")
        }
        None => conclude(request.into_body(), answering, Part::Returned, response_truncated()).await,
    }
}

/// Reads an answer in one piece and passes it on, as `whole` makes a part of it.
async fn conclude(
    body: Incoming,
    answering: Answering,
    whole: impl FnOnce(Bytes) -> Part,
    broken: FunctionError,
) -> Reply {
    let (part, reply) = match read(body).await {
        Body::Whole(bytes) => (whole(bytes), accepted()),
        Body::Failed(error) => (Part::Failed(error), accepted()),
        Body::TooLarge => (Part::Failed(FunctionError::result_too_large()), too_large()),
        Body::Truncated => (Part::Failed(broken), truncated()),
    };
    answering.finish(part).await;
    reply
}

/// What the caller is told of an answer that broke off.
pub(super) fn response_truncated() -> FunctionError {
    FunctionError::new("Runtime.TruncatedResponse", "Response body was truncated")
}

/// A streamed result: pieces as they come, and trailers when it broke off (semantics.md 1.5).
async fn stream(request: Request<Incoming>, answering: Answering) -> Reply {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or("application/octet-stream").to_owned();
    let mut body = request.into_body();
    answering.part(Part::Start(content_type)).await;
    let mut failed = None;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            answering.finish(Part::Failed(response_truncated())).await;
            return truncated();
        };
        match frame.into_data() {
            Ok(bytes) => answering.part(Part::Chunk(bytes)).await,
            Err(frame) => failed = frame.into_trailers().ok().and_then(|trailers| trailer_error(&trailers)),
        }
    }
    answering.finish(failed.map_or(Part::End, Part::Failed)).await;
    accepted()
}

fn trailer_error(trailers: &HeaderMap) -> Option<FunctionError> {
    let kind = trailers.get(ERROR_TYPE)?.to_str().unwrap_or("Function.Unknown").to_owned();
    let body = trailers.get(ERROR_BODY).map(HeaderValue::as_bytes).unwrap_or_default();
    let document = base64::engine::general_purpose::STANDARD.decode(body).unwrap_or_default();
    if document.is_empty() {
        return Some(FunctionError::new(&kind, "the stream was broken off"));
    }
    Some(FunctionError { kind, document: document.into() })
}

async fn error(id: &str, request: Request<Incoming>, exchange: &Arc<Exchange>) -> Reply {
    let kind = error_type(request.headers());
    let answering = match exchange.answer(id, "InvocationErrorResponse") {
        Ok(answering) => answering,
        Err(refusal) => return refused(&refusal),
    };
    let broken = FunctionError::new("Runtime.TruncatedResponse", "Error body was truncated");
    conclude(request.into_body(), answering, |document| Part::Failed(reported(kind, document)), broken).await
}

async fn init_error(request: Request<Incoming>, exchange: &Exchange) -> Reply {
    let kind = error_type(request.headers());
    let Body::Whole(document) = read(request.into_body()).await else { return truncated() };
    match exchange.init_error(reported(kind, document)) {
        Ok(()) => accepted(),
        Err(refusal) => refused(&refusal),
    }
}

/// The error as the runtime reported it: its document is passed on byte for byte.
fn reported(kind: Option<String>, document: Bytes) -> FunctionError {
    #[derive(Deserialize)]
    struct Document {
        #[serde(rename = "errorType")]
        kind: String,
    }
    let of_document = || serde_json::from_slice::<Document>(&document).ok().map(|d| d.kind);
    let kind = kind.or_else(of_document).unwrap_or_else(|| "Runtime.Unknown".to_owned());
    FunctionError { kind, document }
}

/// The error type header, as far as it is one that the platform knows (semantics.md 1.3). Most runtimes send none,
/// or the word `unhandled`: their document tells more.
fn error_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(ERROR_TYPE)?.to_str().ok()?;
    let named = ["Runtime.", "Function."].iter().any(|prefix| {
        text.find(prefix)
            .and_then(|at| text.as_bytes().get(at + prefix.len()))
            .is_some_and(u8::is_ascii_uppercase)
    });
    match (named, text.starts_with("Function.")) {
        (true, _) => Some(text.to_owned()),
        (false, true) => Some("Function.Unknown".to_owned()),
        (false, false) => None,
    }
}

enum Body {
    Whole(Bytes),
    /// Its trailers say that what it was made from failed. The client for Go sends every body like that.
    Failed(FunctionError),
    TooLarge,
    Truncated,
}

/// Reads a body. One that is too large is read to its end all the same, since some runtimes give up when they are
/// answered before they have finished.
async fn read(mut body: Incoming) -> Body {
    let mut whole = BytesMut::new();
    let mut length = 0;
    let mut failed = None;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Body::Truncated };
        match frame.into_data() {
            Ok(bytes) => {
                length += bytes.len();
                if length <= RESULT_MAX {
                    whole.extend_from_slice(&bytes);
                }
            }
            Err(frame) => failed = frame.into_trailers().ok().and_then(|trailers| trailer_error(&trailers)),
        }
    }
    match failed {
        Some(error) => Body::Failed(error),
        None if length > RESULT_MAX => Body::TooLarge,
        None => Body::Whole(whole.freeze()),
    }
}

fn accepted() -> Reply {
    text(StatusCode::ACCEPTED, "application/json", "{\"status\":\"OK\"}")
}

fn too_large() -> Reply {
    let message = format!("Exceeded maximum allowed payload size ({RESULT_MAX} bytes).");
    failure(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
}

fn truncated() -> Reply {
    failure(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", "The request body was truncated")
}

fn refused(refusal: &Refusal) -> Reply {
    match refusal {
        Refusal::UnknownId => failure(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        Refusal::Transition(from, to) => {
            let message = format!(
                "State transition from {from} to {to} failed for runtime. Error: State transition is not allowed"
            );
            failure(StatusCode::FORBIDDEN, "InvalidStateTransition", &message)
        }
    }
}

fn not_found(path: &str) -> Reply {
    failure(StatusCode::NOT_FOUND, "NotFound", &format!("Lambent's Runtime API has no path {path}"))
}

fn failure(status: StatusCode, kind: &str, message: &str) -> Reply {
    let mut body = String::from("{\"errorMessage\":");
    lambent_core::json::push_string(&mut body, message);
    body.push_str(",\"errorType\":");
    lambent_core::json::push_string(&mut body, kind);
    body.push('}');
    text(status, "application/json", body)
}

fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_client_context_fits_a_header() {
        let check = |text: &str, expect: &str| {
            let ascii = super::ascii_json(text);
            assert_eq!(ascii, expect);
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(value(text), value(&ascii));
        };
        check(r#"{ "a": 1 }"#, r#"{ "a": 1 }"#);
        check("{\r\n\t\"a\": 1\n}", "{   \"a\": 1 }");
        check(r#"{"größe":"€😀"}"#, r#"{"gr\u00f6\u00dfe":"\u20ac\ud83d\ude00"}"#);
        check("\"\u{7f}\"", r#""\u007f""#);
    }
}
