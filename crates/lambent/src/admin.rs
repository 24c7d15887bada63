//! The admin API: what the command line and the console ask a running node.
//!
//! JSON over HTTP. Beyond loopback it asks for a token; on loopback it refuses what a web page of another origin
//! could have a browser send.

mod asked;
mod logs;
mod refusal;
mod reply;
mod v1;
pub(crate) mod view;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use lambent_core::{Origin, Outcome, RequestId, Secret};
use lambent_engine::{Completed, Engine};
use lambent_sandbox::Launcher;
use serde::Serialize;
use serde_json::{json, value::RawValue};
use tokio_util::sync::CancellationToken;

pub(crate) use reply::Body;
use reply::{failure, json};

/// The admin API of a node.
#[derive(Debug)]
pub(crate) struct Admin {
    engine: Engine,
    launcher: Launcher,
    token: Option<Secret<String>>,
    stop: CancellationToken,
}

impl Admin {
    pub(crate) fn new(
        engine: Engine,
        launcher: Launcher,
        token: Option<Secret<String>>,
        stop: CancellationToken,
    ) -> Self {
        Self { engine, launcher, token, stop }
    }

    /// Answers a request; whoever may not ask is refused before anything is read.
    pub(crate) async fn handle(self: &Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        if let Err(why) = self.admit(request.headers()) {
            return failure(StatusCode::FORBIDDEN, why);
        }
        let path = request.uri().path().to_owned();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (request.method(), segments.as_slice()) {
            (&Method::GET, ["health"]) => json(StatusCode::OK, &json!({ "status": "ok" })),
            (&Method::GET, ["v1", "functions"]) => self.functions(),
            (&Method::POST, ["v1", "functions", name, "invocations"]) => self.invoke(name, request).await,
            (&Method::GET, ["v1", "logs"]) => {
                logs::answer(&self.engine, &self.stop, request.uri().query().unwrap_or_default())
            }
            (&Method::GET, ["v1", "isolation"]) => self.isolation(),
            (_, ["v1", ..]) => v1::answer(&self.engine, request).await,
            _ => failure(StatusCode::NOT_FOUND, "the admin API has no such path"),
        }
    }

    fn admit(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
        if let Some(token) = &self.token {
            let given = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
            let right = given.is_some_and(|given| same(given.as_bytes(), token.reveal().as_bytes()));
            return if right { Ok(()) } else { Err("the admin API asks for `Authorization: Bearer TOKEN`") };
        }
        // A page of another origin can send requests here, and make its own name resolve to 127.0.0.1.
        let host = text(header::HOST).unwrap_or_default();
        if !is_loopback_host(host) {
            return Err("without a token the admin API answers to `localhost` and loopback addresses only");
        }
        let foreign = |origin: &str| origin.split_once("://").is_none_or(|(_, from)| from != host);
        if text(header::ORIGIN).is_some_and(foreign) {
            return Err("the admin API does not answer to pages of another origin");
        }
        Ok(())
    }

    fn functions(&self) -> Response<Body> {
        let functions: Vec<_> = self
            .engine
            .functions()
            .iter()
            .map(|version| {
                let function = &version.function;
                json!({
                    "name": function.name.as_str(),
                    "runtime": function.runtime.to_string(),
                    "timeout_ms": u64::try_from(function.timeout.as_millis()).unwrap_or(u64::MAX),
                    "memory_mib": function.memory_mib,
                    "version": version.version,
                    "generation": version.generation,
                    "sandboxes": self.engine.sandboxes(function.name.as_str()),
                })
            })
            .collect();
        json(StatusCode::OK, &json!({ "functions": functions }))
    }

    async fn invoke(&self, name: &str, request: Request<Incoming>) -> Response<Body> {
        let Some(function) = self.engine.function(name) else {
            let known: Vec<String> = self.engine.functions().iter().map(|f| f.name().to_string()).collect();
            let message = format!("there is no function `{name}`; deployed are: {}", known.join(", "));
            return failure(StatusCode::NOT_FOUND, &message);
        };
        if function.function.runtime == lambent_core::Runtime::Http {
            let message = format!("`{name}` is a web server: call its route at the gateway");
            return failure(StatusCode::BAD_REQUEST, &message);
        }
        let payload = match asked::read(request.into_body()).await {
            Ok(payload) if payload.is_empty() => Bytes::from_static(b"{}"),
            Ok(payload) => payload,
            Err(refusal) => return refusal.into(),
        };
        if let Err(e) = serde_json::from_slice::<&RawValue>(&payload) {
            return failure(StatusCode::BAD_REQUEST, &format!("the payload is no JSON: {e}"));
        }
        let call = self.engine.invocation(&function, payload, Origin::Admin, None);
        let id = call.id;
        json(StatusCode::OK, &Invoked::new(&id, &self.engine.invoke(call).await))
    }

    fn isolation(&self) -> Response<Body> {
        json(StatusCode::OK, &isolation(self.launcher.isolation()))
    }
}

/// What the host can isolate, for programs.
pub(crate) fn isolation(isolation: &lambent_sandbox::Isolation) -> serde_json::Value {
    let measures: Vec<_> = isolation
        .measures
        .iter()
        .map(|m| json!({ "name": m.name, "given": m.given, "detail": m.detail }))
        .collect();
    json!({ "tier": isolation.tier.to_string(), "measures": measures })
}

/// An invocation that is over, for programs.
#[derive(Serialize)]
struct Invoked<'a> {
    request_id: &'a str,
    /// The error's type; `null` when the function returned.
    error: Option<String>,
    /// The result, or the error document, as the function wrote it; a text when that is no JSON.
    payload: Box<RawValue>,
    duration_ms: Option<f64>,
    billed_ms: Option<f64>,
    init_ms: Option<f64>,
    memory_used_mib: Option<u32>,
    log: String,
}

impl<'a> Invoked<'a> {
    fn new(id: &'a RequestId, completed: &Completed) -> Self {
        let (error, document) = match (completed.outcome.error(*id), &completed.outcome) {
            (Some(error), _) => (Some(error.kind), error.document),
            (None, Outcome::Returned(bytes)) => (None, bytes.clone()),
            (None, _) => (None, Bytes::new()),
        };
        let text = String::from_utf8_lossy(&document);
        let payload = RawValue::from_string(text.clone().into_owned())
            .or_else(|_| serde_json::value::to_raw_value(&text))
            .unwrap_or_default();
        let millis = |d: std::time::Duration| d.as_secs_f64() * 1000.0;
        let report = completed.report.as_ref();
        Self {
            request_id: id.as_str(),
            error,
            payload,
            duration_ms: report.map(|r| millis(r.duration)),
            billed_ms: report.map(|r| millis(r.billed())),
            init_ms: report.and_then(|r| r.init).map(millis),
            memory_used_mib: report.and_then(|r| r.memory_used_mib),
            log: String::from_utf8_lossy(&completed.log_tail()).into_owned(),
        }
    }
}

/// Whether a `Host` header names this machine's loopback.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Compares in a time that tells nothing of where two tokens differ.
fn same(given: &[u8], token: &[u8]) -> bool {
    given.len() == token.len() && given.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_hosts() {
        for good in ["localhost", "localhost:8081", "127.0.0.1:8081", "127.1.2.3", "[::1]:8081", "[::1]"] {
            assert!(is_loopback_host(good), "{good}");
        }
        for bad in
            ["", "example.com", "localhost.example.com:8081", "10.0.0.1:8081", "[::2]:1", "127.0.0.1.nip.io"]
        {
            assert!(!is_loopback_host(bad), "{bad}");
        }
    }

    #[test]
    fn tokens() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"ab", b"abc"));
    }
}
