//! DynamoDB: boto3, the SDK for JavaScript, and a library that was written for AWS.

use std::thread;

use serde_json::{Value, json};

use super::{boto3, javascript};
use crate::custom::invoke;
use crate::harness::{Folder, Node, lambent, run};

const FUNCTION: &str = "[functions.f]\nruntime = \"python\"\ncode = \"code\"\nhandler = \"app.handler\"\n";

const TABLES: &str = r#"
[tables.Users]
key = "email"

[tables.Orders]
key = "user"
sort = { name = "at", type = "number" }
ttl = "expires"
stream = "new-and-old"

[tables.Orders.indexes.by-city]
key = "city"
sort = { name = "at", type = "number" }
attributes = ["total"]

[tables.Blobs]
key = { name = "hash", type = "binary" }
"#;

fn up() -> Node {
    Node::up(&format!("{FUNCTION}{TABLES}"), &[("code/app.py", "def handler(event, context): pass\n")])
}

macro_rules! boto3_finds {
    ($($name:ident: $test:literal;)*) => {$(
        #[test]
        fn $name() {
            boto3(&up(), "state_dynamodb.py", $test);
        }
    )*};
}

boto3_finds! {
    the_tables_of_the_manifest_are_there: "declared";
    items_are_put_got_changed_and_deleted: "items";
    queries_and_scans_go_by_pages: "pages";
    batches_and_transactions: "batches";
    many_clients_at_once_lose_nothing: "counters";
    clients_make_tables_of_their_own: "own_tables";
    streams_tell_every_change: "streams";
}

#[test]
fn the_sdk_for_javascript_uses_tables() {
    javascript(&up(), "state_dynamodb.mjs");
}

/// What is in the tables stays, so a manifest that wants them otherwise is refused with what to do.
#[test]
fn a_table_that_is_declared_otherwise_is_refused() {
    let app = Folder::new();
    app.write("code/app.py", "def handler(event, context): pass\n");
    let write = |table: &str| app.write("lambent.toml", &format!("{FUNCTION}[tables.Users]\n{table}"));
    let up = || {
        let mut command = lambent();
        command.arg("up").arg(app.path()).arg("--no-reload");
        for port in ["--gateway", "--api", "--admin"] {
            command.args([port, "127.0.0.1:0"]);
        }
        command
    };
    write("key = \"email\"\nttl = \"expires\"\n");
    let app_again = {
        let mut node = up().stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut lines = std::io::BufReader::new(node.stdout.take().unwrap());
        while !line.contains("admin") {
            line.clear();
            assert_ne!(std::io::BufRead::read_line(&mut lines, &mut line).unwrap(), 0, "it is not up");
        }
        node.kill().unwrap();
        node.wait().unwrap();
        |table: &str| {
            write(table);
            let output = run(&mut up());
            assert!(!output.status.success(), "{output:?}");
            String::from_utf8_lossy(&output.stderr).into_owned()
        }
    };
    let said = app_again("key = { name = \"email\", type = \"number\" }\n");
    assert!(
        said.contains("exists with the key email (string), but the app declares email (number)"),
        "{said}"
    );
    assert!(said.contains("declare the old key or take another name"), "{said}");
    let said = app_again("key = \"email\"\nttl = \"until\"\n");
    assert!(said.contains("the removal of items by expires, but the app declares until"), "{said}");
}

const IDEMPOTENT: &str = r#"
import time
import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer, IdempotencyConfig, idempotent,
)

store = DynamoDBPersistenceLayer(table_name="Idempotency")
counted = boto3.resource("dynamodb").Table("Counted")

@idempotent(persistence_store=store, config=IdempotencyConfig(event_key_jmespath="id", payload_validation_jmespath="amount"))
def handler(event, context):
    time.sleep(event.get("sleep", 0))
    told = counted.update_item(
        Key={"id": "all"}, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": 1},
        ReturnValues="UPDATED_NEW",
    )
    return {"n": int(told["Attributes"]["n"])}
"#;

/// Powertools' idempotency, unmodified: a repeated event is answered as the first was, one that is under way is not
/// worked on twice, and one that says something else is refused.
#[test]
fn powertools_does_nothing_twice() {
    let node = Node::up(
        "[functions.pay]\nruntime = \"python\"\ncode = \"code\"\nhandler = \"app.handler\"\ntimeout = \"20s\"\n\
         memory = \"256MB\"\n[tables.Idempotency]\nkey = \"id\"\nttl = \"expiration\"\n[tables.Counted]\nkey = \"id\"\n",
        &[("code/app.py", IDEMPOTENT), ("code/requirements.txt", "aws-lambda-powertools==3.37.0\n")],
    );
    let pay = |event: Value| -> Value {
        let answer = invoke(&node, "pay", &[], &event.to_string());
        assert_eq!(answer.status, 200, "{answer:?} {:#?}", node.logs("pay"));
        answer.json()
    };
    let order = json!({ "id": "order-1", "amount": 5 });
    assert_eq!(pay(order.clone()), json!({ "n": 1 }), "{:#?}", node.logs("pay"));
    assert_eq!(pay(order), json!({ "n": 1 }));
    assert_eq!(pay(json!({ "id": "order-2", "amount": 5 })), json!({ "n": 2 }));
    assert_eq!(pay(json!({ "id": "order-1", "amount": 6 }))["errorType"], "IdempotencyValidationError");
    let slow = json!({ "id": "order-3", "amount": 5, "sleep": 2 });
    let mut told = thread::scope(|scope| {
        let calls = [(); 2].map(|()| scope.spawn(|| pay(slow.clone())));
        calls.map(|call| call.join().unwrap().to_string())
    });
    told.sort();
    assert!(told[0].contains("IdempotencyAlreadyInProgressError"), "{told:?}");
    assert_eq!(told[1], r#"{"n":3}"#);
    assert_eq!(pay(slow), json!({ "n": 3 }));
}
