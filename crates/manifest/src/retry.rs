//! `retry`: how often and when something is tried again.

use std::time::Duration;

use lambent_core::{RetryPolicy, limits};

use crate::fault::Read;
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::quantity::{self, Bounds};
use crate::value;

const ATTEMPTS: Bounds<u32> =
    Bounds { least: 1, most: limits::ATTEMPTS_MAX, default: RetryPolicy::LAMBDA.attempts };

const FIRST_DELAY: Bounds<Duration> = Bounds {
    least: Duration::from_millis(1),
    most: limits::RETRY_DELAY_MAX,
    default: RetryPolicy::LAMBDA.first_delay,
};

const MAX_DELAY: Bounds<Duration> = Bounds { default: RetryPolicy::LAMBDA.max_delay, ..FIRST_DELAY };

const MAX_AGE: Bounds<Duration> = Bounds {
    least: Duration::from_secs(1),
    most: limits::EVENT_AGE_MAX,
    default: RetryPolicy::LAMBDA.max_age,
};

/// What the keys of `retry` fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    attempts: Option<u32>,
    first_delay: Option<Duration>,
    max_delay: Option<Duration>,
    max_age: Option<Duration>,
}

/// The keys of `retry`.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "`retry`",
    about: "How often and when a failed event is tried again. A throttled event has not been tried, so it does not \
            count. What is said here without the key holds for functions.",
    keys: &[
        Key {
            name: "attempts",
            form: Form::Whole(ATTEMPTS),
            need: Need::Default,
            example: "5",
            about: "How often an event is tried altogether: 1 tries it once and never again.",
            read: |draft, node| set(&mut draft.attempts, value::whole(node, &ATTEMPTS)),
        },
        Key {
            name: "first-delay",
            form: Form::Duration(FIRST_DELAY),
            need: Need::Default,
            example: r#""1s""#,
            about: "How long to wait after the first failure. It doubles with each further one.",
            read: |draft, node| set(&mut draft.first_delay, quantity::duration(node, &FIRST_DELAY)),
        },
        Key {
            name: "max-delay",
            form: Form::Duration(MAX_DELAY),
            need: Need::Default,
            example: r#""5m""#,
            about: "Longest wait after a failure.",
            read: |draft, node| set(&mut draft.max_delay, quantity::duration(node, &MAX_DELAY)),
        },
        Key {
            name: "max-age",
            form: Form::Duration(MAX_AGE),
            need: Need::Default,
            example: r#""6h""#,
            about: "An event that would be tried when it is older than this is given up.",
            read: |draft, node| set(&mut draft.max_age, quantity::duration(node, &MAX_AGE)),
        },
    ],
    later: &[],
};

/// Reads a policy; what it does not say is as in `default`.
pub(crate) fn read(node: &Node<'_>, default: RetryPolicy) -> Read<RetryPolicy> {
    if !node.value.is_table() {
        return Err(node.wrong_form("a table, as in { attempts = 5, first-delay = \"1s\" }").into());
    }
    let mut draft = Draft::default();
    SECTION.read(node, &mut draft)?;
    let policy = RetryPolicy {
        attempts: draft.attempts.unwrap_or(default.attempts),
        first_delay: draft.first_delay.unwrap_or(default.first_delay),
        max_delay: draft.max_delay.unwrap_or(default.max_delay),
        max_age: draft.max_age.unwrap_or(default.max_age),
    };
    if policy.first_delay > policy.max_delay {
        let (first, most) = (quantity::time(policy.first_delay), quantity::time(policy.max_delay));
        let fault = node.spot.key_fault(format!("`first-delay` is {first}, and `max-delay` only {most}"));
        let better = format!("write first-delay = \"{most}\" or less, or max-delay = \"{first}\" or more");
        return Err(fault.suggest(better).into());
    }
    Ok(policy)
}
