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
