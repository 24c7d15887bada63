//! Queues, topics, buses and asynchronous invocations as unmodified clients find them: boto3, the SDK for JavaScript,
//! the AWS CLI, sqs-consumer and Celery. What they find is asserted in `tests/clients`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::aws::clean;
use crate::clients::{nodejs, python, python_of_query, succeed, tests};
use crate::harness::{Node, run};

const MANIFEST: &str = r#"
[functions.echo]
runtime = "python"
code = "code"
handler = "app.handler"

[functions.seen]
runtime = "python"
code = "code"
handler = "app.handler"

[functions.quick]
runtime = "python"
code = "code"
handler = "app.handler"
retry = { attempts = 3, first-delay = "10ms", max-delay = "20ms" }
"#;

const APP: &str = r#"
def handler(event, context):
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError("deliberate")
    return {"saw": event}
"#;

fn up() -> Node {
    up_with(|_| {})
}

fn up_with(more: impl FnOnce(&mut Command)) -> Node {
    Node::up_with(MANIFEST, &[("code/app.py", APP)], more)
}

/// A node that serves only who has its key.
fn up_with_key() -> Node {
    up_with(|command| {
        command.env("LAMBENT_ACCESS_KEY_ID", "right").env("LAMBENT_SECRET_ACCESS_KEY", "secret");
    })
}

/// Runs a script of `tests/clients` against a node; what it prints.
fn script(program: impl AsRef<Path>, node: &Node, name: &str, arguments: &[&str]) -> String {
    let mut command = clean(program);
    command.arg(tests().join("clients").join(name)).arg(format!("http://{}", node.api)).args(arguments);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    succeed(command.current_dir(nodejs()))
}

/// Runs parts of `tests/clients/events.py` with a Python.
fn boto3(bin: PathBuf, node: &Node, parts: &[&str]) -> String {
    script(bin.join("python"), node, "events.py", parts)
}

#[test]
fn boto3_uses_queues() {
    let said = boto3(python(), &up(), &["queues", "messages", "fifo"]);
    assert!(said.contains("spoken as json"), "{said}");
}

#[test]
fn an_older_boto3_uses_queues_by_the_query_protocol() {
    let said = boto3(python_of_query(), &up(), &["queues", "messages", "fifo"]);
    assert!(said.contains("spoken as query"), "{said}");
}

#[test]
fn boto3_uses_topics() {
    boto3(python(), &up(), &["topics", "filters", "addresses"]);
}

#[test]
fn boto3_uses_buses() {
    boto3(python(), &up(), &["buses"]);
}

#[test]
fn boto3_invokes_without_waiting() {
    boto3(python(), &up(), &["functions"]);
}

#[test]
fn only_who_has_the_key_uses_queues_topics_and_buses() {
    boto3(python(), &up_with_key(), &["credentials"]);
}

#[test]
fn the_sdk_for_javascript_uses_queues_topics_and_buses() {
    script("node", &up(), "events.mjs", &[]);
}

#[test]
fn the_sdk_for_javascript_sets_its_clock_right() {
    script("node", &up_with_key(), "events_clock.mjs", &[]);
}

#[test]
fn sqs_consumer_consumes() {
    script("node", &up(), "events_consumer.mjs", &[]);
}

#[test]
fn celery_runs_tasks() {
    let node = up();
    let done = node.app.path().join("done");
    script(python().join("python"), &node, "events_celery.py", &[done.to_str().unwrap()]);
}

/// The AWS CLI of a folder, and a node that it talks to.
struct Cli<'a> {
    aws: PathBuf,
    node: &'a Node,
}

impl Cli<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clean(&self.aws);
        command.args(["--endpoint-url", &format!("http://{}", self.node.api), "--region", "us-east-1"]);
        for (name, value) in
            [("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_MAX_ATTEMPTS", "1")]
        {
            command.env(name, value);
        }
        command.args(arguments);
        command
    }

    /// Runs a command that must succeed; what it prints, which is nothing for some.
    #[track_caller]
    fn tells(&self, arguments: &[&str]) -> Value {
        let text = succeed(&mut self.command(arguments));
        if text.trim().is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// Runs a command that must fail; what it complains of.
    #[track_caller]
    fn complains(&self, arguments: &[&str]) -> String {
        let output = run(&mut self.command(arguments));
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The URL of a queue that is made.
    fn queue(&self, name: &str) -> String {
        self.tells(&["sqs", "create-queue", "--queue-name", name])["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Takes one message out of a queue; its body.
    fn take(&self, url: &str) -> String {
        let told = self.tells(&["sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "20"]);
        let message = &told["Messages"][0];
        let handle = message["ReceiptHandle"].as_str().unwrap_or_else(|| panic!("nothing came: {told}"));
        self.tells(&["sqs", "delete-message", "--queue-url", url, "--receipt-handle", handle]);
        message["Body"].as_str().unwrap().to_owned()
    }
}

fn cli_uses_queues(cli: &Cli<'_>) {
    let url = cli.queue("cli");
    let attributes = r#"{"kind":{"DataType":"String","StringValue":"<ü>"}}"#;
    let sent = cli.tells(&[
        "sqs",
        "send-message",
        "--queue-url",
        &url,
        "--message-body",
        "<hello> & ü",
        "--message-attributes",
        attributes,
    ]);
    assert_eq!(sent["MD5OfMessageBody"].as_str().unwrap().len(), 32, "{sent}");
    assert_eq!(cli.take(&url), "<hello> & ü");
    let names = ["--attribute-names", "ApproximateNumberOfMessages", "VisibilityTimeout"];
    let told = cli.tells(&[&["sqs", "get-queue-attributes", "--queue-url", &url], &names[..]].concat());
    assert_eq!(
        told["Attributes"],
        json!({ "ApproximateNumberOfMessages": "0", "VisibilityTimeout": "30" }),
        "{told}"
    );
    let listed = cli.tells(&["sqs", "list-queues", "--queue-name-prefix", "cli"]);
    assert_eq!(listed["QueueUrls"], json!([url]));
    let entries = r#"[{"Id":"a","MessageBody":"1"},{"Id":"b","MessageBody":"2","DelaySeconds":901}]"#;
    let told = cli.tells(&["sqs", "send-message-batch", "--queue-url", &url, "--entries", entries]);
    assert_eq!(
        (&told["Successful"][0]["Id"], &told["Failed"][0]["Id"]),
        (&json!("a"), &json!("b")),
        "{told}"
    );
    cli.tells(&["sqs", "purge-queue", "--queue-url", &url]);
    let purged = cli.complains(&["sqs", "purge-queue", "--queue-url", &url]);
    assert!(purged.contains("AWS.SimpleQueueService.PurgeQueueInProgress"), "{purged}");
    cli.tells(&["sqs", "delete-queue", "--queue-url", &url]);
    let gone = cli.complains(&["sqs", "get-queue-url", "--queue-name", "cli"]);
    assert!(gone.contains("AWS.SimpleQueueService.NonExistentQueue"), "{gone}");
}

#[test]
fn the_command_line_uses_queues_topics_buses_and_functions() {
    let node = up();
    let cli = Cli { aws: python().join("aws"), node: &node };
    cli_uses_queues(&cli);
    let url = cli.queue("told");
    let arn = "arn:aws:sqs:us-east-1:000000000000:told";

    let topic = cli.tells(&["sns", "create-topic", "--name", "cli"]);
    let topic = topic["TopicArn"].as_str().unwrap();
    let raw = ["--attributes", "RawMessageDelivery=true", "--notification-endpoint", arn];
    cli.tells(&[&["sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs"], &raw[..]].concat());
    cli.tells(&["sns", "publish", "--topic-arn", topic, "--message", "published"]);
    assert_eq!(cli.take(&url), "published");
    let told = cli.tells(&["sns", "list-subscriptions-by-topic", "--topic-arn", topic]);
    assert_eq!(told["Subscriptions"][0]["Endpoint"], arn, "{told}");
    let gone = cli.complains(&["sns", "publish", "--topic-arn", &format!("{topic}-gone"), "--message", "x"]);
    assert!(gone.contains("(NotFound)"), "{gone}");

    cli.tells(&["events", "create-event-bus", "--name", "cli"]);
    let rule = ["--event-bus-name", "cli", "--event-pattern", r#"{"source":["shop"]}"#];
    cli.tells(&[&["events", "put-rule", "--name", "r"], &rule[..]].concat());
    let target = format!("Id=q,Arn={arn},InputPath=$.detail");
    cli.tells(&["events", "put-targets", "--rule", "r", "--event-bus-name", "cli", "--targets", &target]);
    let entries = r#"[{"EventBusName":"cli","Source":"shop","DetailType":"Placed","Detail":"{\"n\":1}"}]"#;
    let told = cli.tells(&["events", "put-events", "--entries", entries]);
    assert_eq!(told["FailedEntryCount"], 0, "{told}");
    assert_eq!(cli.take(&url), r#"{"n":1}"#);

    let destination = format!(r#"{{"OnSuccess":{{"Destination":"{arn}"}}}}"#);
    let config = ["put-function-event-invoke-config", "--function-name", "echo", "--destination-config"];
    cli.tells(&[&["lambda"], &config[..], &[&destination]].concat());
    let event =
        ["--function-name", "echo", "--invocation-type", "Event", "--payload", r#"{"n":2}"#, "/dev/null"];
    assert_eq!(cli.tells(&[&["lambda", "invoke"], &event[..]].concat()), json!({ "StatusCode": 202 }));
    let record: Value = serde_json::from_str(&cli.take(&url)).unwrap();
    assert_eq!(record["responsePayload"], json!({ "saw": { "n": 2 } }), "{record}");
}

#[test]
fn an_older_command_line_uses_queues_by_the_query_protocol() {
    let node = up();
    let cli = Cli { aws: python_of_query().join("aws"), node: &node };
    cli_uses_queues(&cli);
}
