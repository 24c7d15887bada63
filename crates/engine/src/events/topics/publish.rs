//! Publishing: one message into the queue of each subscriber that wants it.

use bytes::Bytes;
use lambent_core::message::{Value, attributes_size};
use lambent_core::pattern::policy::{Attribute, Kind};
use lambent_core::{Attributes, RequestId, Target, TopicName, limits};
use lambent_store::Effect;

use super::envelope::Envelope;
use super::subscriptions::owner;
use super::{Listener, Topic};
use crate::events::messages::sha256;
use crate::events::{Error, Events, Fanout, Parcel, Result};

/// A message that is published.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    /// The message.
    pub message: String,
    /// What some kinds of subscribers get instead.
    pub bodies: Bodies,
    /// A subject, for those who show it.
    pub subject: Option<String>,
    /// Attributes of the sender's.
    pub attributes: Attributes,
    /// The message group; every message of a topic that keeps order has one.
    pub group: Option<String>,
    /// What tells it from others that are the same message again, where the topic keeps order.
    pub dedup: Option<String>,
    /// The trace that it is part of; that of the fan-out without one.
    pub trace: Option<String>,
}

/// What some kinds of subscribers get instead of the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bodies {
    /// Functions.
    pub function: Option<String>,
    /// Queues.
    pub queue: Option<String>,
    /// `http` addresses.
    pub http: Option<String>,
    /// `https` addresses.
    pub https: Option<String>,
}

/// A message that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its id, which every subscriber sees.
    pub id: RequestId,
    /// Its place, where the topic keeps order.
    pub sequence: Option<u64>,
}

impl Publication {
    /// What a target gets.
    fn body(&self, target: &Target) -> &str {
        let other = match target {
            Target::Function(_) => &self.bodies.function,
            Target::Queue(_) => &self.bodies.queue,
            Target::Http(url) if url.starts_with("https:") => &self.bodies.https,
            Target::Http(_) => &self.bodies.http,
            Target::Topic(_) | Target::Bus(_) => &None,
        };
        other.as_ref().unwrap_or(&self.message)
    }

    /// The deduplication id by content: of everything that somebody may get.
    fn content(&self) -> String {
        let Bodies { function, queue, http, https } = &self.bodies;
        let mut all = self.message.clone();
        for (name, body) in [("function", function), ("queue", queue), ("http", http), ("https", https)] {
            if let Some(body) = body {
                all.extend(["\0", name, "\0", body]);
            }
        }
        sha256(all.as_bytes())
    }

    /// Its bytes, as limits count them.
    pub fn size(&self) -> usize {
        let Bodies { function, queue, http, https } = &self.bodies;
        let others: usize = [function, queue, http, https].into_iter().flatten().map(String::len).sum();
        let subject = self.subject.as_ref().map_or(0, String::len);
        self.message.len() + others + subject + attributes_size(&self.attributes)
    }

    /// Whether a topic takes it.
    fn check(&self, topic: &Topic) -> Result<()> {
        let size = self.size();
        if size > limits::MESSAGE_MAX {
            return Err(Error::TooLarge { size, max: limits::MESSAGE_MAX });
        }
        if !topic.name.is_fifo() {
            return match self.dedup {
                Some(_) => Err(Error::FifoOnly { what: "MessageDeduplicationId" }),
                None => Ok(()),
            };
        }
        if self.group.is_none() {
            return Err(Error::NoGroup(topic.name.to_string()));
        }
        if self.dedup.is_none() && !topic.spec.content_dedup {
            return Err(Error::NoDedup(topic.name.to_string()));
        }
        Ok(())
    }

    /// Its attributes, as filters see them.
    fn seen(&self) -> Vec<Attribute<'_>> {
        self.attributes
            .iter()
            .map(|(name, attribute)| Attribute {
                name,
                kind: kind_of(&attribute.kind),
                value: match &attribute.value {
                    Value::Text(text) => text,
                    Value::Binary(_) => "",
                },
            })
            .collect()
    }
}

fn kind_of(kind: &str) -> Kind {
    match kind.split('.').next() {
        _ if kind == "String.Array" => Kind::StringArray,
        Some("Number") => Kind::Number,
        Some("Binary") => Kind::Binary,
        _ => Kind::String,
    }
}

impl Listener {
    /// Whether the subscriber gets a message.
    fn wants(&self, publication: &Publication, seen: &[Attribute<'_>]) -> bool {
        let body = publication.body(&self.subscription.target);
        self.subscription.unconfirmed.is_none()
            && self.filter.as_ref().is_none_or(|filter| filter.matches(seen, body))
    }
}

impl Events {
    /// Publishes messages to a topic. Each has a result of its own; those that are accepted are on disk, in the queues
    /// of all who want them, or none of them is.
    ///
    /// # Errors
    /// When there is no such topic, or the store could not take any.
    pub async fn publish(
        &self,
        topic: &TopicName,
        messages: Vec<Publication>,
    ) -> Result<Vec<Result<Published>>> {
        let topic = self.topic(topic)?;
        let mut fanout = Fanout::new(self.now(), None);
        let mut results = Vec::with_capacity(messages.len());
        for publication in messages {
            results.push(match publication.check(&topic) {
                Ok(()) => Ok(self.spread(&mut fanout, &topic, publication).await?),
                Err(error) => Err(error),
            });
        }
        self.commit_fanout(fanout).await?;
        Ok(results)
    }

    /// Adds what a topic makes of a message to a fan-out. Topics lead to no further topic or bus, so nothing can go
    /// round in circles here; two rules that lead to one topic are two messages.
    ///
    /// # Errors
    /// When there is no such topic, or it does not take the message.
    pub(crate) async fn publish_into(
        &self,
        fanout: &mut Fanout,
        topic: &TopicName,
        publication: Publication,
    ) -> Result<RequestId> {
        let topic = self.topic(topic)?;
        publication.check(&topic)?;
        Ok(self.spread(fanout, &topic, publication).await?.id)
    }

    /// Adds a message for each subscriber that wants one.
    async fn spread(
        &self,
        fanout: &mut Fanout,
        topic: &Topic,
        mut publication: Publication,
    ) -> Result<Published> {
        let fifo = topic.name.is_fifo();
        let sequence = fifo.then(|| self.with_catalog(|catalog| catalog.topics.next_sequence(fanout.now)));
        if fifo && publication.dedup.is_none() {
            // Of the message and not of the envelope, which is another every time.
            publication.dedup = Some(publication.content());
        }
        let published = Published { id: RequestId::from_random(fastrand::u128(..)), sequence };
        let trace = publication.trace.take().or_else(|| fanout.trace.clone());
        let outer = std::mem::replace(&mut fanout.trace, trace);
        let seen = publication.seen();
        let wanted = topic.listeners.iter().filter(|listener| listener.wants(&publication, &seen));
        let mut done = Ok(());
        for listener in wanted {
            done = self.hand_over(fanout, listener, &publication, published).await;
            if done.is_err() {
                break;
            }
        }
        fanout.trace = outer;
        done.map(|()| published)
    }

    /// Adds the message for one subscriber.
    async fn hand_over(
        &self,
        fanout: &mut Fanout,
        listener: &Listener,
        publication: &Publication,
        published: Published,
    ) -> Result<()> {
        let subscription = &listener.subscription;
        let target = &subscription.target;
        let envelope = Envelope {
            topic: self.node().topic_arn(&subscription.topic),
            subscription: self.subscription_arn(subscription),
            endpoint: self.endpoint(),
            published,
            at: fanout.now,
            subject: publication.subject.as_deref(),
            message: publication.body(target),
            attributes: &publication.attributes,
        };
        let from = lambent_core::Attribute::text(envelope.subscription.clone());
        let mut parcel = Parcel {
            group: publication.group.clone(),
            dedup: publication.dedup.clone(),
            dead_letter: subscription.dead_letter.clone(),
            dead_attributes: Attributes::from([("SUBSCRIPTION_ARN".to_owned(), from)]),
            owner: format!("topic:{}", subscription.topic),
            ..Parcel::default()
        };
        parcel.body = match target {
            Target::Function(_) => envelope.for_function(),
            _ if subscription.raw => Bytes::copy_from_slice(envelope.message.as_bytes()),
            _ => envelope.notification(),
        };
        let key = match target {
            Target::Http(_) => format!("address:{}", owner(&subscription.id)),
            target => target.to_string(),
        };
        if matches!(target, Target::Queue(_)) && subscription.raw {
            if publication.attributes.len() > limits::ATTRIBUTES_MAX {
                let (code, max) = ("TOO_MANY_ATTRIBUTES", limits::ATTRIBUTES_MAX);
                let message = format!("a queue takes {max} attributes, and raw messages have all of theirs");
                return self.undeliverable(fanout, parcel, code, &message).await;
            }
            parcel.attributes = publication.attributes.clone();
        }
        self.deliver(fanout, &key, parcel).await?;
        if matches!(target, Target::Http(_)) {
            name_last(fanout, published.id);
        }
        Ok(())
    }

    /// Adds the question whether an address wants what a topic is told, where it has not been answered.
    pub(super) async fn ask(
        &self,
        fanout: &mut Fanout,
        subscription: &lambent_core::topic::Subscription,
    ) -> Result<()> {
        let Some(token) = &subscription.unconfirmed else { return Ok(()) };
        let id = RequestId::from_random(fastrand::u128(..));
        let topic = self.node().topic_arn(&subscription.topic);
        let kind = lambent_core::Attribute::text(CONFIRMATION);
        let parcel = Parcel {
            body: super::envelope::confirmation(self.endpoint(), &topic, token, id, fanout.now),
            attributes: Attributes::from([(KIND.to_owned(), kind)]),
            owner: format!("topic:{}", subscription.topic),
            ..Parcel::default()
        };
        self.deliver(fanout, &format!("address:{}", owner(&subscription.id)), parcel).await?;
        name_last(fanout, id);
        Ok(())
    }
}

/// The attribute by which the outbox knows a message that is no notification.
pub(in crate::events) const KIND: &str = "x-amz-sns-message-type";

/// The kind of message that asks an address whether it wants what the topic is told.
pub(in crate::events) const CONFIRMATION: &str = "SubscriptionConfirmation";

/// Gives the message that was added last the id that the envelope has, because the request's headers say it too.
fn name_last(fanout: &mut Fanout, id: RequestId) {
    if let Some(Effect::Enqueue { message, .. }) = fanout.effects.last_mut() {
        message.id = id;
    }
}
