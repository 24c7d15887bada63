//! `subscriptions`: who gets what is published to a topic.

use lambent_core::pattern::policy::{Error, FilterPolicy, Scope};
use lambent_core::topic::{Filter, HTTP_RETRY, SubscriptionSpec};
use lambent_core::{FunctionName, QueueName, RetryPolicy, Target, TopicName};

use crate::fault::{Fault, Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::references::{Reference, Role};
use crate::{retry, value};

/// What the keys of a subscription fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    queue: Option<Target>,
    function: Option<Target>,
    url: Option<Target>,
    filter: Option<String>,
    scope: Option<Scope>,
    raw: Option<bool>,
    dead_letter: Option<QueueName>,
    retry: Option<RetryPolicy>,
}

/// The keys that say where a subscription goes.
const TARGETS: [&str; 3] = ["queue", "function", "url"];

/// The keys of a subscription.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a subscription",
    about: "An element of `subscriptions`. It goes to one `queue`, one `function` or one `url`.",
    keys: &[
        Key {
            name: "queue",
            form: Form::Words("name of a queue"),
            need: Need::Without("`function` or `url`"),
            example: r#""orders""#,
            about: "The queue that gets the messages.",
            read: |draft, node| set(&mut draft.queue, value::queue(node).map(Target::Queue)),
        },
        Key {
            name: "function",
            form: Form::Words("name of a function"),
            need: Need::Without("`queue` or `url`"),
            example: r#""audit""#,
            about: "The function that runs for each message, with its own `retry`.",
            read: |draft, node| set(&mut draft.function, function(node)),
        },
        Key {
            name: "url",
            form: Form::Words("address"),
            need: Need::Without("`queue` or `function`"),
            example: r#""https://example.com/orders""#,
            about: "The address that gets each message by POST, once it has confirmed the subscription as SNS wants it.",
            read: |draft, node| set(&mut draft.url, url(node)),
        },
        Key {
            name: "filter",
            form: Form::Words("JSON text"),
            need: Need::Without("every message"),
            example: r#"'{"kind":["order"]}'"#,
            about: "Which messages: an SNS filter policy.",
            // What it looks at has to be known before it can be read.
            read: |draft, node| set(&mut draft.filter, filter(node).map(str::to_owned)),
        },
        Key {
            name: "filter-scope",
            form: Form::Words("`\"attributes\"` or `\"body\"`"),
            need: Need::Without("`\"attributes\"`"),
            example: r#""body""#,
            about: "What `filter` looks at: the attributes of a message, or its body, which is a JSON object then.",
            read: |draft, node| set(&mut draft.scope, scope(node)),
        },
        Key {
            name: "raw",
            form: Form::Truth(false),
            need: Need::Default,
            example: "true",
            about: "The message is delivered as it is, without the envelope of SNS. A function always gets the envelope.",
            read: |draft, node| set(&mut draft.raw, value::truth(node)),
        },
        Key {
            name: "dead-letter",
            form: Form::Words("name of a queue"),
            need: Need::Without("they are dropped"),
            example: r#""orders-dead""#,
            about: "The queue of the messages that could not be delivered. It keeps order if the topic does.",
            read: |draft, node| set(&mut draft.dead_letter, value::queue(node)),
        },
        Key {
            name: "retry",
            form: Form::Words("table"),
            need: Need::Without("4 attempts, 20 seconds apart, for an hour at most"),
            example: "{ attempts = 10 }",
            about: "How delivery to a `url` is tried again; see [Retry](#retry). Only `url` has it.",
            read: |draft, node| set(&mut draft.retry, retry::read(node, HTTP_RETRY)),
        },
    ],
    later: &[],
};

/// Reads a subscription of `topic`. What it refers to is kept even when something else is wrong with it.
pub(crate) fn read(
    node: &Node<'_>,
    topic: &TopicName,
    references: &mut Vec<Reference>,
) -> Read<SubscriptionSpec> {
    if !node.value.is_table() {
        return Err(node.wrong_form("a subscription, as in { queue = \"orders\" }").into());
    }
    let mut faults = Faults::default();
    let mut draft = Draft::default();
    _ = faults.keep(SECTION.read(node, &mut draft));
    faults.append(check(node, &draft));
    for (key, to) in [("queue", &draft.queue), ("function", &draft.function), ("url", &draft.url)] {
        references.extend(Reference::read(node, key, Role::Subscription(topic.clone()), to.clone()));
    }
    let dead_letter = draft.dead_letter.clone().map(Target::Queue);
    references.extend(Reference::read(node, "dead-letter", Role::TopicDead(topic.clone()), dead_letter));

    let scope = draft.scope.unwrap_or_default();
    // A subscription without a target has been refused by now.
    let Some(target) = draft.queue.or(draft.function).or(draft.url) else { return Err(faults) };
    faults.or(SubscriptionSpec {
        target,
        filter: draft.filter.map(|policy| Filter { policy, scope }),
        raw: draft.raw.unwrap_or_default(),
        dead_letter: draft.dead_letter,
        retry: draft.retry.unwrap_or(HTTP_RETRY),
    })
}

/// What is wrong between keys that are right one by one.
fn check(node: &Node<'_>, draft: &Draft) -> Faults {
    let mut faults = Faults::default();
    let given: Vec<_> = TARGETS.iter().filter_map(|key| node.get(key)).collect();
    if given.is_empty() {
        let fault = node.spot.fault("goes nowhere: `queue`, `function` or `url` is missing");
        faults.push(fault.suggest("write queue = \"orders\""));
    }
    for extra in given.iter().skip(1) {
        let fault =
            extra.spot.key_fault(format!("a subscription has `{}` or `{}`", given[0].name, extra.name));
        faults.push(fault.suggest("write one subscription for each"));
    }
    if let (Some(raw), Some(true), Some(_)) = (node.get("raw"), draft.raw, node.get("function")) {
        let fault = raw.spot.key_fault("a function always gets the envelope");
        faults.push(fault.suggest("remove `raw`; the message is Records[0].Sns.Message of the event"));
    }
    if let (Some(retry), None) = (node.get("retry"), node.get("url")) {
        let fault = retry.spot.key_fault("only a `url` has `retry`");
        faults.push(
            fault.suggest("remove it; a function has a `retry` of its own, and a queue takes every message"),
        );
    }
    match (node.get("filter"), node.get("filter-scope")) {
        (None, Some(scope)) => {
            let fault = scope.spot.key_fault("there is no `filter`");
            faults.push(fault.suggest("write filter = '{\"kind\":[\"order\"]}', or remove `filter-scope`"));
        }
        // A scope that cannot be read would make a policy wrong that is right.
        (Some(filter), scope) if scope.is_none() || draft.scope.is_some() => {
            faults.append(check_policy(&filter, draft.scope.unwrap_or_default()));
        }
        _ => {}
    }
    faults
}

fn check_policy(node: &Node<'_>, scope: Scope) -> Faults {
    let Ok(text) = filter(node) else { return Faults::default() };
    let Err(error) = FilterPolicy::parse(text, scope) else { return Faults::default() };
    let suggestion = match &error {
        Error::Pattern(error) => return value::bad_pattern(node, error).into(),
        Error::Nested => "write filter-scope = \"body\", or name attributes without levels",
        Error::TooLong | Error::TooManyKeys | Error::TooComplex => "use fewer keys and values",
    };
    let message = error.to_string();
    let message = message.strip_prefix("FilterPolicy: ").unwrap_or(&message);
    Faults::from(node.spot.fault(message).suggest(suggestion))
}

fn filter<'a>(node: &Node<'a>) -> Read<&'a str> {
    node.text("a filter policy as JSON text, as in '{\"kind\":[\"order\"]}'")
}

fn scope(node: &Node<'_>) -> Read<Scope> {
    match node.value.as_str() {
        Some("attributes") => Ok(Scope::MessageAttributes),
        Some("body") => Ok(Scope::MessageBody),
        _ => Err(node.spot.fault("a filter looks at \"attributes\" or at the \"body\"").into()),
    }
}

fn function(node: &Node<'_>) -> Read<Target> {
    let text = node.text("the name of a function")?;
    let name = FunctionName::parse(text);
    name.map(Target::Function).map_err(|error| node.spot.fault(error.to_string()).into())
}

fn url(node: &Node<'_>) -> Read<Target> {
    let text = node.text("an address, as in \"https://example.com/orders\"")?;
    match Target::parse(text) {
        Ok(target @ Target::Http(_)) => Ok(target),
        Err(error) if text.starts_with("http") => Err(node.spot.fault(error.to_string()).into()),
        _ => {
            let fault: Fault = node.spot.fault("is no address");
            Err(fault.suggest("write it as in \"https://example.com/orders\"").into())
        }
    }
}
