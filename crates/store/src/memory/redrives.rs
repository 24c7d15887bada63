//! Redrives: dead letters on their way back.

use lambent_core::Timestamp;

use crate::memory::state::{State, failed_as};
use crate::message::{QueueId, Sequence};
use crate::store::{Redrive, RedriveState};

/// Redrives of one queue that are listed.
const LISTED: usize = 10;

impl State {
    pub(super) fn put_redrive(&mut self, redrive: Redrive) {
        match self.redrives.iter_mut().find(|known| known.id == redrive.id) {
            // An update does not take back what was moved since its caller looked.
            Some(known) => {
                let moved = known.moved.max(redrive.moved);
                *known = Redrive { moved, ..redrive };
            }
            None => self.redrives.push(redrive),
        }
    }

    pub(super) fn list_redrives(&self) -> Vec<Redrive> {
        let mut newest: Vec<Redrive> = self.redrives.iter().rev().cloned().collect();
        newest.sort_by_key(|redrive| std::cmp::Reverse(redrive.started));
        let mut listed: Vec<Redrive> = Vec::new();
        for redrive in newest {
            if listed.iter().filter(|other| other.from == redrive.from).count() < LISTED {
                listed.push(redrive);
            }
        }
        listed
    }

    pub(super) fn step_redrive(&mut self, id: &str, limit: u32, now: Timestamp) -> Option<Redrive> {
        let at = self.redrives.iter().position(|redrive| redrive.id == id)?;
        let mut redrive = self.redrives[at].clone();
        if redrive.state == RedriveState::Running {
            self.go_on(&mut redrive, limit, now);
            self.redrives[at] = redrive.clone();
        }
        Some(redrive)
    }

    fn go_on(&mut self, redrive: &mut Redrive, limit: u32, now: Timestamp) {
        if let Some(to) = redrive.to
            && !self.queues.contains_key(&to)
        {
            redrive.state = RedriveState::Failed(format!("there is no queue with the number {}", to.0));
            return;
        }
        let left = self.left(redrive, now);
        let now_moved = left.iter().take(usize::try_from(limit).unwrap_or(usize::MAX));
        for (sequence, to) in now_moved.clone() {
            self.bring_back(*sequence, *to, now);
        }
        redrive.moved += now_moved.count() as u64;
        if self.left(redrive, now).is_empty() {
            redrive.state = RedriveState::Completed;
        }
    }

    /// What a redrive still has to move, and where to.
    fn left(&self, redrive: &Redrive, now: Timestamp) -> Vec<(Sequence, QueueId)> {
        self.of(redrive.from)
            .filter(|kept| !kept.leased(now))
            .filter(|kept| kept.message.sequence <= redrive.last && kept.entered <= redrive.started)
            .filter(|kept| failed_as(&kept.message, redrive.fingerprint.as_deref()))
            .filter_map(|kept| Some((kept.message.sequence, redrive.to.or(kept.message.origin)?)))
            .filter(|(_, to)| *to != redrive.from && self.queues.contains_key(to))
            .collect()
    }

    fn bring_back(&mut self, which: Sequence, to: QueueId, now: Timestamp) {
        let (Some(target), Some(kept)) = (self.queues.get(&to), self.messages.get_mut(&which)) else {
            return;
        };
        let from = kept.queue;
        let home = kept.message.origin.take() == Some(to);
        kept.enter(&target.queue, now);
        kept.message.sent = now;
        if let Some(account) = self.account(from) {
            account.done += 1;
        }
        // Back home it is no longer dead there; elsewhere it is one more.
        if let Some(account) = self.account(to) {
            if home { account.dead -= 1 } else { account.accepted += 1 }
        }
    }
}
