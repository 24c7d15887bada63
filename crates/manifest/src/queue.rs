//! `[queues.NAME]`: queues of messages.

use std::time::Duration;

use lambent_core::{QueueName, QueueSpec, RedriveTo, Target, limits};

use crate::app;
use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::quantity::{self, Bounds};
use crate::references::{Reference, Role};
use crate::value;

const VISIBILITY: Bounds<Duration> =
    Bounds { least: Duration::ZERO, most: limits::VISIBILITY_MAX, default: limits::VISIBILITY_DEFAULT };

const DELAY: Bounds<Duration> =
    Bounds { least: Duration::ZERO, most: limits::DELAY_MAX, default: Duration::ZERO };

const RETENTION: Bounds<Duration> =
    Bounds { least: limits::RETENTION_MIN, most: limits::RETENTION_MAX, default: limits::RETENTION_DEFAULT };

const WAIT: Bounds<Duration> =
    Bounds { least: Duration::ZERO, most: limits::WAIT_MAX, default: Duration::ZERO };

const MESSAGE: Bounds<usize> =
    Bounds { least: limits::MESSAGE_MAX_LEAST, most: limits::MESSAGE_MAX, default: limits::MESSAGE_MAX };

/// AWS advises at least five receives where a function takes the messages (semantics.md 4.2).
const RECEIVES: Bounds<u32> = Bounds { least: 1, most: limits::MAX_RECEIVES, default: 5 };

/// What the keys of a queue fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    visibility: Option<Duration>,
    delay: Option<Duration>,
    retention: Option<Duration>,
    wait: Option<Duration>,
    message_max: Option<usize>,
    dead_letter: Option<QueueName>,
    max_receives: Option<u32>,
    content_dedup: Option<bool>,
    dedup_by_group: Option<bool>,
}

/// The keys of a queue.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a queue",
    about: "An SQS-compatible queue. It is made when the app starts, and what is in it outlives the node. A function \
            takes its messages as a [source](#sources), or with any AWS SDK. A name has 1 to 80 letters, digits, `-` \
            and `_`; a queue whose name ends in `.fifo` keeps the order of the messages of each group.",
    keys: &[
        Key {
            name: "visibility",
            form: Form::Duration(VISIBILITY),
            need: Need::Default,
            example: r#""1m""#,
            about: "How long a message that was received stays invisible to others. If it is not deleted by then, it \
                    is received again. A function whose source the queue is must not take longer.",
            read: |draft, node| set(&mut draft.visibility, quantity::duration(node, &VISIBILITY)),
        },
        Key {
            name: "delay",
            form: Form::Duration(DELAY),
            need: Need::Default,
            example: r#""5s""#,
            about: "How long a new message stays invisible.",
            read: |draft, node| set(&mut draft.delay, quantity::duration(node, &DELAY)),
        },
        Key {
            name: "retention",
            form: Form::Duration(RETENTION),
            need: Need::Default,
            example: r#""4d""#,
            about: "How long a message is kept.",
            read: |draft, node| set(&mut draft.retention, quantity::duration(node, &RETENTION)),
        },
        Key {
            name: "wait",
            form: Form::Duration(WAIT),
            need: Need::Default,
            example: r#""20s""#,
            about: "How long a receive waits for messages when it does not say.",
            read: |draft, node| set(&mut draft.wait, quantity::duration(node, &WAIT)),
        },
        Key {
            name: "message-max",
            form: Form::Bytes(MESSAGE),
            need: Need::Default,
            example: r#""256KB""#,
            about: "Largest message, body and attributes together.",
            read: |draft, node| set(&mut draft.message_max, quantity::bytes(node, &MESSAGE)),
        },
        Key {
            name: "dead-letter",
            form: Form::Words("name of a queue"),
            need: Need::Without("a message is received until it is deleted or too old"),
            example: r#""orders-dead""#,
            about: "The queue of the messages that were received too often. It keeps order if this queue does.",
            read: |draft, node| set(&mut draft.dead_letter, value::queue(node)),
        },
        Key {
            name: "max-receives",
            form: Form::Whole(RECEIVES),
            need: Need::Without("`5`, where there is a `dead-letter`"),
            example: "5",
            about: "How often a message is received before it goes to `dead-letter`.",
            read: |draft, node| set(&mut draft.max_receives, value::whole(node, &RECEIVES)),
        },
        Key {
            name: "content-deduplication",
            form: Form::Truth(false),
            need: Need::Default,
            example: "true",
            about: "A message without a deduplication id gets one that is made of its body. Only `.fifo`.",
            read: |draft, node| set(&mut draft.content_dedup, value::truth(node)),
        },
        Key {
            name: "deduplication-scope",
            form: Form::Words("`\"queue\"` or `\"message-group\"`"),
            need: Need::Without("`\"queue\"`"),
            example: r#""message-group""#,
            about: "Whether a deduplication id counts in the whole queue, or in each message group apart. Only `.fifo`.",
            read: |draft, node| set(&mut draft.dedup_by_group, scope(node)),
        },
    ],
    later: &[],
};

/// Reads a queue into `app`. What it refers to goes there even when something else is wrong with it.
pub(crate) fn read(node: &Node<'_>, app: &mut app::Draft) -> Read<()> {
    let name = QueueName::parse(node.name).map_err(|error| node.spot.key_fault(error.to_string()))?;
    let mut faults = Faults::default();
    let mut draft = Draft::default();
    _ = faults.keep(SECTION.read(node, &mut draft));
    faults.append(check(node, &name));
    let dead_letter = draft.dead_letter.clone().map(Target::Queue);
    app.references.extend(Reference::read(node, "dead-letter", Role::QueueDead(name.clone()), dead_letter));
    app.queues.push(faults.or((name, draft.finish()))?);
    Ok(())
}

/// What is wrong between keys that are right one by one.
fn check(node: &Node<'_>, name: &QueueName) -> Faults {
    let mut faults = Faults::default();
    if let (Some(receives), None) = (node.get("max-receives"), node.get("dead-letter")) {
        let fault =
            receives.spot.key_fault("`max-receives` counts for a `dead-letter` queue, and there is none");
        faults.push(fault.suggest("name the queue of the dead letters as well, or remove `max-receives`"));
    }
    for key in ["content-deduplication", "deduplication-scope"] {
        let Some(key) = node.get(key).filter(|_| !name.is_fifo()) else { continue };
        let fault = key.spot.key_fault(format!("only a queue that keeps order has `{}`", key.name));
        faults.push(fault.suggest(format!("remove it, or call the queue \"{name}.fifo\"")));
    }
    faults
}

impl Draft {
    fn finish(self) -> QueueSpec {
        let max_receives = self.max_receives.unwrap_or(RECEIVES.default);
        QueueSpec {
            visibility: self.visibility.unwrap_or(VISIBILITY.default),
            delay: self.delay.unwrap_or(DELAY.default),
            retention: self.retention.unwrap_or(RETENTION.default),
            wait: self.wait.unwrap_or(WAIT.default),
            message_max: self.message_max.unwrap_or(MESSAGE.default),
            redrive: self.dead_letter.map(|queue| RedriveTo { queue, max_receives }),
            content_dedup: self.content_dedup.unwrap_or_default(),
            dedup_by_group: self.dedup_by_group.unwrap_or_default(),
            ..QueueSpec::default()
        }
    }
}

fn scope(node: &Node<'_>) -> Read<bool> {
    match node.value.as_str() {
        Some("queue") => Ok(false),
        Some("message-group") => Ok(true),
        _ => Err(node
            .spot
            .fault("a deduplication id counts in the \"queue\" or in the \"message-group\"")
            .into()),
    }
}
