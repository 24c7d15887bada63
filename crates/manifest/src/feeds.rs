//! Where the events of a function come from besides requests, and what becomes of those that nobody waits for.

use std::time::Duration;

use lambent_core::{
    EventConfig, FunctionName, QueueName, RetryPolicy, SourceFrom, SourceSpec, Target, limits,
};
use serde_json::Value;

use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::later;
use crate::node::Node;
use crate::quantity::{self, Bounds};
use crate::references::{Reference, Role};
use crate::suggest::quote;
use crate::value;

const BATCH: Bounds<u32> = Bounds { least: 1, most: small(limits::SOURCE_BATCH_MAX), default: 10 };

/// What one receive of a queue can give: a larger batch is several receives (semantics.md 4.1).
const BATCH_OF_ONE_RECEIVE: u32 = small(limits::BATCH_MAX);

/// Least time that a larger batch needs (semantics.md 4.1).
const WINDOW_OF_SEVERAL: Duration = Duration::from_secs(1);

const WINDOW: Bounds<Duration> =
    Bounds { least: Duration::ZERO, most: limits::SOURCE_WINDOW_MAX, default: Duration::ZERO };

const CONCURRENCY: Bounds<u32> = Bounds { least: 1, most: small(limits::SOURCE_CONCURRENCY_MAX), default: 1 };

/// The fields of a record of a queue (semantics.md 4.2).
const RECORD_FIELDS: &[&str] = &[
    "body",
    "attributes",
    "messageAttributes",
    "messageId",
    "receiptHandle",
    "md5OfBody",
    "md5OfMessageAttributes",
    "eventSource",
    "eventSourceARN",
    "awsRegion",
];

/// The keys of a function that speak of events, which a web server is not given.
pub(crate) const KEYS: &[&str] =
    &["sources", "schedules", "retry", "dead-letter", "on-success", "on-failure"];

/// What these keys fill in.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    sources: Vec<SourceSpec>,
    references: Vec<Reference>,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) dead_letter: Option<QueueName>,
    pub(crate) on_success: Option<Target>,
    pub(crate) on_failure: Option<Target>,
}

/// What the keys of a source fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    queue: Option<QueueName>,
    batch: Option<u32>,
    window: Option<Duration>,
    partial_failures: Option<bool>,
    concurrency: Option<u32>,
    filters: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// The keys of a source.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a source",
    about: "An element of `sources`. The function is invoked with batches of messages, as on Lambda. Messages of a \
            batch that succeeded are deleted; the others are received again once they are visible.",
    keys: &[
        Key {
            name: "queue",
            form: Form::Words("name of a queue"),
            // Said by `check`, since a broker may stand in its place.
            need: Need::Without("**required**"),
            example: r#""orders""#,
            about: "The queue that the messages come from. No other function has it as a source, since each message \
                    goes to one of them only. Its `visibility` is at least the function's `timeout`.",
            read: |draft, node| set(&mut draft.queue, value::queue(node)),
        },
        Key {
            name: "batch",
            form: Form::Whole(BATCH),
            need: Need::Default,
            example: "10",
            about: "Messages of one batch, at most. More than 10 need a `window`; a `.fifo` queue gives at most 10.",
            read: |draft, node| set(&mut draft.batch, value::whole(node, &BATCH)),
        },
        Key {
            name: "window",
            form: Form::Duration(WINDOW),
            need: Need::Default,
            example: r#""1s""#,
            about: "How long a batch waits for more messages. A `.fifo` queue has none.",
            read: |draft, node| set(&mut draft.window, quantity::duration(node, &WINDOW)),
        },
        Key {
            name: "partial-failures",
            form: Form::Truth(false),
            need: Need::Default,
            example: "true",
            about: "The function answers which messages failed (`batchItemFailures`). Otherwise a batch fails as a whole.",
            read: |draft, node| set(&mut draft.partial_failures, value::truth(node)),
        },
        Key {
            name: "concurrency",
            form: Form::Whole(CONCURRENCY),
            need: Need::Without("as many as the queue's messages need"),
            example: "4",
            about: "Batches that are worked on at once, at most.",
            read: |draft, node| set(&mut draft.concurrency, value::whole(node, &CONCURRENCY)),
        },
        Key {
            name: "filter",
            form: Form::Words("array of patterns as JSON text"),
            need: Need::Without("every message"),
            example: r#"['{"body":{"kind":["order"]}}']"#,
            about: "Which messages: those that fit one of these event patterns, at most five. The others are deleted.",
            read: |draft, node| set(&mut draft.filters, filters(node)),
        },
        Key {
            name: "enabled",
            form: Form::Truth(true),
            need: Need::Default,
            example: "false",
            about: "Whether it is at work. The messages of one that is not stay in the queue.",
            read: |draft, node| set(&mut draft.enabled, value::truth(node)),
        },
    ],
    later: later::SOURCES,
};

impl Feeds {
    /// Reads `sources`. What good ones and bad ones refer to is kept.
    pub(crate) fn read_sources(&mut self, node: &Node<'_>, function: &FunctionName) -> Read<()> {
        let mut faults = Faults::default();
        let items: Vec<_> = node.items("an array of sources, as in [{ queue = \"orders\" }]")?.collect();
        if items.is_empty() {
            let fault = node.spot.fault("names no source");
            faults.push(fault.suggest("leave `sources` out of a function without sources"));
        }
        for item in items {
            let source = self.read_source(&item, function);
            self.sources.extend(faults.keep(source));
        }
        faults.or(())
    }

    fn read_source(&mut self, node: &Node<'_>, function: &FunctionName) -> Read<SourceSpec> {
        if !node.value.is_table() {
            return Err(node.wrong_form("a source, as in { queue = \"orders\" }").into());
        }
        let mut faults = Faults::default();
        let mut draft = Draft::default();
        _ = faults.keep(SECTION.read(node, &mut draft));
        faults.append(draft.check(node));
        let to = draft.queue.clone().map(Target::Queue);
        self.references.extend(Reference::read(node, "queue", Role::Source(function.clone()), to));
        // A source without a queue has been refused by now.
        let Some(queue) = draft.queue else { return Err(faults) };
        faults.or(SourceSpec {
            function: function.clone(),
            from: SourceFrom::Queue(queue),
            batch: draft.batch.unwrap_or(BATCH.default) as usize,
            window: draft.window.unwrap_or(WINDOW.default),
            filters: draft.filters.unwrap_or_default(),
            partial_failures: draft.partial_failures.unwrap_or_default(),
            concurrency: draft.concurrency.map(|count| count as usize),
            enabled: draft.enabled.unwrap_or(true),
        })
    }

    /// All that the function refers to.
    pub(crate) fn references(&mut self, node: &Node<'_>, function: &FunctionName) -> Vec<Reference> {
        let dead_letter = self.dead_letter.clone().map(Target::Queue);
        let mut references = std::mem::take(&mut self.references);
        for (key, role, to) in [
            ("dead-letter", Role::FunctionDead(function.clone()), dead_letter),
            ("on-success", Role::OnSuccess(function.clone()), self.on_success.clone()),
            ("on-failure", Role::OnFailure(function.clone()), self.on_failure.clone()),
        ] {
            references.extend(Reference::read(node, key, role, to));
        }
        references
    }

    /// The sources, and what becomes of events.
    pub(crate) fn finish(self) -> (Vec<SourceSpec>, EventConfig) {
        let config = EventConfig {
            retry: self.retry.unwrap_or(RetryPolicy::LAMBDA),
            dead_letter: self.dead_letter,
            on_success: self.on_success,
            on_failure: self.on_failure,
        };
        (self.sources, config)
    }
}

impl Draft {
    /// What is wrong between keys that are right one by one.
    fn check(&self, node: &Node<'_>) -> Faults {
        let mut faults = Faults::default();
        let broker = later::SOURCES.iter().any(|later| node.get(later.name).is_some());
        if node.get("queue").is_none() && !broker {
            let fault = node.spot.fault("`queue` is missing");
            faults.push(fault.suggest("write queue = \"orders\""));
        }
        let Some(queue) = &self.queue else { return faults };
        let window = self.window.unwrap_or(WINDOW.default);
        let large = self.batch.is_some_and(|batch| batch > BATCH_OF_ONE_RECEIVE);
        if let (Some(batch), true, true) = (node.get("batch"), large, queue.is_fifo()) {
            let fault = batch.spot.fault("a queue that keeps order gives at most 10 messages a batch");
            faults.push(fault.suggest("write batch = 10"));
        }
        if let (Some(window), true, true) = (node.get("window"), !window.is_zero(), queue.is_fifo()) {
            faults
                .push(window.spot.key_fault("a queue that keeps order has no `window`").suggest("remove it"));
        }
        // A window that cannot be read may be meant to be long enough.
        let known = self.window.is_some() || node.get("window").is_none();
        if let (Some(batch), true) = (node.get("batch"), known && large && !queue.is_fifo())
            && window < WINDOW_OF_SEVERAL
        {
            let fault = batch.spot.fault("a batch of more than 10 messages needs a `window` to fill in");
            faults.push(fault.suggest("write window = \"1s\" or more beside it, or a smaller batch"));
        }
        faults
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the limits are far below the largest u32")]
const fn small(limit: usize) -> u32 {
    limit as u32
}

fn filters(node: &Node<'_>) -> Read<Vec<String>> {
    let what = "an array of patterns as JSON text, as in ['{\"body\":{\"kind\":[\"order\"]}}']";
    let items: Vec<_> = node.items(what)?.collect();
    if items.is_empty() {
        let fault = node.spot.fault("names no pattern");
        return Err(fault.suggest("leave `filter` out to get every message").into());
    }
    if items.len() > limits::SOURCE_FILTERS_MAX {
        let (count, max) = (items.len(), limits::SOURCE_FILTERS_MAX);
        let fault = node.spot.fault(format!("a source has at most {max} filters, not {count}"));
        return Err(fault.suggest("list several values in one pattern").into());
    }
    let mut faults = Faults::default();
    let filters = items.iter().filter_map(|item| faults.keep(filter(item))).collect();
    faults.or(filters)
}

fn filter(node: &Node<'_>) -> Read<String> {
    let pattern = value::pattern(node)?;
    let Ok(Value::Object(fields)) = serde_json::from_str(&pattern) else { return Ok(pattern) };
    let known = |field: &str| {
        let first = field.split('.').next().unwrap_or_default();
        field == "$or" || RECORD_FIELDS.contains(&first)
    };
    // What such a pattern does not take, which is everything, would be deleted.
    if let Some(field) = fields.keys().find(|field| !known(field)) {
        let fault = node.spot.fault(format!("a record of a queue has no field {}", quote(field)));
        return Err(fault
            .suggest("put what is meant for the message into `body`, as in {\"body\":{...}}")
            .into());
    }
    Ok(pattern)
}
