//! Topics and their subscriptions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::pattern::policy::Scope;
use crate::{QueueName, RetryPolicy, Target, TopicName};

/// What the owner of a topic says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TopicSpec {
    /// A message without a deduplication id gets the SHA-256 of its body as one; FIFO only.
    pub content_dedup: bool,
    /// As mails would show it; kept for clients that set it.
    pub display_name: String,
    /// Tags of the owner's.
    pub tags: BTreeMap<String, String>,
}

/// Somebody who wants what is published to a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The topic.
    pub topic: TopicName,
    /// What tells it from the topic's others: a UUID.
    pub id: String,
    /// Where it goes: a function, a queue or an address.
    pub target: Target,
    /// What it wants; everything without one.
    pub filter: Option<Filter>,
    /// The message itself is delivered, without an envelope. Functions always get the envelope.
    pub raw: bool,
    /// Where messages go that could not be delivered.
    pub dead_letter: Option<QueueName>,
    /// How delivery to an address is retried.
    pub retry: RetryPolicy,
    /// The token that an address must answer before it is sent anything; `None` once it has.
    pub unconfirmed: Option<String>,
    /// Whether the manifest made it, and takes it away again.
    pub declared: bool,
}

/// What a subscriber asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionSpec {
    /// Where it goes: a function, a queue or an address.
    pub target: Target,
    /// What it wants; everything without one.
    pub filter: Option<Filter>,
    /// The message itself is delivered, without an envelope; not for functions.
    pub raw: bool,
    /// Where messages go that could not be delivered.
    pub dead_letter: Option<QueueName>,
    /// How delivery to an address is retried.
    pub retry: RetryPolicy,
}

impl SubscriptionSpec {
    /// A subscription to everything, with the settings that SNS has by itself.
    pub fn to(target: Target) -> Self {
        Self { target, filter: None, raw: false, dead_letter: None, retry: HTTP_RETRY }
    }

    /// What a subscription asks for.
    pub fn of(subscription: &Subscription) -> Self {
        let Subscription { target, filter, raw, dead_letter, retry, .. } = subscription.clone();
        Self { target, filter, raw, dead_letter, retry }
    }

    /// The subscription that asks for this, confirmed and not of the manifest.
    pub fn subscription(self, topic: &TopicName, id: String) -> Subscription {
        let Self { target, filter, raw, dead_letter, retry } = self;
        let topic = topic.clone();
        Subscription {
            topic,
            id,
            target,
            filter,
            raw,
            dead_letter,
            retry,
            unconfirmed: None,
            declared: false,
        }
    }
}

/// What a subscription wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// JSON text.
    pub policy: String,
    /// What it looks at.
    pub scope: Scope,
}

/// How SNS retries an address when nobody says anything: 3 retries, 20 s apart (SNS developer guide, "Message
/// delivery retries").
pub const HTTP_RETRY: RetryPolicy = RetryPolicy {
    attempts: 4,
    first_delay: Duration::from_secs(20),
    max_delay: Duration::from_secs(20),
    max_age: Duration::from_secs(3600),
};
