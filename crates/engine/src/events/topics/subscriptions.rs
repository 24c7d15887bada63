//! Who wants what a topic is told: subscribing, changing, confirming.

use std::sync::Arc;

use lambent_core::topic::{Subscription, SubscriptionSpec};
use lambent_core::{QueueName, RequestId, Target, TopicName, limits};
use lambent_store::Effect;

use super::{Listener, SUBSCRIPTION, Topic, put};
use crate::events::catalog::{Address, Purpose};
use crate::events::{Error, Events, Fanout, Result};

impl Events {
    /// Subscribes to a topic. Whoever has subscribed already with the same settings gets the same subscription; an
    /// address is sent a token first, and nothing else until [`Events::confirm_subscription`] is told of it.
    ///
    /// # Errors
    /// When there is no such topic or target, when the settings do not fit together, when the target has subscribed
    /// with other settings, or when there are too many.
    pub async fn subscribe(&self, topic: &TopicName, spec: SubscriptionSpec) -> Result<Subscription> {
        let _changing = self.inner.changing.lock().await;
        let topic = self.topic(topic)?;
        self.check_queues(&topic, &spec)?;
        self.check_subscription(&topic, &spec)?;
        if let Some(subscription) = topic.subscriptions().find(|have| have.target == spec.target) {
            if SubscriptionSpec::of(subscription) != spec {
                return Err(Error::Invalid(format!(
                    "the topic `{}` sends to {} already, with other settings",
                    topic.name, spec.target
                )));
            }
            // Its token may have been lost on the way.
            let mut fanout = Fanout::new(self.now(), None);
            self.ask(&mut fanout, subscription).await?;
            self.commit_fanout(fanout).await?;
            return Ok(subscription.clone());
        }
        if topic.listeners.len() >= limits::SUBSCRIPTIONS_MAX {
            return Err(Error::TooMany { what: "subscriptions", max: limits::SUBSCRIPTIONS_MAX });
        }
        let id = RequestId::from_random(random()?);
        let mut subscription = spec.subscription(&topic.name, id.to_string());
        if matches!(subscription.target, Target::Http(_)) {
            // It names its subscription, so that one that is used twice is known.
            let id: String = subscription.id.split('-').collect();
            subscription.unconfirmed = Some(format!("{id}{:032x}", random()?));
        }
        self.place(&subscription).await?;
        let mut fanout = Fanout::new(self.now(), None);
        self.ask(&mut fanout, &subscription).await?;
        let listener = Listener::new(subscription.clone()).map_err(invalid)?;
        let mut changed = Topic::clone(&topic);
        changed.listeners.push(listener);
        fanout.effects.push(put(SUBSCRIPTION, &subscription.id, &subscription));
        self.commit_fanout(fanout).await?;
        self.show_topic(changed);
        Ok(subscription)
    }

    /// Ends a subscription. What was published before is still delivered.
    ///
    /// # Errors
    /// When there is none.
    pub async fn unsubscribe(&self, topic: &TopicName, id: &str) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let mut topic = Topic::clone(&*self.topic(topic)?);
        topic.subscription(id)?;
        topic.listeners.retain(|listener| listener.subscription.id != id);
        let gone = Effect::Put { kind: SUBSCRIPTION, key: id.to_owned(), text: None };
        self.keep_topic(topic, vec![gone]).await.map(drop)
    }

    /// Changes what a subscriber asks for. The target stays.
    ///
    /// # Errors
    /// When there is no such subscription, or it cannot be that way.
    pub async fn change_subscription(
        &self,
        topic: &TopicName,
        id: &str,
        change: impl FnOnce(&mut SubscriptionSpec),
    ) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let topic = self.topic(topic)?;
        let before = topic.subscription(id)?;
        let mut spec = SubscriptionSpec::of(before);
        change(&mut spec);
        spec.target = before.target.clone();
        if spec.dead_letter != before.dead_letter {
            self.check_dead_letter(&topic, &spec)?;
        }
        self.check_subscription(&topic, &spec)?;
        let (unconfirmed, declared) = (before.unconfirmed.clone(), before.declared);
        let after =
            Subscription { unconfirmed, declared, ..spec.subscription(&topic.name, before.id.clone()) };
        self.replace_subscription(&topic, after).await.map(drop)
    }

    /// The subscriptions of a topic.
    ///
    /// # Errors
    /// When there is no such topic.
    pub fn subscriptions(&self, topic: &TopicName) -> Result<Vec<Subscription>> {
        Ok(self.topic(topic)?.subscriptions().cloned().collect())
    }

    /// The token came back from an address: it is sent what is published from now on. Once more is fine.
    ///
    /// # Errors
    /// When no subscription of the topic waits for this token.
    pub async fn confirm_subscription(&self, topic: &TopicName, token: &str) -> Result<Subscription> {
        let _changing = self.inner.changing.lock().await;
        let topic = self.topic(topic)?;
        let names =
            |id: &str| token.get(..32).is_some_and(|start| id.split('-').collect::<String>() == start);
        let unknown = || Error::Invalid("no subscription of the topic waits for this token".to_owned());
        let found = topic.subscriptions().find(|have| names(&have.id)).ok_or_else(unknown)?;
        match &found.unconfirmed {
            None if matches!(found.target, Target::Http(_)) => Ok(found.clone()),
            Some(expected) if expected == token => {
                let after = Subscription { unconfirmed: None, ..found.clone() };
                self.replace_subscription(&topic, after).await
            }
            _ => Err(unknown()),
        }
    }

    async fn replace_subscription(&self, topic: &Topic, after: Subscription) -> Result<Subscription> {
        let mut changed = topic.clone();
        let listener = Listener::new(after.clone()).map_err(invalid)?;
        self.place(&after).await?;
        for have in &mut changed.listeners {
            if have.subscription.id == after.id {
                *have = Arc::clone(&listener);
            }
        }
        self.keep_topic(changed, vec![put(SUBSCRIPTION, &after.id, &after)]).await?;
        Ok(after)
    }

    /// Whether a topic can have such a subscription.
    pub(super) fn check_subscription(&self, topic: &Topic, spec: &SubscriptionSpec) -> Result<()> {
        let refuse = |reason: &str| {
            Err(Error::Invalid(format!(
                "{} cannot get what is published to `{}`: {reason}",
                spec.target, topic.name
            )))
        };
        let fifo = topic.name.is_fifo();
        match &spec.target {
            Target::Queue(name) if name.is_fifo() != fifo => {
                return refuse("one of them keeps order and the other does not");
            }
            Target::Function(_) | Target::Http(_) if fifo => {
                return refuse("a topic that keeps order sends to queues that keep order only");
            }
            Target::Function(_) if spec.raw => {
                return refuse("functions always get the envelope, never raw messages");
            }
            Target::Http(url) if !can_be_asked(url) => return refuse("it is no address"),
            Target::Queue(_) | Target::Function(_) | Target::Http(_) => {}
            Target::Topic(_) | Target::Bus(_) => {
                return refuse("topics send to functions, queues and addresses");
            }
        }
        if let Some(filter) = &spec.filter {
            lambent_core::pattern::policy::FilterPolicy::parse(&filter.policy, filter.scope)
                .map_err(invalid)?;
        }
        match &spec.dead_letter {
            Some(to) if to.is_fifo() != fifo => {
                Err(dead_letters(topic, to, "one of them keeps order and the other does not"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the queues are there that a subscription is made with. They may go later: it can be changed still.
    pub(super) fn check_queues(&self, topic: &Topic, spec: &SubscriptionSpec) -> Result<()> {
        if let Target::Queue(name) = &spec.target {
            self.named(name.as_str())?;
        }
        self.check_dead_letter(topic, spec)
    }

    fn check_dead_letter(&self, topic: &Topic, spec: &SubscriptionSpec) -> Result<()> {
        match &spec.dead_letter {
            Some(to) if self.queue(to.as_str()).is_none() => {
                Err(dead_letters(topic, to, "there is no such queue"))
            }
            _ => Ok(()),
        }
    }

    /// Makes the queue that a subscription's messages wait in, if it is not one of the user's. A function need not be
    /// deployed yet: what comes for it waits.
    pub(super) async fn place(&self, subscription: &Subscription) -> Result<()> {
        match &subscription.target {
            Target::Function(name) => self.ensure(Purpose::Function(name.clone())).await.map(drop),
            Target::Http(url) => {
                let topic = self.node().topic_arn(&subscription.topic);
                let itself = self.subscription_arn(subscription);
                let address = Address {
                    owner: owner(&subscription.id),
                    url: url.clone(),
                    retry: subscription.retry,
                    dead_letter: subscription.dead_letter.clone(),
                    subscription: Some((topic, itself, subscription.raw)),
                };
                self.ensure(Purpose::Address(address)).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// The name that clients know a subscription by.
    pub fn subscription_arn(&self, subscription: &Subscription) -> String {
        format!("{}:{}", self.node().topic_arn(&subscription.topic), subscription.id)
    }
}

/// Whether a request can be made of an address.
fn can_be_asked(url: &str) -> bool {
    let Some(authority) = url.parse::<http::Uri>().ok().and_then(|uri| uri.authority().cloned()) else {
        return false;
    };
    let port = authority.as_str().rsplit_once(authority.host()).map_or("", |(_, port)| port);
    port.is_empty() || authority.port_u16().is_some()
}

/// How an address's queue names the subscription that it is for.
pub(super) fn owner(id: &str) -> String {
    format!("subscription:{id}")
}

fn dead_letters(topic: &Topic, to: &QueueName, reason: &str) -> Error {
    let (name, to, reason) = (topic.name.to_string(), to.to_string(), reason.to_owned());
    Error::DeadLetters { name, to, reason }
}

pub(super) fn invalid(error: impl std::fmt::Display) -> Error {
    Error::Invalid(error.to_string())
}

/// Random bits that nobody can guess: who has a token may confirm.
pub(super) fn random() -> Result<u128> {
    let mut bytes = [0; 16];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(16) => Ok(u128::from_be_bytes(bytes)),
        _ => Err(Error::Invalid("this machine gives no random numbers".to_owned())),
    }
}
