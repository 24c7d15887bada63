//! The running instances of an `http` function: web servers, each with many requests at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lambent_core::limits::{HTTP_REQUESTS_PER_INSTANCE, HTTP_STOP_GRACE};
use lambent_core::{FunctionVersion, Outcome};
use lambent_sandbox::{Launcher, Liveness, Sandbox};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::capacity::{Capacity, Share};
use crate::pool::cannot_start;

/// How often an instance looks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A running instance of an `http` function, counted as busy until it is dropped.
#[derive(Debug)]
pub struct HttpInstance {
    instance: Arc<Instance>,
}

/// The instances of one version of an `http` function.
#[derive(Debug)]
pub(crate) struct Instances {
    version: Arc<FunctionVersion>,
    launcher: Launcher,
    capacity: Capacity,
    tasks: TaskTracker,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Vec<Arc<Instance>>,
    /// The start that everybody without an instance waits for.
    starting: Option<Arc<OnceCell<Result<(), Outcome>>>>,
    retired: bool,
}

#[derive(Debug)]
struct Instance {
    address: SocketAddr,
    liveness: Liveness,
    busy: AtomicUsize,
    idle_since: Mutex<Instant>,
    stop: CancellationToken,
}

impl HttpInstance {
    /// Where it listens, on loopback.
    pub fn address(&self) -> SocketAddr {
        self.instance.address
    }
}

impl Drop for HttpInstance {
    fn drop(&mut self) {
        *self.instance.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.instance.busy.fetch_sub(1, Ordering::Release);
    }
}

impl Instances {
    pub(crate) fn new(
        version: Arc<FunctionVersion>,
        launcher: Launcher,
        capacity: Capacity,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        Arc::new(Self { version, launcher, capacity, tasks, state: Mutex::default() })
    }

    pub(crate) fn version(&self) -> &Arc<FunctionVersion> {
        &self.version
    }

    /// An instance that has room for one more request, started if there is none.
    ///
    /// # Errors
    /// How starting one failed, or `Throttled` when the node has no memory left for it.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<HttpInstance, Outcome> {
        loop {
            let start = {
                let mut state = self.state();
                // One that ended just now is still on the list until its watcher has taken it off.
                state.running.retain(|instance| instance.liveness.is_alive());
                let least = state.running.iter().min_by_key(|instance| instance.busy.load(Ordering::Acquire));
                if let Some(instance) = least
                    && instance.busy.load(Ordering::Acquire) < HTTP_REQUESTS_PER_INSTANCE
                {
                    instance.busy.fetch_add(1, Ordering::AcqRel);
                    return Ok(HttpInstance { instance: Arc::clone(instance) });
                }
                Arc::clone(state.starting.get_or_insert_default())
            };
            // One start for all who wait. It runs as a task: whoever goes away must not stop it.
            let instances = Arc::clone(self);
            let tasks = self.tasks.clone();
            let started = start.get_or_init(|| async move {
                let task = tasks.spawn(async move { instances.start().await });
                task.await.unwrap_or(Err(Outcome::Crashed(lambent_core::Exit::NotStarted)))
            });
            let result = started.await.clone();
            let mut state = self.state();
            if state.starting.as_ref().is_some_and(|current| Arc::ptr_eq(current, &start)) {
                state.starting = None;
            }
            drop(state);
            result?;
        }
    }

    /// Ends the instances that have been idle for longer than the function keeps them.
    pub(crate) fn trim(&self) {
        let keep = self.version.function.keep_alive;
        self.stop_idle(|since| since.elapsed() >= keep);
    }

    /// A newer version takes over.
    pub(crate) fn retire(&self) {
        self.state().retired = true;
        self.stop_idle(|_| true);
    }

    pub(crate) fn live(&self) -> usize {
        self.state().running.len()
    }

    /// Takes idle instances off the list, so that nobody gets them any more, and stops them.
    fn stop_idle(&self, go: impl Fn(&Instant) -> bool) {
        self.state().running.retain(|instance| {
            let idle = instance.busy.load(Ordering::Acquire) == 0;
            let going = idle && go(&instance.idle_since.lock().unwrap_or_else(PoisonError::into_inner));
            if going {
                instance.stop.cancel();
            }
            !going
        });
    }

    async fn start(self: Arc<Self>) -> Result<(), Outcome> {
        let share = self.capacity.try_take(self.version.function.memory_mib);
        let share = share.ok_or(Outcome::Throttled { retry_in: Duration::from_secs(1) })?;
        let mut sandbox = self.launcher.sandbox(&self.version).await.map_err(|e| cannot_start(&e))?;
        let (address, liveness) = sandbox.start_http().await?;
        let instance = Arc::new(Instance {
            address,
            liveness,
            busy: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
            stop: CancellationToken::new(),
        });
        self.state().running.push(Arc::clone(&instance));
        self.tasks.spawn(Arc::clone(&self).watch(instance, sandbox, share));
        Ok(())
    }

    /// Holds an instance until it is stopped or ends by itself. Nobody trims the instances of a version that was
    /// replaced: they see for themselves when their last request is over.
    async fn watch(self: Arc<Self>, instance: Arc<Instance>, mut sandbox: Sandbox, share: Share) {
        loop {
            tokio::select! {
                () = instance.stop.cancelled() => break,
                () = sandbox.ended() => {
                    self.state().running.retain(|other| !Arc::ptr_eq(other, &instance));
                    break;
                }
                () = tokio::time::sleep(LOOK_EVERY) => {
                    let retired = self.state().retired;
                    if retired {
                        self.stop_idle(|_| true);
                    }
                }
            }
        }
        sandbox.stop(HTTP_STOP_GRACE).await;
        drop(share);
    }

    /// Nothing that holds the lock can panic half-way through a change.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
