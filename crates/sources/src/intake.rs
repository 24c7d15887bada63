//! Taking records in: which are to be run, and what becomes of the others.

use std::collections::HashSet;
use std::time::Duration;

use lambent_core::{Failure, TraceHeader, limits};

use crate::function::Functions;
use crate::run::Shared;
use crate::source::{Record, Settled, Settlement, Source};

/// What an event has around its records, at most.
const FRAME: usize = 1024;

/// What the records of one event weigh together, at most.
pub(crate) const WEIGHT_MAX: usize = limits::PAYLOAD_MAX - FRAME;

/// What becomes of a record that nobody has tried and that may come again at once.
pub(crate) const GIVEN_BACK: Settlement = Settlement::Throttled { retry_in: Duration::ZERO };

/// Records that came.
pub(crate) struct Sorted<R> {
    /// Those that are to be run, and what each weighs.
    pub(crate) run: Vec<(R, usize)>,
    /// What becomes of the others.
    pub(crate) settled: Vec<Settled<R>>,
}

impl<S: Source, F: Functions> Shared<S, F> {
    /// Sorts records into those that are to be run and those that are not.
    pub(crate) fn sort(&self, records: Vec<S::Record>) -> Sorted<S::Record> {
        let mut sorted = Sorted { run: Vec::with_capacity(records.len()), settled: Vec::new() };
        // Groups of which a record comes again: those behind it must not come before.
        let mut held: HashSet<String> = HashSet::new();
        for record in records {
            let behind = record.group().is_some_and(|group| held.contains(group));
            let how = match self.admit(&record) {
                Err(Settlement::Filtered) => Settlement::Filtered,
                _ if behind => GIVEN_BACK,
                Err(how) => {
                    held.extend(record.group().map(str::to_owned));
                    how
                }
                Ok(weight) => {
                    sorted.run.push((record, weight));
                    continue;
                }
            };
            sorted.settled.push(Settled { record, how });
        }
        sorted
    }

    /// What a record weighs that is to be run, or what becomes of one that is not.
    fn admit(&self, record: &S::Record) -> Result<usize, Settlement> {
        let Self { source, spec, functions, filter, .. } = self;
        if !filter.takes(|| source.document(record)) {
            return Err(Settlement::Filtered);
        }
        let function = spec.function.as_str();
        let failure = |kind: &str, text: &str| {
            Box::new(Failure::new(function, kind, text).given_up("", record.attempt(), functions.now()))
        };
        let trace = record.trace().and_then(TraceHeader::parse);
        if trace.is_some_and(|trace| trace.visits(function) >= limits::VISITS_MAX) {
            let text = "the record came to this function again and again, without an end";
            return Err(Settlement::Hopeless(failure("RecursiveLoop", text)));
        }
        let weight = source.weigh(record);
        if weight > WEIGHT_MAX {
            let text = format!("the record takes {weight} bytes in an event, which takes {WEIGHT_MAX}");
            return Err(Settlement::Failed(failure("PayloadTooLarge", &text)));
        }
        Ok(weight)
    }
}
