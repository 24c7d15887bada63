//! Queues and topics: every key, each way that it can be wrong.

use lambent_core::limits;

use super::{BASE, Shop, check_after, problems};

#[test]
fn queues() {
    check_after(QUEUES);
}

const QUEUES: &[(&str, &[&str])] = &[
    ("[[queues]]", &["5:1 queues: must be a table of queues, as in [queues.orders], but is an array"]),
    (
        r#"[queues]
q = "x""#,
        &["6:5 queues.q: must be a table, but is a string"],
    ),
    (
        r#"[queues."a b"]"#,
        &[
            r#"5:9 queues."a b": `a b` is no queue name: use 1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order"#,
        ],
    ),
    (
        r#"[queues.".fifo"]"#,
        &[
            r#"5:9 queues.".fifo": `.fifo` is no queue name: use 1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order"#,
        ],
    ),
    (
        "[queues.q]
visibility = 30",
        &[
            r#"6:14 queues.q.visibility: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but has no unit / write "30s""#,
        ],
    ),
    (
        r#"[queues.q]
visibility = "13h""#,
        &["6:14 queues.q.visibility: 13h is too much: at most 12h"],
    ),
    (
        r#"[queues.q]
delay = "16m""#,
        &["6:9 queues.q.delay: 16m is too much: at most 15m"],
    ),
    (
        r#"[queues.q]
retention = "59s""#,
        &["6:13 queues.q.retention: 59s is too little: at least 1m"],
    ),
    (
        r#"[queues.q]
retention = "15d""#,
        &["6:13 queues.q.retention: 15d is too much: at most 14d"],
    ),
    (
        r#"[queues.q]
wait = "21s""#,
        &["6:8 queues.q.wait: 21s is too much: at most 20s"],
    ),
    (
        "[queues.q]
message-max = 1024",
        &[
            r#"6:15 queues.q.message-max: must be a size, as in "256KB" or "1MB", but has no unit / write "1024B""#,
        ],
    ),
    (
        r#"[queues.q]
message-max = "1025""#,
        &[r#"6:15 queues.q.message-max: "1025" is not a size, as in "256KB" or "1MB" / write "1025B""#],
    ),
    (
        r#"[queues.q]
message-max = "256kb""#,
        &[r#"6:15 queues.q.message-max: "256kb" is not a size, as in "256KB" or "1MB" / write "256KB""#],
    ),
    (
        r#"[queues.q]
message-max = "1023B""#,
        &["6:15 queues.q.message-max: 1023B is too little: at least 1KB"],
    ),
    (
        r#"[queues.q]
message-max = "0KB""#,
        &["6:15 queues.q.message-max: 0KB is too little: at least 1KB"],
    ),
    (
        r#"[queues.q]
message-max = "2MB""#,
        &["6:15 queues.q.message-max: 2MB is too much: at most 1MB"],
    ),
    (
        r#"[queues.q]
message-max = "1GB""#,
        &[r#"6:15 queues.q.message-max: "1GB" is not a size, as in "256KB" or "1MB""#],
    ),
    (
        r#"[queues.q]
dead-letter = "a b""#,
        &[
            "6:15 queues.q.dead-letter: `a b` is no queue name: use 1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order",
        ],
    ),
    (
        r#"[queues.q]
dead-letter = "d"
max-receives = 0
[queues.d]"#,
        &["7:16 queues.q.max-receives: 0 is too little: at least 1"],
    ),
    (
        r#"[queues.q]
dead-letter = "d"
max-receives = 1001
[queues.d]"#,
        &["7:16 queues.q.max-receives: 1001 is too much: at most 1000"],
    ),
    (
        "[queues.q]
max-receives = 5",
        &[
            "6:1 queues.q.max-receives: `max-receives` counts for a `dead-letter` queue, and there is none / name the queue of the dead letters as well, or remove `max-receives`",
        ],
    ),
    (
        r#"[queues.q]
content-deduplication = true
deduplication-scope = "queue""#,
        &[
            r#"6:1 queues.q.content-deduplication: only a queue that keeps order has `content-deduplication` / remove it, or call the queue "q.fifo""#,
            r#"7:1 queues.q.deduplication-scope: only a queue that keeps order has `deduplication-scope` / remove it, or call the queue "q.fifo""#,
        ],
    ),
    (
        r#"[queues."q.fifo"]
content-deduplication = "yes"
deduplication-scope = "group""#,
        &[
            r#"6:25 queues."q.fifo".content-deduplication: must be true or false, but is a string"#,
            r#"7:23 queues."q.fifo".deduplication-scope: a deduplication id counts in the "queue" or in the "message-group""#,
        ],
    ),
    (
        "[queues.q]
fifo = true",
        &[
            "6:1 queues.q.fifo: unknown key / a queue has `visibility`, `delay`, `retention`, `wait`, `message-max`, `dead-letter`, `max-receives`, `content-deduplication`, `deduplication-scope`",
        ],
    ),
    (
        r#"[queues.q]
visiblity = "1m""#,
        &["6:1 queues.q.visiblity: unknown key / did you mean `visibility`?"],
    ),
    (
        "[queues.q]
batch = 3",
        &[
            "6:1 queues.q.batch: unknown key / a queue has `visibility`, `delay`, `retention`, `wait`, `message-max`, `dead-letter`, `max-receives`, `content-deduplication`, `deduplication-scope`",
        ],
    ),
];

#[test]
fn topics() {
    check_after(TOPICS);
}

const TOPICS: &[(&str, &[&str])] = &[
    ("[[topics]]", &["5:1 topics: must be a table of topics, as in [topics.order-placed], but is an array"]),
    (
        r#"[topics."a b"]"#,
        &[
            r#"5:9 topics."a b": `a b` is no topic name: use 1 to 256 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order"#,
        ],
    ),
    (
        "[topics.t]
content-deduplication = true",
        &[
            r#"6:1 topics.t.content-deduplication: only a topic that keeps order has `content-deduplication` / remove it, or call the topic "t.fifo""#,
        ],
    ),
    (
        "[topics.t]
subscription = []",
        &["6:1 topics.t.subscription: unknown key / did you mean `subscriptions`?"],
    ),
    (
        r#"[topics.t]
name = "x""#,
        &["6:1 topics.t.name: unknown key / a topic has `subscriptions`, `content-deduplication`"],
    ),
    (
        r#"[topics.t]
subscriptions = "q""#,
        &[
            r#"6:17 topics.t.subscriptions: must be an array of subscriptions, as in [{ queue = "orders" }], but is a string"#,
        ],
    ),
    (
        r#"[topics.t]
subscriptions = ["q"]"#,
        &[
            r#"6:18 topics.t.subscriptions: must be a subscription, as in { queue = "orders" }, but is a string"#,
        ],
    ),
];

#[test]
fn subscriptions() {
    check_after(SUBSCRIPTIONS);
}

const SUBSCRIPTIONS: &[(&str, &[&str])] = &[
    (
        r#"[topics."t"]
subscriptions = [{ }]
[queues.q]
"#,
        &[
            r#"6:18 topics.t.subscriptions: goes nowhere: `queue`, `function` or `url` is missing / write queue = "orders""#,
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ raw = true }]
[queues.q]
"#,
        &[
            r#"6:18 topics.t.subscriptions: goes nowhere: `queue`, `function` or `url` is missing / write queue = "orders""#,
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", function = "a" }]
[queues.q]
"#,
        &[
            "6:33 topics.t.subscriptions.function: a subscription has `queue` or `function` / write one subscription for each",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", function = "a", url = "https://example.com" }]
[queues.q]
"#,
        &[
            "6:33 topics.t.subscriptions.function: a subscription has `queue` or `function` / write one subscription for each",
            "6:49 topics.t.subscriptions.url: a subscription has `queue` or `url` / write one subscription for each",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q" }, { queue = "q", raw = true }]
[queues.q]
"#,
        &[
            "6:35 topics.t.subscriptions: `queue:q` is subscribed already / keep one of the two; a filter can list several values",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = 3 }]
[queues.q]
"#,
        &["6:28 topics.t.subscriptions.queue: must be the name of a queue, but is an integer"],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ function = "a b" }]
[queues.q]
"#,
        &[
            "6:31 topics.t.subscriptions.function: `a b` is no function name: use 1 to 64 letters, digits, `-` and `_`",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ url = "example.com" }]
[queues.q]
"#,
        &[r#"6:26 topics.t.subscriptions.url: is no address / write it as in "https://example.com/orders""#],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ url = "http:/x" }]
[queues.q]
"#,
        &[
            "6:26 topics.t.subscriptions.url: `http:/x` is no address: write it as in https://example.com/hook, without spaces and a fragment",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ url = "queue:q" }]
[queues.q]
"#,
        &[r#"6:26 topics.t.subscriptions.url: is no address / write it as in "https://example.com/orders""#],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ function = "a", raw = true }]
[queues.q]
"#,
        &[
            "6:36 topics.t.subscriptions.raw: a function always gets the envelope / remove `raw`; the message is Records[0].Sns.Message of the event",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ function = "a", raw = false, retry = { attempts = 1 } }]
[queues.q]
"#,
        &[
            "6:49 topics.t.subscriptions.retry: only a `url` has `retry` / remove it; a function has a `retry` of its own, and a queue takes every message",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", retry = { attempts = 1 } }]
[queues.q]
"#,
        &[
            "6:33 topics.t.subscriptions.retry: only a `url` has `retry` / remove it; a function has a `retry` of its own, and a queue takes every message",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", dead-letter = "a b" }]
[queues.q]
"#,
        &[
            "6:47 topics.t.subscriptions.dead-letter: `a b` is no queue name: use 1 to 80 letters, digits, `-` and `_`, with `.fifo` at the end if it keeps order",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", endpoint = "x" }]
[queues.q]
"#,
        &[
            "6:33 topics.t.subscriptions.endpoint: unknown key / a subscription has `queue`, `function`, `url`, `filter`, `filter-scope`, `raw`, `dead-letter`, `retry`",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ url = "https://example.com", retry = { attempts = 0 } }]
[queues.q]
"#,
        &["6:70 topics.t.subscriptions.retry.attempts: 0 is too little: at least 1"],
    ),
];

#[test]
fn filters() {
    check_after(FILTERS);
}

const FILTERS: &[(&str, &[&str])] = &[
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", filter = { kind = ["order"] } }]
[queues.q]
"#,
        &[
            r#"6:42 topics.t.subscriptions.filter: must be a filter policy as JSON text, as in '{"kind":["order"]}', but is a table"#,
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", filter = "order" }]
[queues.q]
"#,
        &[
            r#"6:42 topics.t.subscriptions.filter: Filter is not valid JSON (expected value at line 1 column 1) / write a JSON object, as in {"source": ["orders"]}"#,
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", filter = '[1]' }]
[queues.q]
"#,
        &[
            r#"6:42 topics.t.subscriptions.filter: Filter is not an object / write a JSON object, as in {"source": ["orders"]}"#,
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", filter = '{"kind":"order"}' }]
[queues.q]
"#,
        &[
            r#"6:42 topics.t.subscriptions.filter: `kind`: "kind" must be an object or an array / put the value in a list, as in ["open"]"#,
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", filter = '{"a":{"b":[1]}}' }]
[queues.q]
"#,
        &[
            r#"6:42 topics.t.subscriptions.filter: Filter policy scope MessageAttributes does not support nested filter policy / write filter-scope = "body", or name attributes without levels"#,
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", filter = '{"a":{"b":[1]}}', filter-scope = "message" }]
[queues.q]
"#,
        &[r#"6:76 topics.t.subscriptions.filter-scope: a filter looks at "attributes" or at the "body""#],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", filter = '{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}' }]
[queues.q]
"#,
        &[
            "6:42 topics.t.subscriptions.filter: Filter policy can not have more than 5 keys / use fewer keys and values",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", filter = '{"a":[{"prefx":"x"}]}', filter-scope = "body" }]
[queues.q]
"#,
        &[
            "6:42 topics.t.subscriptions.filter: `a[0].prefx`: Unrecognized match type prefx / use prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, cidr or exists",
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", filter-scope = "body" }]
[queues.q]
"#,
        &[
            r#"6:33 topics.t.subscriptions.filter-scope: there is no `filter` / write filter = '{"kind":["order"]}', or remove `filter-scope`"#,
        ],
    ),
];

#[test]
fn limits_are_kept() {
    let shop = Shop::new();
    let check = |count: usize, list: &dyn Fn(usize) -> String, expect: &str| {
        assert!(shop.parse(&format!("{BASE}{}", list(count))).is_ok(), "{expect}");
        assert_eq!(problems(&shop, &format!("{BASE}{}", list(count + 1))), [expect]);
    };
    let queues = |count| (0..count).map(|i| format!("[queues.q{i}]\n")).collect::<String>();
    check(limits::QUEUES_MAX, &queues, "5:2 queues: the app has 10001 queues: at most 10000");
    let subscriptions = |count| {
        let list: String = (0..count).map(|i| format!("{{ url = \"https://example.com/{i}\" }},")).collect();
        format!("[topics.t]\nsubscriptions = [{list}]")
    };
    check(
        limits::SUBSCRIPTIONS_MAX,
        &subscriptions,
        "6:1 topics.t.subscriptions: the topic has 1001 subscriptions: at most 1000 / spread them over several topics",
    );
    let rules = |count| {
        let rule = "pattern = '{\"source\":[\"shop\"]}'\ntargets = [{ to = \"function:a\" }]";
        (0..count).map(|i| format!("[buses.b.rules.r{i}]\n{rule}\n")).collect::<String>()
    };
    check(
        limits::RULES_MAX,
        &rules,
        "5:10 buses.b.rules: the bus has 301 rules: at most 300 / spread them over several buses",
    );
}
