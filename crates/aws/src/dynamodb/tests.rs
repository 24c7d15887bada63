//! Requests as SDKs send them, over tables on a disk.

use std::path::PathBuf;

use http::Request;
use http_body_util::{BodyExt, Full};
use lambent_core::{Secret, Table, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::api::{finish, receive};
use crate::sign::{Credentials, Strangers};

/// Tables in a folder of their own, which goes with them.
struct Node {
    folder: PathBuf,
    tables: Tables,
    credentials: Credentials,
}

impl Node {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("lambent-dynamodb-{:032x}", fastrand::u128(..)));
        std::fs::create_dir(&folder).unwrap();
        let tables = Tables::open(&folder.join("tables.db")).unwrap();
        let users = Table { name: "Users".to_owned(), key: "email".to_owned(), sort: None };
        tables.ensure(&users).unwrap();
        Self { folder, tables, credentials: Credentials::new([], Strangers::Admitted) }
    }

    /// Sends a request and gives its status and body.
    async fn send(&self, action: &str, body: impl Into<Bytes>) -> (u16, Value) {
        let request = Request::post("/")
            .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
            .header("content-type", "application/x-amz-json-1.0")
            .body(Full::new(body.into()))
            .unwrap();
        let received = receive(&self.credentials, Timestamp::from_millis(0), request).await;
        let identity = NodeIdentity { region: "eu-x-1".to_owned(), ..NodeIdentity::default() };
        let answered = match received.call {
            Ok((action, call)) => match action.run {
                Run::Tables(run) => Ok(answer(&self.tables, &identity, run, call.body).await),
                Run::Engine(_) | Run::Events(_) => panic!("not an action on tables"),
            },
            Err(refusal) => Err(refusal),
        };
        let mut response = finish(received.protocol, received.id, answered);
        let headers = response.headers().clone();
        assert_eq!(headers["x-amzn-requestid"].len(), 36);
        assert_eq!(headers["content-type"], "application/x-amz-json-1.0");
        let body = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
        if let Some(sum) = headers.get("x-amz-crc32") {
            assert_eq!(sum.to_str().unwrap(), crc32fast::hash(&body).to_string());
        }
        let document: Value = serde_json::from_slice(&body).unwrap();
        if let Some(name) = headers.get("x-amzn-errortype") {
            assert!(document["__type"].as_str().unwrap().ends_with(name.to_str().unwrap()));
        }
        (response.status().as_u16(), document)
    }

    async fn check(&self, action: &str, body: Value, status: u16, expect: Value) {
        assert_eq!(self.send(action, body.to_string()).await, (status, expect), "{action} {body}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn error(name: &str, message: &str) -> Value {
    json!({ "__type": name, "message": message })
}

#[tokio::test]
async fn items_are_put_and_got() {
    let node = Node::start();
    let item = json!({
        "email": { "S": "ada@example.org" },
        "age": { "N": "36" },
        "tags": { "SS": ["a", "b"] },
        "more": { "M": { "list": { "L": [{ "BOOL": true }, { "NULL": true }, { "B": "AAE=" }] } } },
    });
    let key = json!({ "email": { "S": "ada@example.org" } });
    node.check("PutItem", json!({ "TableName": "Users", "Item": item }), 200, json!({})).await;
    node.check("GetItem", json!({ "TableName": "Users", "Key": key }), 200, json!({ "Item": item })).await;
    let other = json!({ "email": { "S": "x" } });
    node.check("GetItem", json!({ "TableName": "Users", "Key": other }), 200, json!({})).await;
    let part = json!({ "TableName": "Users", "Key": key, "ProjectionExpression": "#a", "ExpressionAttributeNames": { "#a": "age" } });
    node.check("GetItem", part, 200, json!({ "Item": { "age": { "N": "36" } } })).await;
    let again = json!({ "TableName": "Users", "Item": key, "ReturnValues": "ALL_OLD" });
    node.check("PutItem", again, 200, json!({ "Attributes": item })).await;
}

#[tokio::test]
async fn a_condition_that_fails_changes_nothing() {
    let node = Node::start();
    let put = |age: &str| {
        json!({
            "TableName": "Users",
            "Item": { "email": { "S": "a" }, "age": { "N": age } },
            "ConditionExpression": "attribute_not_exists(email)",
        })
    };
    node.check("PutItem", put("1"), 200, json!({})).await;
    let failed = error(
        "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "The conditional request failed",
    );
    node.check("PutItem", put("2"), 400, failed).await;
    let get = json!({ "TableName": "Users", "Key": { "email": { "S": "a" } } });
    let kept = json!({ "Item": { "email": { "S": "a" }, "age": { "N": "1" } } });
    node.check("GetItem", get, 200, kept).await;
}

#[tokio::test]
async fn errors_are_dynamodbs() {
    let node = Node::start();
    let validation = "com.amazon.coral.validate#ValidationException";
    let nowhere = json!({ "TableName": "Nowhere", "Key": { "id": { "S": "a" } } });
    let not_found = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException";
    node.check("GetItem", nowhere, 400, error(not_found, "Requested resource not found")).await;
    let other_key = json!({ "TableName": "Users", "Key": { "id": { "S": "a" } } });
    node.check(
        "GetItem",
        other_key,
        400,
        error(validation, "The provided key element does not match the schema"),
    )
    .await;
    let false_null =
        json!({ "TableName": "Users", "Item": { "email": { "S": "a" }, "n": { "NULL": false } } });
    let text = "1 validation error detected: One or more parameter values were invalid: \
                Null attribute value types must have the value of true";
    node.check("PutItem", false_null, 400, error(validation, text)).await;
    let keyless = json!({ "TableName": "Users", "Item": { "a": { "S": "a" } } });
    let text = "One or more parameter values were invalid: Missing the key email in the item";
    node.check("PutItem", keyless, 400, error(validation, text)).await;
    let large = json!({ "TableName": "Users", "Item": { "email": { "S": "a" }, "b": { "S": "x".repeat(400 * 1024) } } });
    node.check("PutItem", large, 400, error(validation, "Item size has exceeded the maximum allowed size"))
        .await;
    let unreadable = json!({ "__type": "com.amazon.coral.service#SerializationException" });
    for body in [&b"{"[..], b"", b"\xff"] {
        assert_eq!(node.send("GetItem", body).await, (400, unreadable.clone()));
    }
}

#[tokio::test]
async fn tables_are_described_and_listed() {
    let node = Node::start();
    let (status, document) = node.send("DescribeTable", r#"{"TableName":"Users"}"#).await;
    let table = &document["Table"];
    assert_eq!((status, &table["TableStatus"]), (200, &json!("ACTIVE")));
    assert_eq!(table["TableArn"], "arn:aws:dynamodb:eu-x-1:000000000000:table/Users");
    assert_eq!(table["KeySchema"], json!([{ "AttributeName": "email", "KeyType": "HASH" }]));
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert!(!document.to_string().contains("dynoxide"), "{document}");
    node.check("ListTables", json!({}), 200, json!({ "TableNames": ["Users"] })).await;
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let node = Node::start();
    let text = "Lambent does not support `Query` of DynamoDB. It supports: PutItem, GetItem, DescribeTable, ListTables.";
    node.check("Query", json!({}), 400, error("com.amazon.coral.service#UnknownOperationException", text))
        .await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let node = Node::start();
    let (status, document) = node.send("PutItem", vec![b' '; limits::API_BODY_MAX + 1]).await;
    assert_eq!(
        (status, &document["__type"]),
        (413, &json!("com.amazon.coral.service#RequestEntityTooLargeException"))
    );
}

#[tokio::test]
async fn unsigned_requests_are_refused_before_anything_is_parsed() {
    let mut node = Node::start();
    node.credentials =
        Credentials::new([("AKID".to_owned(), Secret::new("secret".to_owned()))], Strangers::Refused);
    let missing = error(
        "com.amazon.coral.service#MissingAuthenticationTokenException",
        "Request is missing Authentication Token",
    );
    for body in ["{", "{}"] {
        assert_eq!(node.send("GetItem", body).await, (400, missing.clone()));
    }
    assert_eq!(node.send("Query", "{}").await, (400, missing));
}
