//! Queues that users know: making, changing, removing them.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use lambent_core::{QueueName, QueueSpec, limits};
use lambent_store::Stats;

use super::catalog::{Purpose, Queue};
use super::{Error, Events, Result};

/// Shortest time between two purges of a queue (SQS).
const PURGE_EVERY: Duration = Duration::from_secs(60);

/// How many queues of dead letters are followed until a chain is taken for a circle.
const CHAIN_MAX: usize = 64;

impl Events {
    /// Makes a queue. One that is there already with the same settings is fine.
    ///
    /// # Errors
    /// When it is there with other settings, or when the dead letters have nowhere to go.
    pub async fn create_queue(&self, name: &QueueName, spec: QueueSpec) -> Result<Arc<Queue>> {
        let _changing = self.inner.changing.lock().await;
        if let Some(queue) = self.queue(name.as_str()) {
            return match difference(&queue.spec(), &spec) {
                None => Ok(queue),
                Some(attribute) => Err(Error::QueueExists { name: name.to_string(), attribute }),
            };
        }
        self.check_spec(name, &spec)?;
        self.ensure(Purpose::Named(name.clone(), spec)).await
    }

    /// Makes a queue, or gives the one that is there these settings.
    ///
    /// # Errors
    /// When the dead letters have nowhere to go.
    pub async fn declare_queue(&self, name: &QueueName, spec: QueueSpec) -> Result<Arc<Queue>> {
        let _changing = self.inner.changing.lock().await;
        self.check_spec(name, &spec)?;
        self.ensure(Purpose::Named(name.clone(), spec)).await
    }

    /// Changes what is said about a queue.
    ///
    /// # Errors
    /// When there is no such queue, or the dead letters have nowhere to go.
    pub async fn change_queue(&self, name: &str, change: impl FnOnce(&mut QueueSpec)) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let (name, queue) = self.named(name)?;
        let mut spec = queue.spec();
        change(&mut spec);
        self.check_spec(&name, &spec)?;
        self.ensure(Purpose::Named(name, spec)).await?;
        // Shorter times may make something due.
        queue.wake();
        Ok(())
    }

    /// The queue of this name, where users know it.
    pub fn queue(&self, name: &str) -> Option<Arc<Queue>> {
        self.queue_by_key(&format!("queue:{name}"))
    }

    /// The queue of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(&self, name: &str) -> Result<(QueueName, Arc<Queue>)> {
        let queue = self.queue(name).ok_or_else(|| Error::NoQueue(name.to_owned()))?;
        let name = queue.name().ok_or_else(|| Error::NoQueue(name.to_owned()))?;
        Ok((name, queue))
    }

    /// The name of the queue with this number, where users know it.
    pub fn queue_name(&self, id: lambent_store::QueueId) -> Option<QueueName> {
        self.queue_by_id(id)?.name()
    }

    /// Every queue that users know, by name.
    pub fn queues(&self) -> Vec<(QueueName, Arc<Queue>)> {
        let named = |queue: Arc<Queue>| Some((queue.name()?, queue));
        self.all_queues().into_iter().filter_map(named).collect()
    }

    /// The queues that send their dead letters to the one called `name`.
    pub fn queues_dying_into(&self, name: &str) -> Vec<QueueName> {
        let dies_there = |queue: &Queue| queue.spec().redrive.is_some_and(|to| to.queue.as_str() == name);
        self.queues().into_iter().filter(|(_, queue)| dies_there(queue)).map(|(name, _)| name).collect()
    }

    /// Removes a queue and everything in it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_queue(&self, name: &str) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let (_, queue) = self.named(name)?;
        self.remove(&queue).await
    }

    /// Removes every message of a queue, those in flight too.
    ///
    /// # Errors
    /// When there is none, or when it was purged within the last minute.
    pub async fn purge_queue(&self, name: &str) -> Result<u64> {
        let (_, queue) = self.named(name)?;
        let now = self.now();
        {
            let mut purged = queue.purged.write().unwrap_or_else(PoisonError::into_inner);
            if purged.is_some_and(|last| now < last.plus(PURGE_EVERY)) {
                return Err(Error::PurgedRecently { name: name.to_owned(), wait: PURGE_EVERY });
            }
            *purged = Some(now);
        }
        Ok(self.store().purge(queue.id).await?)
    }

    /// What a queue holds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn stats(&self, queue: &Queue) -> Result<Stats> {
        Ok(self.store().stats(queue.id, self.now()).await?)
    }

    /// Whether the dead letters of a queue with these settings have somewhere to go.
    fn check_spec(&self, name: &QueueName, spec: &QueueSpec) -> Result<()> {
        let Some(redrive) = &spec.redrive else { return Ok(()) };
        let refuse = |reason: String| {
            let (name, to) = (name.to_string(), redrive.queue.to_string());
            Err(Error::DeadLetters { name, to, reason })
        };
        if redrive.queue.is_fifo() != name.is_fifo() {
            return refuse("one of them keeps order and the other does not".to_owned());
        }
        if redrive.queue == *name {
            return refuse("it is the same queue; a message would go round in circles".to_owned());
        }
        let Some(dead) = self.queue(redrive.queue.as_str()) else {
            return refuse("there is no such queue".to_owned());
        };
        if !dead.spec().redrive_allow.admits(name) {
            return refuse(format!("`{}` does not take dead letters from it", redrive.queue));
        }
        let mut chain = vec![redrive.queue.clone()];
        while let Some(next) = chain.last().and_then(|last| self.queue(last.as_str())?.spec().redrive) {
            if next.queue == *name || chain.len() >= CHAIN_MAX {
                let path: Vec<_> = chain.iter().map(QueueName::as_str).collect();
                return refuse(format!(
                    "dead letters would go round in circles: {name} -> {} -> {name}",
                    path.join(" -> ")
                ));
            }
            chain.push(next.queue);
        }
        Ok(())
    }

    /// The messages of every queue that are too old go; returns how many.
    pub(crate) async fn expire(&self) -> Result<u64> {
        const AT_ONCE: u32 = 1000;
        let mut gone = 0;
        for queue in self.all_queues() {
            let retention = match queue.purpose() {
                Purpose::Named(_, spec) => spec.retention,
                Purpose::Dead(_) => limits::DEAD_RETENTION,
                // Their age is a matter of the retry policy, which ends in the dead letters and not in nothing.
                Purpose::Function(_) | Purpose::Address(_) => continue,
            };
            let before = self.now().minus(retention);
            loop {
                let expired = self.store().expire(queue.id, before, AT_ONCE).await?;
                gone += expired;
                if expired < u64::from(AT_ONCE) {
                    break;
                }
            }
        }
        Ok(gone)
    }
}

/// The first setting in which two queues differ. Tags do not matter (SQS CreateQueue).
fn difference(have: &QueueSpec, want: &QueueSpec) -> Option<&'static str> {
    let settings = [
        ("delay", have.delay == want.delay),
        ("message-max", have.message_max == want.message_max),
        ("retention", have.retention == want.retention),
        ("wait", have.wait == want.wait),
        ("visibility", have.visibility == want.visibility),
        ("dead-letter", have.redrive == want.redrive),
        ("redrive-allow", have.redrive_allow == want.redrive_allow),
        ("content-deduplication", have.content_dedup == want.content_dedup),
        ("deduplication-scope", have.dedup_by_group == want.dedup_by_group),
    ];
    settings.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
}
