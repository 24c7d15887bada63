//! The engine: takes invocations, finds them a sandbox, writes their log, answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use lambent_core::limits::SANDBOXES_MAX;
use lambent_core::report::{Report, Status};
use lambent_core::{
    Clock, Exit, Function, FunctionName, FunctionVersion, Invocation, LogEntry, Logged, NodeIdentity, Origin,
    Outcome, RequestId, Runtime, TraceHeader,
};
use lambent_sandbox::{Completion, Launcher, LogSink, Reply};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::capacity::Capacity;
use crate::events::{Events, outbox};
use crate::instances::{HttpInstance, Instances};
use crate::pool::Pool;
use crate::{Answer, Buckets, Completed, Logs, Streaming, Tables, dispatch};

/// How often idle sandboxes are looked through.
const TRIM_EVERY: Duration = Duration::from_millis(500);

/// The version that is deployed, until versions can be published.
const LATEST: &str = "$LATEST";

/// The engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Config {
    /// Starts sandboxes.
    pub launcher: Launcher,
    /// Region and account.
    pub identity: NodeIdentity,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The functions' logs; the launcher writes to the same.
    pub logs: Arc<Logs>,
    /// The node's tables.
    pub tables: Tables,
    /// The node's buckets.
    pub buckets: Buckets,
    /// Queues, topics, buses, and what is on its way.
    pub events: Events,
    /// Tracks every task of the node's.
    pub tasks: TaskTracker,
    /// Memory that sandboxes may be promised together, in MiB.
    pub memory_mib: u32,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    capacity: Capacity,
    deployed: RwLock<Arc<BTreeMap<FunctionName, Deployed>>>,
    generations: AtomicU64,
}

/// A deployed function, and what runs it.
#[derive(Clone, Debug)]
enum Deployed {
    /// One invocation at a time in each sandbox.
    Pool(Arc<Pool>),
    /// A web server.
    Instances(Arc<Instances>),
}

impl Engine {
    /// Makes an engine without functions. It trims idle sandboxes, runs asynchronous invocations, redrives and schedules, sends
    /// what waits for addresses, and removes what is too old, until `stop`.
    pub fn start(config: Config, stop: &CancellationToken) -> Self {
        let capacity = Capacity::new(config.memory_mib, SANDBOXES_MAX);
        let inner = Inner { config, capacity, deployed: RwLock::default(), generations: AtomicU64::new(1) };
        let engine = Self { inner: Arc::new(inner) };
        let (tasks, events) = (engine.tasks(), engine.events());
        tasks.spawn(engine.clone().trim(stop.clone()));
        tasks.spawn(dispatch::run(engine.clone(), stop.clone()));
        tasks.spawn(events.clone().run_redrives(stop.clone()));
        tasks.spawn(events.clone().run_sweeps(stop.clone()));
        tasks.spawn(crate::events::run_schedules(engine.clone(), stop.clone()));
        tasks.spawn(engine.tables().clone().run_sweeps(stop.clone()));
        tasks
            .spawn(engine.buckets().clone().run_sweeps(Arc::clone(&engine.inner.config.clock), stop.clone()));
        tasks.spawn(outbox::run(events.clone(), tasks.clone(), stop.clone()));
        engine
    }

    /// Replaces the deployed functions by these. A function that is as it was keeps its sandboxes, unless
    /// `changed` says that its code is another. What is under way finishes on the version that it began on.
    pub fn deploy(&self, functions: Vec<Function>, changed: impl Fn(&Function) -> bool) {
        let before = self.deployed();
        let after: BTreeMap<_, _> = functions
            .into_iter()
            .map(|function| {
                let same = before
                    .get(&function.name)
                    .filter(|deployed| deployed.version().function == function && !changed(&function));
                let deployed = same.cloned().unwrap_or_else(|| self.make(function));
                (deployed.version().name().clone(), deployed)
            })
            .collect();
        let after = Arc::new(after);
        *self.inner.deployed.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
        for (name, old) in before.iter() {
            let kept =
                after.get(name).is_some_and(|new| new.version().generation == old.version().generation);
            if !kept {
                old.retire();
            }
        }
    }

    /// Starts a sandbox of a function that has none, before anybody asks.
    pub fn warm(&self, name: &FunctionName) {
        if let Some(Deployed::Pool(pool)) = self.deployed().get(name) {
            pool.warm();
        }
    }

    /// Ends all sandboxes as they become idle; nothing is deployed any more.
    pub fn retire(&self) {
        self.deploy(Vec::new(), |_| false);
    }

    /// The deployed version of the function called `name`.
    pub fn function(&self, name: &str) -> Option<Arc<FunctionVersion>> {
        self.deployed().get(name).map(|deployed| Arc::clone(deployed.version()))
    }

    /// Every deployed function, sorted by name.
    pub fn functions(&self) -> Vec<Arc<FunctionVersion>> {
        self.deployed().values().map(|deployed| Arc::clone(deployed.version())).collect()
    }

    /// How many sandboxes of a function there are now.
    pub fn sandboxes(&self, name: &str) -> usize {
        self.deployed().get(name).map_or(0, Deployed::live)
    }

    /// Region and account.
    pub fn node(&self) -> &NodeIdentity {
        &self.inner.config.identity
    }

    /// The node's clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.config.clock
    }

    /// The node's buckets.
    pub fn buckets(&self) -> &Buckets {
        &self.inner.config.buckets
    }

    /// The node's tables.
    pub fn tables(&self) -> &Tables {
        &self.inner.config.tables
    }

    /// Queues, topics, buses, and what is on its way.
    pub fn events(&self) -> &Events {
        &self.inner.config.events
    }

    /// The functions' logs.
    pub fn logs(&self) -> &Logs {
        &self.inner.config.logs
    }

    /// Tracks the node's tasks: whatever is started for a while is started on it.
    pub fn tasks(&self) -> &TaskTracker {
        &self.inner.config.tasks
    }

    /// A new invocation with an id of its own; it starts a trace when there is none.
    pub fn invocation(
        &self,
        function: &Arc<FunctionVersion>,
        payload: Bytes,
        origin: Origin,
        trace: Option<TraceHeader>,
    ) -> Invocation {
        let start = || TraceHeader::start(self.clock().now(), fastrand::u128(..));
        Invocation {
            id: RequestId::from_random(fastrand::u128(..)),
            function: Arc::clone(function),
            payload,
            origin,
            attempt: 1,
            trace: trace.unwrap_or_else(start),
            arn: function.arn.clone(),
            client_context: None,
        }
    }

    /// Runs an invocation to its end, whatever becomes of the caller. A streamed result is put together.
    pub async fn invoke(&self, call: Invocation) -> Completed {
        self.spawn(call, Reply::whole()).await.unwrap_or_else(|_| lost())
    }

    /// Runs an invocation to its end, whatever becomes of the caller; a function that streams is heard as it speaks.
    pub async fn invoke_streaming(&self, call: Invocation) -> Answer {
        let (reply, stream) = Reply::streaming();
        let completed = self.spawn(call, reply);
        tokio::select! {
            biased;
            Ok(stream) = stream => {
                Answer::Stream(Streaming { content_type: stream.content_type, chunks: stream.chunks })
            }
            completed = completed => Answer::Whole(completed.unwrap_or_else(|_| lost())),
        }
    }

    /// A running instance of an `http` function, started if there is none.
    ///
    /// # Errors
    /// Why there is none: throttled, crashed, timed out or failed.
    pub async fn http_instance(&self, function: &Arc<FunctionVersion>) -> Result<HttpInstance, Outcome> {
        let deployed = self.deployed().get(function.name()).cloned();
        match deployed {
            Some(Deployed::Instances(instances)) => {
                let result = instances.acquire().await;
                if let Err(Outcome::Throttled { .. }) = &result
                    && self.make_room()
                {
                    return instances.acquire().await;
                }
                result
            }
            _ => Err(Outcome::Crashed(Exit::NotStarted)),
        }
    }

    /// Starts the task that runs an invocation. It answers, then sees to the sandbox.
    fn spawn(&self, call: Invocation, reply: Reply) -> oneshot::Receiver<Completed> {
        let (answer, answered) = oneshot::channel();
        let engine = self.clone();
        self.inner.config.tasks.spawn(async move { engine.run(call, reply, answer).await });
        answered
    }

    async fn run(self, call: Invocation, mut reply: Reply, answer: oneshot::Sender<Completed>) {
        let deployed = self.deployed().get(call.function.name()).cloned();
        let Some(Deployed::Pool(pool)) = deployed else {
            // Removed since the caller looked it up, or never one to be invoked.
            answer.send(lost()).ok();
            return;
        };
        let acquired = match pool.acquire().await {
            Err(Outcome::Throttled { .. }) if self.make_room() => pool.acquire().await,
            other => other,
        };
        let mut worker = match acquired {
            Ok(worker) => worker,
            Err(outcome) => {
                answer.send(Completed::without_sandbox(outcome)).ok();
                return;
            }
        };
        self.log(&call, Logged::Started(pool.version().version.clone()));
        let completion = worker.sandbox.invoke(&call, &mut reply).await;
        // A caller who has gone away needs no answer.
        answer.send(self.complete(&call, pool.version(), completion)).ok();
        drop(reply);
        worker.sandbox.settle().await;
        pool.release(worker);
    }

    /// Accounts for an invocation that is over.
    fn complete(&self, call: &Invocation, version: &FunctionVersion, completion: Completion) -> Completed {
        let Completion { outcome, duration, init, tail, memory_mib } = completion;
        let report = Report {
            id: call.id,
            version: version.version.clone(),
            duration,
            init,
            memory_mib: version.function.memory_mib,
            memory_used_mib: memory_mib,
            status: Status::of(&outcome, call.id, self.clock().now()),
        };
        self.log(call, Logged::Finished(report.clone()));
        Completed { outcome, report: Some(report), printed: tail }
    }

    fn log(&self, call: &Invocation, what: Logged) {
        let (at, function) = (self.clock().now(), call.function.name().clone());
        self.inner.config.logs.log(LogEntry { at, function, request: Some(call.id), what });
    }

    /// Ends an idle sandbox of any function, so that another can start. Whether there was one.
    fn make_room(&self) -> bool {
        self.deployed().values().any(|deployed| match deployed {
            Deployed::Pool(pool) => pool.make_room(),
            Deployed::Instances(_) => false,
        })
    }

    async fn trim(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(TRIM_EVERY)).await.is_some() {
            self.deployed().values().for_each(Deployed::trim);
        }
    }

    fn make(&self, function: Function) -> Deployed {
        let Config { launcher, identity, tasks, .. } = &self.inner.config;
        let generation = self.inner.generations.fetch_add(1, Ordering::Relaxed);
        let arn = identity.function_arn(&function.name);
        let is_server = function.runtime == Runtime::Http;
        let version = Arc::new(FunctionVersion { function, version: LATEST.to_owned(), generation, arn });
        let capacity = self.inner.capacity.clone();
        if is_server {
            Deployed::Instances(Instances::new(version, launcher.clone(), capacity, tasks.clone()))
        } else {
            Deployed::Pool(Pool::new(version, launcher.clone(), capacity, tasks.clone()))
        }
    }

    fn deployed(&self) -> Arc<BTreeMap<FunctionName, Deployed>> {
        Arc::clone(&self.inner.deployed.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Deployed {
    fn version(&self) -> &Arc<FunctionVersion> {
        match self {
            Self::Pool(pool) => pool.version(),
            Self::Instances(instances) => instances.version(),
        }
    }

    fn live(&self) -> usize {
        match self {
            Self::Pool(pool) => pool.live(),
            Self::Instances(instances) => instances.live(),
        }
    }

    fn trim(&self) {
        match self {
            Self::Pool(pool) => pool.trim(),
            Self::Instances(instances) => instances.trim(),
        }
    }

    fn retire(&self) {
        match self {
            Self::Pool(pool) => pool.retire(),
            Self::Instances(instances) => instances.retire(),
        }
    }
}

/// An invocation whose function is no longer there, or whose task was stopped with the node.
fn lost() -> Completed {
    Completed::without_sandbox(Outcome::Crashed(Exit::NotStarted))
}
