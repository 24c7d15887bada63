//! A redrive that is cut off, again and again.

use std::time::Duration;

use serde_json::{Value, json};

use super::victim::Victim;
use super::wire::{Sent, Wire};
use crate::harness::{Answer, Folder, eventually};

const LETTERS: usize = 1000;

const MANIFEST: &str = "
[functions.idle]
runtime = \"python\"
code = \"code\"
handler = \"app.idle\"
[queues.orders]
dead-letter = \"dead\"
max-receives = 1
[queues.dead]
";

/// Asks until there is an answer.
fn ask(port: u16, send: impl Fn(&mut Wire) -> Sent) -> Answer {
    let mut wire = Wire::new(port);
    eventually("an answer of the node", || match send(&mut wire) {
        Sent::Answered(answer) => Some(answer),
        Sent::Unsent | Sent::Unknown => None,
    })
}

fn sqs(victim: &Victim, action: &str, mut body: Value) -> Value {
    let port = victim.ports.api;
    body["QueueUrl"] = json!(format!("http://127.0.0.1:{port}/000000000000/orders"));
    let target = format!("AmazonSQS.{action}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    let answer = ask(port, |wire| wire.send("POST", "/", &headers, &body.to_string()));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn get(victim: &Victim, path: &str) -> Value {
    ask(victim.ports.admin, |wire| wire.send("GET", path, &[], "")).json()
}

/// Sends messages that are received once too often: they are dead.
fn make_letters(victim: &Victim) {
    for batch in 0..LETTERS / 10 {
        let entry = |i: usize| json!({ "Id": i.to_string(), "MessageBody": (batch * 10 + i).to_string() });
        sqs(victim, "SendMessageBatch", json!({ "Entries": (0..10).map(entry).collect::<Vec<_>>() }));
    }
    let receive = json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 0 });
    eventually("all messages are dead", || {
        sqs(victim, "ReceiveMessage", receive.clone());
        let ledger = get(victim, "/v1/ledger");
        (super::round::account(&ledger, "queue:orders")[2] == LETTERS as u64).then_some(())
    });
}

#[test]
fn a_redrive_that_is_cut_off_goes_on_and_moves_each_letter_once() {
    let app = Folder::new();
    app.write("code/app.py", "def idle(event, context): pass");
    app.write("lambent.toml", MANIFEST);
    let mut victim = Victim::new(app);
    victim.start(None);
    make_letters(&victim);
    let body = json!({ "from": "dead", "rate": 300 }).to_string();
    let started = ask(victim.ports.admin, |wire| wire.send("POST", "/v1/redrives", &[], &body));
    assert_eq!(started.status, 201, "{started:?}");
    let id = started.json()["id"].as_str().unwrap().to_owned();
    victim.kill();
    let mut kills = 1;
    for fail in ["redrive-step:1", "before-commit:1", "after-commit:1", "redrive-step:2"].iter().cycle() {
        victim.start(Some(fail));
        // When there is nothing left to move, the node is not killed.
        if !victim.is_gone(Duration::from_secs(2)) {
            break;
        }
        kills += 1;
    }
    let redrive = get(&victim, &format!("/v1/redrives/{id}"));
    assert_eq!((&redrive["state"], &redrive["moved"]), (&json!("completed"), &json!(LETTERS)), "{redrive:#}");
    let ledger = get(&victim, "/v1/ledger");
    let count = LETTERS as u64;
    assert_eq!(super::round::account(&ledger, "queue:orders"), [count, 0, 0, 0, count], "{ledger:#}");
    assert_eq!(super::round::account(&ledger, "queue:dead"), [count, count, 0, 0, 0], "{ledger:#}");
    let mut bodies = Vec::new();
    let mut after = 0;
    while bodies.len() < LETTERS {
        let page = get(&victim, &format!("/v1/queues/orders/messages?limit=1000&after={after}"));
        let messages = page["messages"].as_array().unwrap();
        assert!(!messages.is_empty(), "{} of {LETTERS} letters are back", bodies.len());
        let body = |message: &Value| message["body"].to_string();
        bodies.extend(messages.iter().map(body));
        after = messages.last().unwrap()["sequence"].as_i64().unwrap();
    }
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), LETTERS, "each letter is back once");
    victim.stop();
    eprintln!("crash: a redrive of {LETTERS} letters was cut off {kills} times");
}
