//! One batch: run the function, keep the records meanwhile, say what became of each.

use std::sync::Arc;
use std::time::Duration;

use lambent_core::retry::doubling;
use lambent_core::{
    Failure, FunctionVersion, Jitter, Outcome, RetryPolicy, SourceSpec, Timestamp, TraceHeader,
};
use lambent_engine::events::Meter;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::batcher::{Batch, groups};
use crate::filter::Filter;
use crate::function::{Functions, Ran};
use crate::reply::{self, Reason};
use crate::source::{Record, Settled, Settlement, Source};
use crate::status::Status;

/// Shortest and longest rest after something that did not work.
pub(crate) const REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How often settling is tried again when the node is asked to stop. What is not settled comes again.
const TRIES_WHEN_STOPPING: u32 = 5;

/// What the driver of a source and each of its batches need.
#[derive(Debug)]
pub(crate) struct Shared<S, F> {
    pub(crate) source: S,
    pub(crate) functions: F,
    pub(crate) spec: SourceSpec,
    pub(crate) filter: Filter,
    pub(crate) status: Arc<Status>,
    pub(crate) stop: CancellationToken,
}

/// How a batch ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What it says about running more.
    pub(crate) verdict: Verdict,
    /// Groups of which a record comes again before those behind it.
    pub(crate) unfinished: Vec<String>,
}

/// What a batch says about running more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well.
    Succeeded,
    /// It failed.
    Failed,
    /// There is no room.
    Throttled,
    /// There is no function.
    Gone,
}

impl<S: Source, F: Functions> Shared<S, F> {
    /// Runs the function for a batch, keeps the records meanwhile for `keep` at a time, and settles them.
    pub(crate) async fn run(
        &self,
        function: Arc<FunctionVersion>,
        batch: Batch<S::Record>,
        keep: Duration,
    ) -> Ended {
        let event = self.source.event(&batch.records, batch.weight);
        let call = self.functions.call(&function, event, self.trace(&batch.records));
        let mut call = std::pin::pin!(call);
        let mut extend_at = batch.extend_at;
        let ran = loop {
            tokio::select! {
                biased;
                ran = &mut call => break ran,
                () = sleep_until(extend_at) => {
                    let records: Vec<_> = batch.records.iter().collect();
                    extend_at = self.extend(&records, keep).await;
                }
            }
        };
        let meter = self.meter(&ran);
        let (verdict, settlements) = judge(&self.spec, &ran, &batch.records, self.functions.now());
        let settled: Vec<_> =
            batch.records.into_iter().zip(settlements).map(|(record, how)| Settled { record, how }).collect();
        self.settle(&settled, meter.as_ref()).await;
        let again = settled.iter().filter(|settled| !settled.how.is_over());
        Ended { verdict, unfinished: groups(again.map(|settled| &settled.record)) }
    }

    /// Keeps records for longer, and says when to do that again. When it does not work the records may come again
    /// while they are worked on: at least once is what is promised.
    pub(crate) async fn extend(&self, records: &[&S::Record], keep: Duration) -> Instant {
        match self.source.extend(records, keep).await {
            Ok(()) => Instant::now() + keep / 2,
            Err(error) => {
                self.status.complain(&error);
                Instant::now() + REST.1
            }
        }
    }

    /// Settles records, however long it takes.
    pub(crate) async fn settle(&self, settled: &[Settled<S::Record>], meter: Option<&Meter>) {
        let mut tries = 0;
        let mut tries_stopping = 0;
        let stale = loop {
            match self.source.settle(settled, meter).await {
                Ok(stale) => break stale,
                Err(error) => self.status.complain(&error),
            }
            tries += 1;
            tries_stopping += u32::from(self.stop.is_cancelled());
            if tries_stopping >= TRIES_WHEN_STOPPING {
                return;
            }
            sleep(rest(tries)).await;
        };
        self.status.change(|status| {
            let counts = &mut status.counts;
            counts.batches += meter.map_or(0, |meter| meter.runs);
            counts.stale += stale as u64;
            for Settled { how, .. } in settled {
                *match how {
                    Settlement::Done => &mut counts.done,
                    Settlement::Filtered => &mut counts.filtered,
                    Settlement::Failed(_) | Settlement::Hopeless(_) => &mut counts.failed,
                    Settlement::Throttled { .. } => &mut counts.given_back,
                } += 1;
            }
        });
    }

    /// The trace of a batch is that of its first record.
    fn trace(&self, records: &[S::Record]) -> TraceHeader {
        let first = records.first().and_then(Record::trace).and_then(TraceHeader::parse);
        let trace = first.unwrap_or_else(|| TraceHeader::start(self.functions.now(), fastrand::u128(..)));
        trace.visit(self.spec.function.as_str())
    }

    fn meter(&self, ran: &Ran) -> Option<Meter> {
        let Ran::Ended { outcome, billed: Some(billed), .. } = ran else { return None };
        Some(Meter {
            function: self.spec.function.to_string(),
            runs: 1,
            failed: u64::from(!matches!(outcome, Outcome::Returned(_))),
            billed_ms: u64::try_from(billed.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// How long to rest after something did not work `tries` times in a row.
pub(crate) fn rest(tries: u32) -> Duration {
    doubling(REST.0, REST.1, tries, Jitter::new(fastrand::f64()))
}

/// How long a record waits that found no place to run `throttles` times in a row before.
fn throttled(throttles: u32) -> Duration {
    let (first, most) = RetryPolicy::THROTTLED;
    doubling(first, most, throttles.saturating_add(1), Jitter::NONE)
}

/// The failure of a record that the function said has failed.
fn reported(function: &str, reason: &Reason) -> Failure {
    let kind = reason.kind.as_deref().unwrap_or("BatchItemFailure");
    let text = "the function returned the record among its batchItemFailures";
    Failure::new(function, kind, reason.message.as_deref().unwrap_or(text))
}

/// What became of each record of a batch.
pub(crate) fn judge<R: Record>(
    spec: &SourceSpec,
    ran: &Ran,
    records: &[R],
    now: Timestamp,
) -> (Verdict, Vec<Settlement>) {
    let function = spec.function.as_str();
    let failed = |failure: &Failure, record: &R| {
        Settlement::Failed(Box::new(failure.clone().given_up("", record.attempt(), now)))
    };
    let all_failed = |failure: &Failure| records.iter().map(|record| failed(failure, record)).collect();
    let (id, outcome) = match ran {
        Ran::Ended { id, outcome, .. } => (*id, outcome),
        Ran::Gone => {
            let back = Settlement::Throttled { retry_in: Duration::ZERO };
            return (Verdict::Gone, vec![back; records.len()]);
        }
    };
    match outcome {
        Outcome::Returned(_) if !spec.partial_failures => {
            (Verdict::Succeeded, vec![Settlement::Done; records.len()])
        }
        Outcome::Returned(reply) => match reply::failures(reply, records.iter().map(Record::id)) {
            Ok(reasons) => {
                let settle = |(record, reason): (&R, &Option<Reason>)| match reason {
                    Some(reason) => failed(&reported(function, reason), record),
                    None => Settlement::Done,
                };
                (Verdict::Succeeded, records.iter().zip(&reasons).map(settle).collect())
            }
            Err(reason) => {
                let text = format!(
                    "the function's reply does not say what failed, so all of the batch did: {reason}"
                );
                let failure = Failure::new(function, "InvalidBatchItemFailures", &text);
                (Verdict::Failed, all_failed(&failure))
            }
        },
        Outcome::Throttled { retry_in } => {
            let back = |record: &R| throttled(record.throttles()).max(*retry_in);
            let settle = |record| Settlement::Throttled { retry_in: back(record) };
            (Verdict::Throttled, records.iter().map(settle).collect())
        }
        Outcome::Failed(_) | Outcome::TimedOut { .. } | Outcome::Crashed(_) => {
            (Verdict::Failed, all_failed(&Failure::of(function, outcome, id)))
        }
    }
}
