//! The app that is killed: something of everything that must not be lost.

use std::net::SocketAddr;

use crate::harness::Folder;

/// Three functions that tell the journal what they are given before they answer. What is `flaky` fails the first time,
/// what is `poison` until it is mended.
const CODE: &str = r#"
import json, os, socket, time

lines = None

def note(function, run, id):
    global lines
    if lines is None:
        host, port = os.environ["JOURNAL"].split(":")
        lines = socket.create_connection((host, int(port))).makefile("rw")
    lines.write(f"{function} {run} {time.monotonic_ns()} {id}\n")
    lines.flush()
    times, mended = lines.readline().split()
    return int(times), mended == "mended"

def work_on(function, context, id):
    times, mended = note(function, context.aws_request_id, id)
    if id.startswith("poison.") and not mended:
        raise ValueError("poison")
    if id.startswith("flaky.") and times == 1:
        raise RuntimeError("flaky")

def job(event, context):
    if "Records" in event:
        id = event["Records"][0]["Sns"]["Message"]
    elif "body" in event:
        id = json.loads(event["body"])["id"]
    else:
        id = event["id"]
    work_on("job", context, id)
    return {"id": id}

def failed(records):
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records]}

def work(event, context):
    bad = []
    for record in event["Records"]:
        try:
            work_on("work", context, record["body"])
        except Exception:
            bad.append(record)
    return failed(bad)

def line(event, context):
    bad, stopped = [], set()
    for record in event["Records"]:
        group = record["attributes"]["MessageGroupId"]
        if group not in stopped:
            try:
                work_on("line", context, record["body"])
                continue
            except Exception:
                stopped.add(group)
        bad.append(record)
    return failed(bad)
"#;

/// Writes the app into a folder of its own.
pub(super) fn write(journal: SocketAddr) -> Folder {
    let app = Folder::new();
    app.write("code/app.py", CODE);
    app.write("lambent.toml", &manifest(journal));
    app
}

fn manifest(journal: SocketAddr) -> String {
    let function = |name: &str, keys: &str| {
        format!(
            "[functions.{name}]\nruntime = \"python\"\ncode = \"code\"\nhandler = \"app.{name}\"\n\
             timeout = \"3s\"\nenvironment = {{ JOURNAL = \"{journal}\" }}\n{keys}\n"
        )
    };
    let job = function(
        "job",
        "http = [{ route = \"POST /jobs\", async = true }]\n\
         retry = { attempts = 3, first-delay = \"50ms\", max-delay = \"100ms\" }\n\
         dead-letter = \"dead-jobs\"\non-success = \"queue:out\"",
    );
    let work = function("work", "sources = [{ queue = \"orders\", partial-failures = true }]");
    let line = function("line", "sources = [{ queue = \"line.fifo\", partial-failures = true }]");
    let rest = "
[queues.orders]
visibility = \"3s\"
dead-letter = \"dead-orders\"
max-receives = 3
[queues.\"line.fifo\"]
visibility = \"3s\"
[queues.out]
visibility = \"3s\"
[queues.dead-jobs]
[queues.dead-orders]
[topics.news]
subscriptions = [{ queue = \"orders\", raw = true }, { function = \"job\" }]
";
    [job.as_str(), &work, &line, rest].concat()
}
