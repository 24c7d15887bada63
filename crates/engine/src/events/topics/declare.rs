//! Topics as the manifest has them.

use std::sync::Arc;

use lambent_core::topic::{Subscription, SubscriptionSpec, TopicSpec};
use lambent_core::{RequestId, TopicName, limits};
use lambent_store::Effect;

use super::subscriptions::{invalid, random};
use super::{Listener, SUBSCRIPTION, Topic, put};
use crate::events::{Error, Events, Result};

impl Events {
    /// Makes a topic as the manifest has it, or makes the one that is there so. Subscriptions that an earlier
    /// manifest had and this one has not go; those that clients made stay, unless the manifest has one to the same
    /// target, which takes their place. Addresses of the manifest need no confirmation: the owner has written them.
    ///
    /// # Errors
    /// When it cannot be that way: nothing is changed then.
    pub async fn declare_topic(
        &self,
        name: &TopicName,
        spec: TopicSpec,
        subscriptions: Vec<SubscriptionSpec>,
    ) -> Result<Arc<Topic>> {
        let _changing = self.inner.changing.lock().await;
        self.check_topic(name, &spec)?;
        let before = self.topic(name).map_or_else(|_| Vec::new(), |topic| topic.listeners.clone());
        let mut topic = Topic { name: name.clone(), spec, listeners: Vec::new() };
        let mut effects = Vec::new();
        for spec in subscriptions {
            if topic.subscriptions().any(|have| have.target == spec.target) {
                return Err(Error::Invalid(format!("the topic `{name}` sends to {} twice", spec.target)));
            }
            self.check_queues(&topic, &spec)?;
            self.check_subscription(&topic, &spec)?;
            let same = before.iter().find(|have| have.subscription.target == spec.target);
            let id = match same {
                Some(have) => have.subscription.id.clone(),
                None => RequestId::from_random(random()?).to_string(),
            };
            let subscription = Subscription { declared: true, ..spec.subscription(name, id) };
            if same.is_none_or(|have| have.subscription != subscription) {
                effects.push(put(SUBSCRIPTION, &subscription.id, &subscription));
            }
            topic.listeners.push(Listener::new(subscription).map_err(invalid)?);
        }
        for have in before {
            if topic.subscription(&have.subscription.id).is_ok() {
                continue;
            }
            if have.subscription.declared {
                let key = have.subscription.id.clone();
                effects.push(Effect::Put { kind: SUBSCRIPTION, key, text: None });
            } else {
                topic.listeners.push(have);
            }
        }
        if topic.listeners.len() > limits::SUBSCRIPTIONS_MAX {
            return Err(Error::TooMany { what: "subscriptions", max: limits::SUBSCRIPTIONS_MAX });
        }
        for listener in &topic.listeners {
            self.place(&listener.subscription).await?;
        }
        self.keep_topic(topic, effects).await
    }
}
