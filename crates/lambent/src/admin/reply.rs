//! Answers of the admin API: JSON, or JSON lines as they come.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use serde_json::json;

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Lines that may wait for a slow reader.
const LINES_WAITING: usize = 64;

/// Sends JSON lines to a reader.
pub(super) struct Lines {
    sender: Sender<Bytes, Infallible>,
}

impl Lines {
    /// Sends a line. `Err` when the reader has gone.
    pub(super) async fn send(&mut self, line: &serde_json::Value) -> Result<(), ()> {
        self.sender.send_data(format!("{line}\n").into()).await.map_err(drop)
    }
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // Only a map with keys that are no texts cannot be written; there is none here.
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    let body = Full::new(Bytes::from(text)).boxed_unsync();
    answer(status, "application/json", body)
}

/// An answer that says what is wrong.
pub(super) fn failure(status: StatusCode, message: &str) -> Response<Body> {
    json(status, &json!({ "message": message }))
}

/// JSON lines, and where to send them.
pub(super) fn lines() -> (Lines, Response<Body>) {
    let (sender, body) = Channel::new(LINES_WAITING);
    (Lines { sender }, answer(StatusCode::OK, "application/x-ndjson", body.boxed_unsync()))
}

fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
