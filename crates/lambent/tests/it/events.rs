//! Events that nobody waits for: accepted on disk, retried, dead, redriven, and always accounted for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::functions::{Source, js, manifest};
use crate::harness::{Answer, Folder, Node, eventually, lambent, request};

/// Does what the event says: fails `fail` times (counted in a file that outlives the process), then succeeds.
const FLAKY: &str = "
const fs = require('fs');
exports.handler = async (event, context) => {
  const file = `/tmp/${event.id}`;
  const runs = fs.existsSync(file) ? Number(fs.readFileSync(file)) + 1 : 1;
  fs.writeFileSync(file, String(runs));
  console.log(`run ${runs} of ${event.id} as ${context.awsRequestId}`);
  if (runs <= (event.fail ?? 0)) throw new RangeError(`order ${event.id} failed`);
  return { runs, id: event.id };
};";

const FAST: &str = "retry = { attempts = 3, first-delay = \"50ms\", max-delay = \"100ms\" }";

fn flaky(keys: &'static str) -> Source {
    js("f", FLAKY).with(keys)
}

/// What the ledger says about one thing: accepted, done, dead, dropped, pending.
pub(crate) type Account = [u64; 5];

impl Node {
    /// Runs these functions with more sections of a manifest.
    pub(crate) fn with_events(sources: &[Source], sections: &str) -> Self {
        let app = Folder::new();
        for source in sources {
            app.write(&source.path(), source.code());
        }
        app.write("lambent.toml", &format!("{}\n{sections}", manifest(sources)));
        Self::in_folder(app)
    }

    /// Calls an action of the AWS-compatible API that is known by a target.
    pub(crate) fn target(&self, target: &str, body: &Value) -> Answer {
        let version = if target.starts_with("AWSEvents") { "1.1" } else { "1.0" };
        let kind = format!("application/x-amz-json-{version}");
        let headers = [("x-amz-target", target), ("content-type", kind.as_str())];
        request(self.api, "POST", "/", &headers, &body.to_string())
    }

    /// Calls an action of SQS, which must succeed.
    #[track_caller]
    pub(crate) fn sqs(&self, action: &str, body: &Value) -> Value {
        let answer = self.target(&format!("AmazonSQS.{action}"), body);
        assert_eq!(answer.status, 200, "{action} {body}: {answer:?}");
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Sends a message to a queue.
    #[track_caller]
    pub(crate) fn send(&self, queue: &str, body: &str) -> Value {
        self.sqs("SendMessage", &json!({ "QueueUrl": self.queue_url(queue), "MessageBody": body }))
    }

    /// Takes what a queue holds, at most ten, and waits a second for the first.
    #[track_caller]
    pub(crate) fn take(&self, queue: &str) -> Vec<Value> {
        let ask = json!({
            "QueueUrl": self.queue_url(queue), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1,
            "MessageAttributeNames": ["All"], "AttributeNames": ["All"],
        });
        let answer = self.sqs("ReceiveMessage", &ask);
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) fn queue_url(&self, queue: &str) -> String {
        format!("http://{}/000000000000/{queue}", self.api)
    }

    /// Invokes a function asynchronously.
    pub(crate) fn event(&self, function: &str, headers: &[(&str, &str)], payload: &Value) -> Answer {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let headers = [headers, &[("x-amz-invocation-type", "Event")]].concat();
        request(self.api, "POST", &path, &headers, &payload.to_string())
    }

    /// What became of an asynchronous invocation, once it is over.
    pub(crate) fn result(&self, id: &str) -> Value {
        eventually("an asynchronous invocation ends", || {
            let answer = request(self.admin, "GET", &format!("/v1/results/{id}"), &[], "");
            (answer.status == 200).then(|| answer.json())
        })
    }

    /// What the ledger says about something, as in `function:f`.
    #[track_caller]
    pub(crate) fn account(&self, name: &str) -> Account {
        let ledger = request(self.admin, "GET", "/v1/ledger", &[], "").json();
        assert_eq!(ledger["balances"], true, "{ledger:#}");
        let find = |account: &&Value| account["name"] == name;
        let Some(found) = ledger["accounts"].as_array().unwrap().iter().find(find) else { return [0; 5] };
        ["accepted", "done", "dead", "dropped", "pending"].map(|key| found[key].as_u64().unwrap())
    }

    /// Waits until the ledger says this about something.
    #[track_caller]
    pub(crate) fn settles(&self, name: &str, expect: Account) {
        let mut last = [0; 5];
        let begun = std::time::Instant::now();
        while begun.elapsed() < crate::harness::PATIENCE {
            last = self.account(name);
            if last == expect {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{name} is {last:?} and not {expect:?} (accepted, done, dead, dropped, pending)");
    }

    /// Dead letters of a place.
    pub(crate) fn dead(&self, place: &str) -> Vec<Value> {
        let answer = request(self.admin, "GET", &format!("/v1/dead-letters/{place}"), &[], "");
        answer.json()["messages"].as_array().cloned().unwrap_or_default()
    }
}

/// The id of an invocation that was accepted.
#[track_caller]
fn id(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.header("x-amzn-requestid").unwrap().to_owned()
}

#[test]
fn an_event_is_accepted_run_and_its_result_can_be_read() {
    let node = Node::with_events(&[flaky(FAST)], "");
    let id = id(&node.event("f", &[], &json!({ "id": "a" })));
    let result = node.result(&id);
    assert_eq!((&result["state"], &result["attempts"]), (&json!("done"), &json!(1)), "{result:#}");
    assert_eq!(result["response"], json!({ "runs": 1, "id": "a" }));
    assert_eq!(node.account("function:f"), [1, 1, 0, 0, 0]);
    assert!(node.logs("f").iter().any(|line| line.contains(&format!("run 1 of a as {id}"))));
}

#[test]
fn what_fails_is_retried_under_the_same_id_and_then_done() {
    let node = Node::with_events(&[flaky(FAST)], "");
    let id = id(&node.event("f", &[], &json!({ "id": "a", "fail": 2 })));
    let result = node.result(&id);
    assert_eq!((&result["state"], &result["attempts"]), (&json!("done"), &json!(3)), "{result:#}");
    let runs: Vec<_> = node.logs("f").into_iter().filter(|line| line.contains("\tINFO\trun ")).collect();
    assert_eq!(runs.len(), 3, "{runs:?}");
    assert!(runs.iter().all(|line| line.contains(&id)), "{runs:?}");
    assert_eq!(node.account("function:f"), [1, 1, 0, 0, 0]);
}

#[test]
fn what_fails_for_good_is_a_dead_letter_with_its_error_and_can_be_mended_and_redriven() {
    let node = Node::with_events(&[flaky(FAST)], "");
    let id = id(&node.event("f", &[], &json!({ "id": "a", "fail": 9 })));
    let result = node.result(&id);
    assert_eq!((&result["state"], &result["condition"]), (&json!("dead"), &json!("RetriesExhausted")));
    assert_eq!(node.account("function:f"), [1, 0, 1, 0, 0]);
    let dead = node.dead("function:f");
    assert_eq!(dead.len(), 1, "{dead:#?}");
    let failure = &dead[0]["failure"];
    assert_eq!(failure["type"], "RangeError", "{failure:#}");
    assert_eq!(failure["message"], "order a failed");
    assert_eq!(failure["attempt"], 3);
    let letter = dead[0]["sequence"].as_i64().unwrap();
    let body = json!({ "id": "b", "fail": 0 }).to_string();
    let path = format!("/v1/dead-letters/function:f/{letter}/body");
    assert!(request(node.admin, "PUT", &path, &[], &body).status < 300);
    let redriven =
        request(node.admin, "POST", "/v1/redrives", &[], &json!({ "from": "function:f" }).to_string());
    assert!(redriven.status < 300, "{redriven:?}");
    node.settles("function:f", [1, 1, 0, 0, 0]);
    let result = eventually("the result of the redriven event", || {
        let result = node.result(&id);
        (result["state"] == "done").then_some(result)
    });
    assert_eq!(result["response"]["id"], "b");
}

#[test]
fn a_dead_letter_queue_gets_the_event_as_it_was_with_the_attributes_of_lambda() {
    let keys = "retry = { attempts = 1 }\ndead-letter = \"dead\"";
    let node = Node::with_events(&[flaky(keys)], "[queues.dead]");
    let event = json!({ "id": "a", "fail": 1, "more": [1, 2.50, "ü"] });
    let id = id(&node.event("f", &[], &event));
    node.settles("queue:dead", [1, 0, 0, 0, 1]);
    let message = &node.take("dead")[0];
    assert_eq!(message["Body"], event.to_string());
    let attribute = |name: &str| message["MessageAttributes"][name]["StringValue"].clone();
    assert_eq!(attribute("RequestID"), json!(id));
    assert_eq!(attribute("ErrorCode"), "200");
    assert_eq!(attribute("ErrorMessage"), "order a failed");
    assert_eq!(
        message["Attributes"]["DeadLetterQueueSourceArn"],
        Value::Null,
        "no queue it died in: {message}"
    );
}

#[test]
fn destinations_get_lambdas_record() {
    let keys = "retry = { attempts = 1 }\non-success = \"queue:good\"\non-failure = \"queue:bad\"";
    let node = Node::with_events(&[flaky(keys)], "[queues.good]\n[queues.bad]");
    let good = id(&node.event("f", &[], &json!({ "id": "a" })));
    let bad = id(&node.event("f", &[], &json!({ "id": "b", "fail": 1 })));
    node.settles("queue:good", [1, 0, 0, 0, 1]);
    node.settles("queue:bad", [1, 0, 0, 0, 1]);
    let record =
        |queue: &str| serde_json::from_str::<Value>(node.take(queue)[0]["Body"].as_str().unwrap()).unwrap();
    let record_of_good = record("good");
    assert_eq!(record_of_good["requestContext"]["requestId"], json!(good));
    assert_eq!(record_of_good["requestContext"]["condition"], "Success");
    assert_eq!(record_of_good["responsePayload"], json!({ "runs": 1, "id": "a" }));
    assert_eq!(record_of_good["responseContext"]["functionError"], Value::Null);
    let record_of_bad = record("bad");
    assert_eq!(record_of_bad["requestContext"]["requestId"], json!(bad));
    assert_eq!(record_of_bad["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record_of_bad["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(
        record_of_bad["requestContext"]["functionArn"],
        "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"
    );
    assert_eq!(record_of_bad["responsePayload"]["errorMessage"], "order b failed");
}

#[test]
fn the_same_key_is_the_same_event_and_another_event_is_refused() {
    let node = Node::with_events(&[flaky(FAST)], "");
    let key = [("x-lambent-idempotency-key", "order-1")];
    let first = id(&node.event("f", &key, &json!({ "id": "a" })));
    assert_eq!(id(&node.event("f", &key, &json!({ "id": "a" }))), first);
    node.result(&first);
    assert_eq!(id(&node.event("f", &key, &json!({ "id": "a" }))), first, "also when it is over");
    let other = node.event("f", &key, &json!({ "id": "b" }));
    assert_eq!(other.status, 400, "{other:?}");
    assert!(other.body.contains("was used with another event"), "{other:?}");
    assert_eq!(node.account("function:f"), [1, 1, 0, 0, 0]);
}

#[test]
fn an_asynchronous_route_answers_202_with_the_id() {
    let function = "exports.handler = async (event) => ({ path: event.rawPath, body: event.body });";
    let keys = "runtime = \"nodejs\"\ncode = \"f\"\nhandler = \"index.handler\"";
    let routes = "http = [{ route = \"POST /jobs\", async = true }]";
    let node = Node::up(&format!("[functions.f]\n{keys}\n{routes}\n"), &[("f/index.js", function)]);
    let answer = node.post("/jobs", "{\"a\":1}");
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json()["invocationId"].as_str().unwrap().to_owned();
    assert_eq!(node.result(&id)["response"], json!({ "path": "/jobs", "body": "{\"a\":1}" }));
    let send = |key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        node.request("POST", "/jobs", &headers, body)
    };
    let first = send("k", "{\"b\":1}");
    assert_eq!(send("k", "{\"b\":1}").json(), first.json());
    assert_eq!(send("k", "{\"b\":2}").status, 422);
    assert_eq!(send("", "{}").status, 400);
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    assert_eq!(node.post("/jobs", &large).status, 413);
    node.settles("function:f", [2, 2, 0, 0, 0]);
}

#[test]
fn a_chain_of_events_that_comes_back_again_and_again_ends_in_dead_letters() {
    let again = "
exports.handler = async (event) => {
  const url = `${process.env.AWS_ENDPOINT_URL}/2015-03-31/functions/f/invocations`;
  const headers = { 'X-Amz-Invocation-Type': 'Event', 'X-Amzn-Trace-Id': process.env._X_AMZN_TRACE_ID };
  const answer = await fetch(url, { method: 'POST', headers, body: '{}' });
  if (answer.status !== 202) throw new Error(await answer.text());
};";
    let node = Node::with_events(&[js("f", again)], "");
    node.event("f", &[], &json!({}));
    node.settles("function:f", [17, 16, 1, 0, 0]);
    assert_eq!(node.dead("function:f")[0]["failure"]["condition"], "RecursiveInvocation");
}

#[test]
fn a_function_cannot_be_its_own_destination() {
    let node = Node::with_events(&[flaky(FAST)], "");
    let own = json!({ "DestinationConfig": { "OnSuccess": {
        "Destination": "arn:aws:lambda:us-east-1:000000000000:function:f" } } });
    let headers = [("content-type", "application/json")];
    let path = "/2019-09-25/functions/f/event-invoke-config";
    let refused = request(node.api, "PUT", path, &headers, &own.to_string());
    assert_eq!(refused.status, 400, "{refused:?}");
}

#[test]
fn bad_events_are_refused_and_nothing_is_accepted() {
    let node = Node::with_events(&[flaky(FAST)], "");
    let path = "/2015-03-31/functions/f/invocations";
    let event = [("x-amz-invocation-type", "Event")];
    let send = |path: &str, body: &str| request(node.api, "POST", path, &event, body);
    assert_eq!(send(path, "{").status, 400);
    assert_eq!(send(path, &format!("\"{}\"", "x".repeat(1024 * 1024))).status, 413);
    assert_eq!(send("/2015-03-31/functions/none/invocations", "{}").status, 404);
    let long = "k".repeat(256);
    assert_eq!(node.event("f", &[("x-lambent-idempotency-key", &long)], &json!({})).status, 400);
    assert_eq!(node.account("function:f"), [0; 5]);
}

#[test]
fn events_of_a_function_that_is_gone_wait_until_it_is_back() {
    let mut node = Node::with_events(&[flaky(FAST), js("g", "exports.handler = async () => 1;")], "");
    let both = std::fs::read_to_string(node.app.path().join("lambent.toml")).unwrap();
    let only_g = both.split("[functions.g]").nth(1).map(|rest| format!("[functions.g]{rest}")).unwrap();
    id(&node.event("f", &[], &json!({ "id": "a", "fail": 1 })));
    node.app.write("lambent.toml", &only_g);
    node.signal("KILL");
    node.restart();
    let [accepted, done, dead, dropped, pending] = node.account("function:f");
    assert_eq!((accepted, dead, dropped, done + pending), (1, 0, 0, 1));
    node.app.write("lambent.toml", &both);
    node.signal("KILL");
    node.restart();
    node.settles("function:f", [1, 1, 0, 0, 0]);
}

#[test]
fn a_noisy_function_does_not_starve_the_others() {
    let sleeping = "
exports.handler = async (event) => { await new Promise((done) => setTimeout(done, event.sleep)); };";
    let node = Node::with_events(&[js("noisy", sleeping), js("quiet", sleeping)], "");
    for _ in 0..300 {
        assert_eq!(node.event("noisy", &[], &json!({ "sleep": 300 })).status, 202);
    }
    for _ in 0..20 {
        assert_eq!(node.event("quiet", &[], &json!({ "sleep": 0 })).status, 202);
    }
    node.settles("function:quiet", [20, 20, 0, 0, 0]);
    let [accepted, done, ..] = node.account("function:noisy");
    assert_eq!(accepted, 300);
    assert!(done < 200, "the noisy one had {done} done when the quiet one was through");
}

#[test]
fn a_dead_letter_cycle_and_other_wrong_manifests_are_refused() {
    let app = Folder::new();
    app.write("f/index.js", FLAKY);
    let check = |sections: &str, expect: &str| {
        app.write("lambent.toml", &format!("{}\n{sections}", manifest(&[flaky("")])));
        let output = crate::harness::run(lambent().arg("check").arg(app.path()));
        let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && text.contains(expect), "{expect}: {text}");
    };
    check("[queues.a]\ndead-letter = \"b\"\n[queues.b]\ndead-letter = \"a\"", "a -> b -> a");
    check("[queues.a]\nmax-receives = 0\ndead-letter = \"b\"\n[queues.b]", "max-receives");
    check("[topics.t]\nsubscriptions = [{ queue = \"none\" }]", "none");
}
