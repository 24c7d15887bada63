//! DynamoDB, JSON 1.0, over the node's tables (semantics.md 10.2).
//!
//! The embedded database does the work and words its refusals as DynamoDB does; what is here is the wire.

mod decode;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use lambent_core::{NodeIdentity, limits};
use lambent_engine::Tables;
use serde::Serialize;

use crate::body::{self, Body};
use crate::protocol::Protocol;
use crate::service::{Action, KnownBy, Run, Service};
use decode::decode;

/// DynamoDB.
pub const SERVICE: Service = Service {
    name: "dynamodb",
    title: "DynamoDB",
    protocol: Protocol::Json10,
    target: Some("DynamoDB_20120810"),
    query: None,
    actions: ACTIONS,
};

/// What Lambent has of it.
pub const ACTIONS: &[Action] = &[
    action("PutItem", |database, _, body| {
        encode(&decode(body).and_then(|request| database.put_item(request)).map_err(in_envelope)?)
    }),
    action("GetItem", |database, _, body| encode(&database.get_item(decode(body)?)?)),
    action("DescribeTable", |database, node, body| {
        let mut answer = database.describe_table(decode(body)?)?;
        let table = &mut answer.table;
        // The database is in a region of its own making.
        table.table_arn =
            format!("arn:aws:dynamodb:{}:{}:table/{}", node.region, node.account, table.table_name);
        encode(&answer)
    }),
    action("ListTables", |database, _, body| encode(&database.list_tables(decode(body)?)?)),
];

/// A row of [`ACTIONS`].
const fn action(
    name: &'static str,
    run: fn(&Database, &NodeIdentity, &str) -> Result<String, DynoxideError>,
) -> Action {
    Action { name, known_by: KnownBy::Target, body_max: limits::API_BODY_MAX, run: Run::Tables(run) }
}

/// Runs an action on the tables and answers with what it says.
pub(crate) async fn answer(
    tables: &Tables,
    node: &NodeIdentity,
    run: fn(&Database, &NodeIdentity, &str) -> Result<String, DynoxideError>,
    body: Bytes,
) -> Response<Body> {
    let node = node.clone();
    // Reading and writing megabytes of JSON is work for that thread, too.
    let ran = tables.run(move |database| {
        let text = std::str::from_utf8(&body).map_err(|_| decode::unreadable())?;
        run(database, &node, text)
    });
    match ran.await {
        Ok(Ok(text)) => write(StatusCode::OK, text),
        Ok(Err(error)) => refuse(&error),
        Err(stopped) => refuse(&DynoxideError::InternalServerError(stopped.to_string())),
    }
}

fn refuse(error: &DynoxideError) -> Response<Body> {
    let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = write(status, error.to_json());
    let name = error.error_type().rsplit('#').next().unwrap_or_default();
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(name));
    response
}

fn write(status: StatusCode, text: String) -> Response<Body> {
    // SDKs check it: a reply that was cut on the way is tried again and not believed.
    let sum = crc32fast::hash(text.as_bytes());
    let mut response = Response::new(body::whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    response.headers_mut().insert("x-amz-crc32", sum.into());
    response
}

fn encode(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The writes of single items put what is wrong with a value behind a count of errors; the reads do not.
fn in_envelope(error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(text) => {
            DynoxideError::ValidationException(format!("1 validation error detected: {text}"))
        }
        other => other,
    }
}
