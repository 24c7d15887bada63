//! The sandboxes of one function version: who works, who is idle, who waits for one, and when to start another.
//!
//! Starting a sandbox costs about as much processor time as thousands of short invocations. So a request that
//! finds all of them busy does not start another at once: it waits for the first that becomes free, at most for
//! as long as starting one takes. That is never worse than twice the best choice, whatever the function does
//! (the "ski rental" rule). Waits too short for that still add up: they are a reason to use more processors, as
//! long as there are more processors than sandboxes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lambent_core::limits::WAITING_MAX;
use lambent_core::{Exit, FunctionVersion, Outcome};
use lambent_sandbox::{Launcher, Sandbox};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::capacity::{Capacity, Share};

/// What starting a sandbox is taken to cost until one was started.
const START_ESTIMATE: Duration = Duration::from_millis(100);

/// How long a throttled caller is told to wait.
const RETRY_IN: Duration = Duration::from_secs(1);

/// The sandboxes of one function version.
#[derive(Debug)]
pub(crate) struct Pool {
    version: Arc<FunctionVersion>,
    launcher: Launcher,
    capacity: Capacity,
    tasks: TaskTracker,
    processors: usize,
    state: Mutex<State>,
}

/// A sandbox with its share of the node's memory.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) sandbox: Sandbox,
    _share: Share,
}

#[derive(Debug)]
struct State {
    /// The most recently used last: it is used first, so that the others can go.
    idle: Vec<(Worker, Instant)>,
    waiting: VecDeque<oneshot::Sender<Result<Worker, Outcome>>>,
    /// Sandboxes that are started, busy or idle.
    live: usize,
    starting: usize,
    /// What starting a sandbox took the last time.
    start_takes: Duration,
    /// How long requests have waited since the last start.
    waited: Duration,
    /// A newer version has taken over: nothing is kept.
    retired: bool,
}

impl Pool {
    pub(crate) fn new(
        version: Arc<FunctionVersion>,
        launcher: Launcher,
        capacity: Capacity,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let state = State {
            idle: Vec::new(),
            waiting: VecDeque::new(),
            live: 0,
            starting: 0,
            start_takes: START_ESTIMATE,
            waited: Duration::ZERO,
            retired: false,
        };
        Arc::new(Self { version, launcher, capacity, tasks, processors, state: Mutex::new(state) })
    }

    pub(crate) fn version(&self) -> &Arc<FunctionVersion> {
        &self.version
    }

    /// A sandbox to work in. Give it back with [`Pool::release`].
    ///
    /// # Errors
    /// `Throttled` when too many wait already or the node is full, and how starting failed when it did.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<Worker, Outcome> {
        let (turn, patience) = {
            let mut state = self.state();
            if let Some((worker, _)) = state.idle.pop() {
                return Ok(worker);
            }
            if state.waiting.len() >= WAITING_MAX {
                return Err(throttled());
            }
            let (sender, turn) = oneshot::channel();
            state.waiting.push_back(sender);
            let nobody_works = state.live == state.starting;
            let worth_a_processor = state.live < self.processors && state.waited > state.start_takes;
            if nobody_works || worth_a_processor {
                self.start_another(&mut state);
            }
            (turn, state.start_takes)
        };
        self.wait(turn, patience).await
    }

    async fn wait(
        self: &Arc<Self>,
        mut turn: oneshot::Receiver<Result<Worker, Outcome>>,
        patience: Duration,
    ) -> Result<Worker, Outcome> {
        let begun = Instant::now();
        let result = loop {
            match tokio::time::timeout(patience, &mut turn).await {
                Ok(result) => break result.unwrap_or_else(|_| Err(throttled())),
                Err(_) => self.start_another(&mut self.state()),
            }
        };
        self.state().waited += begun.elapsed();
        result
    }

    /// Takes a sandbox back and gives it to whoever waits the longest.
    pub(crate) fn release(&self, mut worker: Worker) {
        let mut state = self.state();
        while let Some(turn) = state.waiting.pop_front() {
            match turn.send(Ok(worker)) {
                Ok(()) => return,
                // That one has gone away.
                Err(Ok(back)) => worker = back,
                Err(Err(_)) => return,
            }
        }
        if state.retired {
            state.live -= 1;
            drop(state);
            self.dismiss(worker);
        } else if worker.sandbox.is_running() {
            state.idle.push((worker, Instant::now()));
        } else {
            // It would have to start first: the others are better.
            state.idle.insert(0, (worker, Instant::now()));
        }
    }

    /// Starts a sandbox before anybody asks for one.
    pub(crate) fn warm(self: &Arc<Self>) {
        let mut state = self.state();
        if state.live == 0 {
            self.start_another(&mut state);
        }
    }

    /// Ends the sandboxes that have been idle for longer than the function keeps them.
    pub(crate) fn trim(&self) {
        let keep = self.version.function.keep_alive;
        self.dismiss_idle(|since| since.elapsed() >= keep, usize::MAX);
    }

    /// Ends the sandbox that has been idle the longest, to make room. Whether there was one.
    pub(crate) fn make_room(&self) -> bool {
        self.dismiss_idle(|_| true, 1) > 0
    }

    /// A newer version takes over: what is idle ends now, what works ends when it is done.
    pub(crate) fn retire(&self) {
        self.state().retired = true;
        self.dismiss_idle(|_| true, usize::MAX);
    }

    /// Started, busy and idle sandboxes.
    pub(crate) fn live(&self) -> usize {
        self.state().live
    }

    fn dismiss_idle(&self, go: impl Fn(&Instant) -> bool, most: usize) -> usize {
        let mut going = Vec::new();
        let mut state = self.state();
        while going.len() < most && state.idle.first().is_some_and(|(_, since)| go(since)) {
            going.push(state.idle.remove(0).0);
        }
        state.live -= going.len();
        drop(state);
        let count = going.len();
        going.into_iter().for_each(|worker| self.dismiss(worker));
        count
    }

    fn dismiss(&self, worker: Worker) {
        self.tasks.spawn(async move {
            let Worker { sandbox, _share } = worker;
            sandbox.stop(Duration::ZERO).await;
        });
    }

    /// Starts a sandbox, unless enough are starting: more at once would only slow each other down.
    fn start_another(self: &Arc<Self>, state: &mut State) {
        let enough = state.starting > 0 && state.starting >= state.waiting.len().min(2 * self.processors);
        if enough {
            return;
        }
        let Some(share) = self.capacity.try_take(self.version.function.memory_mib) else {
            if state.live == 0
                && let Some(turn) = state.waiting.pop_front()
            {
                // Nobody works who could become free.
                turn.send(Err(throttled())).ok();
            }
            return;
        };
        state.live += 1;
        state.starting += 1;
        state.waited = Duration::ZERO;
        let pool = Arc::clone(self);
        self.tasks.spawn(async move { pool.start(share).await });
    }

    async fn start(self: Arc<Self>, share: Share) {
        let begun = Instant::now();
        let sandbox = match self.launcher.sandbox(&self.version).await {
            Ok(mut sandbox) => {
                sandbox.init().await;
                Ok(sandbox)
            }
            Err(e) => Err(e),
        };
        let mut state = self.state();
        state.starting -= 1;
        match sandbox {
            Ok(sandbox) => {
                state.start_takes = begun.elapsed();
                drop(state);
                self.release(Worker { sandbox, _share: share });
            }
            Err(e) => {
                state.live -= 1;
                let turn = state.waiting.pop_front();
                let more = !state.waiting.is_empty() && state.live == 0;
                if more {
                    self.start_another(&mut state);
                }
                drop(state);
                if let Some(turn) = turn {
                    turn.send(Err(cannot_start(&e))).ok();
                }
            }
        }
    }

    /// Nothing that holds the lock can panic half-way through a change.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn throttled() -> Outcome {
    Outcome::Throttled { retry_in: RETRY_IN }
}

/// A sandbox that cannot even be made: the function's caller learns as much as is good for it.
pub(crate) fn cannot_start(error: &lambent_sandbox::Error) -> Outcome {
    match error {
        lambent_sandbox::Error::Runtime(e) => {
            Outcome::Failed(lambent_core::FunctionError::new("Runtime.InvalidEntrypoint", &e.to_string()))
        }
        _ => Outcome::Crashed(Exit::NotStarted),
    }
}
