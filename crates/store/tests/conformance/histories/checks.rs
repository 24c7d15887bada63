//! The promises (durability.md 2, I1 to I10), each checked over a whole history.
//!
//! A call that is not known to have been done is taken for done where that excuses something, and for not done where
//! being done would. So a history is only found to break a promise when no order of its calls keeps it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use lambent_core::{RequestId, Timestamp};
use lambent_store::{Enqueued, Message, Receipt, Sequence};

use super::record::{Call, Ending, MAX_RECEIVES, Settle, Taken, What};

type Checked = Result<(), String>;

pub(super) fn all(calls: &[Call], ending: &Ending) -> Checked {
    let history = History::new(calls, ending);
    history.nothing_accepted_is_lost()?;
    history.one_lease_at_a_time()?;
    history.groups_keep_their_order()?;
    history.receives_are_bounded()?;
    history.keys_stand_for_one_message()?;
    history.accounts_add_up()?;
    history.meters_add_up()?;
    history.stale_receipts_change_nothing()
}

/// A lease of one message.
struct Lease<'a> {
    call: &'a Call,
    taken: &'a Taken,
    until: Timestamp,
    /// Its place in the batch.
    at: usize,
}

struct History<'a> {
    calls: &'a [Call],
    ending: &'a Ending,
    leases: Vec<Lease<'a>>,
    /// What may have ended a lease before its time, by its token.
    ends: HashMap<Receipt, Vec<&'a Call>>,
    /// What may have taken a message out of its queue.
    removals: HashMap<Sequence, Vec<&'a Call>>,
    groups: HashMap<RequestId, &'a str>,
    accepted: BTreeMap<RequestId, (Sequence, &'a Call)>,
    present: BTreeMap<RequestId, Vec<&'a Message>>,
}

/// The receipt that a call would make void if it was done, and whether it takes its message away.
fn settled(what: &What) -> Option<(Receipt, bool, Option<bool>)> {
    match *what {
        What::Settle { receipt, how, outcome } => {
            Some((receipt, matches!(how, Settle::Ack | Settle::Bury), outcome))
        }
        What::Conclude { receipt, outcome, .. } => Some((receipt, true, outcome)),
        _ => None,
    }
}

impl<'a> History<'a> {
    fn new(calls: &'a [Call], ending: &'a Ending) -> Self {
        let mut history = Self {
            calls,
            ending,
            leases: Vec::new(),
            ends: HashMap::new(),
            removals: HashMap::new(),
            groups: HashMap::new(),
            accepted: BTreeMap::new(),
            present: BTreeMap::new(),
        };
        for call in calls {
            history.note(call);
        }
        for message in ending.messages.values().flatten() {
            history.present.entry(message.id).or_default().push(message);
        }
        history
    }

    fn note(&mut self, call: &'a Call) {
        if let Some((receipt, removes, outcome)) = settled(&call.what)
            && outcome != Some(false)
        {
            self.ends.entry(receipt).or_default().push(call);
            if removes {
                self.removals.entry(receipt.message).or_default().push(call);
            }
        }
        match &call.what {
            What::Enqueue { id, group, outcome, .. } => {
                if let Some(group) = group {
                    self.groups.insert(*id, group);
                }
                if let Some(Enqueued::Accepted(sequence)) = outcome {
                    self.accepted.insert(*id, (*sequence, call));
                }
            }
            What::Lease { until, batch, .. } => {
                let lease = |(at, taken)| Lease { call, taken, until: *until, at };
                self.leases.extend(batch.iter().enumerate().map(lease));
            }
            What::Discard { message, outcome } if *outcome != Some(false) => {
                self.removals.entry(*message).or_default().push(call);
            }
            _ => {}
        }
    }

    /// I1: what was accepted is there, or was removed by somebody; what was acknowledged is gone.
    fn nothing_accepted_is_lost(&self) -> Checked {
        for (id, (sequence, call)) in &self.accepted {
            let removed = |removal: &&&Call| match removal.what {
                What::Settle { how: Settle::Bury, .. } => false,
                _ => removal.end > call.begin,
            };
            let excused = self.removals.get(sequence).is_some_and(|all| all.iter().find(removed).is_some());
            if !self.present.contains_key(id) && !excused {
                return Err(format!("I1: {id} was accepted as {sequence:?} and is lost"));
            }
        }
        for call in self.calls {
            if let What::Conclude { result, outcome: Some(true), .. } = call.what
                && !self.present.contains_key(&result)
                && !self.discarded(result)
            {
                return Err(format!("I1: the result {result} is lost"));
            }
            let acked = match &call.what {
                What::Settle { receipt, how: Settle::Ack, outcome: Some(true) }
                | What::Conclude { receipt, outcome: Some(true), .. } => receipt.message,
                _ => continue,
            };
            if self.present.values().flatten().any(|message| message.sequence == acked) {
                return Err(format!("I1: {acked:?} was acknowledged and is still there"));
            }
        }
        match self.present.iter().find(|(_, copies)| copies.len() > 1) {
            Some((id, copies)) => Err(format!("I1: {id} is there {} times", copies.len())),
            None => Ok(()),
        }
    }

    /// Whether a result may have been discarded. Its place is not known to those who stored it, so any will do.
    fn discarded(&self, result: RequestId) -> bool {
        let known: HashSet<Sequence> = self.accepted.values().map(|(sequence, _)| *sequence).collect();
        let of_others = |call: &Call| match call.what {
            What::Discard { message, outcome } => outcome != Some(false) && !known.contains(&message),
            _ => false,
        };
        !self.accepted.contains_key(&result) && self.calls.iter().any(of_others)
    }

    /// Whether a lease may have been over when another began: it ran out, or somebody settled it.
    fn over(&self, first: &Lease<'_>, second: &Call) -> bool {
        let ends = self.ends.get(&first.taken.receipt).map_or(&[][..], Vec::as_slice);
        let mut shortest = first.until;
        let mut extended = false;
        for end in ends.iter().filter(|end| end.begin < second.end) {
            match end.what {
                What::Settle { how: Settle::Extend(until), outcome, .. } => {
                    // One that is known to have been made before replaces the end; others may have.
                    let sure = outcome == Some(true) && end.end < second.begin;
                    if sure && !extended && ends.len() == 1 {
                        (shortest, extended) = (until, true);
                    } else {
                        shortest = shortest.min(until);
                    }
                }
                _ => return true,
            }
        }
        second.now >= shortest || self.overtaken(first, shortest, second)
    }

    /// Whether a lease may have run out by the clock of others, who then took or removed its message, before a call was
    /// made that goes by an older time: the calls of a task may be made late.
    fn overtaken(&self, first: &Lease<'_>, ended: Timestamp, second: &Call) -> bool {
        let message = first.taken.receipt.message;
        let removed = self.removals.get(&message).is_some_and(|all| all.iter().any(|r| r.begin < second.end));
        let taken = self.leases.iter().any(|other| {
            let another = other.taken.receipt.message == message && other.call.begin != second.begin;
            another && other.call.now >= ended && other.call.begin < second.end
        });
        removed || taken || self.worn_out(message, second)
    }

    /// I2: a message is leased to one at a time.
    fn one_lease_at_a_time(&self) -> Checked {
        let mut of: HashMap<Sequence, Vec<&Lease<'_>>> = HashMap::new();
        for lease in &self.leases {
            of.entry(lease.taken.receipt.message).or_default().push(lease);
        }
        self.no_overlap(of.values(), "I2: a message was leased twice at a time")?;
        let mut receipts = HashSet::new();
        match self.leases.iter().find(|lease| !receipts.insert(lease.taken.receipt)) {
            Some(again) => Err(format!("I2: the receipt of {:?} was given out before", again.taken)),
            None => Ok(()),
        }
    }

    fn no_overlap<'b>(&self, sets: impl Iterator<Item = &'b Vec<&'b Lease<'b>>>, broken: &str) -> Checked
    where
        'a: 'b,
    {
        for leases in sets {
            for (n, first) in leases.iter().enumerate() {
                for second in &leases[n + 1..] {
                    if first.call.begin == second.call.begin {
                        continue; // One batch.
                    }
                    let before = first.call.end < second.call.begin;
                    let after = second.call.end < first.call.begin;
                    let fine =
                        !after && self.over(first, second.call) || !before && self.over(second, first.call);
                    if !fine {
                        return Err(format!(
                            "{broken}: {:?} until {:?}, and {:?} at {:?}",
                            first.taken, first.until, second.taken, second.call.now
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// I3: of a group one batch is leased at a time, and nothing before what came earlier.
    fn groups_keep_their_order(&self) -> Checked {
        let mut of: BTreeMap<&str, Vec<&Lease<'_>>> = BTreeMap::new();
        for lease in &self.leases {
            if let Some(group) = self.groups.get(&lease.taken.id) {
                of.entry(group).or_default().push(lease);
            }
        }
        // Orders that lay among the dead letters of a queue without order lost their group there.
        let strayed: BTreeSet<Sequence> = self.strayed();
        for leases in of.values_mut() {
            leases.retain(|lease| !strayed.contains(&lease.taken.receipt.message));
        }
        self.no_overlap(of.values(), "I3: two batches of a group were leased at a time")?;
        let mut members: BTreeMap<&str, Vec<(Sequence, &Call)>> = BTreeMap::new();
        for (id, (sequence, call)) in &self.accepted {
            if let Some(group) = self.groups.get(id) {
                members.entry(group).or_default().push((*sequence, call));
            }
        }
        for (group, members) in &members {
            accepted_in_order(members)?;
            for lease in of.get(group).into_iter().flatten() {
                self.nothing_skipped(lease, members)?;
            }
        }
        Ok(())
    }

    /// Messages of which somebody said that they go to the dead letters.
    fn strayed(&self) -> BTreeSet<Sequence> {
        let buried = |call: &Call| match call.what {
            What::Settle { receipt, how: Settle::Bury, outcome } if outcome != Some(false) => {
                Some(receipt.message)
            }
            _ => None,
        };
        self.calls.iter().filter_map(buried).collect()
    }

    /// All that came earlier into the group of a leased message is gone, or in the same batch before it.
    fn nothing_skipped(&self, lease: &Lease<'_>, members: &[(Sequence, &Call)]) -> Checked {
        let sequence = lease.taken.receipt.message;
        for (earlier, accepted) in members.iter().filter(|(earlier, _)| *earlier < sequence) {
            let gone =
                self.removals.get(earlier).is_some_and(|all| all.iter().any(|r| r.begin < lease.call.end));
            let same_batch = |other: &Lease<'_>| {
                let before = other.call.begin == lease.call.begin && other.at < lease.at;
                before && other.taken.receipt.message == *earlier
            };
            let later = accepted.end >= lease.call.begin;
            if !later && !gone && !self.leases.iter().any(same_batch) && !self.worn_out(*earlier, lease.call)
            {
                return Err(format!(
                    "I3: {:?} was leased before {earlier:?}, which came earlier",
                    lease.taken
                ));
            }
        }
        Ok(())
    }

    /// Whether a message may have been leased so often before a call ended that a lease sent it to the dead letters.
    fn worn_out(&self, message: Sequence, before: &Call) -> bool {
        let lost = |call: &&Call| matches!(call.what, What::LostLease) && call.begin < before.end;
        let lost = u32::try_from(self.calls.iter().filter(lost).count()).unwrap_or(u32::MAX);
        let known =
            |lease: &&Lease<'_>| lease.taken.receipt.message == message && lease.call.begin < before.end;
        let receives = self.leases.iter().filter(known).map(|lease| lease.taken.receives).max().unwrap_or(0);
        receives + lost >= MAX_RECEIVES
    }

    /// I4: nothing is leased more often than it may be.
    fn receives_are_bounded(&self) -> Checked {
        match self.leases.iter().find(|lease| !(1..=MAX_RECEIVES).contains(&lease.taken.receives)) {
            Some(lease) => Err(format!("I4: {:?} was leased too often", lease.taken)),
            None => Ok(()),
        }
    }

    /// I5: a key stands for one message, whichever of its senders heard of it.
    fn keys_stand_for_one_message(&self) -> Checked {
        let seen: BTreeSet<RequestId> =
            self.leases.iter().map(|lease| lease.taken.id).chain(self.present.keys().copied()).collect();
        let mut stored: HashMap<&str, BTreeSet<RequestId>> = HashMap::new();
        for call in self.calls {
            let What::Enqueue { id, dedup: Some(dedup), outcome, .. } = &call.what else { continue };
            let stored = stored.entry(&dedup.key).or_default();
            match outcome {
                Some(Enqueued::Accepted(_)) => drop(stored.insert(*id)),
                Some(Enqueued::Duplicate { id: first, .. }) => drop(stored.insert(*first)),
                Some(Enqueued::Mismatch) => return Err(format!("I5: {dedup:?} has no digest to mismatch")),
                None if seen.contains(id) => drop(stored.insert(*id)),
                None => {}
            }
        }
        match stored.iter().find(|(_, ids)| ids.len() > 1) {
            Some((key, ids)) => Err(format!("I5: the key {key} stands for {ids:?}")),
            None => Ok(()),
        }
    }

    /// I1 and I5 in numbers.
    fn accounts_add_up(&self) -> Checked {
        for account in &self.ending.accounts {
            let inside = self.ending.messages.iter().find(|(queue, _)| queue.0 == account.queue);
            let inside = inside.map_or(0, |(_, messages)| messages.len() as u64);
            if !account.balances() || account.pending != inside {
                return Err(format!("I1: {account:?} does not add up, with {inside} messages there"));
            }
        }
        Ok(())
    }

    /// I8: what was metered is what was told, once each.
    fn meters_add_up(&self) -> Checked {
        let told = |known: bool| {
            let is =
                |call: &&Call| matches!(call.what, What::Meter { outcome } if outcome.is_some() == known);
            self.calls.iter().filter(is).count() as u64
        };
        let (sure, unknown) = (told(true), told(false));
        let (runs, billed) = self.ending.meters.first().map_or((0, 0), |meter| (meter.runs, meter.billed_ms));
        if runs < sure || runs > sure + unknown || billed != runs * 7 {
            return Err(format!(
                "I8: {runs} runs of {billed} ms are metered, of {sure} and perhaps {unknown}"
            ));
        }
        Ok(())
    }

    /// I9 and I10: a receipt counts once, and not after the next lease; behind a guard all is made or nothing.
    fn stale_receipts_change_nothing(&self) -> Checked {
        let mut spent = HashSet::new();
        for call in self.calls {
            if let What::Torn(made) = &call.what {
                return Err(format!("I10: half of a commit was made: {made}"));
            }
            let Some((receipt, _, Some(true))) = settled(&call.what) else { continue };
            let voids = !matches!(call.what, What::Settle { how: Settle::Extend(_), .. });
            if voids && !spent.insert(receipt) {
                return Err(format!("I10: {receipt:?} counted twice"));
            }
            let of = |lease: &&Lease<'_>| lease.taken.receipt == receipt;
            let Some(own) = self.leases.iter().find(of) else { continue };
            let next = self.leases.iter().find(|other| {
                let same = other.taken.receipt.message == receipt.message;
                same && other.call.begin > own.call.end && other.call.end < call.begin
            });
            if let Some(next) = next {
                return Err(format!("I10: {receipt:?} counted after {:?}", next.taken));
            }
        }
        Ok(())
    }
}

/// Who was accepted before another began has the earlier place.
fn accepted_in_order(members: &[(Sequence, &Call)]) -> Checked {
    for (first, early) in members {
        for (second, late) in members {
            if early.end < late.begin && first > second {
                return Err(format!("I3: {second:?} was sent after {first:?} and comes before it"));
            }
        }
    }
    Ok(())
}
