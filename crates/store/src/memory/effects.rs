//! Commits: each effect by itself, in order, behind one guard.

use lambent_core::{Attributes, Failure, Timestamp};

use crate::effect::{Commit, Effect, Effected, Fence, Guard, Meter, Released};
use crate::memory::state::{Kept, KeptDedup, State, group_in};
use crate::message::{Enqueued, Message, NewMessage, QueueId, Receipt, Sequence};
use crate::schedule::Firing;

impl State {
    pub(super) fn commit(&mut self, commit: Commit) -> Vec<Effected> {
        let holds = match commit.guard {
            None => true,
            Some(Guard::Receipt(receipt)) => self.held(receipt, Fence::Current).is_ok(),
            Some(Guard::Schedule(turn)) => self.take_turn(&turn),
        };
        if !holds {
            return vec![Effected::Guarded; commit.effects.len()];
        }
        let mut last = None;
        let mut effected = Vec::with_capacity(commit.effects.len());
        for effect in commit.effects {
            let made = match effect {
                Effect::Fired { schedule, firing } => {
                    self.fired(&schedule, Firing { message: last, ..firing })
                }
                effect => self.make(effect, commit.now),
            };
            if let Effected::Enqueued(Enqueued::Accepted(place)) = made {
                last = Some(place);
            }
            effected.push(made);
        }
        effected
    }

    fn make(&mut self, effect: Effect, now: Timestamp) -> Effected {
        match effect {
            Effect::Enqueue { queue, message } => self.enqueue(queue, message, now),
            Effect::Ack { receipt, fence } => self.ack(receipt, fence, now),
            Effect::Extend { receipt, until } => match self.held(receipt, Fence::Current) {
                Ok(kept) => {
                    kept.message.visible = until;
                    Effected::Done
                }
                Err(refused) => refused,
            },
            Effect::Release { receipt, at, why } => match self.held(receipt, Fence::Current) {
                Ok(kept) => {
                    release(kept, at, why);
                    Effected::Done
                }
                Err(refused) => refused,
            },
            Effect::Bury { receipt, to, failure, attributes } => {
                self.bury_held(receipt, to, failure, attributes, now)
            }
            Effect::Finish(finished) => {
                self.results.insert(finished.id, finished);
                Effected::Done
            }
            Effect::Meter(more) => self.meter(&more),
            Effect::Fired { schedule, firing } => self.fired(&schedule, firing),
            Effect::Put { kind, key, text } => {
                let place = (kind.to_owned(), key);
                match text {
                    Some(text) => self.documents.insert(place, text),
                    None => self.documents.remove(&place),
                };
                Effected::Done
            }
        }
    }

    /// The message of a receipt, if that is good enough.
    fn held(&mut self, receipt: Receipt, fence: Fence) -> Result<&mut Kept, Effected> {
        let kept = self.messages.get_mut(&receipt.message).ok_or(Effected::NotFound)?;
        let good = match fence {
            Fence::Current | Fence::Held => kept.token == Some(receipt.token),
            Fence::Any => kept.message.first_received.is_some(),
        };
        if good { Ok(kept) } else { Err(Effected::Stale) }
    }

    fn enqueue(&mut self, queue: QueueId, new: NewMessage, now: Timestamp) -> Effected {
        let Some(into) = self.queues.get(&queue) else { return Effected::NotFound };
        if let Some(dedup) = &new.dedup
            && let Some(first) = self.dedups.get(&(queue, dedup.key.clone()))
            && first.until > now
        {
            let another = matches!((first.digest, dedup.digest), (Some(a), Some(b)) if a != b);
            return Effected::Enqueued(if another {
                Enqueued::Mismatch
            } else {
                Enqueued::Duplicate { id: first.id, sequence: first.sequence }
            });
        }
        let group = group_in(&into.queue, new.group);
        self.last_sequence += 1;
        let sequence = Sequence(self.last_sequence);
        if let Some(dedup) = new.dedup {
            let first = KeptDedup { id: new.id, sequence, until: dedup.until, digest: dedup.digest };
            self.dedups.insert((queue, dedup.key), first);
        }
        let message = Message {
            sequence,
            id: new.id,
            body: new.body,
            meta: new.meta,
            group,
            receives: 0,
            throttles: 0,
            sent: new.sent,
            first_received: None,
            visible: new.visible,
            origin: None,
            failure: None,
        };
        self.messages.insert(sequence, Kept { queue, message, token: None, entered: now });
        if let Some(account) = self.account(queue) {
            account.accepted += 1;
        }
        Effected::Enqueued(Enqueued::Accepted(sequence))
    }

    fn ack(&mut self, receipt: Receipt, fence: Fence, now: Timestamp) -> Effected {
        let queue = match self.held(receipt, fence) {
            Ok(kept) if fence == Fence::Held && kept.message.visible <= now => return Effected::Stale,
            Ok(kept) => kept.queue,
            Err(refused) => return refused,
        };
        self.messages.remove(&receipt.message);
        if let Some(account) = self.account(queue) {
            account.done += 1;
        }
        Effected::Done
    }

    fn bury_held(
        &mut self,
        receipt: Receipt,
        to: QueueId,
        failure: Failure,
        attributes: Attributes,
        now: Timestamp,
    ) -> Effected {
        if let Err(refused) = self.held(receipt, Fence::Current) {
            return refused;
        }
        if !self.bury(receipt.message, to, now) {
            return Effected::NotFound;
        }
        if let Some(kept) = self.messages.get_mut(&receipt.message) {
            kept.message.failure = Some(failure);
            kept.message.meta.attributes.extend(attributes);
        }
        Effected::Done
    }

    /// Moves a message to the dead letters. `false`, and nothing is changed, when there is no such message or queue.
    pub(super) fn bury(&mut self, which: Sequence, to: QueueId, now: Timestamp) -> bool {
        let (Some(target), Some(kept)) = (self.queues.get(&to), self.messages.get_mut(&which)) else {
            return false;
        };
        let from = kept.queue;
        kept.enter(&target.queue, now);
        kept.message.origin = Some(from);
        if let Some(account) = self.account(from) {
            account.dead += 1;
        }
        if let Some(account) = self.account(to) {
            account.accepted += 1;
        }
        true
    }

    /// Gives back all that is leased from a queue, as throttled.
    pub(super) fn reclaim(&mut self, queue: QueueId, now: Timestamp) -> u64 {
        let leased =
            self.messages.values_mut().filter(|kept| kept.queue == queue && kept.own() && kept.leased(now));
        leased.map(|kept| release(kept, now, Released::Throttled)).count() as u64
    }

    fn meter(&mut self, more: &Meter) -> Effected {
        let meter = self.meters.entry(more.function.clone()).or_default();
        meter.function.clone_from(&more.function);
        meter.runs += more.runs;
        meter.failed += more.failed;
        meter.billed_ms += more.billed_ms;
        Effected::Done
    }
}

fn release(kept: &mut Kept, at: Timestamp, why: Released) {
    kept.token = None;
    kept.message.visible = at;
    match why {
        Released::Throttled => {
            kept.message.receives = kept.message.receives.saturating_sub(1);
            kept.message.throttles += 1;
        }
        Released::Failed(failure) => {
            kept.message.throttles = 0;
            if failure.is_some() {
                kept.message.failure = failure;
            }
        }
    }
}
