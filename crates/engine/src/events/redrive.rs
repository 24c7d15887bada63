//! Redrive: dead letters on their way back. It is a row of the store, so it goes on where it was after a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use lambent_core::{QueueName, RequestId};
use lambent_store::{Browse, QueueId, Redrive, RedriveState, Sequence};
use tokio_util::sync::CancellationToken;

use super::dead_letters::Dead;
use super::{Error, Events, Result};

/// Messages that one step moves, at most.
const STEP: u32 = 500;

/// How often a redrive with a rate moves some.
const TICK: Duration = Duration::from_millis(100);

/// Most messages a second that a redrive may be limited to (SQS allows 500).
pub(crate) const RATE_MAX: u32 = 100_000;

/// What is to be moved back.
#[derive(Clone, Debug)]
pub struct RedriveRequest {
    /// From where.
    pub from: Dead,
    /// The queue that they go to; each to where it died without one.
    pub to: Option<QueueName>,
    /// Only those that failed in this way.
    pub fingerprint: Option<String>,
    /// Messages a second, at most.
    pub rate: Option<u32>,
}

/// What a redrive would move if it was started now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedrivePlan {
    /// How many letters there are to move.
    pub total: u64,
    /// How many of those that were looked at would go to which queue, by name; `None` for those that would stay,
    /// because the queue that they died in is unknown or gone.
    pub to: BTreeMap<Option<String>, u64>,
    /// Whether all were looked at, not only the first ones.
    pub complete: bool,
}

impl Events {
    /// Says what a redrive would move, and where to. Nothing moves.
    ///
    /// # Errors
    /// When there is no such queue.
    pub async fn plan_redrive(&self, request: &RedriveRequest) -> Result<RedrivePlan> {
        /// Letters that are looked at together, with their bodies, and altogether.
        const AT_ONCE: u32 = 20;
        const LOOKED_AT: u64 = 10_000;
        let queue = self.dead_queue(&request.from)?.id;
        let mut plan = RedrivePlan {
            total: self.total(&request.from, &request.fingerprint).await?,
            ..RedrivePlan::default()
        };
        if let Some(to) = &request.to {
            let (name, _) = self.named(to.as_str())?;
            plan.to.extend((plan.total > 0).then(|| (Some(name.to_string()), plan.total)));
            return Ok(RedrivePlan { complete: true, ..plan });
        }
        let (mut after, mut seen) = (None, 0);
        while seen < LOOKED_AT {
            let fingerprint = request.fingerprint.clone();
            let browse = Browse { queue, after, only: None, fingerprint, limit: AT_ONCE };
            let letters = self.store().browse(browse).await?;
            let last = letters.last().map(|letter| letter.sequence);
            seen += letters.len() as u64;
            for letter in letters {
                *plan.to.entry(letter.origin.and_then(|origin| self.name_of(origin))).or_default() += 1;
            }
            match last {
                Some(last) => after = Some(last),
                None => return Ok(RedrivePlan { complete: true, ..plan }),
            }
        }
        Ok(plan)
    }

    /// Starts to move dead letters back.
    ///
    /// # Errors
    /// When there is no such queue, or one of its redrives is under way.
    pub async fn start_redrive(&self, request: RedriveRequest) -> Result<Redrive> {
        let RedriveRequest { from, to, fingerprint, rate } = request;
        if rate.is_some_and(|rate| rate == 0 || rate > RATE_MAX) {
            return Err(Error::Invalid(format!("a rate is 1 to {RATE_MAX} messages a second")));
        }
        let _changing = self.inner.changing.lock().await;
        let source = self.dead_queue(&from)?;
        let to = match to {
            Some(name) => Some(self.named(name.as_str())?.1),
            None => None,
        };
        if to.as_ref().is_some_and(|to| to.id == source.id) {
            return Err(Error::Invalid(format!("`{from}` is where they are already")));
        }
        let running = |redrive: &Redrive| redrive.from == source.id && redrive.state == RedriveState::Running;
        if self.store().redrives().await?.iter().any(running) {
            return Err(Error::RedriveRunning(from.to_string()));
        }
        let total = self.total(&from, &fingerprint).await?;
        let redrive = Redrive {
            id: RequestId::from_random(fastrand::u128(..)).to_string(),
            from: source.id,
            to: to.map(|queue| queue.id),
            fingerprint,
            rate,
            started: self.now(),
            last: Sequence(i64::MAX),
            total,
            moved: 0,
            state: RedriveState::Running,
        };
        self.store().put_redrive(redrive.clone()).await?;
        self.inner.redriving.notify_one();
        Ok(redrive)
    }

    /// The redrives, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn redrives(&self) -> Result<Vec<Redrive>> {
        Ok(self.store().redrives().await?)
    }

    /// Stops a redrive; what is moved stays moved.
    ///
    /// # Errors
    /// When it is not under way.
    pub async fn cancel_redrive(&self, id: &str) -> Result<Redrive> {
        let _changing = self.inner.changing.lock().await;
        let running = |redrive: &Redrive| redrive.id == id && redrive.state == RedriveState::Running;
        let found = self.store().redrives().await?.into_iter().find(running);
        let mut redrive = found.ok_or_else(|| Error::NoRedrive(id.to_owned()))?;
        redrive.state = RedriveState::Cancelled;
        self.store().put_redrive(redrive.clone()).await?;
        Ok(redrive)
    }

    /// How many letters there are to move.
    async fn total(&self, from: &Dead, fingerprint: &Option<String>) -> Result<u64> {
        let queue = self.dead_queue(from)?;
        match fingerprint {
            Some(print) => self.count(queue.id, print).await,
            None => {
                let stats = self.stats(&queue).await?;
                Ok(stats.ready + stats.leased + stats.delayed)
            }
        }
    }

    /// How many messages of a queue failed in this way.
    async fn count(&self, queue: QueueId, fingerprint: &str) -> Result<u64> {
        let groups = self.store().groups(queue, u32::MAX).await?;
        Ok(groups.iter().find(|group| group.fingerprint == fingerprint).map_or(0, |group| group.count))
    }

    /// Moves what is to be moved, until `stop`.
    pub(crate) async fn run_redrives(self, stop: CancellationToken) {
        loop {
            let wait = match self.step_redrives().await {
                Ok(0) => None,
                Ok(_) => Some(TICK),
                Err(error) => {
                    Self::complain("a redrive waits", &error);
                    Some(TICK * 10)
                }
            };
            let next = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => self.inner.redriving.notified().await,
                }
            };
            if stop.run_until_cancelled(next).await.is_none() {
                return;
            }
        }
    }

    /// One step of each redrive that is under way; returns how many there are.
    async fn step_redrives(&self) -> Result<usize> {
        let redrives = self.store().redrives().await?;
        let running: Vec<_> = redrives.into_iter().filter(|r| r.state == RedriveState::Running).collect();
        for redrive in &running {
            let limit = due(redrive, self.now().since(redrive.started));
            if limit == 0 {
                continue;
            }
            // Cancelling waits for the step, and no step is made behind a cancellation.
            let _changing = self.inner.changing.lock().await;
            lambent_store::failpoint::pass("redrive-step");
            self.store().step_redrive(&redrive.id, limit, self.now()).await?;
            match redrive.to.and_then(|to| self.queue_by_id(to)) {
                Some(queue) => queue.wake(),
                None => self.all_queues().iter().for_each(|queue| queue.wake()),
            }
        }
        Ok(running.len())
    }
}

/// How many messages a redrive may move now.
fn due(redrive: &Redrive, running: Duration) -> u32 {
    let Some(rate) = redrive.rate else { return STEP };
    // The first ones go at once; after a restart it catches up by one step at most.
    let allowed = running.as_millis() * u128::from(rate) / 1000 + 1;
    let due = allowed.saturating_sub(u128::from(redrive.moved));
    u32::try_from(due).unwrap_or(STEP).min(STEP)
}

#[cfg(test)]
mod tests {
    use lambent_core::Timestamp;

    use super::*;

    #[test]
    fn a_rate_is_kept() {
        let mut redrive = Redrive {
            id: String::new(),
            from: QueueId(1),
            to: None,
            fingerprint: None,
            rate: Some(10),
            started: Timestamp::from_millis(0),
            last: Sequence(i64::MAX),
            total: 1000,
            moved: 0,
            state: RedriveState::Running,
        };
        let mut check = |moved, millis, expect| {
            redrive.moved = moved;
            assert_eq!(due(&redrive, Duration::from_millis(millis)), expect, "{moved} {millis}");
        };
        check(0, 0, 1);
        check(1, 0, 0);
        check(1, 100, 1);
        check(11, 1000, 0);
        check(11, 2000, 10);
        check(0, 1_000_000_000, STEP);
        redrive.rate = None;
        assert_eq!(due(&redrive, Duration::ZERO), STEP);
    }
}
