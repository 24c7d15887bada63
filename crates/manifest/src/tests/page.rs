//! The page `docs/manifest.md` says what the tables say.

use std::fs;
use std::path::Path;

use super::{BASE, Shop};
use crate::docs::{BUS_EXAMPLE, EVENTS_EXAMPLE};
use crate::keys::{Key, Section};
use crate::{
    attribute, bucket, bus, example, feeds, function, index, input, queue, reference, retry, route, rule,
    rule_target, schedule, subscription, table, topic,
};

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.md");
    if std::env::var_os("LAMBENT_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, reference()).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == reference(),
        "docs/manifest.md is not what `reference()` writes; set LAMBENT_BLESS=1 to renew it"
    );
}

#[test]
fn the_example_is_good() {
    Shop::new().good(example());
}

#[test]
fn the_examples_of_events_are_good() {
    let shop = Shop::new();
    for folder in ["functions/order", "functions/invoice", "functions/audit"] {
        fs::create_dir_all(shop.path(folder)).unwrap();
    }
    shop.good(EVENTS_EXAMPLE);
    let app = shop.good(&format!("{EVENTS_EXAMPLE}{BUS_EXAMPLE}"));
    assert_eq!((app.queues.len(), app.topics.len(), app.buses.len(), app.sources.len()), (2, 1, 1, 1));
}

/// What the examples name.
const NAMED: &str = "
[functions.audit]
runtime = \"nodejs\"
code = \"code\"
handler = \"index.handler\"
[queues.orders]
[queues.orders-dead]
[queues.\"x.fifo\"]
[topics.invoiced]
";

#[test]
fn the_example_of_every_key_is_good() {
    let shop = Shop::new();
    for key in function::SECTION.keys {
        let line = format!("{} = {}\n", key.name, key.example);
        let rest: Vec<_> = BASE.lines().filter(|base| !base.starts_with(key.name)).collect();
        let text = match key.name {
            "command" => format!("[functions.a]\nruntime = \"http\"\ncode = \"code\"\n{line}"),
            _ => format!("{}\n{line}", rest.join("\n")),
        };
        shop.good(&format!("{text}{NAMED}"));
    }
    for key in route::SECTION.keys {
        let route = if key.name == "route" { "" } else { "route = \"GET /\", " };
        shop.good(&format!("{BASE}http = [{{ {route}{} = {} }}]", key.name, key.example));
    }
    let tables: Vec<_> =
        table::SECTION.keys.iter().map(|key| format!("{} = {}", key.name, key.example)).collect();
    shop.good(&format!("{BASE}[tables.Users]\n{}", tables.join("\n")));
    check(&bucket::SECTION, |_| "", "[buckets]\nreports = ", "");
    let attribute = |key: &str| if key == "name" { "" } else { "name = \"id\", " };
    check(&attribute::SECTION, attribute, "[tables.Users]\nkey = ", "");
    let index = |key: &str| if key == "key" { "" } else { "key = \"city\", " };
    check(&index::SECTION, index, "[tables.Users]\nkey = \"id\"\nindexes.by-city = ", "");
}

/// The example of every key of a section is good where its table stands between two texts. `beside` gives what a
/// key needs beside it.
fn check<D>(section: &Section<D>, beside: fn(&str) -> &str, before: &str, after: &str) {
    let shop = Shop::new();
    for Key { name, example, .. } in section.keys {
        let beside = beside(name);
        shop.good(&format!("{BASE}{before}{{ {beside}{name} = {example} }}{after}\n{NAMED}"));
    }
}

/// The same, where some keys are good only in something that keeps order.
fn check_named<D>(section: &Section<D>, beside: fn(&str) -> &str, before: &str) {
    let shop = Shop::new();
    for Key { name, example, about, .. } in section.keys {
        let (beside, end) = (beside(name), if about.contains("Only `.fifo`") { ".fifo" } else { "" });
        shop.good(&format!("{BASE}{before}\"y{end}\" = {{ {beside}{name} = {example} }}\n{NAMED}"));
    }
}

#[test]
fn the_example_of_every_key_of_events_is_good() {
    let nothing = |_: &str| "";
    let source = |key: &str| if key == "queue" { "" } else { "queue = \"orders\", " };
    check(&feeds::SECTION, source, "sources = [", "]");
    let schedule = |key: &str| match key {
        "cron" | "rate" | "at" => "",
        "missed-max" => "cron = \"0 3 * * *\", missed = \"all\", ",
        _ => "cron = \"0 3 * * *\", ",
    };
    check(&schedule::SECTION, schedule, "schedules = [", "]");
    check(&retry::SECTION, nothing, "retry = ", "");
    let queue = |key: &str| if key == "max-receives" { "dead-letter = \"orders-dead\", " } else { "" };
    check_named(&queue::SECTION, queue, "[queues]\n");
    check_named(&topic::SECTION, nothing, "[topics]\n");
    check_named(&bus::SECTION, nothing, "[buses]\n");
    let subscription = |key: &str| match key {
        "queue" | "function" | "url" => "",
        "filter-scope" => "queue = \"orders\", filter = '{\"kind\":[\"order\"]}', ",
        "retry" => "url = \"https://example.com\", ",
        _ => "queue = \"orders\", ",
    };
    check(&subscription::SECTION, subscription, "[topics.t]\nsubscriptions = [", "]");
    let rule = |key: &str| match key {
        "pattern" => "targets = [{ to = \"queue:orders\" }], ",
        "targets" => "pattern = '{\"source\":[\"shop\"]}', ",
        _ => "pattern = '{\"source\":[\"shop\"]}', targets = [{ to = \"queue:orders\" }], ",
    };
    check(&rule::SECTION, rule, "[buses.b.rules]\nr = ", "");
    let target = |key: &str| match key {
        "to" => "",
        "group" => "to = \"queue:x.fifo\", ",
        _ => "to = \"queue:orders\", ",
    };
    let before = "[buses.b.rules.r]\npattern = '{\"source\":[\"shop\"]}'\ntargets = [";
    check(&rule_target::SECTION, target, before, "]");
    let template = |key: &str| match key {
        "template" => "paths = { total = \"$.detail.total\" }, ",
        _ => "template = '{\"total\":<total>}', ",
    };
    check(&input::SECTION, template, &format!("{before}{{ to = \"queue:orders\", input-template = "), " }]");
}
