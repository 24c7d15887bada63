//! Sources, retry and routes that nobody waits for: every key, each way that it can be wrong.

use super::check_after;

#[test]
fn sources() {
    check_after(SOURCES);
}

const SOURCES: &[(&str, &[&str])] = &[
    (
        r#"sources = "q"
[queues.q]
"#,
        &[
            r#"5:11 functions.a.sources: must be an array of sources, as in [{ queue = "orders" }], but is a string"#,
        ],
    ),
    (
        r#"sources = { queue = "q" }
[queues.q]
"#,
        &[
            r#"5:11 functions.a.sources: must be an array of sources, as in [{ queue = "orders" }], but is a table"#,
        ],
    ),
    (
        "sources = []
",
        &["5:11 functions.a.sources: names no source / leave `sources` out of a function without sources"],
    ),
    (
        r#"sources = ["q"]
[queues.q]
"#,
        &[r#"5:12 functions.a.sources: must be a source, as in { queue = "orders" }, but is a string"#],
    ),
    (
        "sources = [{ batch = 10 }]
",
        &[r#"5:12 functions.a.sources: `queue` is missing / write queue = "orders""#],
    ),
    (
        "sources = [{ queue = 3 }]
[queues.q]
",
        &["5:22 functions.a.sources.queue: must be the name of a queue, but is an integer"],
    ),
    (
        r#"sources = [{ queue = "a b" }]
[queues.q]
"#,
        &[
            "5:22 functions.a.sources.queue: `a b` is no queue name: use 1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order",
        ],
    ),
    (
        r#"sources = [{ queue = "queue:q" }]
[queues.q]
"#,
        &[
            r#"5:22 functions.a.sources.queue: `queue:q` is no queue name: use 1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order / write "q""#,
        ],
    ),
    (
        r#"sources = [{ queue = "q", filters = [] }]
[queues.q]
"#,
        &["5:27 functions.a.sources.filters: unknown key / did you mean `filter`?"],
    ),
    (
        r#"sources = [{ queue = "q", start = 1 }]
[queues.q]
"#,
        &[
            "5:27 functions.a.sources.start: unknown key / a source has `queue`, `batch`, `window`, `partial-failures`, `concurrency`, `filter`, `enabled`",
        ],
    ),
    (
        r#"sources = [{ qeue = "q" }]
[queues.q]
"#,
        &[
            r#"5:12 functions.a.sources: `queue` is missing / write queue = "orders""#,
            "5:14 functions.a.sources.qeue: unknown key / did you mean `queue`?",
        ],
    ),
    (
        r#"sources = [{ nats = "q", bach = 1 }]
[queues.q]
"#,
        &[
            "5:14 functions.a.sources.nats: `nats` is not supported in this release / let a consumer of your own send what it reads to a queue on the AWS-compatible port, and name that queue as the source",
            "5:26 functions.a.sources.bach: unknown key / did you mean `batch`?",
        ],
    ),
];

#[test]
fn batches_and_windows() {
    check_after(BATCHES_AND_WINDOWS);
}

const BATCHES_AND_WINDOWS: &[(&str, &[&str])] = &[
    (
        r#"sources = [{ queue = "q", batch = 0 }]
[queues.q]
"#,
        &["5:35 functions.a.sources.batch: 0 is too little: at least 1"],
    ),
    (
        r#"sources = [{ queue = "q", batch = -3 }]
[queues.q]
"#,
        &["5:35 functions.a.sources.batch: -3 is too little: at least 1"],
    ),
    (
        r#"sources = [{ queue = "q", batch = 10001, window = "1s" }]
[queues.q]
"#,
        &["5:35 functions.a.sources.batch: 10001 is too much: at most 10000"],
    ),
    (
        r#"sources = [{ queue = "q", batch = 99999999999999999999999999999999999999999999 }]
[queues.q]
"#,
        &[
            "5:35 functions.a.sources.batch: 99999999999999999999999999999999999999999999 is too much: at most 10000",
        ],
    ),
    (
        r#"sources = [{ queue = "q", batch = "10" }]
[queues.q]
"#,
        &["5:35 functions.a.sources.batch: must be a whole number, but is a string"],
    ),
    (
        r#"sources = [{ queue = "q", batch = 1.5 }]
[queues.q]
"#,
        &["5:35 functions.a.sources.batch: must be a whole number, but is a float"],
    ),
    (
        r#"sources = [{ queue = "q", batch = 11 }]
[queues.q]
"#,
        &[
            r#"5:35 functions.a.sources.batch: a batch of more than 10 messages needs a `window` to fill in / write window = "1s" or more beside it, or a smaller batch"#,
        ],
    ),
    (
        r#"sources = [{ queue = "q", batch = 0x64, window = "999ms" }]
[queues.q]
"#,
        &[
            r#"5:35 functions.a.sources.batch: a batch of more than 10 messages needs a `window` to fill in / write window = "1s" or more beside it, or a smaller batch"#,
        ],
    ),
    (
        r#"sources = [{ queue = "q", batch = 11, window = 1 }]
[queues.q]
"#,
        &[
            r#"5:48 functions.a.sources.window: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but has no unit / write "1s""#,
        ],
    ),
    (
        r#"sources = [{ queue = "q", window = "301s" }]
[queues.q]
"#,
        &["5:36 functions.a.sources.window: 301s is too much: at most 5m"],
    ),
    (
        r#"sources = [{ queue = "q.fifo", batch = 11, window = "1s" }]
[queues."q.fifo"]
"#,
        &[
            "5:40 functions.a.sources.batch: a queue that keeps order gives at most 10 messages a batch / write batch = 10",
            "5:44 functions.a.sources.window: a queue that keeps order has no `window` / remove it",
        ],
    ),
    (
        r#"sources = [{ queue = "q", concurrency = 0 }]
[queues.q]
"#,
        &["5:41 functions.a.sources.concurrency: 0 is too little: at least 1"],
    ),
    (
        r#"sources = [{ queue = "q", concurrency = 1001 }]
[queues.q]
"#,
        &["5:41 functions.a.sources.concurrency: 1001 is too much: at most 1000"],
    ),
    (
        r#"sources = [{ queue = "q", partial-failures = "yes" }]
[queues.q]
"#,
        &["5:46 functions.a.sources.partial-failures: must be true or false, but is a string"],
    ),
    (
        r#"sources = [{ queue = "q", enabled = 1 }]
[queues.q]
"#,
        &["5:37 functions.a.sources.enabled: must be true or false, but is an integer"],
    ),
];

#[test]
fn filters() {
    check_after(FILTERS);
}

const FILTERS: &[(&str, &[&str])] = &[
    (
        r#"sources = [{ queue = "q", filter = '{"body":{"a":[1]}}' }]
[queues.q]
"#,
        &[
            r#"5:36 functions.a.sources.filter: must be an array of patterns as JSON text, as in ['{"body":{"kind":["order"]}}'], but is a string"#,
        ],
    ),
    (
        r#"sources = [{ queue = "q", filter = [] }]
[queues.q]
"#,
        &["5:36 functions.a.sources.filter: names no pattern / leave `filter` out to get every message"],
    ),
    (
        r#"sources = [{ queue = "q", filter = [3] }]
[queues.q]
"#,
        &[
            r#"5:37 functions.a.sources.filter: must be a pattern as JSON text, as in '{"source":["shop"]}', but is an integer"#,
        ],
    ),
    (
        r#"sources = [{ queue = "q", filter = ["body"] }]
[queues.q]
"#,
        &[
            r#"5:37 functions.a.sources.filter: Filter is not valid JSON (expected value at line 1 column 1) / write a JSON object, as in {"source": ["orders"]}"#,
        ],
    ),
    (
        r#"sources = [{ queue = "q", filter = ['{"body":{"a":1}}', '{"body":{"a":[{"prefx":"x"}]}}'] }]
[queues.q]
"#,
        &[
            r#"5:37 functions.a.sources.filter: `body.a`: "a" must be an object or an array / put the value in a list, as in ["open"]"#,
            "5:57 functions.a.sources.filter: `body.a[0].prefx`: Unrecognized match type prefx / use prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, cidr or exists",
        ],
    ),
    (
        r#"sources = [{ queue = "q", filter = ['{"kind":["order"]}'] }]
[queues.q]
"#,
        &[
            r#"5:37 functions.a.sources.filter: a record of a queue has no field "kind" / put what is meant for the message into `body`, as in {"body":{...}}"#,
        ],
    ),
    (
        r#"sources = [{ queue = "q", filter = ['{"body":[1]}', '{"body":[2]}', '{"body":[3]}', '{"body":[4]}', '{"body":[5]}', '{"body":[6]}'] }]
[queues.q]
"#,
        &[
            "5:36 functions.a.sources.filter: a source has at most 5 filters, not 6 / list several values in one pattern",
        ],
    ),
];

#[test]
fn retries() {
    check_after(RETRIES);
}

const RETRIES: &[(&str, &[&str])] = &[
    (
        "retry = 3",
        &[
            r#"5:9 functions.a.retry: must be a table, as in { attempts = 5, first-delay = "1s" }, but is an integer"#,
        ],
    ),
    (
        "retry = { }
attempts = 3",
        &[
            "6:1 functions.a.attempts: unknown key / a function has `runtime`, `code`, `handler`, `command`, `timeout`, `memory`, `tmp`, `environment`, `http`, `sources`, `schedules`, `retry`, `dead-letter`, `on-success`, `on-failure`, `layers`, `keep-alive`, `build`",
        ],
    ),
    ("retry = { attempts = 0 }", &["5:22 functions.a.retry.attempts: 0 is too little: at least 1"]),
    (
        "retry = { attempts = 1000001 }",
        &["5:22 functions.a.retry.attempts: 1000001 is too much: at most 1000000"],
    ),
    (
        r#"retry = { attempts = "3" }"#,
        &["5:22 functions.a.retry.attempts: must be a whole number, but is a string"],
    ),
    (
        r#"retry = { first-delay = "0s" }"#,
        &["5:25 functions.a.retry.first-delay: 0s is too little: at least 1ms"],
    ),
    (
        "retry = { first-delay = 1 }",
        &[
            r#"5:25 functions.a.retry.first-delay: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but has no unit / write "1s""#,
        ],
    ),
    (r#"retry = { max-delay = "25h" }"#, &["5:23 functions.a.retry.max-delay: 25h is too much: at most 1d"]),
    (r#"retry = { max-age = "366d" }"#, &["5:21 functions.a.retry.max-age: 366d is too much: at most 365d"]),
    (r#"retry = { max-age = "0s" }"#, &["5:21 functions.a.retry.max-age: 0s is too little: at least 1s"]),
    (
        r#"retry = { first-delay = "10m" }"#,
        &[
            r#"5:1 functions.a.retry: `first-delay` is 10m, and `max-delay` only 5m / write first-delay = "5m" or less, or max-delay = "10m" or more"#,
        ],
    ),
    (
        r#"retry = { max-delay = "1s" }"#,
        &[
            r#"5:1 functions.a.retry: `first-delay` is 1m, and `max-delay` only 1s / write first-delay = "1s" or less, or max-delay = "1m" or more"#,
        ],
    ),
    (
        r#"retry = { first-delay = "2m", max-delay = "1m" }"#,
        &[
            r#"5:1 functions.a.retry: `first-delay` is 2m, and `max-delay` only 1m / write first-delay = "1m" or less, or max-delay = "2m" or more"#,
        ],
    ),
    (
        r#"retry = { delay = "1s" }"#,
        &[
            "5:11 functions.a.retry.delay: unknown key / `retry` has `attempts`, `first-delay`, `max-delay`, `max-age`",
        ],
    ),
];

#[test]
fn where_events_go() {
    check_after(WHERE_EVENTS_GO);
}

const WHERE_EVENTS_GO: &[(&str, &[&str])] = &[
    ("dead-letter = 3", &["5:15 functions.a.dead-letter: must be the name of a queue, but is an integer"]),
    (
        r#"dead-letter = "queue:q"
[queues.q]
"#,
        &[
            r#"5:15 functions.a.dead-letter: `queue:q` is no queue name: use 1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order / write "q""#,
        ],
    ),
    (
        r#"dead-letter = "https://example.com""#,
        &[
            "5:15 functions.a.dead-letter: `https://example.com` is no queue name: use 1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order",
        ],
    ),
    (
        r#"dead-letters = "q"
[queues.q]
"#,
        &["5:1 functions.a.dead-letters: unknown key / did you mean `dead-letter`?"],
    ),
    (
        "on-success = 3",
        &[
            r#"5:14 functions.a.on-success: must be a target, as in "queue:orders" or "https://example.com/hook", but is an integer"#,
        ],
    ),
    (
        r#"on-success = "q"
[queues.q]
"#,
        &[
            "5:14 functions.a.on-success: `q` names no target: write function:NAME, queue:NAME, topic:NAME, bus:NAME or an http(s) address",
        ],
    ),
    (
        r#"on-success = "arn:aws:sqs:us-east-1:000000000000:q"
[queues.q]
"#,
        &[
            "5:14 functions.a.on-success: `arn:aws:sqs:us-east-1:000000000000:q` names no target: write function:NAME, queue:NAME, topic:NAME, bus:NAME or an http(s) address",
        ],
    ),
    (
        r#"on-failure = "queue:a b""#,
        &[
            "5:14 functions.a.on-failure: `a b` is no queue name: use 1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order",
        ],
    ),
    (
        r#"on-failure = "https://user@host/""#,
        &[
            "5:14 functions.a.on-failure: `https://user@host/` is no address: write it as in https://example.com/hook, without spaces and a fragment",
        ],
    ),
    (
        r#"on-failure = ["queue:q"]
[queues.q]
"#,
        &[
            r#"5:14 functions.a.on-failure: must be a target, as in "queue:orders" or "https://example.com/hook", but is an array"#,
        ],
    ),
    (
        r#"on-sucess = "queue:q"
[queues.q]
"#,
        &["5:1 functions.a.on-sucess: unknown key / did you mean `on-success`?"],
    ),
];

#[test]
fn routes_that_nobody_waits_for() {
    check_after(ROUTES_THAT_NOBODY_WAITS_FOR);
}

const ROUTES_THAT_NOBODY_WAITS_FOR: &[(&str, &[&str])] = &[
    (
        r#"http = [{ route = "GET /", async = "yes" }]"#,
        &["5:36 functions.a.http.async: must be true or false, but is a string"],
    ),
    (
        r#"http = [{ route = "GET /", async = true, timeout = "3s" }]"#,
        &[
            "5:42 functions.a.http.timeout: an asynchronous route has no `timeout`: nobody waits / remove `timeout`, or `async`",
        ],
    ),
    (
        "async = true",
        &[
            "5:1 functions.a.async: unknown key / a function has `runtime`, `code`, `handler`, `command`, `timeout`, `memory`, `tmp`, `environment`, `http`, `sources`, `schedules`, `retry`, `dead-letter`, `on-success`, `on-failure`, `layers`, `keep-alive`, `build`",
        ],
    ),
];
