//! What the owner of a queue says about it, and what it holds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{QueueName, limits};

/// What the owner of a queue says about it. The defaults and the ranges are those of SQS (semantics.md 10.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueSpec {
    /// How long a new message stays invisible.
    pub delay: Duration,
    /// Largest message, body and attributes together, in bytes.
    pub message_max: usize,
    /// How long a message is kept.
    pub retention: Duration,
    /// How long a receive waits for messages when it does not say.
    pub wait: Duration,
    /// How long a message that was received stays invisible.
    pub visibility: Duration,
    /// Where messages go that were received too often.
    pub redrive: Option<RedriveTo>,
    /// Which queues may send their dead letters here.
    pub redrive_allow: RedriveAllow,
    /// A message without a deduplication id gets the SHA-256 of its body as one; FIFO only.
    pub content_dedup: bool,
    /// Whether a deduplication id counts in its message group only, not in the whole queue; FIFO only.
    pub dedup_by_group: bool,
    /// Tags of the owner's.
    pub tags: BTreeMap<String, String>,
}

impl Default for QueueSpec {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            message_max: limits::MESSAGE_MAX,
            retention: limits::RETENTION_DEFAULT,
            wait: Duration::ZERO,
            visibility: limits::VISIBILITY_DEFAULT,
            redrive: None,
            redrive_allow: RedriveAllow::All,
            content_dedup: false,
            dedup_by_group: false,
            tags: BTreeMap::new(),
        }
    }
}

/// Where messages go that were received too often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedriveTo {
    /// The queue of the dead letters.
    pub queue: QueueName,
    /// A message that would be received once more than this goes there.
    pub max_receives: u32,
}

/// Which queues may send their dead letters to a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedriveAllow {
    /// Every queue.
    #[default]
    All,
    /// No queue.
    None,
    /// These.
    Only(Vec<QueueName>),
}

impl RedriveAllow {
    /// Whether dead letters of the queue called `name` may go there.
    pub fn admits(&self, name: &QueueName) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Only(names) => names.contains(name),
        }
    }
}
