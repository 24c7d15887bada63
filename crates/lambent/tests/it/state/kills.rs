//! A node that is killed while it is written to: what it acknowledged is there, and whole.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Node, PATIENCE, request};

const WRITERS: usize = 4;
const KILLS: usize = 3;

/// Sends a request on a connection of its own; whether it was acknowledged.
fn acknowledged(to: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> bool {
    let send = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 200 "))
    };
    send().unwrap_or(false)
}

/// Runs writers, each with its number, until the node is killed under them; what each has done.
fn kill_under(
    node: &mut Node,
    write: impl Fn(SocketAddr, usize, &AtomicBool) -> Vec<u32> + Sync,
) -> Vec<Vec<u32>> {
    let (over, to) = (AtomicBool::new(false), node.api);
    thread::scope(|scope| {
        let (write, over) = (&write, &over);
        let writers: Vec<_> = (0..WRITERS).map(|n| scope.spawn(move || write(to, n, over))).collect();
        thread::sleep(Duration::from_millis(pause(to.port())));
        node.signal("KILL");
        over.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

/// Some time that is another at each kill.
fn pause(port: u16) -> u64 {
    700 + u64::from(port % 1000)
}

fn dynamodb(to: SocketAddr, action: &str, body: &Value) -> Value {
    let target = format!("DynamoDB_20120810.{action}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    request(to, "POST", "/", &headers, &body.to_string()).json()
}

#[test]
fn items_that_were_acknowledged_outlive_a_kill() {
    let mut node = Node::up(
        "[functions.f]\nruntime = \"python\"\ncode = \"code\"\nhandler = \"app.handler\"\n\
         [tables.Items]\nkey = \"id\"\nindexes.by-writer = { key = \"writer\", attributes = \"keys\" }\n",
        &[("code/app.py", "def handler(event, context): pass\n")],
    );
    let mut all = 0;
    for round in 0..KILLS {
        let text = |id: &str| id.repeat(500);
        let done = kill_under(&mut node, |to, writer, over| {
            let mut done = Vec::new();
            for n in 0.. {
                let id = format!("{round}-{writer}-{n}");
                let item = json!({
                    "id": { "S": id }, "text": { "S": text(&id) }, "writer": { "S": format!("{round}-{writer}") },
                });
                let body = json!({ "TableName": "Items", "Item": item }).to_string();
                let headers =
                    "x-amz-target: DynamoDB_20120810.PutItem\r\ncontent-type: application/x-amz-json-1.0\r\n";
                if acknowledged(to, "POST", "/", headers, body.as_bytes()) {
                    done.push(n);
                } else if over.load(Ordering::Relaxed) {
                    return done;
                }
            }
            done
        });
        node.restart();
        for (writer, done) in done.iter().enumerate() {
            for n in done {
                let id = format!("{round}-{writer}-{n}");
                let get = json!({ "TableName": "Items", "Key": { "id": { "S": id } } });
                assert_eq!(dynamodb(node.api, "GetItem", &get)["Item"]["text"]["S"], text(&id), "{id}");
            }
            let query = json!({
                "TableName": "Items", "IndexName": "by-writer", "Select": "COUNT",
                "KeyConditionExpression": "writer = :w",
                "ExpressionAttributeValues": { ":w": { "S": format!("{round}-{writer}") } },
            });
            let counted = dynamodb(node.api, "Query", &query)["Count"].as_u64().unwrap();
            let least = done.len() as u64;
            assert!(counted == least || counted == least + 1, "{counted} of {least} in the index");
            all += done.len();
        }
    }
    assert!(all > WRITERS * KILLS, "only {all} items were written");
}

#[test]
fn objects_that_were_acknowledged_outlive_a_kill() {
    let mut node = Node::up(
        "[functions.f]\nruntime = \"python\"\ncode = \"code\"\nhandler = \"app.handler\"\n[buckets.kept]\n",
        &[("code/app.py", "def handler(event, context): pass\n")],
    );
    let mut all = 0;
    // Every object has another length, and bytes that say whose they are.
    let body = |writer: usize, n: u32| format!("{writer}-{n};").repeat(1 + (n as usize * 977) % 40_000);
    for round in 0..KILLS {
        let done = kill_under(&mut node, |to, writer, over| {
            let mut done = Vec::new();
            for n in 0.. {
                // Some objects are new, and some take the place of others.
                let path = format!("/kept/{round}/{writer}/{}", n % 7);
                if acknowledged(to, "PUT", &path, "", body(writer, n).as_bytes()) {
                    done.push(n);
                } else if over.load(Ordering::Relaxed) {
                    return done;
                }
            }
            done
        });
        node.restart();
        for (writer, done) in done.iter().enumerate() {
            let next = u32::try_from(done.len()).unwrap();
            for slot in 0..7_u32.min(next) {
                let last = done.iter().rev().find(|n| *n % 7 == slot).unwrap();
                let got = request(node.api, "GET", &format!("/kept/{round}/{writer}/{slot}"), &[], "");
                assert_eq!(got.status, 200, "{round}/{writer}/{slot}");
                // The one that was under way may be there instead, and then it is whole, too.
                let whole =
                    got.body == body(writer, *last) || (next % 7 == slot && got.body == body(writer, next));
                assert!(whole, "{round}/{writer}/{slot} is torn: {} bytes", got.body.len());
            }
            all += done.len();
        }
        let drafts = node.app.path().join(".lambent/buckets/kept/drafts");
        assert_eq!(std::fs::read_dir(drafts).unwrap().count(), 0, "what was being written is gone");
    }
    assert!(all > WRITERS * KILLS, "only {all} objects were written");
}
