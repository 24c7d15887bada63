//! `Invoke`, synchronous and asynchronous (semantics.md 2.1, 3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use lambent_core::{Invocation, Origin, Outcome, Runtime, TraceHeader, limits};
use lambent_engine::events::{self, Incoming, Key};
use lambent_engine::{Completed, Engine};
use serde::de::IgnoredAny;

use super::Error;
use super::identifier::Found;
use crate::body::{self, Body};
use crate::protocol::Refusal;
use crate::service::Call;

/// Runs a function and answers with its result.
pub(super) async fn run(engine: &Engine, call: Call) -> Result<Response<Body>, Refusal> {
    let request = Request::of(&call, &["Event", "RequestResponse", "DryRun"])?;
    let found = Found::by(engine, &call)?;
    let payload = payload(&found, call.body)?;
    match request.kind {
        Kind::DryRun => return Ok(checked_only()),
        Kind::Event => return accept(engine, found, payload, request).await,
        Kind::RequestResponse => {}
    }
    let tail = request.tail;
    let call = invocation(engine, found, payload, request)?;
    let (id, trace, version) = (call.id, call.trace.clone(), call.function.version.clone());
    let completed = engine.invoke(call).await;
    let mut response = answer(&completed, id, tail)?;
    let headers = response.headers_mut();
    headers.insert("x-amz-executed-version", text(&version));
    headers.insert("x-amzn-requestid", text(id.as_str()));
    headers.insert("x-amzn-trace-id", text(trace.as_str()));
    Ok(response)
}

/// Takes an event in, to be run later. The answer is given when it is on disk.
async fn accept(
    engine: &Engine,
    found: Found,
    payload: Bytes,
    request: Request,
) -> Result<Response<Body>, Refusal> {
    if payload.len() > limits::ASYNC_PAYLOAD_MAX {
        let (max, operation) = (limits::ASYNC_PAYLOAD_MAX, "InvokeFunction".to_owned());
        return Err(Error::TooLarge { max, operation }.into());
    }
    let trace = request.trace;
    let header = trace.as_ref().map(|trace| text(trace.as_str()));
    let incoming = Incoming {
        function: found.function.name().clone(),
        key: request.key.map(|key| Key::new(key, &[&payload])),
        payload,
        trace,
        arn: (found.arn != found.function.arn).then_some(found.arn),
        client_context: request.client_context,
    };
    let accepted = engine.events().accept(incoming).await.map_err(|error| match error {
        events::Error::KeyReused(_) => Error::Parameter(error.to_string()),
        // Nothing is said to be accepted that is not on disk; SDKs try again.
        _ => Error::Service(error.to_string()),
    })?;
    let mut response = Response::new(body::whole(Bytes::new()));
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert("x-amzn-requestid", text(accepted.id.as_str()));
    if let Some(header) = header {
        headers.insert("x-amzn-trace-id", header);
    }
    Ok(response)
}

/// What is done with a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is run, and the caller waits.
    RequestResponse,
    /// It is run later.
    Event,
    /// Nothing is run.
    DryRun,
}

/// What the headers of an Invoke say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// What is to be done.
    pub(super) kind: Kind,
    /// Makes it the same event when it is sent again; a header of ours, `X-Lambent-Idempotency-Key`.
    key: Option<String>,
    /// The end of the log is wanted.
    pub(super) tail: bool,
    /// JSON text for the function's context.
    client_context: Option<String>,
    /// The trace that the caller is part of.
    trace: Option<TraceHeader>,
}

impl Request {
    /// Reads the headers. `types` are the invocation types that the action has.
    ///
    /// # Errors
    /// When one of them has a value that cannot be honoured.
    pub(super) fn of(call: &Call, types: &[&str]) -> Result<Self, Error> {
        let kind = match one_of(call, "x-amz-invocation-type", "invocationType", types)? {
            Some("Event") => Kind::Event,
            Some("DryRun") => Kind::DryRun,
            _ => Kind::RequestResponse,
        };
        for name in ["X-Amz-Durable-Execution-Name", "X-Amz-Tenant-Id"] {
            if call.head.headers.contains_key(name) {
                return Err(Error::Parameter(format!("Lambent does not support {name}. Leave it out.")));
            }
        }
        Ok(Self {
            kind,
            key: idempotency_key(call, kind)?,
            tail: one_of(call, "x-amz-log-type", "logType", &["None", "Tail"])? == Some("Tail"),
            client_context: client_context(call)?,
            trace: call.header("x-amzn-trace-id").and_then(TraceHeader::parse),
        })
    }
}

/// The key of an event; only events have one.
fn idempotency_key(call: &Call, kind: Kind) -> Result<Option<String>, Error> {
    const NAME: &str = "X-Lambent-Idempotency-Key";
    let Some(value) = call.head.headers.get(NAME) else { return Ok(None) };
    let invalid = |why: &str| Err(Error::Parameter(format!("{NAME} {why}")));
    match value.to_str() {
        _ if kind != Kind::Event => invalid("is only for the invocation type Event"),
        Ok(key) if (1..=limits::IDEMPOTENCY_KEY_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => invalid("has 1 to 255 visible ASCII characters"),
    }
}

/// A header with a value of a closed set.
fn one_of<'a>(
    call: &'a Call,
    header: &str,
    member: &'static str,
    set: &[&str],
) -> Result<Option<&'a str>, Error> {
    let Some(value) = call.head.headers.get(header) else { return Ok(None) };
    match value.to_str() {
        Ok(value) if set.contains(&value) => Ok(Some(value)),
        _ => Err(Error::Constraint {
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            member,
            constraint: format!("Member must satisfy enum value set: [{}]", set.join(", ")),
        }),
    }
}

fn client_context(call: &Call) -> Result<Option<String>, Error> {
    let Some(value) = call.head.headers.get("x-amz-client-context") else { return Ok(None) };
    let invalid = || Error::Content("Client context must be a valid Base64-encoded JSON object.".to_owned());
    let bytes = BASE64.decode(value.as_bytes()).map_err(|_| invalid())?;
    if bytes.len() > limits::CLIENT_CONTEXT_MAX {
        return Err(Error::Content(format!(
            "Client context must be no more than {} bytes, decoded; it has {}.",
            limits::CLIENT_CONTEXT_MAX,
            bytes.len()
        )));
    }
    let text = String::from_utf8(bytes).map_err(|_| invalid())?;
    let is_object =
        text.trim_ascii_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(&text).is_ok();
    if is_object { Ok(Some(text)) } else { Err(invalid()) }
}

/// The event for the function: JSON, `{}` for an empty body.
pub(super) fn payload(found: &Found, body: Bytes) -> Result<Bytes, Error> {
    let function = &found.function.function;
    if function.runtime == Runtime::Http {
        return Err(Error::Parameter(format!(
            "The function {} is a web server (runtime http) and has no event handler: call one of its routes at the gateway.",
            function.name
        )));
    }
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    // Checked without a tree: the function's runtime parses it anyway. JSON strings are skipped unseen, so UTF-8 is
    // checked before.
    let not_json = |why: String| Error::Content(format!("Could not parse request body into json: {why}"));
    let text = std::str::from_utf8(&body).map_err(|error| not_json(error.to_string()))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| not_json(error.to_string()))?;
    Ok(body)
}

/// The invocation that a request asks for.
///
/// # Errors
/// When the caller is part of an endless chain of calls (semantics.md 2.1, "Recursion detection").
pub(super) fn invocation(
    engine: &Engine,
    found: Found,
    payload: Bytes,
    request: Request,
) -> Result<Invocation, Error> {
    let name = found.function.name().as_str();
    if request.trace.as_ref().is_some_and(|trace| trace.visits(name) >= limits::VISITS_MAX) {
        return Err(Error::Loop { function: name.to_owned() });
    }
    let mut call = engine.invocation(&found.function, payload, Origin::Api, request.trace);
    call.trace = call.trace.visit(name);
    call.arn = found.arn;
    call.client_context = request.client_context;
    Ok(call)
}

/// What a dry run answers when all was well.
pub(super) fn checked_only() -> Response<Body> {
    let mut response = Response::new(body::whole(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The answer to a call that is over. A function's failure is a success of the call: only a header tells.
fn answer(completed: &Completed, id: lambent_core::RequestId, tail: bool) -> Result<Response<Body>, Error> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    if tail {
        headers.insert("x-amz-log-result", text(&BASE64.encode(completed.log_tail())));
    }
    let document = match &completed.outcome {
        Outcome::Returned(result) => result.clone(),
        Outcome::Throttled { retry_in } => return Err(Error::Throttled { retry_in: *retry_in }),
        failed => {
            headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
            failed.error(id).map(|error| error.document).unwrap_or_default()
        }
    };
    let mut response = Response::new(body::whole(document));
    *response.headers_mut() = headers;
    Ok(response)
}

/// A header's value. What no header can carry is left out: none of the node's own texts is such.
pub(super) fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use http_body_util::BodyExt;
    use lambent_core::{Exit, FunctionError, RequestId};

    use super::super::functions::tests::version;
    use super::*;

    fn call(headers: &[(&str, &str)]) -> Call {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        Call {
            head,
            resource: "f".to_owned(),
            body: Bytes::new(),
            action: "Invoke",
            protocol: crate::protocol::Protocol::RestJson,
            id: RequestId::from_random(0),
        }
    }

    fn request(headers: &[(&str, &str)]) -> Result<Request, String> {
        Request::of(&call(headers), &["Event", "RequestResponse", "DryRun"])
            .map_err(|error| error.to_string())
    }

    #[test]
    fn headers_are_read() {
        let plain = Request {
            kind: Kind::RequestResponse,
            key: None,
            tail: false,
            client_context: None,
            trace: None,
        };
        assert_eq!(request(&[]), Ok(plain));
        let root = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Sampled=1";
        let all = request(&[
            ("X-Amz-Invocation-Type", "DryRun"),
            ("X-Amz-Log-Type", "Tail"),
            ("X-Amz-Client-Context", &BASE64.encode(r#"{"custom":{"a":"b"}}"#)),
            ("X-Amzn-Trace-Id", root),
        ]);
        let expect = Request {
            kind: Kind::DryRun,
            key: None,
            tail: true,
            client_context: Some(r#"{"custom":{"a":"b"}}"#.to_owned()),
            trace: TraceHeader::parse(root),
        };
        assert_eq!(all, Ok(expect));
        // A trace that is none is not the caller's fault worth failing for: a new one is started.
        assert_eq!(request(&[("X-Amzn-Trace-Id", "junk")]).unwrap().trace, None);
    }

    #[test]
    fn headers_that_cannot_be_honoured_are_refused() {
        let check = |name: &str, value: &str, expect: &str| {
            let error = request(&[(name, value)]).unwrap_err();
            assert!(error.contains(expect), "{error}");
        };
        check(
            "X-Amz-Invocation-Type",
            "Later",
            "1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: \
             Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
        );
        check("X-Amz-Log-Type", "Head", "Value 'Head' at 'logType' failed");
        check("X-Lambent-Idempotency-Key", "a", "only for the invocation type Event");
        check("X-Amz-Tenant-Id", "a", "does not support X-Amz-Tenant-Id");
        let large = BASE64.encode(format!("{{\"a\":\"{}\"}}", "x".repeat(limits::CLIENT_CONTEXT_MAX)));
        check("X-Amz-Client-Context", &large, "no more than 3583 bytes");
        for bad in ["%", &BASE64.encode("[]"), &BASE64.encode("{"), &BASE64.encode(b"\xff")] {
            check("X-Amz-Client-Context", bad, "Client context must be a valid Base64-encoded JSON object.");
        }
    }

    fn payload_of(runtime: Runtime, body: &'static [u8]) -> Result<Bytes, String> {
        let found = Found { function: Arc::new(version("f", runtime)), arn: String::new() };
        payload(&found, Bytes::from_static(body)).map_err(|error| error.to_string())
    }

    #[test]
    fn payloads_are_json() {
        let nodejs = Runtime::Nodejs;
        assert_eq!(payload_of(nodejs, b"").unwrap(), "{}");
        for good in ["null", " {\"a\": [1, 2.5e9, \"\u{fc}\"]} ", "1", "\"x\""] {
            assert_eq!(payload_of(nodejs, good.as_bytes()).unwrap(), good);
        }
        for bad in [&b"{"[..], b"a", b"{} {}", b"\"\xff\"", b"\xef\xbb\xbf{}", b"{'a':1}", b"[1,]", b"\"\n\""]
        {
            let error = payload_of(nodejs, bad).unwrap_err();
            assert!(error.starts_with("Could not parse request body into json: "), "{error}");
        }
        let deep: &'static [u8] = vec![b'['; 1_000_000].leak();
        assert!(payload_of(nodejs, deep).is_err());
    }

    #[test]
    fn web_servers_have_no_event_handler() {
        let error = payload_of(Runtime::Http, b"{}").unwrap_err();
        assert!(error.contains("call one of its routes"), "{error}");
    }

    #[tokio::test]
    async fn answers_are_lambdas() {
        let check = async |outcome: Outcome, error: Option<&str>, expect: &str| {
            let completed =
                Completed { outcome, report: Some(crate::lambda::report()), printed: b"line\n".to_vec() };
            let mut response = answer(&completed, RequestId::from_random(0), true).unwrap();
            let headers = response.headers();
            assert_eq!(response.status(), 200);
            assert_eq!(headers["x-amz-log-result"], BASE64.encode(completed.log_tail()));
            assert_eq!(headers.get("x-amz-function-error").map(|value| value.to_str().unwrap()), error);
            let frame = response.body_mut().frame().await.unwrap().unwrap();
            let body = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
            assert!(body.contains(expect), "{body}");
        };
        check(Outcome::Returned("null".into()), None, "null").await;
        let failed = FunctionError::new("TypeError", "x is not a function");
        check(Outcome::Failed(failed), Some("Unhandled"), "{\"errorType\":\"TypeError\"").await;
        check(
            Outcome::TimedOut { after: Duration::from_secs(3) },
            Some("Unhandled"),
            "Task timed out after 3.00 s",
        )
        .await;
        check(Outcome::Crashed(Exit::Status(1)), Some("Unhandled"), "Runtime.ExitError").await;
    }

    #[test]
    fn the_log_is_given_only_when_asked_for_and_throttling_is_an_error() {
        let mut completed =
            Completed { outcome: Outcome::Returned("1".into()), report: None, printed: Vec::new() };
        let response = answer(&completed, RequestId::from_random(0), false).unwrap();
        assert_eq!(response.headers().get("x-amz-log-result"), None);
        completed.outcome = Outcome::Throttled { retry_in: Duration::from_secs(1) };
        let refusal = Refusal::from(answer(&completed, RequestId::from_random(0), false).unwrap_err());
        assert_eq!((refusal.status.as_u16(), refusal.code), (429, "TooManyRequestsException"));
        assert_eq!(refusal.reason, Some("ConcurrentInvocationLimitExceeded"));
    }
}
