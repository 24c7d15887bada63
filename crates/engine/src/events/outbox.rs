//! The outbox: what is on its way to addresses.
//!
//! Every address has a queue, and every queue a pump of its own: a few requests at once, each with a time limit, so
//! that an address that hangs holds up nobody but itself. A message leaves its queue when the address has taken it,
//! or goes to the dead letters when it was tried often enough; each end is one commit.

mod post;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lambent_core::decide::{History, Step, decide};
use lambent_core::fingerprint::fingerprint;
use lambent_core::{Arn, Attribute, Attributes, Failure, FunctionError, Jitter, Outcome, TopicName, limits};
use lambent_store::{Commit, Effect, Fence, Guard, Leased, QueueId, Released};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalog::{Address, Purpose, Queue};
use super::{Error, Events, Result, Take};
use post::{Answer, Post, TIMEOUT};

/// Requests to one address at once.
const AT_ONCE_EACH: u32 = 8;
/// Requests of the node at once.
const AT_ONCE: usize = 64;
/// How long a message belongs to the request that it is sent with: longer than waiting for a place, the request and
/// the commit take together.
const VISIBILITY: Duration = Duration::from_secs(60);
/// How long a message waits for a place before it is given back.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for queues that are no longer needed; new ones are told of.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the end of a request is committed before it is left to the lease.
const SETTLE_TRIES: u32 = 3;
/// How long to wait after the store could not do something.
const PAUSE: Duration = Duration::from_secs(1);

/// Sends what waits for addresses until `stop`. What is under way then is given back by its lease.
pub(crate) async fn run(events: Events, tasks: TaskTracker, stop: CancellationToken) {
    let outbox = Arc::new(Outbox {
        post: Post::new(tasks.clone(), stop.clone()),
        places: Arc::new(Semaphore::new(AT_ONCE)),
        events,
        tasks,
        stop,
    });
    let mut pumps: HashMap<QueueId, JoinHandle<()>> = HashMap::new();
    let mut added = outbox.events.inner.added.subscribe();
    loop {
        added.mark_unchanged();
        pumps.retain(|_, pump| !pump.is_finished());
        for queue in outbox.queues() {
            pumps.entry(queue.id).or_insert_with(|| outbox.start(&queue));
            // Where the store cannot do it now, it is asked again in a moment.
            drop(outbox.clear(&queue).await);
        }
        let look = tokio::time::timeout(LOOK_EVERY, added.changed());
        if outbox.stop.run_until_cancelled(look).await.is_none() {
            return;
        }
    }
}

/// What all pumps share.
#[derive(Debug)]
struct Outbox {
    events: Events,
    tasks: TaskTracker,
    stop: CancellationToken,
    post: Post,
    places: Arc<Semaphore>,
}

/// Sends what is in one queue.
#[derive(Debug)]
struct Pump {
    outbox: Arc<Outbox>,
    queue: Arc<Queue>,
    places: Arc<Semaphore>,
    /// Whether the address did not answer the last time, or was never asked: it is asked one thing at a time then, so
    /// that addresses that hang do not take all the places of the node.
    wary: AtomicBool,
}

impl Outbox {
    /// The queues of addresses.
    fn queues(&self) -> Vec<Arc<Queue>> {
        let range = "address:".to_owned().."address;".to_owned();
        self.events
            .with_catalog(|catalog| catalog.queues.range(range).map(|(_, queue)| Arc::clone(queue)).collect())
    }

    /// Starts the pump of a queue.
    fn start(self: &Arc<Self>, queue: &Arc<Queue>) -> JoinHandle<()> {
        let pump = Pump {
            outbox: Arc::clone(self),
            queue: Arc::clone(queue),
            places: Arc::new(Semaphore::new(AT_ONCE_EACH as usize)),
            wary: AtomicBool::new(true),
        };
        self.tasks.spawn(Arc::new(pump).run())
    }

    /// Removes the queue of a subscription that is no more, once everything in it is delivered.
    async fn clear(&self, queue: &Queue) -> Result<()> {
        if self.is_wanted(queue) {
            return Ok(());
        }
        // Subscribing makes the queue before the subscription: not in between.
        let _changing = self.events.inner.changing.lock().await;
        let stats = self.events.stats(queue).await?;
        if !self.is_wanted(queue) && stats.ready + stats.leased + stats.delayed == 0 {
            self.events.remove(queue).await?;
        }
        Ok(())
    }

    /// Whether anybody may still send to a queue.
    fn is_wanted(&self, queue: &Queue) -> bool {
        let definition = queue.definition();
        let Purpose::Address(Address { owner, subscription: Some((topic, ..)), .. }) = &definition.purpose
        else {
            return true;
        };
        let topic: Option<TopicName> = Arn::parse(topic).and_then(|arn| arn.topic());
        let id = owner.strip_prefix("subscription:").unwrap_or(owner);
        topic.is_some_and(|topic| self.events.topic(&topic).is_ok_and(|topic| topic.subscription(id).is_ok()))
    }
}

impl Pump {
    /// Leases what is due and sends it, until the node stops or the queue is gone.
    async fn run(self: Arc<Self>) {
        let Outbox { events, tasks, stop, .. } = &*self.outbox;
        loop {
            let weight = if self.wary.load(Ordering::Relaxed) { AT_ONCE_EACH } else { 1 };
            let place = Arc::clone(&self.places).acquire_many_owned(weight);
            let Some(Ok(place)) = stop.run_until_cancelled(place).await else { return };
            // Taking the first place may have waited for the end of a request that hung.
            let one = weight > 1 || self.wary.load(Ordering::Relaxed);
            let more = if one { 0 } else { self.places.available_permits() };
            let take = Take {
                max: u32::try_from(more).unwrap_or_default() + 1,
                max_bytes: limits::MESSAGE_MAX * 2,
                keep: VISIBILITY,
                wait: limits::WAIT_MAX,
            };
            match events.take(&self.queue, take, stop).await {
                Ok(_) if stop.is_cancelled() => return,
                Ok((_, batch)) => {
                    let mut first = Some(place);
                    for leased in batch {
                        let next = || Arc::clone(&self.places).try_acquire_owned().ok();
                        let Some(place) = first.take().or_else(next) else { break };
                        tasks.spawn(Arc::clone(&self).send(leased, place));
                    }
                }
                Err(Error::Store(lambent_store::Error::NoQueue(_))) => return,
                Err(error) => {
                    Events::complain("what waits for an address cannot be read", &error);
                    if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Sends a message and settles it. `_place` is this address's, held until it is over.
    async fn send(self: Arc<Self>, leased: Leased, _place: OwnedSemaphorePermit) {
        let Outbox { stop, post, places, .. } = &*self.outbox;
        let Purpose::Address(address) = self.queue.purpose() else { return };
        let place = tokio::time::timeout(PATIENCE, Arc::clone(places).acquire_owned());
        let answer = match stop.run_until_cancelled(place).await {
            None | Some(Ok(Err(_))) => return,
            Some(Err(_)) => {
                let (receipt, at) = (leased.receipt, self.outbox.events.now());
                return self.settle(&leased, Effect::Release { receipt, at, why: Released::Throttled }).await;
            }
            Some(Ok(Ok(_place))) => stop.run_until_cancelled(post.send(&address, &leased.message)).await,
        };
        let Some(answer) = answer else { return };
        self.wary.store(matches!(answer, Answer::TimedOut), Ordering::Relaxed);
        let effect = self.next(&address, &leased, answer).await;
        self.settle(&leased, effect).await;
    }

    /// What becomes of a message after this answer.
    async fn next(&self, address: &Address, leased: &Leased, answer: Answer) -> Effect {
        let (receipt, now) = (leased.receipt, self.outbox.events.now());
        let mut failure = failure(address, leased, &answer);
        failure.at = now;
        let step = match &answer {
            Answer::Taken => Step::Done,
            Answer::Refused(_) => return self.bury(address, leased, "Refused", &answer, failure).await,
            Answer::Failed(..) | Answer::TimedOut => {
                let outcome = match answer {
                    Answer::TimedOut => Outcome::TimedOut { after: TIMEOUT },
                    _ => Outcome::Failed(FunctionError::new(&failure.kind, &failure.message)),
                };
                let age = now.since(leased.message.sent);
                let history = History { attempts: leased.message.receives, throttles: 0, age };
                decide(&outcome, &address.retry, &history, Jitter::new(fastrand::f64()))
            }
        };
        match step {
            Step::Done => Effect::Ack { receipt, fence: Fence::Current },
            Step::Retry { after, .. } => {
                Effect::Release { receipt, at: now.plus(after), why: Released::Failed(Some(failure)) }
            }
            Step::Bury(condition) => self.bury(address, leased, condition.as_str(), &answer, failure).await,
        }
    }

    /// A message goes to the dead letters. Where they cannot be made it is kept and tried again.
    async fn bury(
        &self,
        address: &Address,
        leased: &Leased,
        condition: &str,
        answer: &Answer,
        mut failure: Failure,
    ) -> Effect {
        let (receipt, events) = (leased.receipt, &self.outbox.events);
        failure.condition = condition.to_owned();
        let named = address.dead_letter.as_ref().and_then(|name| events.queue(name.as_str()));
        let to = match named.filter(|queue| !queue.fifo) {
            Some(queue) => Ok(queue),
            None => events.ensure(Purpose::Dead(address.owner.clone())).await,
        };
        let Ok(to) = to else {
            let at = events.now().plus(address.retry.max_delay.max(PAUSE));
            return Effect::Release { receipt, at, why: Released::Failed(Some(failure)) };
        };
        let attributes = Attributes::from([
            ("RequestID".to_owned(), Attribute::text(leased.message.id.as_str())),
            // 0 where there was no answer.
            ("ErrorCode".to_owned(), Attribute::number(answer.status().unwrap_or_default())),
            ("ErrorMessage".to_owned(), Attribute::text(failure.message.clone())),
        ]);
        Effect::Bury { receipt, to: to.id, failure, attributes }
    }

    /// Commits what becomes of a message. Where that fails for good, its lease gives it back.
    async fn settle(&self, leased: &Leased, effect: Effect) {
        let Outbox { events, stop, .. } = &*self.outbox;
        for _ in 0..SETTLE_TRIES {
            let (guard, effects) = (Some(Guard::Receipt(leased.receipt)), vec![effect.clone()]);
            match events.store().commit(Commit { guard, effects, now: events.now() }).await {
                Ok(_) => break,
                Err(error) => Events::complain("what an address answered cannot be kept", &error),
            }
            if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
        }
        if let Effect::Bury { to, .. } = effect
            && let Some(dead) = events.queue_by_id(to)
        {
            dead.wake();
        }
        // The pump may be waiting for a later time than that of the next try.
        self.queue.wake();
    }
}

/// Why a message failed, as far as the answer tells.
fn failure(address: &Address, leased: &Leased, answer: &Answer) -> Failure {
    // What is behind the question mark may be secret.
    let by = address.url.split('?').next().unwrap_or_default().to_owned();
    let (kind, mut message) = (answer.kind(), answer.to_string());
    message.truncate(message.floor_char_boundary(limits::FAILURE_MESSAGE_MAX));
    let fingerprint = fingerprint(&by, &kind, &message);
    Failure { fingerprint, by, kind, message, attempt: leased.message.receives, ..Failure::default() }
}
