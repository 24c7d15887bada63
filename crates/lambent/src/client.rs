//! Asks a running node, at its admin port.

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

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
        bail!(message)
    }
}
