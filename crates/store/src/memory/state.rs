//! What the model knows, and the verbs that look at it and tidy it up.

use std::collections::BTreeMap;

use bytes::Bytes;
use lambent_core::{RequestId, Timestamp};

use crate::effect::{Finished, Meter};
use crate::error::{Error, Result};
use crate::memory::schedules::KeptSchedule;
use crate::message::{Message, QueueId, Receipt, Sequence};
use crate::store::{Account, Browse, Group, Queue, Redrive, Stats, Swept};

/// The group of a message that came without one into a queue that keeps order.
pub(super) const DEFAULT_GROUP: &str = "default";

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) queues: BTreeMap<QueueId, KeptQueue>,
    pub(super) messages: BTreeMap<Sequence, Kept>,
    pub(super) dedups: BTreeMap<(QueueId, String), KeptDedup>,
    pub(super) attempts: BTreeMap<(QueueId, String), Attempt>,
    pub(super) redrives: Vec<Redrive>,
    pub(super) documents: BTreeMap<(String, String), String>,
    pub(super) results: BTreeMap<RequestId, Finished>,
    pub(super) meters: BTreeMap<String, Meter>,
    pub(super) schedules: BTreeMap<String, KeptSchedule>,
    /// The last numbers that were given out. None is ever given out twice.
    pub(super) last_queue: i64,
    pub(super) last_sequence: i64,
    pub(super) last_token: i64,
}

/// A queue and what it took in and gave out; what is pending is counted when asked.
#[derive(Debug)]
pub(super) struct KeptQueue {
    pub(super) queue: Queue,
    pub(super) account: Account,
}

/// A message and what receivers do not see of it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) queue: QueueId,
    pub(super) message: Message,
    /// That of its latest lease, until the message is given back.
    pub(super) token: Option<i64>,
    /// When it came into this queue.
    pub(super) entered: Timestamp,
}

/// The message that a deduplication key stands for.
#[derive(Debug)]
pub(super) struct KeptDedup {
    pub(super) id: RequestId,
    pub(super) sequence: Sequence,
    pub(super) until: Timestamp,
    pub(super) digest: Option<u64>,
}

/// What a receive attempt was given, each with the end of its lease.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) receipts: Vec<(Receipt, Timestamp)>,
    pub(super) until: Timestamp,
}

impl Kept {
    /// Whether the node leased it for itself: such tokens are odd.
    pub(super) fn own(&self) -> bool {
        self.token.is_some_and(|token| token & 1 == 1)
    }

    /// Whether somebody is working on it.
    pub(super) fn leased(&self, now: Timestamp) -> bool {
        self.token.is_some() && self.message.visible > now
    }

    /// Puts it into a queue as if it were new there; it keeps its place.
    pub(super) fn enter(&mut self, queue: &Queue, now: Timestamp) {
        self.queue = queue.id;
        self.token = None;
        self.entered = now;
        self.message.receives = 0;
        self.message.throttles = 0;
        self.message.first_received = None;
        self.message.visible = now;
        self.message.group = group_in(queue, self.message.group.take());
    }
}

/// The group of a message in a queue: every message of one that keeps order has one, others have none.
pub(super) fn group_in(queue: &Queue, group: Option<String>) -> Option<String> {
    queue.fifo.then(|| group.unwrap_or_else(|| DEFAULT_GROUP.to_owned()))
}

impl State {
    pub(super) fn put_queue(&mut self, name: &str, fifo: bool, spec: &str) -> Result<QueueId> {
        let used: Vec<QueueId> = self.messages.values().map(|kept| kept.queue).collect();
        if let Some(known) = self.queues.values_mut().find(|kept| kept.queue.name == name) {
            if known.queue.fifo != fifo && used.contains(&known.queue.id) {
                let reason = "it has messages, which have groups or have none".to_owned();
                return Err(Error::Failed { what: "change a queue", reason });
            }
            known.queue.fifo = fifo;
            spec.clone_into(&mut known.queue.spec);
            return Ok(known.queue.id);
        }
        self.last_queue += 1;
        let id = QueueId(self.last_queue);
        let queue = Queue { id, name: name.to_owned(), fifo, spec: spec.to_owned() };
        let account = Account { queue: id.0, ..Account::default() };
        self.queues.insert(id, KeptQueue { queue, account });
        Ok(id)
    }

    pub(super) fn remove_queue(&mut self, queue: QueueId) -> bool {
        if self.queues.remove(&queue).is_none() {
            return false;
        }
        self.messages.retain(|_, kept| kept.queue != queue);
        self.dedups.retain(|(its, _), _| *its != queue);
        self.attempts.retain(|(its, _), _| *its != queue);
        self.redrives.retain(|redrive| redrive.from != queue);
        true
    }

    /// The account of a queue; a queue that is gone has none.
    pub(super) fn account(&mut self, queue: QueueId) -> Option<&mut Account> {
        self.queues.get_mut(&queue).map(|kept| &mut kept.account)
    }

    /// The messages of a queue in the order of their places.
    pub(super) fn of(&self, queue: QueueId) -> impl Iterator<Item = &Kept> {
        self.messages.values().filter(move |kept| kept.queue == queue)
    }

    pub(super) fn stats(&self, queue: QueueId, now: Timestamp) -> Stats {
        let mut stats = Stats::default();
        for kept in self.of(queue) {
            if kept.message.visible <= now {
                stats.ready += 1;
            } else if kept.token.is_some() {
                stats.leased += 1;
            } else {
                stats.delayed += 1;
            }
            let sent = kept.message.sent;
            stats.oldest = Some(stats.oldest.map_or(sent, |oldest| oldest.min(sent)));
        }
        stats
    }

    pub(super) fn browse(&self, browse: &Browse) -> Vec<Message> {
        let limit = usize::try_from(browse.limit).unwrap_or(usize::MAX);
        self.of(browse.queue)
            .map(|kept| &kept.message)
            .filter(|message| browse.after.is_none_or(|after| message.sequence > after))
            .filter(|message| browse.only.is_none_or(|only| message.sequence == only))
            .filter(|message| failed_as(message, browse.fingerprint.as_deref()))
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn groups(&self, queue: QueueId, limit: u32) -> Vec<Group> {
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        for failure in self.of(queue).filter_map(|kept| kept.message.failure.as_ref()) {
            let group = groups.entry(&failure.fingerprint).or_insert_with(|| Group {
                fingerprint: failure.fingerprint.clone(),
                count: 0,
                example: failure.clone(),
            });
            group.count += 1;
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        groups
    }

    pub(super) fn edit(&mut self, queue: QueueId, at: Sequence, body: Bytes, now: Timestamp) -> bool {
        match self.messages.get_mut(&at) {
            Some(kept) if kept.queue == queue && !kept.leased(now) => {
                kept.message.body = body;
                true
            }
            _ => false,
        }
    }

    pub(super) fn discard(&mut self, queue: QueueId, at: Sequence, now: Timestamp) -> bool {
        match self.messages.get(&at) {
            Some(kept) if kept.queue == queue && !kept.leased(now) => self.drop_all(queue, &[at]) == 1,
            _ => false,
        }
    }

    pub(super) fn purge(&mut self, queue: QueueId) -> u64 {
        let all: Vec<Sequence> = self.of(queue).map(|kept| kept.message.sequence).collect();
        self.drop_all(queue, &all)
    }

    pub(super) fn expire(&mut self, queue: QueueId, before: Timestamp, limit: u32) -> u64 {
        let mut old: Vec<(Timestamp, Sequence)> = self
            .of(queue)
            .filter(|kept| kept.message.sent < before)
            .map(|kept| (kept.message.sent, kept.message.sequence))
            .collect();
        old.sort();
        old.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let old: Vec<Sequence> = old.into_iter().map(|(_, sequence)| sequence).collect();
        self.drop_all(queue, &old)
    }

    fn drop_all(&mut self, queue: QueueId, which: &[Sequence]) -> u64 {
        for sequence in which {
            self.messages.remove(sequence);
        }
        let dropped = which.len() as u64;
        if let Some(account) = self.account(queue) {
            account.dropped += dropped;
        }
        dropped
    }

    pub(super) fn sweep(&mut self, now: Timestamp, limit: u32) -> Swept {
        Swept {
            dedups: forget(&mut self.dedups, limit, |dedup| dedup.until <= now),
            attempts: forget(&mut self.attempts, limit, |attempt| attempt.until <= now),
            results: forget(&mut self.results, limit, |result| result.until <= now),
        }
    }

    pub(super) fn accounts(&self) -> Vec<Account> {
        let counted =
            |kept: &KeptQueue| Account { pending: self.of(kept.queue.id).count() as u64, ..kept.account };
        self.queues.values().map(counted).collect()
    }
}

/// Whether a message failed in this way; every message did when no way is named.
pub(super) fn failed_as(message: &Message, fingerprint: Option<&str>) -> bool {
    fingerprint
        .is_none_or(|wanted| message.failure.as_ref().is_some_and(|failure| failure.fingerprint == wanted))
}

/// Removes at most `limit` entries whose time is over. Returns how many.
fn forget<K: Ord + Clone, V>(from: &mut BTreeMap<K, V>, limit: u32, over: impl Fn(&V) -> bool) -> u64 {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let keys: Vec<K> = from.iter().filter(|(_, v)| over(v)).take(limit).map(|(k, _)| k.clone()).collect();
    for key in &keys {
        from.remove(key);
    }
    keys.len() as u64
}
