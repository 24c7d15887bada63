//! DynamoDB, JSON 1.0, over the node's tables (semantics.md 10.2).
//!
//! The embedded database does the work and words its refusals as DynamoDB does; what is here is the wire.

mod arn;
mod decode;
mod refused;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use dynoxide::actions::get_records::GetRecordsResponse;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use dynoxide::streams::shard_id;
use dynoxide::{Database, DynoxideError};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use lambent_core::{NodeIdentity, limits};
use lambent_engine::Tables;
use serde::Serialize;
use serde_json::{Value, json};

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

/// The streams of tables. They are a service of their own, under the same name in signatures.
pub const STREAMS: Service = Service {
    name: "dynamodb",
    title: "DynamoDB Streams",
    protocol: Protocol::Json10,
    target: Some("DynamoDBStreams_20120810"),
    query: None,
    actions: STREAMS_ACTIONS,
};

/// What Lambent has of DynamoDB.
pub const ACTIONS: &[Action] = &[
    action("PutItem", |db, _, body| {
        encode(&decode(body).and_then(|request| db.put_item(request)).map_err(in_envelope)?)
    }),
    action("GetItem", |db, _, body| encode(&db.get_item(decode(body)?)?)),
    action("UpdateItem", |db, _, body| {
        encode(&decode(body).and_then(|request| db.update_item(request)).map_err(in_envelope)?)
    }),
    action("DeleteItem", |db, _, body| {
        encode(&decode(body).and_then(|request| db.delete_item(request)).map_err(in_envelope)?)
    }),
    action("Query", |db, _, body| encode(&db.query(decode(body)?)?)),
    action("Scan", |db, _, body| encode(&db.scan(decode(body)?)?)),
    action("BatchGetItem", |db, _, body| encode(&db.batch_get_item(decode(body)?)?)),
    action("BatchWriteItem", |db, _, body| encode(&db.batch_write_item(decode(body)?)?)),
    action("TransactGetItems", |db, _, body| encode(&db.transact_get_items(decode(body)?)?)),
    action("TransactWriteItems", |db, _, body| encode(&db.transact_write_items(decode(body)?)?)),
    action("ExecuteStatement", |db, _, body| {
        encode(&db.execute_statement(decode(body)?).map_err(of_statement)?)
    }),
    action("ExecuteTransaction", |db, _, body| encode(&db.execute_transaction(decode(body)?)?)),
    action("BatchExecuteStatement", |db, _, body| encode(&db.batch_execute_statement(decode(body)?)?)),
    action("SearchVectors", |db, _, body| encode(&db.search_vectors(decode(body)?)?)),
    action("CreateTable", |db, node, body| {
        refused::check(body)?;
        let mut answer = db.create_table(decode(body)?)?;
        arn::describe(node, &mut answer.table_description);
        encode(&answer)
    }),
    action("UpdateTable", |db, node, body| {
        refused::check(body)?;
        let mut answer = db.update_table(decode(body)?)?;
        arn::describe(node, &mut answer.table_description);
        encode(&answer)
    }),
    action("DeleteTable", |db, node, body| {
        let mut answer = db.delete_table(decode(body)?)?;
        arn::describe(node, &mut answer.table_description);
        encode(&answer)
    }),
    action("DescribeTable", |db, node, body| {
        let mut answer = db.describe_table(decode(body)?)?;
        arn::describe(node, &mut answer.table);
        encode(&answer)
    }),
    action("ListTables", |db, _, body| encode(&db.list_tables(decode(body)?)?)),
    action("UpdateTimeToLive", |db, _, body| encode(&db.update_time_to_live(decode(body)?)?)),
    action("DescribeTimeToLive", |db, _, body| encode(&db.describe_time_to_live(decode(body)?)?)),
    action("TagResource", |db, _, body| encode(&db.tag_resource(decode(body)?)?)),
    action("UntagResource", |db, _, body| encode(&db.untag_resource(decode(body)?)?)),
    action("ListTagsOfResource", |db, _, body| encode(&db.list_tags_of_resource(decode(body)?)?)),
];

/// The one shard of every stream. The database names it after its table, in lengths that SDKs do not take: they want 28
/// to 65 characters.
const SHARD: &str = "shardId-00000000000000000001-00000000";

/// What Lambent has of DynamoDB Streams.
pub const STREAMS_ACTIONS: &[Action] = &[
    action("ListStreams", |db, node, body| {
        let mut request: ListStreamsRequest = decode(body)?;
        if let Some(after) = &mut request.exclusive_start_stream_arn {
            arn::inward(node, after);
        }
        let mut answer = db.list_streams(request)?;
        let arns = answer.streams.iter_mut().map(|stream| &mut stream.stream_arn);
        for arn in arns.chain(&mut answer.last_evaluated_stream_arn) {
            arn::outward(node, arn);
        }
        encode(&answer)
    }),
    action("DescribeStream", |db, _, body| {
        let mut answer = db.describe_stream(decode(body)?)?;
        for shard in &mut answer.stream_description.shards {
            SHARD.clone_into(&mut shard.shard_id);
        }
        encode(&answer)
    }),
    action("GetShardIterator", |db, _, body| {
        let mut request: GetShardIteratorRequest = decode(body)?;
        if request.shard_id != SHARD {
            let text = "Requested resource not found: Shard does not exist".to_owned();
            return Err(DynoxideError::ResourceNotFoundException(text));
        }
        let table = request.stream_arn.split('/').nth(1).unwrap_or_default();
        request.shard_id = shard_id(table);
        encode(&db.get_shard_iterator(request)?)
    }),
    action("GetRecords", |db, node, body| {
        let mut answer = db.get_records(decode(body)?)?;
        for record in &mut answer.records {
            record.aws_region.clone_from(&node.region);
        }
        if answer.records.iter().all(|record| record.user_identity.is_none()) {
            return encode(&answer);
        }
        encode(&with_identities(&answer)?)
    }),
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

/// The records of a stream with the names that SDKs read of who made a change. The database has those of the events that
/// functions get.
fn with_identities(answer: &GetRecordsResponse) -> Result<Value, DynoxideError> {
    let broken = |error: serde_json::Error| DynoxideError::InternalServerError(error.to_string());
    let mut document = serde_json::to_value(answer).map_err(broken)?;
    let records = document.get_mut("Records").and_then(Value::as_array_mut);
    for (record, known) in records.into_iter().flatten().zip(&answer.records) {
        if let Some(identity) = &known.user_identity {
            record["userIdentity"] =
                json!({ "Type": identity.identity_type, "PrincipalId": identity.principal_id });
        }
    }
    Ok(document)
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

/// A statement whose condition failed has a shape of its own when it gives the item.
fn of_statement(error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::ConditionalCheckFailedException(text, Some(item)) => {
            DynoxideError::StatementConditionalCheckFailed(text, item)
        }
        other => other,
    }
}
