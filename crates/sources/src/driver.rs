//! The driver: one task for each source, which polls, makes batches, runs them and settles them.
//!
//! While there is nothing to do, all that is left is one parked poll. Records are taken only as far as batches may run,
//! and one batch ahead.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lambent_core::{Jitter, limits, retry::doubling};
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::batcher::{Batcher, Limits};
use crate::error::Result;
use crate::function::Functions;
use crate::intake::{GIVEN_BACK, Sorted, WEIGHT_MAX};
use crate::run::{Ended, Shared, Verdict, rest};
use crate::scaler::Scaler;
use crate::source::{Settled, Source, Want};
use crate::status::State;

/// How much longer than the function's timeout and the window records are kept (semantics.md 4.2: 30 s).
const MARGIN: Duration = Duration::from_secs(30);

/// Most records that are polled at once, unless a batch is larger.
const POLL_RECORDS: usize = 1000;

/// Most events' worth of bytes that wait.
const EVENTS_WAITING: usize = 4;

/// Commits of records that were never run, at once.
const SETTLING_MAX: usize = 8;

/// How often it is looked whether a function is there again.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Shortest and longest rest when there are no sandboxes to be had.
const THROTTLED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Longer than anything that is waited for.
const LONG: Duration = Duration::from_secs(3600);

/// Drives one source.
pub(crate) struct Driver<S: Source, F> {
    shared: Arc<Shared<S, F>>,
    tasks: TaskTracker,
    scaler: Scaler,
    batcher: Batcher<S::Record>,
    poll: Option<Poll<S::Record>>,
    runs: JoinSet<Ended>,
    /// The groups of what runs.
    groups: HashMap<Id, Vec<String>>,
    settling: JoinSet<()>,
    rest: Rest,
    /// How long records are kept.
    keep: Duration,
}

/// A poll that is under way.
struct Poll<R> {
    task: JoinHandle<Result<Vec<R>>>,
    stop: CancellationToken,
    /// How long what it gives is kept.
    keep: Duration,
}

/// Why nothing new is begun, and until when.
struct Rest {
    until: Instant,
    /// Polls in a row that did not work.
    errors: u32,
    /// Batches that found no sandbox since one ran.
    throttles: u32,
}

impl<S: Source, F: Functions> Driver<S, F> {
    pub(crate) fn new(shared: Shared<S, F>, tasks: TaskTracker) -> Self {
        let spec = &shared.spec;
        let limits = Limits { records: spec.batch.max(1), weight: WEIGHT_MAX, window: spec.window };
        Self {
            scaler: Scaler::new(spec.concurrency),
            batcher: Batcher::new(limits),
            poll: None,
            runs: JoinSet::new(),
            groups: HashMap::new(),
            settling: JoinSet::new(),
            rest: Rest { until: Instant::now(), errors: 0, throttles: 0 },
            keep: MARGIN,
            shared: Arc::new(shared),
            tasks,
        }
    }

    /// Drives the source until it is told to stop, then lets what is under way finish and gives the rest back.
    pub(crate) async fn drive(mut self) {
        let stop = self.shared.stop.clone();
        while !stop.is_cancelled() {
            self.begin();
            self.report();
            let wake = self.wake();
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(joined) = self.runs.join_next_with_id() => self.ended(joined),
                Some(_) = self.settling.join_next() => {}
                polled = joined(&mut self.poll) => self.polled(polled),
                () = sleep_until(wake) => self.extend_waiting().await,
            }
        }
        self.finish().await;
    }

    /// Begins everything that may begin now.
    fn begin(&mut self) {
        let now = Instant::now();
        if now < self.rest.until {
            return;
        }
        let Some(function) = self.shared.functions.find(&self.shared.spec.function) else {
            return self.pause();
        };
        self.shared.status.change(|status| {
            if status.state == State::Paused {
                status.state = State::Enabled;
            }
        });
        self.keep = function.function.timeout + MARGIN + self.shared.spec.window;
        while self.runs.len() < self.scaler.limit()
            && let Some(batch) = self.batcher.next(now)
        {
            if batch.full {
                self.scaler.full();
            }
            let (shared, function, keep) = (Arc::clone(&self.shared), Arc::clone(&function), self.keep);
            let groups = batch.groups.clone();
            let run = async move { shared.run(function, batch, keep).await };
            let task = self.runs.spawn(self.tasks.track_future(run));
            self.groups.insert(task.id(), groups);
        }
        if self.poll.is_none()
            && self.settling.len() < SETTLING_MAX
            && let Some(want) = self.want(now)
        {
            let (shared, stop, keep) = (Arc::clone(&self.shared), want.stop.clone(), want.keep);
            let task = self.tasks.spawn(async move { shared.source.poll(want).await });
            self.poll = Some(Poll { task, stop, keep });
        }
    }

    /// What is to be polled: enough for the batches that may run, or for one ahead.
    fn want(&self, now: Instant) -> Option<Want> {
        let batch = self.shared.spec.batch.max(1);
        let room = self.scaler.limit().saturating_sub(self.runs.len()).max(1);
        let most = room.saturating_mul(batch).min(POLL_RECORDS.max(batch));
        let records = most.saturating_sub(self.batcher.len());
        let room_bytes = room.min(EVENTS_WAITING) * limits::PAYLOAD_MAX;
        let bytes = room_bytes.saturating_sub(self.batcher.weight());
        if records == 0 || bytes == 0 {
            return None;
        }
        let due = self.batcher.due().map(|due| due.saturating_duration_since(now));
        let wait = due.filter(|due| !due.is_zero()).unwrap_or(limits::WAIT_MAX).min(limits::WAIT_MAX);
        Some(Want { records, batch, bytes, wait, keep: self.keep, stop: CancellationToken::new() })
    }

    fn polled(&mut self, polled: Result<Vec<S::Record>>) {
        // The function may have been given another timeout since the poll began.
        let keep = self.poll.take().map_or(self.keep, |poll| poll.keep);
        match polled {
            Ok(records) => {
                self.rest.errors = 0;
                if records.is_empty() && self.runs.is_empty() && self.batcher.len() == 0 {
                    self.scaler.idle();
                }
                self.shared.status.change(|status| status.state = State::Enabled);
                self.take_in(records, keep);
            }
            Err(error) => {
                self.rest.errors += 1;
                self.rest.until = self.rest.until.max(Instant::now() + rest(self.rest.errors));
                self.shared.status.complain(&error);
                let state = State::Troubled(error.to_string());
                self.shared.status.change(|status| status.state = state);
            }
        }
    }

    /// Records that came: those that are to be run wait for their batch, what becomes of the others is settled.
    fn take_in(&mut self, records: Vec<S::Record>, keep: Duration) {
        let now = Instant::now();
        let Sorted { run, settled } = self.shared.sort(records);
        for (record, weight) in run {
            self.batcher.push(record, weight, now, now + keep / 2);
        }
        self.settle(settled);
    }

    /// A batch has ended.
    fn ended(&mut self, joined: std::result::Result<(Id, Ended), JoinError>) {
        let (id, ended) = match joined {
            Ok((id, ended)) => (id, ended),
            Err(error) => {
                // Its records come again when nobody keeps them any more; those behind them must not come before.
                self.shared.status.complain(&error);
                let unfinished = self.groups.get(&error.id()).cloned().unwrap_or_default();
                (error.id(), Ended { verdict: Verdict::Failed, unfinished })
            }
        };
        let groups = self.groups.remove(&id).unwrap_or_default();
        self.batcher.free(&groups);
        let behind = self.batcher.take_groups(&ended.unfinished);
        self.give_back(behind);
        match ended.verdict {
            Verdict::Succeeded => self.ran(),
            Verdict::Failed => {
                self.ran();
                self.scaler.failed();
            }
            Verdict::Throttled => {
                self.scaler.throttled();
                self.rest.throttles += 1;
                let (first, most) = THROTTLED;
                let wait = doubling(first, most, self.rest.throttles, Jitter::NONE);
                self.rest.until = Instant::now() + wait;
                let waiting = self.batcher.take_all();
                self.give_back(waiting);
            }
            Verdict::Gone => self.pause(),
        }
    }

    /// A batch found a sandbox: others may too.
    fn ran(&mut self) {
        if self.rest.throttles > 0 {
            self.rest.throttles = 0;
            self.rest.until = Instant::now();
        }
    }

    /// There is no function: what waits is given back, and nothing is polled.
    fn pause(&mut self) {
        if let Some(poll) = &self.poll {
            poll.stop.cancel();
        }
        let waiting = self.batcher.take_all();
        self.give_back(waiting);
        self.scaler.idle();
        self.rest.until = Instant::now() + LOOK_EVERY;
        self.shared.status.change(|status| status.state = State::Paused);
    }

    /// Records that nobody has tried go back.
    fn give_back(&mut self, records: Vec<S::Record>) {
        self.settle(records.into_iter().map(|record| Settled { record, how: GIVEN_BACK }).collect());
    }

    fn settle(&mut self, settled: Vec<Settled<S::Record>>) {
        if settled.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let settle = async move { shared.settle(&settled, None).await };
        self.settling.spawn(self.tasks.track_future(settle));
    }

    /// When there is something to do even if nothing happens.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        // What is due and has not begun waits for something to end.
        let due = self.batcher.due().filter(|due| *due > now);
        let rest = Some(self.rest.until).filter(|until| *until > now);
        [due, rest, self.batcher.extend_at()].into_iter().flatten().min().unwrap_or(now + LONG)
    }

    /// Keeps what waits for longer, if it is time for that.
    async fn extend_waiting(&mut self) {
        if self.batcher.extend_at().is_some_and(|at| at <= Instant::now()) {
            let next = self.shared.extend(&self.batcher.records(), self.keep).await;
            self.batcher.extended(next);
        }
    }

    /// Lets what is under way finish, and gives everything else back.
    async fn finish(&mut self) {
        if let Some(poll) = &self.poll {
            poll.stop.cancel();
        }
        let waiting = self.batcher.take_all();
        self.give_back(waiting);
        loop {
            tokio::select! {
                Some(_) = self.runs.join_next() => {}
                Some(_) = self.settling.join_next() => {}
                polled = joined(&mut self.poll), if self.poll.is_some() => {
                    self.poll = None;
                    self.give_back(polled.unwrap_or_default());
                }
                else => return,
            }
        }
    }

    fn report(&self) {
        let (running, limit) = (self.runs.len(), self.scaler.limit());
        self.shared.status.change(|status| (status.running, status.limit) = (running, limit));
    }
}

/// What the poll under way gave; never, if there is none.
async fn joined<R>(poll: &mut Option<Poll<R>>) -> Result<Vec<R>> {
    match poll {
        Some(poll) => match (&mut poll.task).await {
            Ok(polled) => polled,
            Err(error) => Err(crate::Error::Broker(format!("polling ended: {error}"))),
        },
        None => std::future::pending().await,
    }
}
