//! Topics: whoever publishes to one reaches all who have subscribed, in one commit.
//!
//! A topic holds no messages. It is a name, and a list of subscriptions with compiled filters that is replaced as a
//! whole when it changes: publishing reads it without waiting for anybody.

mod declare;
mod envelope;
mod publish;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use lambent_core::pattern::policy::{self, FilterPolicy};
use lambent_core::topic::{Subscription, TopicSpec};
use lambent_core::{Timestamp, TopicName};
use lambent_store::{Commit, Effect, Store};

use super::{Error, Events, Result};

pub use publish::{Bodies, Publication, Published};
pub(super) use publish::{CONFIRMATION, KIND};

/// The kinds of documents that the store keeps topics in.
const TOPIC: &str = "topic";
const SUBSCRIPTION: &str = "subscription";

/// Topics of a node.
const TOPICS_MAX: usize = 10_000;

/// All topics.
#[derive(Debug, Default)]
pub(super) struct Topics {
    by_name: BTreeMap<TopicName, Arc<Topic>>,
    /// The last number that a message of a topic that keeps order was given.
    sequence: AtomicU64,
}

/// A topic as it is now; a change makes another.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: TopicName,
    /// What its owner says about it.
    pub spec: TopicSpec,
    listeners: Vec<Arc<Listener>>,
}

/// A subscription with its filter, ready to match.
#[derive(Debug)]
struct Listener {
    subscription: Subscription,
    filter: Option<FilterPolicy>,
}

impl Topics {
    /// What the store holds.
    pub(super) async fn load(store: &dyn Store) -> Result<Self> {
        let mut topics = BTreeMap::new();
        for (key, text) in store.documents(TOPIC).await? {
            let unreadable = |error: &dyn std::fmt::Display| unreadable(TOPIC, &key, error);
            let name = TopicName::parse(&key).map_err(|error| unreadable(&error))?;
            let spec = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
            topics.insert(name.clone(), Topic { name, spec, listeners: Vec::new() });
        }
        for (key, text) in store.documents(SUBSCRIPTION).await? {
            let unreadable = |error: &dyn std::fmt::Display| unreadable(SUBSCRIPTION, &key, error);
            let subscription: Subscription =
                serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
            // A subscription goes in the same commit as its topic.
            let Some(topic) = topics.get_mut(&subscription.topic) else { continue };
            topic.listeners.push(Listener::new(subscription).map_err(|error| unreadable(&error))?);
        }
        let by_name = topics.into_iter().map(|(name, topic)| (name, Arc::new(topic))).collect();
        Ok(Self { by_name, sequence: AtomicU64::new(0) })
    }

    /// The next number of a topic that keeps order: 20 digits, as SNS has them, and more than any before as long as
    /// the clock does not go back by itself.
    fn next_sequence(&self, now: Timestamp) -> u64 {
        const FIRST: u64 = 10_000_000_000_000_000_000;
        let least = FIRST.saturating_add(now.as_millis().saturating_mul(1_000_000));
        let next = |last: u64| Some(least.max(last.saturating_add(1)));
        let last = self.sequence.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        next(last.unwrap_or_default()).unwrap_or(least)
    }
}

fn unreadable(kind: &str, key: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Invalid(format!("the store's {kind} `{key}` cannot be read: {error}"))
}

impl Topic {
    /// Its subscriptions.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.listeners.iter().map(|listener| &listener.subscription)
    }

    /// The subscription with this id.
    ///
    /// # Errors
    /// When there is none.
    pub fn subscription(&self, id: &str) -> Result<&Subscription> {
        let found = self.subscriptions().find(|subscription| subscription.id == id);
        found.ok_or_else(|| Error::NoSubscription(format!("{}:{id}", self.name)))
    }
}

impl Listener {
    fn new(subscription: Subscription) -> std::result::Result<Arc<Self>, policy::Error> {
        let compile =
            |filter: &lambent_core::topic::Filter| FilterPolicy::parse(&filter.policy, filter.scope);
        let filter = subscription.filter.as_ref().map(compile).transpose()?;
        Ok(Arc::new(Self { subscription, filter }))
    }
}

impl Events {
    /// Makes a topic. One that is there already with the same settings is fine.
    ///
    /// # Errors
    /// When it is there with other settings, or when there are too many.
    pub async fn create_topic(&self, name: &TopicName, spec: TopicSpec) -> Result<Arc<Topic>> {
        let _changing = self.inner.changing.lock().await;
        if let Ok(topic) = self.topic(name) {
            return match difference(&topic.spec, &spec) {
                None => Ok(topic),
                Some(attribute) => Err(Error::Invalid(format!(
                    "there is a topic called `{name}` already, with another value for {attribute}"
                ))),
            };
        }
        self.check_topic(name, &spec)?;
        self.keep_topic(Topic { name: name.clone(), spec, listeners: Vec::new() }, Vec::new()).await
    }

    /// Removes a topic and its subscriptions. What was published to it before is still delivered.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_topic(&self, name: &TopicName) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let topic = self.topic(name)?;
        let gone = |kind, key: &str| Effect::Put { kind, key: key.to_owned(), text: None };
        let mut effects = vec![gone(TOPIC, name.as_str())];
        effects.extend(topic.subscriptions().map(|subscription| gone(SUBSCRIPTION, &subscription.id)));
        self.store().commit(Commit { guard: None, effects, now: self.now() }).await?;
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        catalog.topics.by_name.remove(name);
        Ok(())
    }

    /// Changes what is said about a topic.
    ///
    /// # Errors
    /// When there is no such topic, or it cannot be that way.
    pub async fn change_topic(&self, name: &TopicName, change: impl FnOnce(&mut TopicSpec)) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let mut topic = Topic::clone(&*self.topic(name)?);
        change(&mut topic.spec);
        self.check_topic(name, &topic.spec)?;
        self.keep_topic(topic, Vec::new()).await.map(drop)
    }

    /// Every topic, by name.
    pub fn topics(&self) -> Vec<Arc<Topic>> {
        self.with_catalog(|catalog| catalog.topics.by_name.values().cloned().collect())
    }

    /// The topic of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn topic(&self, name: &TopicName) -> Result<Arc<Topic>> {
        let found = self.with_catalog(|catalog| catalog.topics.by_name.get(name).cloned());
        found.ok_or_else(|| Error::NoTopic(name.to_string()))
    }

    /// Whether a topic can have these settings.
    fn check_topic(&self, name: &TopicName, spec: &TopicSpec) -> Result<()> {
        if spec.content_dedup && !name.is_fifo() {
            return Err(Error::FifoOnly { what: "content-deduplication" });
        }
        let room = |topics: &Topics| topics.by_name.len() < TOPICS_MAX || topics.by_name.contains_key(name);
        if !self.with_catalog(|catalog| room(&catalog.topics)) {
            return Err(Error::TooMany { what: "topics", max: TOPICS_MAX });
        }
        Ok(())
    }

    /// Stores a topic and whatever else is changed with it, then shows it to those who publish.
    async fn keep_topic(&self, topic: Topic, mut effects: Vec<Effect>) -> Result<Arc<Topic>> {
        effects.push(put(TOPIC, topic.name.as_str(), &topic.spec));
        self.store().commit(Commit { guard: None, effects, now: self.now() }).await?;
        Ok(self.show_topic(topic))
    }

    /// Shows a topic that is stored to those who publish.
    fn show_topic(&self, topic: Topic) -> Arc<Topic> {
        let topic = Arc::new(topic);
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        catalog.topics.by_name.insert(topic.name.clone(), Arc::clone(&topic));
        topic
    }
}

/// A document with this content.
fn put(kind: &'static str, key: &str, content: &impl serde::Serialize) -> Effect {
    let text = serde_json::to_string(content).expect("plain data is written as JSON");
    Effect::Put { kind, key: key.to_owned(), text: Some(text) }
}

/// The first setting in which two topics differ. Tags do not matter, as with queues.
fn difference(have: &TopicSpec, want: &TopicSpec) -> Option<&'static str> {
    let settings = [
        ("content-deduplication", have.content_dedup == want.content_dedup),
        ("display-name", have.display_name == want.display_name),
    ];
    settings.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
}
