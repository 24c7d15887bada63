//! Asks a running node, at its admin port.

use anyhow::Context;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The node says no.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    message: String,
}

/// A node's admin API, seen from the command line.
#[derive(Debug)]
pub(crate) struct Remote {
    address: String,
    token: Option<String>,
}

impl Remote {
    /// `address` as in `127.0.0.1:8081`.
    pub(crate) fn new(address: impl ToString, token: Option<String>) -> Self {
        Self { address: address.to_string(), token }
    }

    /// Reads something.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.ask(Request::get(path).body(Bytes::new())?).await
    }

    /// Has something done, with a body of JSON.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.ask(Request::post(path).body(serde_json::to_vec(body)?.into())?).await
    }

    /// Has something done, with a body as it is.
    pub(crate) async fn send_bytes<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<T> {
        self.ask(Request::builder().method(method).uri(path).body(body)?).await
    }

    /// Asks and reads the whole answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, request: Request<Bytes>) -> anyhow::Result<T> {
        let mut response = self.send(request).await?;
        let mut body = Vec::new();
        while let Some(frame) = response.body_mut().frame().await {
            body.extend(frame?.into_data().unwrap_or_default());
        }
        serde_json::from_slice(&body).context("the node's answer cannot be read; is it another version?")
    }

    /// Asks and hands every line of the answer to `line`, as it comes.
    pub(crate) async fn lines(
        &self,
        request: Request<Bytes>,
        mut line: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut response = self.send(request).await?;
        let mut partial = Vec::new();
        while let Some(frame) = response.body_mut().frame().await {
            partial.extend(frame?.into_data().unwrap_or_default());
            while let Some(end) = partial.iter().position(|b| *b == b'\n') {
                line(partial.get(..end).unwrap_or_default())?;
                partial.drain(..=end);
            }
        }
        Ok(())
    }

    async fn send(&self, request: Request<Bytes>) -> anyhow::Result<Response<Incoming>> {
        let (mut head, body) = request.into_parts();
        head.uri = format!("http://{}{}", self.address, head.uri).parse().context("no address of a node")?;
        if let Some(token) = &self.token {
            head.headers
                .insert(header::AUTHORIZATION, format!("Bearer {token}").parse().context("the token")?);
        }
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(Request::from_parts(head, Full::new(body))).await;
        let mut response = response.map_err(|_| {
            anyhow::anyhow!(
                "no node answers at {}: start one with `lambent up`, or say where with --admin",
                self.address
            )
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let mut body = Vec::new();
        while let Some(frame) = response.body_mut().frame().await {
            body.extend(frame?.into_data().unwrap_or_default());
        }
        let message = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|value| value.get("message")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| format!("the node answered {}", response.status()));
        // It may repeat what others wrote.
        let message = crate::screen::text::printable_lines(&message);
        Err(Refused { status: response.status(), message }.into())
    }
}

/// A path of these parts; what has a meaning of its own in an address is escaped.
pub(crate) fn path(parts: &[&str]) -> String {
    let mut path = String::new();
    for part in parts {
        path.push('/');
        path.push_str(&escape(part));
    }
    path
}

/// A text as a part of an address (RFC 3986, section 2.3).
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_part_of_a_path() {
        assert_eq!(path(&["v1", "queues", "orders"]), "/v1/queues/orders");
        assert_eq!(path(&["v1", "rule:a/b", "?x#ü %"]), "/v1/rule%3Aa%2Fb/%3Fx%23%C3%BC%20%25");
    }
}
