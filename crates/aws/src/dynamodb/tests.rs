//! Requests as SDKs send them, over tables on a disk.

use std::path::PathBuf;

use http::Request;
use http_body_util::{BodyExt, Full};
use lambent_core::table::{Attribute, AttributeKind, TableKey};
use lambent_core::{Secret, Table, Timestamp};

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
        let partition = Attribute { name: "email".to_owned(), kind: AttributeKind::String };
        let users = Table {
            name: "Users".to_owned(),
            key: TableKey { partition, sort: None },
            indexes: vec![],
            ttl: None,
            stream: None,
        };
        tables.ensure(&users).unwrap();
        Self { folder, tables, credentials: Credentials::new([], Strangers::Admitted) }
    }

    /// Sends a request and gives its status and body.
    async fn send(&self, action: &str, body: impl Into<Bytes>) -> (u16, Value) {
        let streams = STREAMS_ACTIONS.iter().any(|row| row.name == action);
        let service = if streams { STREAMS.target } else { SERVICE.target };
        let request = Request::post("/")
            .header("x-amz-target", format!("{}.{action}", service.unwrap()))
            .header("content-type", "application/x-amz-json-1.0")
            .body(Full::new(body.into()))
            .unwrap();
        let received = receive(&self.credentials, Timestamp::from_millis(0), request).await;
        let identity = NodeIdentity { region: "eu-x-1".to_owned(), ..NodeIdentity::default() };
        let answered = match received.call {
            Ok((action, call)) => match action.run {
                Run::Tables(run) => Ok(answer(&self.tables, &identity, run, call.body).await),
                Run::Engine(_) | Run::Events(_) | Run::Buckets => panic!("not an action on tables"),
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
    let (status, document) = node.send("CreateBackup", "{}").await;
    assert_eq!(
        (status, &document["__type"]),
        (400, &json!("com.amazon.coral.service#UnknownOperationException"))
    );
    let text = document["message"].as_str().unwrap();
    assert!(
        text.starts_with("Lambent does not support `CreateBackup` of DynamoDB. It supports: PutItem,"),
        "{text}"
    );
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

#[tokio::test]
async fn tables_are_made_changed_and_removed() {
    let node = Node::start();
    let (status, made) = node
        .send(
            "CreateTable",
            json!({
                "TableName": "Notes", "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
                "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "N" }],
                "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
                "SSESpecification": { "Enabled": false },
            })
            .to_string(),
        )
        .await;
    assert_eq!(status, 200, "{made}");
    let arn = made["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("arn:aws:dynamodb:eu-x-1:000000000000:table/Notes/stream/"), "{arn}");
    let (_, updated) = node
        .send(
            "UpdateTable",
            json!({
                "TableName": "Notes",
                "AttributeDefinitions": [{ "AttributeName": "by", "AttributeType": "S" }],
                "GlobalSecondaryIndexUpdates": [{ "Create": {
                    "IndexName": "by-author", "Projection": { "ProjectionType": "ALL" },
                    "KeySchema": [{ "AttributeName": "by", "KeyType": "HASH" }],
                } }],
            })
            .to_string(),
        )
        .await;
    let index = &updated["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexArn"];
    assert_eq!(*index, "arn:aws:dynamodb:eu-x-1:000000000000:table/Notes/index/by-author", "{updated}");
    for item in ["1", "2"] {
        node.check(
            "PutItem",
            json!({ "TableName": "Notes", "Item": { "id": { "N": item }, "by": { "S": "ada" } } }),
            200,
            json!({}),
        )
        .await;
    }
    let (_, listed) = node.send("ListStreams", r#"{"TableName":"Notes"}"#).await;
    assert_eq!(listed["Streams"][0]["StreamArn"], arn.as_str());
    let after = json!({ "TableName": "Notes", "ExclusiveStartStreamArn": arn });
    let (_, listed) = node.send("ListStreams", after.to_string()).await;
    assert_eq!(listed["Streams"], json!([]));
    let (_, stream) = node.send("DescribeStream", json!({ "StreamArn": arn }).to_string()).await;
    let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
    let wanted = json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let (_, iterator) = node.send("GetShardIterator", wanted.to_string()).await;
    let (_, records) = node.send("GetRecords", iterator.to_string()).await;
    let records = records["Records"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!((&records[0]["awsRegion"], &records[0]["eventName"]), (&json!("eu-x-1"), &json!("INSERT")));
    let (status, removed) = node.send("DeleteTable", r#"{"TableName":"Notes"}"#).await;
    assert_eq!((status, &removed["TableDescription"]["TableName"]), (200, &json!("Notes")));
}

#[tokio::test]
async fn what_no_table_here_is_is_refused_by_name() {
    let node = Node::start();
    for (name, value) in [
        ("SSESpecification", json!({ "Enabled": true, "SSEType": "KMS" })),
        ("WarmThroughput", json!({ "ReadUnitsPerSecond": 1 })),
        ("ResourcePolicy", json!("{}")),
    ] {
        let (status, document) =
            node.send("CreateTable", json!({ "TableName": "Notes", name: value }).to_string()).await;
        let text = document["message"].as_str().unwrap();
        assert_eq!(status, 400);
        assert!(text.starts_with(&format!("Lambent does not support {name}: ")), "{text}");
    }
}

#[tokio::test]
async fn items_are_changed_found_and_removed() {
    let node = Node::start();
    let put = |email: &str, age: u32| json!({ "PutRequest": { "Item": { "email": { "S": email }, "age": { "N": age.to_string() } } } });
    let batch = json!({ "RequestItems": { "Users": [put("a", 1), put("b", 2), put("c", 3)] } });
    node.check("BatchWriteItem", batch, 200, json!({ "UnprocessedItems": {} })).await;
    let update = json!({
        "TableName": "Users", "Key": { "email": { "S": "a" } }, "ReturnValues": "UPDATED_NEW",
        "UpdateExpression": "ADD age :one", "ExpressionAttributeValues": { ":one": { "N": "1" } },
    });
    node.check("UpdateItem", update, 200, json!({ "Attributes": { "age": { "N": "2" } } })).await;
    let scan = json!({
        "TableName": "Users", "FilterExpression": "age = :two", "Select": "COUNT",
        "ExpressionAttributeValues": { ":two": { "N": "2" } },
    });
    node.check("Scan", scan, 200, json!({ "Count": 2, "ScannedCount": 3 })).await;
    let query = json!({
        "TableName": "Users", "KeyConditionExpression": "email = :e", "ProjectionExpression": "age",
        "ExpressionAttributeValues": { ":e": { "S": "c" } },
    });
    let found = json!({ "Items": [{ "age": { "N": "3" } }], "Count": 1, "ScannedCount": 1 });
    node.check("Query", query, 200, found).await;
    let get = json!({ "RequestItems": { "Users": { "Keys": [{ "email": { "S": "c" } }] } } });
    let (_, got) = node.send("BatchGetItem", get.to_string()).await;
    assert_eq!(got["Responses"]["Users"][0]["age"], json!({ "N": "3" }));
    let delete = json!({ "TableName": "Users", "Key": { "email": { "S": "c" } }, "ReturnValues": "ALL_OLD" });
    let old = json!({ "Attributes": { "email": { "S": "c" }, "age": { "N": "3" } } });
    node.check("DeleteItem", delete, 200, old).await;
}

#[tokio::test]
async fn a_transaction_is_done_whole_or_not_at_all() {
    let node = Node::start();
    let put = |email: &str| {
        json!({ "Put": {
        "TableName": "Users", "Item": { "email": { "S": email } },
        "ConditionExpression": "attribute_not_exists(email)",
    } })
    };
    let items = json!({ "TransactItems": [put("a"), put("b")], "ClientRequestToken": "t" });
    node.check("TransactWriteItems", items.clone(), 200, json!({})).await;
    node.check("TransactWriteItems", items, 200, json!({})).await;
    let (status, other) = node
        .send(
            "TransactWriteItems",
            json!({ "TransactItems": [put("c")], "ClientRequestToken": "t" }).to_string(),
        )
        .await;
    assert_eq!(status, 400);
    assert!(other["__type"].as_str().unwrap().ends_with("#IdempotentParameterMismatchException"), "{other}");
    let (status, failed) =
        node.send("TransactWriteItems", json!({ "TransactItems": [put("c"), put("a")] }).to_string()).await;
    assert_eq!(status, 400);
    let text = "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]";
    assert_eq!(failed["Message"], text);
    let reasons = json!([{ "Code": "None" }, { "Code": "ConditionalCheckFailed", "Message": "The conditional request failed" }]);
    assert_eq!(failed["CancellationReasons"], reasons);
    let get = |email: &str| json!({ "Get": { "TableName": "Users", "Key": { "email": { "S": email } } } });
    let (_, got) =
        node.send("TransactGetItems", json!({ "TransactItems": [get("a"), get("c")] }).to_string()).await;
    assert_eq!(got["Responses"], json!([{ "Item": { "email": { "S": "a" } } }, {}]));
}

#[tokio::test]
async fn statements_tags_and_times_to_live() {
    let node = Node::start();
    let insert = json!({ "Statement": "INSERT INTO \"Users\" VALUE {'email': 'a', 'age': 1}" });
    node.check("ExecuteStatement", insert, 200, json!({ "Items": [] })).await;
    let select = json!({
        "Statement": "SELECT age FROM \"Users\" WHERE email = ?", "Parameters": [{ "S": "a" }],
    });
    node.check("ExecuteStatement", select, 200, json!({ "Items": [{ "age": { "N": "1" } }] })).await;
    let arn = "arn:aws:dynamodb:eu-x-1:000000000000:table/Users";
    let (status, _) = node
        .send(
            "TagResource",
            json!({ "ResourceArn": arn, "Tags": [{ "Key": "k", "Value": "v" }] }).to_string(),
        )
        .await;
    assert_eq!(status, 200);
    let tags = json!({ "Tags": [{ "Key": "k", "Value": "v" }] });
    node.check("ListTagsOfResource", json!({ "ResourceArn": arn }), 200, tags).await;
    let specification = json!({ "AttributeName": "expires", "Enabled": true });
    let update = json!({ "TableName": "Users", "TimeToLiveSpecification": specification });
    node.check("UpdateTimeToLive", update, 200, json!({ "TimeToLiveSpecification": specification })).await;
    let described =
        json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "ENABLED", "AttributeName": "expires" } });
    node.check("DescribeTimeToLive", json!({ "TableName": "Users" }), 200, described).await;
}
