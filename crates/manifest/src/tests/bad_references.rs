//! Parts of a manifest that do not go together: names that are not there, kinds that do not fit, and circles.

use super::check_after;

#[test]
fn names_that_are_not_there() {
    check_after(NAMES_THAT_ARE_NOT_THERE);
}

const NAMES_THAT_ARE_NOT_THERE: &[(&str, &[&str])] = &[
    (
        r#"dead-letter = "orders"
[queues.order]
"#,
        &["5:15 functions.a.dead-letter: the manifest has no queue `orders` / did you mean `order`?"],
    ),
    (
        r#"dead-letter = "orders"
"#,
        &["5:15 functions.a.dead-letter: the manifest has no queue `orders` / declare it: [queues.orders]"],
    ),
    (
        r#"dead-letter = "x.fifo"
"#,
        &[
            r#"5:15 functions.a.dead-letter: the manifest has no queue `x.fifo` / declare it: [queues."x.fifo"]"#,
        ],
    ),
    (
        r#"on-success = "topic:t"
on-failure = "function:b"
"#,
        &[
            "5:14 functions.a.on-success: the manifest has no topic `t` / declare it: [topics.t]",
            "6:14 functions.a.on-failure: the manifest has no function `b` / declare it: [functions.b]",
        ],
    ),
    (
        r#"on-success = "bus:shop"
"#,
        &["5:14 functions.a.on-success: the manifest has no bus `shop` / declare it: [buses.shop]"],
    ),
    (
        r#"on-success = "bus:defaults"
"#,
        &["5:14 functions.a.on-success: the manifest has no bus `defaults` / did you mean `default`?"],
    ),
    (
        r#"sources = [{ queue = "orders", batch = 0 }]
"#,
        &[
            "5:22 functions.a.sources.queue: the manifest has no queue `orders` / declare it: [queues.orders]",
            "5:40 functions.a.sources.batch: 0 is too little: at least 1",
        ],
    ),
    (
        r#"[queues.q]
dead-letter = "x"
"#,
        &["6:15 queues.q.dead-letter: the manifest has no queue `x` / declare it: [queues.x]"],
    ),
    (
        r#"[topics.t]
subscriptions = [{ queue = "x" }, { function = "audit", dead-letter = "y" }]
"#,
        &[
            "6:28 topics.t.subscriptions.queue: the manifest has no queue `x` / declare it: [queues.x]",
            "6:48 topics.t.subscriptions.function: the manifest has no function `audit` / declare it: [functions.audit]",
            "6:71 topics.t.subscriptions.dead-letter: the manifest has no queue `y` / declare it: [queues.y]",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "topic:x", dead-letter = "y" }, { to = "bus:bb" }]
"#,
        &[
            "7:19 buses.b.rules.r.targets.to: the manifest has no topic `x` / declare it: [topics.x]",
            "7:44 buses.b.rules.r.targets.dead-letter: the manifest has no queue `y` / declare it: [queues.y]",
            "7:58 buses.b.rules.r.targets.to: the manifest has no bus `bb` / did you mean `b`?",
        ],
    ),
    (
        r#"on-success = "queue:q"
[queues.q]
delay = 3
"#,
        &[
            r#"7:9 queues.q.delay: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but has no unit / write "3s""#,
        ],
    ),
];

#[test]
fn web_servers() {
    check_after(WEB_SERVERS);
}

const WEB_SERVERS: &[(&str, &[&str])] = &[
    (
        r#"[functions.s]
runtime = "http"
code = "code"
command = "x"
http = [{ route = "GET /", async = true }]
sources = [{ queue = "q" }]
retry = {}
dead-letter = "q"
on-success = "queue:q"
on-failure = "queue:q"
[queues.q]
"#,
        &[
            "9:28 functions.s.http.async: an http function has no `async` routes: it answers requests / remove it, or give the route to a function with another runtime",
            "10:1 functions.s.sources: an http function has no `sources`: it is given requests, not events / remove it, or give the events to a function with another runtime",
            "11:1 functions.s.retry: an http function has no `retry`: it is given requests, not events / remove it, or give the events to a function with another runtime",
            "12:1 functions.s.dead-letter: an http function has no `dead-letter`: it is given requests, not events / remove it, or give the events to a function with another runtime",
            "13:1 functions.s.on-success: an http function has no `on-success`: it is given requests, not events / remove it, or give the events to a function with another runtime",
            "14:1 functions.s.on-failure: an http function has no `on-failure`: it is given requests, not events / remove it, or give the events to a function with another runtime",
        ],
    ),
    (
        r#"on-success = "function:s"
[functions.s]
runtime = "http"
code = "code"
command = "x"
"#,
        &[
            "5:14 functions.a.on-success: `s` is an http function: it is given requests, not events / name a function with another runtime, or an address that the server answers",
        ],
    ),
    (
        r#"[functions.s]
runtime = "http"
code = "code"
command = "x"
[topics.t]
subscriptions = [{ function = "s" }]
[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "function:s" }]
"#,
        &[
            "10:31 topics.t.subscriptions.function: `s` is an http function: it is given requests, not events / name a function with another runtime, or an address that the server answers",
            "13:19 buses.b.rules.r.targets.to: `s` is an http function: it is given requests, not events / name a function with another runtime, or an address that the server answers",
        ],
    ),
];

#[test]
fn order() {
    check_after(ORDER);
}

const ORDER: &[(&str, &[&str])] = &[
    (
        r#"[queues."q.fifo"]
dead-letter = "d"
[queues.d]
"#,
        &[
            r#"6:15 queues."q.fifo".dead-letter: the queue `q.fifo` keeps order, and `d` does not / name a queue that ends in `.fifo`"#,
        ],
    ),
    (
        r#"[queues.q]
dead-letter = "d.fifo"
[queues."d.fifo"]
"#,
        &[
            "6:15 queues.q.dead-letter: `d.fifo` keeps order, and the queue `q` does not / name a queue without `.fifo`",
        ],
    ),
    (
        r#"dead-letter = "d.fifo"
on-success = "queue:d.fifo"
on-failure = "topic:t.fifo"
[queues."d.fifo"]
[topics."t.fifo"]
"#,
        &[
            "5:15 functions.a.dead-letter: `d.fifo` keeps the order of message groups, and this has no group / name one without `.fifo`",
            "6:14 functions.a.on-success: `d.fifo` keeps the order of message groups, and this has no group / name one without `.fifo`",
            "7:14 functions.a.on-failure: `t.fifo` keeps the order of message groups, and this has no group / name one without `.fifo`",
        ],
    ),
    (
        r#"[topics."t.fifo"]
subscriptions = [{ queue = "q" }]
[queues.q]
"#,
        &[
            r#"6:28 topics."t.fifo".subscriptions.queue: `t.fifo` keeps order, and `q` does not / name a queue that ends in `.fifo`, or call the topic without `.fifo`"#,
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q.fifo" }]
[queues."q.fifo"]
"#,
        &[
            r#"6:28 topics.t.subscriptions.queue: `q.fifo` keeps order, and `t` does not / name a queue without `.fifo`, or call the topic "t.fifo""#,
        ],
    ),
    (
        r#"[topics."t.fifo"]
subscriptions = [{ function = "a" }, { url = "https://example.com" }]
[queues.q]
"#,
        &[
            r#"6:31 topics."t.fifo".subscriptions.function: `t.fifo` keeps order: only queues can be subscribed to it / subscribe a queue that ends in `.fifo`, and make it a source of the function"#,
            r#"6:46 topics."t.fifo".subscriptions.url: `t.fifo` keeps order: only queues can be subscribed to it / subscribe a queue that ends in `.fifo`, and make it a source of the function"#,
        ],
    ),
    (
        r#"[topics."t.fifo"]
subscriptions = [{ queue = "q.fifo", dead-letter = "q" }]
[queues."q.fifo"]
[queues.q]
"#,
        &[
            r#"6:52 topics."t.fifo".subscriptions.dead-letter: the topic `t.fifo` keeps order, and `q` does not / name a queue that ends in `.fifo`"#,
        ],
    ),
    (
        r#"[topics."t"]
subscriptions = [{ queue = "q", dead-letter = "q.fifo" }]
[queues."q.fifo"]
[queues.q]
"#,
        &[
            "6:47 topics.t.subscriptions.dead-letter: `q.fifo` keeps order, and the topic `t` does not / name a queue without `.fifo`",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "topic:t.fifo" }, { to = "queue:q", dead-letter = "q.fifo" }]
[topics."t.fifo"]
[queues."q.fifo"]
[queues.q]
"#,
        &[
            "7:19 buses.b.rules.r.targets.to: `t.fifo` keeps the order of message groups, and this has no group / name one without `.fifo`",
            "7:69 buses.b.rules.r.targets.dead-letter: `q.fifo` keeps the order of message groups, and this has no group / name one without `.fifo`",
        ],
    ),
];

#[test]
fn queues_that_are_sources() {
    check_after(QUEUES_THAT_ARE_SOURCES);
}

const QUEUES_THAT_ARE_SOURCES: &[(&str, &[&str])] = &[
    (
        r#"sources = [{ queue = "q" }, { queue = "q", batch = 5 }]
[queues.q]
"#,
        &[
            "5:39 functions.a.sources.queue: `q` is a source of `a` already, at lambent.toml:5:22 / remove one of the two; `filter` can hold several patterns",
        ],
    ),
    (
        r#"sources = [{ queue = "q" }]
[functions.b]
runtime = "nodejs"
code = "code"
handler = "index.handler"
sources = [{ queue = "q" }]
[queues.q]
"#,
        &[
            "10:22 functions.b.sources.queue: `q` is a source of `a` already, at lambent.toml:5:22: each message would go to one of the two / give each function a queue of its own, and subscribe both queues to a topic",
        ],
    ),
    (
        r#"timeout = "1m"
sources = [{ queue = "q" }]
[queues.q]
"#,
        &[
            r#"6:22 functions.a.sources.queue: `a` may take 1m, and `q` shows a message again after 30s: it would be worked on twice / write visibility = "1m" or more in [queues.q], or timeout = "30s" or less in [functions.a]"#,
        ],
    ),
    (
        r#"timeout = "1m"
sources = [{ queue = "q.fifo" }]
[queues."q.fifo"]
visibility = "59s"
"#,
        &[
            r#"6:22 functions.a.sources.queue: `a` may take 1m, and `q.fifo` shows a message again after 59s: it would be worked on twice / write visibility = "1m" or more in [queues."q.fifo"], or timeout = "59s" or less in [functions.a]"#,
        ],
    ),
    (
        r#"sources = [{ queue = "q" }]
[queues.q]
visibility = "0s"
"#,
        &[
            r#"5:22 functions.a.sources.queue: `a` may take 3s, and `q` shows a message again after 0s: it would be worked on twice / write visibility = "3s" or more in [queues.q]"#,
        ],
    ),
    (
        r#"sources = [{ queue = "q" }]
dead-letter = "q"
on-success = "queue:q"
on-failure = "queue:q"
[queues.q]
"#,
        &[
            "6:15 functions.a.dead-letter: `q` is a source of `a`: what goes there would come back to it without end / name another queue",
            "7:14 functions.a.on-success: `q` is a source of `a`: what goes there would come back to it without end / name another queue",
            "8:14 functions.a.on-failure: `q` is a source of `a`: what goes there would come back to it without end / name another queue",
        ],
    ),
];

#[test]
fn circles() {
    check_after(CIRCLES);
}

const CIRCLES: &[(&str, &[&str])] = &[
    (
        r#"[queues.q]
dead-letter = "q"
"#,
        &[
            "6:15 queues.q.dead-letter: dead letters would go round in a circle: q -> q / remove `dead-letter` from one of them, where dead letters end",
        ],
    ),
    (
        r#"[queues.q]
dead-letter = "d"
[queues.d]
dead-letter = "e"
[queues.e]
dead-letter = "q"
[queues.x]
dead-letter = "e"
"#,
        &[
            "6:15 queues.q.dead-letter: dead letters would go round in a circle: q -> d -> e -> q / remove `dead-letter` from one of them, where dead letters end",
        ],
    ),
    (
        r#"on-success = "function:a"
on-failure = "function:a"
"#,
        &[
            "5:14 functions.a.on-success: `a` would be started by itself without end / name another function",
            "6:14 functions.a.on-failure: `a` would be started by itself without end / name another function",
        ],
    ),
    (
        r#"[functions.b]
runtime = "nodejs"
code = "code"
handler = "index.handler"
on-success = "function:c"
[functions.c]
runtime = "nodejs"
code = "code"
handler = "index.handler"
on-success = "function:d"
[functions.d]
runtime = "nodejs"
code = "code"
handler = "index.handler"
on-success = "function:b"
"#,
        &[
            "9:14 functions.b.on-success: functions would start each other without end: b -> c -> d -> b / remove `on-success` from one of them, where the chain ends",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "bus:b" }]
"#,
        &[
            "7:19 buses.b.rules.r.targets.to: an event of `b` would come back to it without end / name another bus",
        ],
    ),
];
