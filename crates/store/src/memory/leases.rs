//! Leases: which messages are due, in which order, and who is too often back.

use std::collections::BTreeMap;

use lambent_core::Timestamp;
use lambent_core::limits::DEDUP_WINDOW;

use crate::memory::state::{Attempt, Kept, State};
use crate::message::{Leased, QueueId, Receipt, Sequence};
use crate::store::{Lease, LeasedBatch};

impl State {
    pub(super) fn lease(&mut self, lease: &Lease) -> LeasedBatch {
        let fifo = self.queues.get(&lease.queue).is_some_and(|kept| kept.queue.fifo);
        let attempt = lease.attempt.as_ref().filter(|_| fifo).map(|name| (lease.queue, name.clone()));
        let mut batch = match attempt.as_ref().and_then(|attempt| self.again(attempt, lease.now)) {
            Some(messages) => LeasedBatch { messages, ..LeasedBatch::default() },
            None => {
                let due = self.due(lease.queue, fifo, lease.now);
                let batch = self.take(&due, lease);
                if let Some(attempt) = attempt {
                    self.remember(attempt, &batch.messages, lease.now);
                }
                batch
            }
        };
        batch.next_due = self.next_due(lease.queue, fifo).map(|due| due.max(lease.now));
        batch
    }

    /// All that can be leased, in the order in which it is.
    fn due(&self, queue: QueueId, fifo: bool, now: Timestamp) -> Vec<Sequence> {
        if !fifo {
            let mut due: Vec<(Timestamp, Sequence)> = self
                .of(queue)
                .map(|kept| (kept.message.visible, kept.message.sequence))
                .filter(|(visible, _)| *visible <= now)
                .collect();
            due.sort();
            return due.into_iter().map(|(_, sequence)| sequence).collect();
        }
        let mut groups: Vec<(Timestamp, &str, Vec<&Kept>)> = self
            .by_group(queue)
            .into_iter()
            .map(|(group, messages)| (next_in_group(&messages), group, messages))
            .filter(|(next, ..)| *next <= now)
            .collect();
        groups.sort_by_key(|(next, group, _)| (*next, *group));
        let of_group = |messages: Vec<&Kept>| -> Vec<Sequence> {
            let due = messages.into_iter().take_while(|kept| kept.message.visible <= now);
            due.map(|kept| kept.message.sequence).collect()
        };
        groups.into_iter().flat_map(|(_, _, messages)| of_group(messages)).collect()
    }

    /// The messages of every group, in the order of their places.
    fn by_group(&self, queue: QueueId) -> BTreeMap<&str, Vec<&Kept>> {
        let mut groups: BTreeMap<&str, Vec<&Kept>> = BTreeMap::new();
        for kept in self.of(queue) {
            groups.entry(kept.message.group.as_deref().unwrap_or_default()).or_default().push(kept);
        }
        groups
    }

    fn take(&mut self, due: &[Sequence], lease: &Lease) -> LeasedBatch {
        let mut batch = LeasedBatch::default();
        let mut bytes = 0;
        for sequence in due {
            if batch.messages.len() >= usize::try_from(lease.max).unwrap_or(usize::MAX) {
                break;
            }
            let Some(kept) = self.messages.get_mut(sequence) else { continue };
            if let Some(bury) = lease.bury
                && kept.message.receives >= bury.max_receives
                && self.bury(*sequence, bury.to, lease.now)
            {
                batch.buried += 1;
                continue;
            }
            let Some(kept) = self.messages.get_mut(sequence) else { continue };
            bytes += kept.message.body.len();
            if bytes > lease.max_bytes && !batch.messages.is_empty() {
                break;
            }
            self.last_token += 2;
            let token = self.last_token + i64::from(lease.own);
            kept.token = Some(token);
            kept.message.visible = lease.until;
            kept.message.receives += 1;
            kept.message.first_received.get_or_insert(lease.now);
            let receipt = Receipt { message: *sequence, token };
            batch.messages.push(Leased { message: kept.message.clone(), receipt });
        }
        batch
    }

    /// When something can be leased at the earliest.
    fn next_due(&self, queue: QueueId, fifo: bool) -> Option<Timestamp> {
        if fifo {
            return self.by_group(queue).values().map(|messages| next_in_group(messages)).min();
        }
        self.of(queue).map(|kept| kept.message.visible).min()
    }

    /// What this attempt was given before, as long as all of it is still its own and untouched.
    fn again(&self, attempt: &(QueueId, String), now: Timestamp) -> Option<Vec<Leased>> {
        let given = self.attempts.get(attempt).filter(|given| given.until > now)?;
        let same = |(receipt, until): &(Receipt, Timestamp)| {
            let kept = self.messages.get(&receipt.message)?;
            let untouched = kept.token == Some(receipt.token) && kept.message.visible == *until;
            (untouched && kept.leased(now))
                .then(|| Leased { message: kept.message.clone(), receipt: *receipt })
        };
        given.receipts.iter().map(same).collect()
    }

    fn remember(&mut self, attempt: (QueueId, String), messages: &[Leased], now: Timestamp) {
        if messages.is_empty() {
            self.attempts.remove(&attempt);
            return;
        }
        let receipts = messages.iter().map(|leased| (leased.receipt, leased.message.visible)).collect();
        self.attempts.insert(attempt, Attempt { receipts, until: now.plus(DEDUP_WINDOW) });
    }
}

/// When a group can be received next: when its first message can, and nothing of it is leased any more.
fn next_in_group(messages: &[&Kept]) -> Timestamp {
    let first = messages.first().map(|kept| kept.message.visible);
    let leases = messages.iter().filter(|kept| kept.token.is_some()).map(|kept| kept.message.visible);
    first.into_iter().chain(leases).max().unwrap_or_default()
}
