//! What an app consists of, for people and for programs.

use std::time::Duration;

use lambent_core::bus::Rule;
use lambent_core::schedule::Fires;
use lambent_core::table::{Attribute, Projection, StreamView, TableIndex, TableKey};
use lambent_core::topic::SubscriptionSpec;
use lambent_core::{
    EventConfig, QueueSpec, RetryPolicy, Route, ScheduleSpec, SourceFrom, SourceSpec, Table, Target,
};
use lambent_manifest::App;
use serde_json::{Value, json};

use super::input::millis;
use crate::screen::text::{printable, time};
use crate::screen::{Cell, table, table_cut};

/// What an app consists of, for people: where requests and events come in, what runs, where events wait.
pub(super) fn text(app: &App) -> String {
    let parts = [
        routes(app),
        functions(app),
        events(app),
        sources(app),
        schedules(app),
        queues(app),
        topics(app),
        buses(app),
        tables(app),
        buckets(app),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn routes(app: &App) -> Option<String> {
    let row = |route: &Route| {
        let later = if route.asynchronous { "async" } else { "" };
        vec![route.key.to_string(), "→".to_owned(), route.function.to_string(), later.to_owned()]
    };
    (!app.routes.is_empty()).then(|| table(&["ROUTE", "", "FUNCTION", ""], app.routes.iter().map(row)))
}

fn functions(app: &App) -> Option<String> {
    let rows = app.functions.iter().map(|function| {
        let start =
            if function.command.is_empty() { function.handler.clone() } else { function.command.join(" ") };
        vec![
            function.name.to_string(),
            function.runtime.to_string(),
            start,
            format!("{:?}", function.timeout),
            format!("{} MB", function.memory_mib),
        ]
    });
    Some(table(&["FUNCTION", "RUNTIME", "STARTS", "TIMEOUT", "MEMORY"], rows))
}

/// What becomes of events that nobody waits for, of the functions that say something about it.
fn events(app: &App) -> Option<String> {
    let said: Vec<_> = app.events.iter().filter(|(_, config)| **config != EventConfig::default()).collect();
    let target = |target: &Option<Target>| target.as_ref().map(ToString::to_string).unwrap_or_default();
    let rows = said.iter().map(|(name, config)| {
        let dead_letter =
            config.dead_letter.as_ref().map_or_else(|| "its own".to_owned(), ToString::to_string);
        vec![
            name.to_string(),
            retry(&config.retry),
            dead_letter,
            target(&config.on_success),
            target(&config.on_failure),
        ]
    });
    let header = ["EVENTS OF", "RETRY", "DEAD LETTERS", "ON SUCCESS", "ON FAILURE"];
    (!said.is_empty()).then(|| table(&header, rows))
}

fn sources(app: &App) -> Option<String> {
    let row = |source: &SourceSpec| {
        let SourceFrom::Queue(queue) = &source.from;
        vec![
            format!("queue {queue}"),
            "→".to_owned(),
            source.function.to_string(),
            settings_of_source(source),
        ]
    };
    (!app.sources.is_empty())
        .then(|| table(&["SOURCE", "", "FUNCTION", "BATCHES"], app.sources.iter().map(row)))
}

fn schedules(app: &App) -> Option<String> {
    let row = |spec: &ScheduleSpec| {
        let to = match &spec.fires {
            Fires::To(Target::Function(name)) => name.to_string(),
            Fires::To(target) => target.to_string(),
            Fires::Rule(rule) => rule.to_string(),
        };
        vec![spec.name.clone(), "→".to_owned(), to, spec.when.to_string(), spec.timezone.clone()]
    };
    (!app.schedules.is_empty())
        .then(|| table(&["SCHEDULE", "", "FUNCTION", "WHEN", "ZONE"], app.schedules.iter().map(row)))
}

fn settings_of_source(source: &SourceSpec) -> String {
    let mut said = vec![format!("of {}", source.batch)];
    if !source.window.is_zero() {
        said.push(format!("within {}", written(source.window)));
    }
    if source.partial_failures {
        said.push("partial failures".to_owned());
    }
    if !source.filters.is_empty() {
        said.push("filtered".to_owned());
    }
    said.extend(source.concurrency.map(|most| format!("at most {most} at once")));
    if !source.enabled {
        said.push("off".to_owned());
    }
    said.join(", ")
}

fn queues(app: &App) -> Option<String> {
    let rows = app.queues.iter().map(|(name, spec)| {
        let dead_letter =
            spec.redrive.as_ref().map(|to| format!("{} after {} receives", to.queue, to.max_receives));
        vec![
            name.to_string(),
            written(spec.visibility),
            written(spec.retention),
            dead_letter.unwrap_or_default(),
            settings_of_queue(name.is_fifo(), spec),
        ]
    });
    let header = ["QUEUE", "VISIBILITY", "RETENTION", "DEAD LETTERS", ""];
    (!app.queues.is_empty()).then(|| table(&header, rows))
}

fn settings_of_queue(fifo: bool, spec: &QueueSpec) -> String {
    let mut said = Vec::new();
    if fifo {
        said.push("keeps order".to_owned());
    }
    if !spec.delay.is_zero() {
        said.push(format!("delay {}", written(spec.delay)));
    }
    if !spec.wait.is_zero() {
        said.push(format!("wait {}", written(spec.wait)));
    }
    if spec.content_dedup {
        said.push("content-deduplication".to_owned());
    }
    said.join(", ")
}

fn topics(app: &App) -> Option<String> {
    let rows = app.topics.iter().flat_map(|(name, _, subscriptions)| {
        let nobody = || vec![name.to_string(), String::new(), "nobody".to_owned(), String::new()];
        let listener = |(i, subscription): (usize, &SubscriptionSpec)| {
            let name = if i == 0 { name.to_string() } else { String::new() };
            let filter = subscription.filter.as_ref().map_or("everything", |filter| &filter.policy);
            let raw = if subscription.raw { ", raw" } else { "" };
            vec![name, "→".to_owned(), printable(&subscription.target.to_string()), format!("{filter}{raw}")]
        };
        let listeners: Vec<_> = subscriptions.iter().enumerate().map(listener).collect();
        if listeners.is_empty() { vec![nobody()] } else { listeners }
    });
    (!app.topics.is_empty()).then(|| table_cut(&["TOPIC", "", "SUBSCRIBER", "GETS"], rows))
}

fn buses(app: &App) -> Option<String> {
    let rows = app.buses.iter().flat_map(|(name, rules)| {
        let none = || [name.as_str(), "no rules", "", "", ""].map(Cell::new).to_vec();
        let rule = |(i, rule): (usize, &Rule)| {
            let name = if i == 0 { name.as_str() } else { "" };
            let to: Vec<_> =
                rule.targets.iter().map(|target| printable(&target.target.to_string())).collect();
            let off = if rule.enabled { "" } else { " (off)" };
            [name, &format!("{}{off}", rule.name), "→", &to.join(", "), &rule.pattern].map(Cell::new).to_vec()
        };
        let listed: Vec<_> = rules.iter().enumerate().map(rule).collect();
        if listed.is_empty() { vec![none()] } else { listed }
    });
    (!app.buses.is_empty()).then(|| table_cut(&["BUS", "RULE", "", "TO", "TAKES"], rows))
}

fn buckets(app: &App) -> Option<String> {
    let rows = app.buckets.iter().map(|(name, spec)| vec![name.to_string(), written(spec.uploads_kept)]);
    (!app.buckets.is_empty()).then(|| table(&["BUCKET", "ABORTS UPLOADS AFTER"], rows))
}

fn tables(app: &App) -> Option<String> {
    let rows = app.tables.iter().map(|t| {
        let indexes: Vec<_> = t.indexes.iter().map(|index| index.name.clone()).collect();
        let or_none = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let stream = or_none(t.stream.map(StreamView::name));
        vec![t.name.clone(), t.key.to_string(), indexes.join(", "), or_none(t.ttl.as_deref()), stream]
    });
    (!app.tables.is_empty()).then(|| table(&["TABLE", "KEY", "INDEXES", "TTL", "STREAM"], rows))
}

fn retry(policy: &RetryPolicy) -> String {
    let (first, most) = (written(policy.first_delay), written(policy.max_delay));
    let apart = if policy.first_delay >= policy.max_delay { most } else { format!("{first} to {most}") };
    match policy.attempts {
        1 => "never".to_owned(),
        attempts => format!("{attempts} attempts, {apart} apart, within {}", written(policy.max_age)),
    }
}

/// A duration as the manifest writes it.
fn written(duration: Duration) -> String {
    time(millis(duration))
}

/// What an app consists of, for programs.
pub(super) fn as_json(app: &App) -> Value {
    let functions: Vec<_> = app
        .functions
        .iter()
        .map(|f| {
            json!({
                "name": f.name.as_str(), "runtime": f.runtime.to_string(), "code": f.code, "handler": f.handler,
                "command": f.command, "timeout_ms": millis(f.timeout),
                "memory_mib": f.memory_mib, "tmp_mib": f.tmp_mib, "layers": f.layers, "build": f.build,
                "environment": f.environment.keys().collect::<Vec<_>>(),
                "events": app.events.get(&f.name).map(config_as_json),
            })
        })
        .collect();
    let routes: Vec<_> = app
        .routes
        .iter()
        .map(|r| json!({ "route": r.key.to_string(), "function": r.function.as_str(), "async": r.asynchronous }))
        .collect();
    let tables: Vec<_> = app.tables.iter().map(table_as_json).collect();
    json!({
        "ok": true, "folder": app.folder, "functions": functions, "routes": routes, "tables": tables,
        "buckets": app.buckets.iter().map(|(name, spec)| json!({
            "name": name.as_str(), "abort_uploads_after_ms": millis(spec.uploads_kept),
        })).collect::<Vec<_>>(),
        "queues": app.queues.iter().map(|(name, spec)| json!({
            "name": name, "visibility_ms": millis(spec.visibility), "retention_ms": millis(spec.retention),
            "delay_ms": millis(spec.delay), "wait_ms": millis(spec.wait), "message_max": spec.message_max,
            "dead_letter": spec.redrive.as_ref().map(|to| &to.queue),
            "max_receives": spec.redrive.as_ref().map(|to| to.max_receives),
            "content_deduplication": spec.content_dedup, "deduplication_by_group": spec.dedup_by_group,
        })).collect::<Vec<_>>(),
        "topics": app.topics.iter().map(|(name, _, subscriptions)| json!({
            "name": name,
            "subscriptions": subscriptions.iter().map(|s| json!({
                "to": s.target, "filter": s.filter.as_ref().map(|filter| &filter.policy), "raw": s.raw,
                "dead_letter": s.dead_letter,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "buses": app.buses.iter().map(|(name, rules)| json!({
            "name": name,
            "rules": rules.iter().map(|rule| json!({
                "name": rule.name, "enabled": rule.enabled, "pattern": rule.pattern,
                "to": rule.targets.iter().map(|target| &target.target).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "sources": app.sources.iter().map(|source| {
            let SourceFrom::Queue(queue) = &source.from;
            json!({
                "queue": queue, "function": source.function, "batch": source.batch,
                "window_ms": millis(source.window), "partial_failures": source.partial_failures,
                "filters": source.filters, "concurrency": source.concurrency, "enabled": source.enabled,
            })
        }).collect::<Vec<_>>(),
        "schedules": app.schedules.iter().map(|spec| json!({
            "name": spec.name, "when": spec.when.to_string(), "timezone": spec.timezone,
        })).collect::<Vec<_>>(),
    })
}

fn config_as_json(config: &EventConfig) -> Value {
    json!({
        "attempts": config.retry.attempts, "first_delay_ms": millis(config.retry.first_delay),
        "max_delay_ms": millis(config.retry.max_delay), "max_age_ms": millis(config.retry.max_age),
        "dead_letter": config.dead_letter, "on_success": config.on_success, "on_failure": config.on_failure,
    })
}

fn table_as_json(table: &Table) -> Value {
    let attribute = |a: &Attribute| json!({ "name": a.name, "type": a.kind.name() });
    let key = |key: &TableKey| (attribute(&key.partition), key.sort.as_ref().map(attribute));
    let index = |index: &TableIndex| {
        let (partition, sort) = key(&index.key);
        let attributes = match &index.projection {
            Projection::All => json!("all"),
            Projection::Keys => json!("keys"),
            Projection::Keep(names) => json!(names),
        };
        json!({ "name": index.name, "key": partition, "sort": sort, "attributes": attributes })
    };
    let (partition, sort) = key(&table.key);
    json!({
        "name": table.name, "key": partition, "sort": sort, "ttl": table.ttl,
        "indexes": table.indexes.iter().map(index).collect::<Vec<_>>(),
        "stream": table.stream.map(StreamView::name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_told_in_words() {
        assert_eq!(retry(&RetryPolicy::LAMBDA), "3 attempts, 1m to 5m apart, within 6h");
        assert_eq!(retry(&RetryPolicy { attempts: 1, ..RetryPolicy::LAMBDA }), "never");
    }

    #[test]
    fn sources_and_queues_say_only_what_is_unusual() {
        let source = SourceSpec {
            function: lambent_core::FunctionName::parse("f").unwrap(),
            from: SourceFrom::Queue(lambent_core::QueueName::parse("q").unwrap()),
            batch: 10,
            window: Duration::from_secs(1),
            filters: vec!["{}".to_owned()],
            partial_failures: true,
            concurrency: Some(4),
            enabled: false,
        };
        assert_eq!(
            settings_of_source(&source),
            "of 10, within 1s, partial failures, filtered, at most 4 at once, off"
        );
        assert_eq!(settings_of_queue(false, &QueueSpec::default()), "");
        let spec = QueueSpec { delay: Duration::from_secs(5), content_dedup: true, ..QueueSpec::default() };
        assert_eq!(settings_of_queue(true, &spec), "keeps order, delay 5s, content-deduplication");
    }
}
