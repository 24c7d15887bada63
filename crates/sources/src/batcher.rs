//! Makes batches of records: their size, their window, their order. Pure: the time is told.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::source::Record;

/// Records that wait, and the groups that are being worked on.
#[derive(Debug)]
pub(crate) struct Batcher<R> {
    waiting: VecDeque<Waiting<R>>,
    /// What the waiting records weigh together.
    weight: usize,
    /// Groups with a batch under way: their records wait.
    busy: HashSet<String>,
    limits: Limits,
}

/// When a batch is complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Records of one batch.
    pub(crate) records: usize,
    /// What the records of one batch weigh.
    pub(crate) weight: usize,
    /// How long a batch waits for more, from its first record on.
    pub(crate) window: Duration,
}

#[derive(Debug)]
struct Waiting<R> {
    record: R,
    weight: usize,
    /// When it came.
    since: Instant,
    /// When it is to be extended.
    extend_at: Instant,
}

/// Records for one run of the function.
#[derive(Debug)]
pub(crate) struct Batch<R> {
    /// The records.
    pub(crate) records: Vec<R>,
    /// What they weigh together.
    pub(crate) weight: usize,
    /// The groups that they are of.
    pub(crate) groups: Vec<String>,
    /// Whether no more could have been in it.
    pub(crate) full: bool,
    /// When they are to be extended.
    pub(crate) extend_at: Instant,
}

/// The next batch as it stands.
struct Survey {
    records: usize,
    weight: usize,
    full: bool,
    first: Instant,
    extend_at: Instant,
}

impl<R: Record> Batcher<R> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { waiting: VecDeque::new(), weight: 0, busy: HashSet::new(), limits }
    }

    /// How many records wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// What they weigh.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Adds a record that came at `now` and is to be extended at `extend_at`.
    pub(crate) fn push(&mut self, record: R, weight: usize, now: Instant, extend_at: Instant) {
        self.weight += weight;
        self.waiting.push_back(Waiting { record, weight, since: now, extend_at });
    }

    /// The next batch that is complete at `now`. Its groups are busy until they are freed.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Batch<R>> {
        let survey = self.survey()?;
        if !survey.full && now < survey.first + self.limits.window {
            return None;
        }
        let mut batch = Batch {
            records: Vec::with_capacity(survey.records),
            weight: survey.weight,
            groups: Vec::new(),
            full: survey.full,
            extend_at: survey.extend_at,
        };
        let mut skipped = VecDeque::new();
        while batch.records.len() < survey.records
            && let Some(waiting) = self.waiting.pop_front()
        {
            if self.is_held(&waiting.record) {
                skipped.push_back(waiting);
                continue;
            }
            self.weight -= waiting.weight;
            batch.extend_at = batch.extend_at.min(waiting.extend_at);
            if let Some(group) = waiting.record.group()
                && !batch.groups.iter().any(|known| known == group)
            {
                batch.groups.push(group.to_owned());
            }
            batch.records.push(waiting.record);
        }
        skipped.into_iter().rev().for_each(|waiting| self.waiting.push_front(waiting));
        self.busy.extend(batch.groups.iter().cloned());
        Some(batch)
    }

    /// When the next batch is complete even if nothing comes any more.
    pub(crate) fn due(&self) -> Option<Instant> {
        let first = self.waiting.iter().find(|waiting| !self.is_held(&waiting.record))?;
        Some(first.since + self.limits.window)
    }

    /// Groups are no longer being worked on.
    pub(crate) fn free(&mut self, groups: &[String]) {
        self.busy.retain(|busy| !groups.contains(busy));
    }

    /// Takes out the waiting records of groups of which an earlier record has to come again first.
    pub(crate) fn take_groups(&mut self, groups: &[String]) -> Vec<R> {
        if groups.is_empty() {
            return Vec::new();
        }
        let affected = |record: &R| record.group().is_some_and(|its| groups.iter().any(|group| group == its));
        let (gone, stay) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(|waiting| affected(&waiting.record));
        self.waiting = stay;
        self.weight -= gone.iter().map(|waiting| waiting.weight).sum::<usize>();
        gone.into_iter().map(|waiting| waiting.record).collect()
    }

    /// Takes out everything that waits.
    pub(crate) fn take_all(&mut self) -> Vec<R> {
        self.weight = 0;
        std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.record).collect()
    }

    /// When something that waits is to be extended.
    pub(crate) fn extend_at(&self) -> Option<Instant> {
        // All are extended together, so the order in which they came is that of this time as well.
        self.waiting.front().map(|waiting| waiting.extend_at)
    }

    /// Everything that waits.
    pub(crate) fn records(&self) -> Vec<&R> {
        self.waiting.iter().map(|waiting| &waiting.record).collect()
    }

    /// Everything that waits was extended, until it is to be extended again.
    pub(crate) fn extended(&mut self, extend_at: Instant) {
        self.waiting.iter_mut().for_each(|waiting| waiting.extend_at = extend_at);
    }

    fn survey(&self) -> Option<Survey> {
        let mut free = self.waiting.iter().filter(|waiting| !self.is_held(&waiting.record)).peekable();
        let Waiting { since, extend_at, .. } = **free.peek()?;
        let mut survey = Survey { records: 0, weight: 0, full: false, first: since, extend_at };
        for waiting in free {
            // A record by itself always fits: who takes records in refuses those that never do.
            let fits = survey.records == 0 || survey.weight + waiting.weight <= self.limits.weight;
            if !fits {
                survey.full = true;
                break;
            }
            survey.records += 1;
            survey.weight += waiting.weight;
            if survey.records >= self.limits.records {
                survey.full = true;
                break;
            }
        }
        Some(survey)
    }

    fn is_held(&self, record: &R) -> bool {
        !self.busy.is_empty() && record.group().is_some_and(|group| self.busy.contains(group))
    }
}

/// The groups of records, each once.
pub(crate) fn groups<'a, R: Record>(records: impl Iterator<Item = &'a R>) -> Vec<String> {
    let seen: HashSet<&str> = records.filter_map(Record::group).collect();
    seen.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fake::Thing;

    const MIB: usize = 1024 * 1024;

    fn batcher(records: usize, window_secs: u64) -> Batcher<Thing> {
        Batcher::new(Limits { records, weight: 6 * MIB, window: Duration::from_secs(window_secs) })
    }

    fn ids(batch: Option<Batch<Thing>>) -> String {
        batch.map_or_else(
            || "-".to_owned(),
            |batch| {
                let ids: Vec<&str> = batch.records.iter().map(Record::id).collect();
                ids.join(" ")
            },
        )
    }

    fn push(batcher: &mut Batcher<Thing>, things: &[&str], now: Instant) {
        for text in things {
            batcher.push(Thing::new(text), 100, now, now);
        }
    }

    #[test]
    fn without_a_window_it_takes_what_is_there() {
        let (mut batcher, now) = (batcher(3, 0), Instant::now());
        assert_eq!(ids(batcher.next(now)), "-");
        push(&mut batcher, &["a", "b", "c", "d"], now);
        assert_eq!(ids(batcher.next(now)), "a b c");
        let rest = batcher.next(now).unwrap();
        assert!(!rest.full);
        assert_eq!((ids(Some(rest)).as_str(), batcher.len(), batcher.weight()), ("d", 0, 0));
    }

    #[test]
    fn a_window_begins_with_the_first_record() {
        let (mut batcher, start) = (batcher(3, 10), Instant::now());
        let at = |secs| start + Duration::from_secs(secs);
        push(&mut batcher, &["a"], at(0));
        push(&mut batcher, &["b"], at(9));
        assert_eq!(batcher.due(), Some(at(10)));
        assert_eq!(ids(batcher.next(at(9))), "-");
        assert_eq!(ids(batcher.next(at(10))), "a b");
        assert_eq!(batcher.due(), None);
        push(&mut batcher, &["c", "d", "e", "f"], at(20));
        assert_eq!(ids(batcher.next(at(20))), "c d e");
        assert_eq!(ids(batcher.next(at(20))), "-");
        assert_eq!(batcher.due(), Some(at(30)));
    }

    #[test]
    fn what_does_not_fit_waits_for_the_next_event() {
        let (mut batcher, now) = (batcher(10, 60), Instant::now());
        for (id, weight) in [("a", 4 * MIB), ("b", 2 * MIB), ("c", 1), ("d", 6 * MIB), ("e", 1)] {
            batcher.push(Thing::new(id), weight, now, now);
        }
        let first = batcher.next(now).unwrap();
        assert!(first.full && first.weight == 6 * MIB);
        assert_eq!(ids(Some(first)), "a b");
        assert_eq!(ids(batcher.next(now)), "c");
        assert_eq!(ids(batcher.next(now)), "d");
        assert_eq!(ids(batcher.next(now)), "-");
        assert_eq!(ids(batcher.next(now + Duration::from_secs(60))), "e");
    }

    #[test]
    fn batches_of_a_group_follow_each_other() {
        // The group of a fake is its capital letter.
        let (mut batcher, now) = (batcher(2, 0), Instant::now());
        push(&mut batcher, &["A1", "B1", "A2", "A3", "C1", "B2", "C2"], now);
        let first = batcher.next(now).unwrap();
        assert_eq!(first.groups, ["A", "B"]);
        assert_eq!(ids(Some(first)), "A1 B1");
        assert_eq!(ids(batcher.next(now)), "C1 C2");
        assert_eq!((ids(batcher.next(now)).as_str(), batcher.due()), ("-", None));
        batcher.free(&["B".to_owned()]);
        assert_eq!(ids(batcher.next(now)), "B2");
        batcher.free(&["A".to_owned()]);
        assert_eq!(ids(batcher.next(now)), "A2 A3");
        assert_eq!((batcher.len(), batcher.weight()), (0, 0));
    }

    #[test]
    fn records_behind_a_failed_one_are_taken_out() {
        let (mut batcher, now) = (batcher(10, 60), Instant::now());
        push(&mut batcher, &["A1", "B1", "x", "A2"], now);
        let gone = batcher.take_groups(&["A".to_owned(), "D".to_owned()]);
        assert_eq!(gone.iter().map(Record::id).collect::<Vec<_>>(), ["A1", "A2"]);
        assert_eq!((batcher.len(), batcher.weight()), (2, 200));
        assert_eq!(batcher.take_all().len(), 2);
        assert_eq!((batcher.len(), batcher.weight()), (0, 0));
    }
}
