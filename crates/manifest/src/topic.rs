//! `[topics.NAME]`: topics, and who is subscribed to them.

use std::collections::HashSet;

use lambent_core::topic::{SubscriptionSpec, TopicSpec};
use lambent_core::{Target, TopicName, limits};

use crate::app;
use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::references::Reference;
use crate::subscription;
use crate::value;

/// What the keys of a topic fill in.
#[derive(Debug)]
pub(crate) struct Draft {
    name: TopicName,
    subscriptions: Vec<SubscriptionSpec>,
    content_dedup: Option<bool>,
    references: Vec<Reference>,
}

/// The keys of a topic.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a topic",
    about: "An SNS-compatible topic: each of its subscriptions gets what is published to it. It is made when the app \
            starts. A name has 1 to 256 letters, digits, `-` and `_`; a topic whose name ends in `.fifo` keeps order, \
            and only queues that keep order can be subscribed to it.",
    keys: &[
        Key {
            name: "subscriptions",
            form: Form::Words("array of subscriptions"),
            need: Need::Without("only those that are made with an AWS SDK"),
            example: r#"[{ queue = "orders" }, { function = "audit" }]"#,
            about: "Who gets what is published; see [Subscriptions](#subscriptions).",
            read: |draft, node| draft.read_subscriptions(node),
        },
        Key {
            name: "content-deduplication",
            form: Form::Truth(false),
            need: Need::Default,
            example: "true",
            about: "A message without a deduplication id gets one that is made of its body. Only `.fifo`.",
            read: |draft, node| set(&mut draft.content_dedup, value::truth(node)),
        },
    ],
    later: &[],
};

/// Reads a topic into `app`. What it refers to goes there even when something else is wrong with it.
pub(crate) fn read(node: &Node<'_>, app: &mut app::Draft) -> Read<()> {
    let name = TopicName::parse(node.name).map_err(|error| node.spot.key_fault(error.to_string()))?;
    let mut faults = Faults::default();
    let mut draft = Draft { name, subscriptions: vec![], content_dedup: None, references: vec![] };
    _ = faults.keep(SECTION.read(node, &mut draft));
    if let Some(key) = node.get("content-deduplication").filter(|_| !draft.name.is_fifo()) {
        let fault = key.spot.key_fault("only a topic that keeps order has `content-deduplication`");
        faults.push(fault.suggest(format!("remove it, or call the topic \"{}.fifo\"", draft.name)));
    }
    app.references.append(&mut draft.references);
    let spec = TopicSpec { content_dedup: draft.content_dedup.unwrap_or_default(), ..TopicSpec::default() };
    app.topics.push(faults.or((draft.name, spec, draft.subscriptions))?);
    Ok(())
}

impl Draft {
    fn read_subscriptions(&mut self, node: &Node<'_>) -> Read<()> {
        let items: Vec<_> =
            node.items("an array of subscriptions, as in [{ queue = \"orders\" }]")?.collect();
        if items.len() > limits::SUBSCRIPTIONS_MAX {
            let (count, max) = (items.len(), limits::SUBSCRIPTIONS_MAX);
            let fault = node.spot.key_fault(format!("the topic has {count} subscriptions: at most {max}"));
            return Err(fault.suggest("spread them over several topics").into());
        }
        let mut faults = Faults::default();
        let mut taken: HashSet<Target> = HashSet::new();
        for item in items {
            let read = subscription::read(&item, &self.name, &mut self.references);
            let Some(subscription) = faults.keep(read) else { continue };
            if !taken.insert(subscription.target.clone()) {
                let fault = item.spot.fault(format!("`{}` is subscribed already", subscription.target));
                faults.push(fault.suggest("keep one of the two; a filter can list several values"));
            }
            self.subscriptions.push(subscription);
        }
        faults.or(())
    }
}
