//! The commands with which a person looks after events: queues, dead letters, redrives, the ledger.

use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::harness::{Folder, Node, eventually, lambent, request, run};

const APP: &str = r#"
def handler(event, context):
    if 'price' not in event:
        raise KeyError('order %s has no price' % event.get('order'))
    return {'total': event['price'] * 2}
"#;

const MANIFEST: &str = r#"
[functions.invoice]
runtime = "python"
code = "invoice"
handler = "app.handler"
retry = { attempts = 2, first-delay = "1ms", max-delay = "1ms" }

[queues.orders]
[queues.orders-slow]
[queues.strict]
dead-letter = "strict-dead"
max-receives = 1
[queues.strict-dead]
[queues."orders.fifo"]

[topics.placed]
subscriptions = [{ queue = "orders", raw = true }]

[buses.shop.rules.all]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:orders" }]
"#;

fn up() -> Node {
    Node::up(MANIFEST, &[("invoice/app.py", APP)])
}

impl Node {
    /// Runs a command that must succeed; what it prints.
    #[track_caller]
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with `--json`.
    #[track_caller]
    fn tells(&self, arguments: &[&str]) -> Value {
        let text = self.says(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// Runs a command that must fail with status 1; what it complains of.
    #[track_caller]
    fn complains(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Runs a command with something on its standard input.
    fn piped(&self, arguments: &[&str], input: &str) -> Output {
        let folder = Folder::new();
        folder.write("input", input);
        let file = std::fs::File::open(folder.path().join("input")).unwrap();
        let mut command = lambent();
        command.args(arguments).env("LAMBENT_ADMIN", self.admin.to_string()).stdin(Stdio::from(file));
        command.output().unwrap()
    }

    /// Invokes `invoice` so that it dies; waits until it has. Its id and its number as a dead letter.
    fn dies(&self, event: &str) -> (String, String) {
        let before = self.letters("function:invoice").len();
        let id = self.says(&["invoke", "invoice", event, "--async"]).trim().to_owned();
        let letters = eventually("the event dies", || {
            let letters = self.letters("function:invoice");
            (letters.len() > before).then_some(letters)
        });
        let letter = letters.iter().find(|letter| letter["id"] == id.as_str()).unwrap();
        (id, letter["sequence"].to_string())
    }

    fn letters(&self, place: &str) -> Vec<Value> {
        self.tells(&["dead-letters", "list", place])["messages"].as_array().unwrap().clone()
    }

    fn bodies(&self, queue: &str) -> Vec<String> {
        let page = self.tells(&["queue", "peek", queue, "--limit", "1000"]);
        let body = |message: &Value| message["body"].as_str().unwrap().to_owned();
        page["messages"].as_array().unwrap().iter().map(body).collect()
    }
}

#[test]
fn queues_are_sent_to_looked_into_and_emptied() {
    let node = up();
    let id = node.says(&["send", "orders", "{\"order\":1}", "--attribute", "kind=book"]);
    assert_eq!(id.trim().len(), 36, "{id}");
    node.says(&["send", "queue:orders", "later", "--delay", "10m"]);
    assert!(node.piped(&["send", "orders", "-"], "from a pipe \u{1b}[2J").status.code() == Some(1));
    assert!(node.piped(&["send", "orders", "-"], "from a pipe").status.success());
    let listed = node.says(&["queue", "list"]);
    let row = listed.lines().find(|line| line.trim().starts_with("orders ")).unwrap();
    let words: Vec<_> = row.split_whitespace().take(4).collect();
    assert_eq!(words, ["orders", "2", "0", "1"], "{listed}");
    assert_eq!(node.bodies("orders"), ["{\"order\":1}", "later", "from a pipe"]);
    let shown = node.says(&["queue", "peek", "orders"]);
    assert!(shown.contains("{\"order\":1}") && shown.contains("in 9m"), "{shown}");
    assert!(!node.says(&["queue", "peek", "orders", "--limit", "1"]).contains("from a pipe"));
    assert_eq!(node.tells(&["queue", "show", "orders"])["ready"], 2);
    assert!(node.says(&["queue", "show", "strict"]).contains("strict-dead, after 1 receives"));
    assert!(node.complains(&["queue", "purge", "orders"]).contains("all 3 messages of `orders` for good"));
    assert_eq!(node.tells(&["queue", "purge", "orders", "--yes"])["removed"], 3);
    assert!(node.complains(&["queue", "purge", "orders", "--yes"]).contains("was purged less than 60 s ago"));
    assert!(node.says(&["queue", "peek", "orders"]).contains("is empty"));
}

#[test]
fn what_is_sent_wrongly_is_told() {
    let node = up();
    let check = |arguments: &[&str], expect: &str| {
        let text = node.complains(arguments);
        assert!(text.starts_with("error: ") && text.contains(expect), "{arguments:?}: {text}");
    };
    check(&["send", "ordres", "x"], "there is no queue called `ordres`: did you mean `orders`?");
    check(&["send", "topic:place", "x"], "did you mean `placed`?");
    check(&["send", "function:invoise"], "did you mean `invoice`?");
    check(&["send", "bus:shp", "{}", "--source", "s", "--type", "t"], "did you mean `shop`?");
    check(&["send", "orders.fifo", "x"], "every message needs a group");
    check(&["send", "orders.fifo", "x", "--group", "g"], "needs a deduplication id");
    check(&["send", "orders", "x", "--dedup", "d"], "ends in .fifo");
    check(&["send", "orders", ""], "the message is empty");
    check(&["send", "function:invoice", "{"], "the event is no JSON");
    check(&["send", "bus:shop", "[]", "--source", "s", "--type", "t"], "the detail is no JSON object");
    check(&["queue", "show", "nothing"], "there is no queue called `nothing`: there are orders");
    check(&["dead-letters", "list", "strict-daed"], "did you mean `strict-dead`?");
    check(&["dead-letters", "show", "strict-dead", "1"], "`strict-dead` has no letter 1");
    check(&["dead-letters", "cancel", "strict-dead"], "no redrive is under way");
    check(&["result", "nothing"], "`nothing` is no id of an invocation");
    check(&["dead-letters", "redrive", "strict-dead", "--to", "strict-dead"], "is where they are already");
    let large = "x".repeat(1024 * 1024 + 1);
    let output = node.piped(&["send", "orders", "-"], &large);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("the message has 1048577 bytes with its attributes"), "{text}");
    let version = node.command(&["dead-letters", "redrive", "strict-dead", "--version", "7"]);
    assert!(String::from_utf8_lossy(&version.stderr).contains("come with a later release"));
    assert!(!version.status.success());
    let nobody = run(lambent().args(["ledger", "--admin", "127.0.0.1:1"]));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no node answers at 127.0.0.1:1"));
}

#[test]
fn topics_and_buses_lead_to_queues() {
    let node = up();
    node.says(&["send", "topic:placed", "published"]);
    node.says(&["send", "bus:shop", "{\"order\":1}", "--source", "shop", "--type", "Placed"]);
    node.says(&["send", "bus:shop", "{}", "--source", "other", "--type", "Placed"]);
    let bodies = node.bodies("orders");
    assert_eq!((bodies.len(), bodies[0].as_str()), (2, "published"));
    let event: Value = serde_json::from_str(&bodies[1]).unwrap();
    assert_eq!((&event["detail"], &event["detail-type"]), (&json!({ "order": 1 }), &json!("Placed")));
    assert!(node.says(&["topics"]).contains("queue:orders"));
    let buses = node.says(&["buses"]);
    assert!(buses.contains("default") && buses.contains("{\"source\":[\"shop\"]}"), "{buses}");
}

#[test]
fn an_asynchronous_invocation_can_be_asked_for() {
    let node = up();
    let id = node.says(&["send", "function:invoice", "{\"price\":21}"]);
    let result = node.tells(&["result", id.trim(), "--wait", "30s"]);
    assert_eq!((&result["state"], &result["response"]), (&json!("done"), &json!({ "total": 42 })));
    let (dead, _) = node.dies("{\"order\":1}");
    let output = node.command(&["result", &dead, "--wait", "30s"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("RetriesExhausted") && text.contains("KeyError"), "{text}");
    let never = "00000000-0000-4000-8000-000000000000";
    assert!(node.complains(&["result", never]).contains("was never accepted"));
}

#[test]
fn a_dead_letter_is_found_mended_and_sent_back() {
    let node = up();
    assert!(node.says(&["dead-letters", "list"]).contains("there are no dead letters"));
    let (id, letter) = node.dies("{\"order\":17}");
    node.dies("{\"order\":18}");
    let places = node.tells(&["dead-letters", "list"]);
    let place =
        places["places"].as_array().unwrap().iter().find(|p| p["place"] == "function:invoice").unwrap();
    assert_eq!((&place["count"], &place["errors"][0]["count"]), (&json!(2), &json!(2)), "{places:#}");
    let error = place["errors"][0]["fingerprint"].as_str().unwrap();
    let listed = node.says(&["dead-letters", "list", "function:invoice", "--error", error]);
    assert!(listed.contains("KeyError") && listed.contains("{\"order\":17}"), "{listed}");
    let none = node.says(&["dead-letters", "list", "function:invoice", "--error", "ffffffff"]);
    assert!(none.contains("no letter of `function:invoice` has the error ffffffff"), "{none}");
    let shown = node.says(&["dead-letters", "show", "function:invoice", &letter]);
    for part in ["{\"order\":17}", "order 17 has no price", "RetriesExhausted", error, &id] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let edit = ["dead-letters", "edit", "function:invoice", &letter];
    assert!(node.complains(&edit).contains("there is no terminal to edit on"));
    assert!(node.complains(&[&edit[..], &["--body", "{"]].concat()).contains("is no JSON"));
    assert!(node.piped(&[&edit[..], &["-"]].concat(), "{\"price\":4}").status.success());
    let plan = node.tells(&["dead-letters", "redrive", "function:invoice", "--dry-run"]);
    assert_eq!(plan["destinations"], json!([{ "to": "function:invoice", "count": 2 }]), "{plan:#}");
    assert_eq!(node.letters("function:invoice").len(), 2, "nothing was moved");
    let moved = node.says(&["dead-letters", "redrive", "function:invoice", "--version", "$LATEST"]);
    assert!(moved.contains("moved 2 of 2 letters"), "{moved}");
    assert_eq!(
        eventually("it is done now", || {
            let result = node.command(&["result", &id, "--json"]);
            let result: Value = serde_json::from_slice(&result.stdout).ok()?;
            (result["state"] == "done").then(|| result["response"].clone())
        }),
        json!({ "total": 8 })
    );
    let left = eventually("the other dies again", || {
        let letters = node.letters("function:invoice");
        (letters.len() == 1).then(|| letters[0]["sequence"].to_string())
    });
    let discard = ["dead-letters", "discard", "function:invoice", &left];
    assert!(node.complains(&discard).contains("say so with --yes"));
    node.says(&[&discard[..], &["--yes"]].concat());
    assert!(node.says(&["dead-letters", "redrives"]).contains("completed"));
    assert!(node.says(&["ledger"]).contains("ok: accepted = done + dead + dropped + pending"));
}

#[test]
fn letters_go_elsewhere_at_a_rate_and_can_be_stopped() {
    let node = up();
    node.says(&["send", "strict-dead", "x", "--count", "30"]);
    let plan = node.says(&["dead-letters", "redrive", "strict-dead", "--dry-run"]);
    assert!(plan.contains("stay: where they died is unknown"), "{plan}");
    let redrive = ["dead-letters", "redrive", "strict-dead", "--to", "orders-slow", "--rate", "5"];
    let started = node.tells(&[&redrive[..], &["--no-wait"]].concat());
    assert_eq!((&started["state"], &started["total"]), (&json!("running"), &json!(30)));
    assert!(node.complains(&redrive).contains("is under way already"));
    eventually("some have moved", || (node.bodies("orders-slow").len() > 2).then_some(()));
    assert!(node.says(&["dead-letters", "cancel", "strict-dead"]).contains("cancelled after"));
    let moved = node.bodies("orders-slow").len();
    assert_eq!(moved + node.bodies("strict-dead").len(), 30);
    let rest = node.tells(&["dead-letters", "redrive", "strict-dead", "--to", "orders-slow"]);
    assert_eq!((&rest["state"], rest["moved"].as_u64()), (&json!("completed"), Some(30 - moved as u64)));
}

#[test]
fn the_ledger_is_followed_line_by_line() {
    use std::io::{BufRead, BufReader};
    let node = up();
    node.says(&["send", "orders", "x"]);
    let mut command = lambent();
    command.args(["ledger", "--follow", "--json"]).env("LAMBENT_ADMIN", node.admin.to_string());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.take(2) {
        let ledger: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!((&ledger["balances"], &ledger["total"]["pending"]), (&json!(true), &json!(1)));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_admin_api_refuses_what_it_cannot_do() {
    let node = up();
    let check = |method: &str, path: &str, body: &str, status: u16, expect: &str| {
        let answer = request(node.admin, method, path, &[], body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(answer.json()["message"].as_str().unwrap().contains(expect), "{method} {path}: {answer:?}");
    };
    check("GET", "/v1/nothing", "", 404, "no such path");
    check("POST", "/v1/ledger", "", 405, "no POST");
    check("GET", "/v1/queues?x=1", "", 400, "`x` is unknown");
    check("GET", "/v1/queues/orders/messages?limit=0", "", 400, "`limit` is 1 to 1000");
    check("GET", "/v1/queues/%zz", "", 400, "escapes nothing");
    check("GET", "/v1/queues/%00%1b", "", 404, "there is no queue");
    check("POST", "/v1/queues/orders/messages", "{", 400, "the body is not what is asked for");
    check("POST", "/v1/queues/orders/messages", "{\"body\":\"x\",\"x\":1}", 400, "unknown field");
    check("POST", "/v1/queues/orders/messages", &"x".repeat(6 * 1024 * 1024 + 1), 413, "larger than 6 MB");
    check("POST", "/v1/functions/invoice/events", &"1".repeat(1024 * 1024 + 1), 413, "1048577 bytes");
    check("PUT", "/v1/dead-letters/strict-dead/x/body", "x", 400, "no letter's number");
    check("POST", "/v1/redrives", "{\"from\":\"strict-dead\",\"rate\":0}", 400, "a rate is 1 to");
    check("DELETE", "/v1/redrives/nothing", "", 404, "there is no redrive");
    check("GET", "/v1/dead-letters/a:b", "", 404, "there is no place of dead letters");
    let foreign = request(node.admin, "POST", "/v1/redrives", &[("origin", "http://example.com")], "{}");
    assert_eq!(foreign.status, 403);
}

#[test]
fn check_shows_where_events_go() {
    let app = Folder::new();
    app.write("invoice/app.py", APP);
    app.write("lambent.toml", MANIFEST);
    let output = run(lambent().arg("check").arg(app.path()));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in
        ["2 attempts, 1ms apart", "strict-dead after 1 receives", "keeps order", "placed", "shop", "raw"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}
