//! Queues, topics and buses that lead to functions, as the manifest declares them.

use serde_json::{Value, json};

use crate::functions::{Source, js};
use crate::harness::{Node, eventually, request};

/// Fails the records whose body says so, and says what it saw in its log.
const WORKER: &str = "
exports.handler = async (event) => {
  const bodies = event.Records.map((record) => record.body);
  console.log(`batch of ${event.Records.length}: ${bodies.join(' ')}`);
  const bad = event.Records.filter((record) => record.body.includes('poison'));
  return { batchItemFailures: bad.map((record) => ({
    itemIdentifier: record.messageId, errorType: 'Poison', errorMessage: `cannot eat ${record.body}` })) };
};";

fn worker(keys: &'static str) -> Source {
    js("w", WORKER).with(keys)
}

/// The bodies that the worker has seen, in order.
fn seen(node: &Node) -> Vec<String> {
    let lines = node.logs("w");
    let bodies = lines.iter().filter_map(|line| line.split_once("batch of ")?.1.split_once(": "));
    bodies.flat_map(|(_, bodies)| bodies.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn messages_of_a_queue_come_in_batches_and_are_done() {
    let keys = "sources = [{ queue = \"q\", batch = 5, window = \"200ms\" }]";
    let node = Node::with_events(&[worker(keys)], "[queues.q]");
    for i in 0..20 {
        node.send("q", &format!("m{i}"));
    }
    node.settles("queue:q", [20, 20, 0, 0, 0]);
    let mut bodies = seen(&node);
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 20);
    let batches = node.logs("w").iter().filter(|line| line.contains("batch of ")).count();
    assert!((4..20).contains(&batches), "{batches} batches");
}

#[test]
fn only_what_failed_comes_again_and_dies_with_its_error() {
    let keys = "sources = [{ queue = \"q\", batch = 10, partial-failures = true }]";
    let queues = "[queues.q]\nvisibility = \"3s\"\ndead-letter = \"dead\"\nmax-receives = 2\n[queues.dead]";
    let node = Node::with_events(&[worker(keys)], queues);
    for body in ["a", "poison-1", "b"] {
        node.send("q", body);
    }
    node.settles("queue:q", [3, 2, 1, 0, 0]);
    let dead = node.dead("dead");
    assert_eq!(dead.len(), 1, "{dead:#?}");
    assert_eq!(dead[0]["failure"]["type"], "Poison");
    assert_eq!(dead[0]["failure"]["message"], "cannot eat poison-1");
    assert_eq!(dead[0]["failure"]["attempt"], 2);
    assert_eq!(dead[0]["died_in"], "q", "{:#}", dead[0]);
    let bodies = seen(&node);
    let count = |what: &str| bodies.iter().filter(|body| *body == what).count();
    assert_eq!((count("a"), count("b"), count("poison-1")), (1, 1, 2));
}

#[test]
fn what_no_filter_wants_is_done_at_once_and_not_run() {
    let keys = "sources = [{ queue = \"q\", filter = ['{\"body\":{\"kind\":[\"order\"]}}'] }]";
    let node = Node::with_events(&[worker(keys)], "[queues.q]");
    for body in [r#"{"kind":"order","n":1}"#, r#"{"kind":"return"}"#, "plain"] {
        node.send("q", body);
    }
    node.settles("queue:q", [3, 3, 0, 0, 0]);
    assert_eq!(seen(&node), [r#"{"kind":"order","n":1}"#]);
}

#[test]
fn a_queue_that_keeps_order_keeps_it_for_each_group() {
    let keys = "sources = [{ queue = \"q.fifo\", batch = 3 }]";
    let node = Node::with_events(&[worker(keys)], "[queues.\"q.fifo\"]\ncontent-deduplication = true");
    for i in 0..30 {
        let url = node.queue_url("q.fifo");
        let group = format!("g{}", i % 3);
        let body = format!("g{}-{i:02}", i % 3);
        node.sqs("SendMessage", &json!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": group }));
    }
    node.settles("queue:q.fifo", [30, 30, 0, 0, 0]);
    let bodies = seen(&node);
    for group in ["g0", "g1", "g2"] {
        let of: Vec<_> = bodies.iter().filter(|body| body.starts_with(group)).collect();
        assert!(of.is_sorted(), "{of:?}");
        assert_eq!(of.len(), 10);
    }
}

#[test]
fn no_more_batches_are_worked_on_at_once_than_the_source_allows() {
    let slow = "
exports.handler = async () => { await new Promise((done) => setTimeout(done, 30)); };";
    let keys = "sources = [{ queue = \"q\", batch = 1, concurrency = 2 }]";
    let node = Node::with_events(&[js("w", slow).with(keys)], "[queues.q]");
    for i in 0..40 {
        node.send("q", &format!("m{i}"));
    }
    let mut most = 0;
    eventually("the queue is empty", || {
        most = most.max(node.sandboxes("w"));
        (node.account("queue:q") == [40, 40, 0, 0, 0]).then_some(())
    });
    assert!(most <= 2, "{most} sandboxes");
}

#[test]
fn a_topic_reaches_queues_functions_and_addresses() {
    let sections = "
[topics.t]
subscriptions = [
  { queue = \"raw\", raw = true },
  { queue = \"some\", filter = '{\"kind\":[\"order\"]}' },
  { function = \"w\" },
]
[queues.raw]
[queues.some]";
    let sns = "exports.handler = async (event) => {
  console.log(`sns ${event.Records[0].EventSource} ${event.Records[0].Sns.Message}`);
};";
    let node = Node::with_events(&[js("w", sns)], sections);
    let publish = |body: &str| {
        let answer = request(node.admin, "POST", "/v1/topics/t/messages", &[], body);
        assert!(answer.status < 300, "{answer:?}");
    };
    publish(
        &json!({ "body": "one", "attributes": { "kind": { "type": "String", "value": "order" } } })
            .to_string(),
    );
    publish(&json!({ "body": "two" }).to_string());
    node.settles("queue:raw", [2, 0, 0, 0, 2]);
    node.settles("queue:some", [1, 0, 0, 0, 1]);
    node.settles("function:w", [2, 2, 0, 0, 0]);
    let raw: Vec<_> = node.take("raw").iter().map(|message| message["Body"].clone()).collect();
    assert_eq!(raw, ["one", "two"]);
    let envelope: Value = serde_json::from_str(node.take("some")[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!((&envelope["Type"], &envelope["Message"]), (&json!("Notification"), &json!("one")));
    assert!(node.logs("w").iter().any(|line| line.contains("sns aws:sns two")));
}

#[test]
fn a_rule_sends_what_fits_its_pattern_as_its_target_wants_it() {
    let sections = "
[buses.shop.rules.big]
pattern = '{\"detail\":{\"total\":[{\"numeric\":[\">\",100]}]}}'
targets = [
  { to = \"queue:big\", input-template = { paths = { total = \"$.detail.total\" }, template = '{\"sum\": <total>}' } },
  { to = \"function:w\" },
]
[queues.big]";
    let bus = "exports.handler = async (event) => { console.log(`bus ${event.detail.total}`); };";
    let node = Node::with_events(&[js("w", bus)], sections);
    let entry = |total: u32| json!({ "EventBusName": "shop", "Source": "s", "DetailType": "t", "Detail": json!({ "total": total }).to_string() });
    let put = node.target("AWSEvents.PutEvents", &json!({ "Entries": [entry(7), entry(700)] }));
    assert_eq!((put.status, &put.json()["FailedEntryCount"]), (200, &json!(0)), "{put:?}");
    node.settles("queue:big", [1, 0, 0, 0, 1]);
    node.settles("function:w", [1, 1, 0, 0, 0]);
    assert_eq!(node.take("big")[0]["Body"], "{\"sum\":700}");
    assert!(node.logs("w").iter().any(|line| line.contains("bus 700")));
}

#[test]
fn the_shop_makes_invoices_and_a_poisoned_order_is_redriven_after_the_fix() {
    let app = crate::aws::shop();
    let manifest = std::fs::read_to_string(app.path().join("lambent.toml")).unwrap();
    // The same shop, with less patience.
    app.write("lambent.toml", &manifest.replace("visibility = \"5s\"", "visibility = \"3s\""));
    let node = Node::in_folder(app);
    for item in ["book", "pen", "unicorn"] {
        let answer = node.post("/orders", &json!({ "item": item, "quantity": 2 }).to_string());
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    node.settles("queue:orders", [3, 2, 1, 0, 0]);
    let dead = node.dead("orders-dead");
    assert_eq!(dead[0]["failure"]["type"], "KeyError", "{dead:#?}");
    assert_eq!(dead[0]["failure"]["message"], "'unicorn'");
    let file = "functions/invoice/invoice.py";
    let code = std::fs::read_to_string(node.app.path().join(file)).unwrap();
    node.app.write(file, &code.replace("\"pen\": 2", "\"pen\": 2, \"unicorn\": 900"));
    let output = node.command(&["dead-letters", "redrive", "orders-dead", "--wait"]);
    assert!(output.status.success(), "{output:?}");
    node.settles("queue:orders", [3, 3, 0, 0, 0]);

    // The report that would come at midnight.
    let output = node.command(&["schedules", "run-now", "nightly-report"]);
    assert!(output.status.success(), "{output:?}");
    node.settles("function:nightly-report", [1, 1, 0, 0, 0]);
    let list = request(node.api, "GET", "/reports?list-type=2", &[], "");
    assert!(list.body.contains(".csv</Key>") && list.body.contains(".svg</Key>"), "{list:?}");
    let list = request(node.api, "GET", "/invoices?list-type=2", &[], "");
    assert_eq!(list.body.matches(".txt</Key>").count(), 3, "{list:?}");
}
