//! Good manifests with queues, topics, buses and what becomes of events.

use std::time::Duration;

use lambent_core::bus::{self, Input};
use lambent_core::pattern::policy::Scope;
use lambent_core::topic::HTTP_RETRY;
use lambent_core::{RedriveTo, RetryPolicy, SourceFrom, Target};

use super::{BASE, Shop};

/// Every key of queues, topics, buses, sources and events once.
pub(super) const EVENTS: &str = r#"
[functions.invoice]
runtime = "python"
code = "code"
handler = "invoice.handler"
sources = [{ queue = "orders", batch = 50, window = "1s", partial-failures = true, concurrency = 4, filter = ['{"body":{"kind":["order"]}}'], enabled = false }]
retry = { attempts = 5, first-delay = "1s", max-delay = "10m", max-age = "2d" }
dead-letter = "functions-dead"
on-success = "topic:order-placed"
on-failure = "https://example.com/hook"

[functions.audit]
runtime = "nodejs"
code = "code"
handler = "index.handler"
http = [{ route = "POST /jobs", async = true }, { route = "GET /jobs", async = false, timeout = "5s" }]
sources = [{ queue = "payments.fifo", window = "0s" }]

[functions.site]
runtime = "http"
code = "functions/hello"
command = "node server.js"

[queues.orders]
visibility = "1m"
delay = "5s"
retention = "14d"
wait = "20s"
message-max = "256KB"
dead-letter = "orders-dead"

[queues.orders-dead]
[queues.functions-dead]

[queues."payments.fifo"]
content-deduplication = true
deduplication-scope = "message-group"
dead-letter = "payments-dead.fifo"
max-receives = 3

[queues."payments-dead.fifo"]
deduplication-scope = "queue"

[topics.order-placed]
subscriptions = [
  { queue = "orders", raw = true, filter = '{"kind":["order"]}', dead-letter = "orders-dead" },
  { function = "audit", filter = '{"order":{"total":[{"numeric":[">",1]}]}}', filter-scope = "body" },
  { url = "https://example.com/orders", retry = { attempts = 10 } },
]

[topics."paid.fifo"]
content-deduplication = true
subscriptions = [{ queue = "payments.fifo", dead-letter = "payments-dead.fifo" }]

[topics.empty]

[buses.default]
[buses.shop]
[buses.shop.rules.big-orders]
pattern = '{"detail":{"total":[{"numeric":[">",100]}]}}'
enabled = false
description = "somebody looks at them"
targets = [
  { to = "queue:payments.fifo", group = "g", dead-letter = "orders-dead" },
  { to = "queue:orders", id = "constant", input = '{"a":1}', retry = { max-age = "1h" } },
  { to = "function:audit", input-path = "$.detail" },
  { to = "topic:order-placed", input-template = { paths = { total = "$.detail.total" }, template = '{"total":<total>,"at":"<aws.events.event.ingestion-time>"}' } },
  { to = "bus:default" },
]

[buses.shop.rules.all]
pattern = '{"source":[{"prefix":""}]}'
targets = [{ to = "http://127.0.0.1:9000/hook" }]
"#;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn queues_of_the_shop() {
    let app = Shop::new().good(EVENTS);
    let names: Vec<_> = app.queues.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["functions-dead", "orders", "orders-dead", "payments-dead.fifo", "payments.fifo"]);
    let [_, (_, orders), (dead_name, dead), (_, grave), (_, payments)] = &app.queues[..] else {
        panic!("{names:?}")
    };
    assert_eq!((orders.visibility, orders.delay, orders.wait), (secs(60), secs(5), secs(20)));
    assert_eq!((orders.retention, orders.message_max), (secs(14 * 86_400), 256 * 1024));
    assert_eq!(orders.redrive, Some(RedriveTo { queue: dead_name.clone(), max_receives: 5 }));
    assert_eq!(*dead, lambent_core::QueueSpec::default());
    assert!(payments.content_dedup && payments.dedup_by_group && !grave.dedup_by_group);
    assert_eq!(payments.redrive.as_ref().map(|redrive| redrive.max_receives), Some(3));
}

#[test]
fn sources_and_events_of_the_shop() {
    let app = Shop::new().good(EVENTS);
    let [audit, invoice] = &app.sources[..] else { panic!("{:?}", app.sources) };
    let SourceFrom::Queue(queue) = &audit.from;
    assert_eq!((audit.function.as_str(), queue.as_str()), ("audit", "payments.fifo"));
    assert_eq!((audit.batch, audit.window, audit.concurrency), (10, secs(0), None));
    assert!(audit.enabled && !audit.partial_failures && audit.filters.is_empty());
    assert_eq!((invoice.batch, invoice.window, invoice.concurrency), (50, secs(1), Some(4)));
    assert!(!invoice.enabled && invoice.partial_failures);
    assert_eq!(invoice.filters, [r#"{"body":{"kind":["order"]}}"#]);

    let functions: Vec<_> = app.events.keys().map(|name| name.as_str()).collect();
    assert_eq!(functions, ["audit", "invoice", "site"]);
    assert_eq!(app.events["audit"], lambent_core::EventConfig::default());
    let config = &app.events["invoice"];
    let retry =
        RetryPolicy { attempts: 5, first_delay: secs(1), max_delay: secs(600), max_age: secs(2 * 86_400) };
    assert_eq!(config.retry, retry);
    assert_eq!(config.dead_letter.as_ref().map(|name| name.as_str()), Some("functions-dead"));
    assert_eq!(config.on_success.as_ref().map(Target::to_string).as_deref(), Some("topic:order-placed"));
    assert_eq!(config.on_failure, Some(Target::Http("https://example.com/hook".to_owned())));
    let routes: Vec<_> = app.routes.iter().map(|route| (route.key.to_string(), route.asynchronous)).collect();
    assert_eq!(routes, [("GET /jobs".to_owned(), false), ("POST /jobs".to_owned(), true)]);
}

#[test]
fn topics_of_the_shop() {
    let app = Shop::new().good(EVENTS);
    let names: Vec<_> = app.topics.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["empty", "order-placed", "paid.fifo"]);
    let (_, spec, subscriptions) = &app.topics[1];
    assert!(!spec.content_dedup && app.topics[2].1.content_dedup);
    let [orders, audit, hook] = &subscriptions[..] else { panic!("{subscriptions:?}") };
    assert_eq!(orders.target.to_string(), "queue:orders");
    assert!(orders.raw && orders.dead_letter.is_some() && !audit.raw);
    let filter = |scope, policy: &str| Some((policy.to_owned(), scope));
    let found = |subscription: &lambent_core::topic::SubscriptionSpec| {
        subscription.filter.clone().map(|filter| (filter.policy, filter.scope))
    };
    assert_eq!(found(orders), filter(Scope::MessageAttributes, r#"{"kind":["order"]}"#));
    assert_eq!(found(audit), filter(Scope::MessageBody, r#"{"order":{"total":[{"numeric":[">",1]}]}}"#));
    assert_eq!((hook.target.to_string().as_str(), found(hook)), ("https://example.com/orders", None));
    assert_eq!((orders.retry, hook.retry), (HTTP_RETRY, RetryPolicy { attempts: 10, ..HTTP_RETRY }));
}

#[test]
fn buses_of_the_shop() {
    let app = Shop::new().good(EVENTS);
    let names: Vec<_> = app.buses.iter().map(|(name, rules)| (name.as_str(), rules.len())).collect();
    assert_eq!(names, [("default", 0), ("shop", 2)]);
    let [all, big] = &app.buses[1].1[..] else { panic!("{names:?}") };
    assert_eq!((all.name.as_str(), all.bus.as_str(), &*all.description), ("all", "shop", ""));
    assert!(all.enabled && all.declared && !big.enabled && big.declared);
    assert_eq!(big.description, "somebody looks at them");
    assert_eq!(big.pattern, r#"{"detail":{"total":[{"numeric":[">",100]}]}}"#);
    let ids: Vec<_> = big.targets.iter().map(|target| &*target.id).collect();
    assert_eq!(
        ids,
        ["queue:payments.fifo", "constant", "function:audit", "topic:order-placed", "bus:default"]
    );
    let [ordered, constant, path, template, other] = &big.targets[..] else { panic!("{ids:?}") };
    assert_eq!(
        (ordered.group.as_deref(), &ordered.input, ordered.retry),
        (Some("g"), &Input::Event, bus::RETRY)
    );
    assert_eq!(ordered.dead_letter.as_ref().map(|name| name.as_str()), Some("orders-dead"));
    assert_eq!(constant.input, Input::Constant(r#"{"a":1}"#.to_owned()));
    assert_eq!(constant.retry, RetryPolicy { max_age: secs(3600), ..bus::RETRY });
    assert_eq!(path.input, Input::Path("$.detail".to_owned()));
    let Input::Template { paths, template } = &template.input else { panic!("{template:?}") };
    assert_eq!((paths["total"].as_str(), &template[..17]), ("$.detail.total", r#"{"total":<total>,"#));
    assert!(other.dead_letter.is_none());
}

#[test]
fn sections_may_be_written_in_several_ways() {
    let shop = Shop::new();
    let text = format!(
        "{BASE}[[functions.a.sources]]\nqueue = \"q\"\n[functions.a.retry]\nattempts = 1\n[queues]\nq = {{}}\n"
    );
    let app = shop.good(&text);
    assert_eq!((app.sources.len(), app.events["a"].retry.attempts), (1, 1));
    let text = format!(
        "{BASE}on-success = \"bus:default\"\n[topics.t]\n[[topics.t.subscriptions]]\nfunction = \"a\"\n"
    );
    assert_eq!(shop.good(&text).topics[0].2.len(), 1);
}

#[test]
fn chains_that_end_are_no_circles() {
    let function = |name: &str, next: &str| {
        let next =
            if next.is_empty() { String::new() } else { format!("on-success = \"function:{next}\"\n") };
        BASE.replace("[functions.a]", &format!("[functions.{name}]")) + &next
    };
    let functions = function("a", "c") + &function("b", "c") + &function("c", "d") + &function("d", "");
    let queues = "[queues.x]\ndead-letter = \"z\"\n[queues.y]\ndead-letter = \"z\"\n[queues.z]\n";
    Shop::new().good(&format!("{functions}{queues}"));
}
