//! A broker and a function that do as the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lambent_core::{
    Function, FunctionError, FunctionName, FunctionVersion, Outcome, QueueName, RequestId, Runtime,
    SourceFrom, SourceSpec, Timestamp, TraceHeader,
};
use lambent_engine::events::Meter;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::function::{Functions, Ran};
use crate::run::Shared;
use crate::source::{Record, Settled, Settlement, Source, Want};
use crate::status::{SourceStatus, Status};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_770_112_800_000);

/// A record of the fake broker. One whose id begins with a capital is of that group.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) id: String,
    pub(crate) trace: Option<String>,
    pub(crate) throttles: u32,
    pub(crate) weight: usize,
}

impl Thing {
    pub(crate) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), trace: None, throttles: 0, weight: 100 }
    }
}

impl Record for Thing {
    fn id(&self) -> &str {
        &self.id
    }

    fn group(&self) -> Option<&str> {
        self.id.starts_with(|c: char| c.is_ascii_uppercase()).then(|| &self.id[..1])
    }

    fn trace(&self) -> Option<&str> {
        self.trace.as_deref()
    }

    fn attempt(&self) -> u32 {
        1
    }

    fn throttles(&self) -> u32 {
        self.throttles
    }
}

#[derive(Default)]
pub(crate) struct FakeSource {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Thing>,
    settled: Vec<(String, Settlement)>,
    extended: Vec<String>,
    meters: Vec<Meter>,
    polls: usize,
    taken: usize,
    most_taken: usize,
    failing_polls: u32,
    failing_settles: u32,
}

impl FakeSource {
    pub(crate) fn send(&self, ids: impl IntoIterator<Item = impl AsRef<str>>) {
        self.put(ids.into_iter().map(|id| Thing::new(id.as_ref())).collect());
    }

    pub(crate) fn put(&self, things: Vec<Thing>) {
        self.state.lock().unwrap().ready.extend(things);
        self.arrived.notify_one();
    }

    /// Waits until so many records are settled.
    pub(crate) async fn settled(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(100_000);
        while self.state.lock().unwrap().settled.len() < count {
            assert!(Instant::now() < deadline, "only {:?}", self.state.lock().unwrap().settled);
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn how(&self, id: &str) -> Vec<Settlement> {
        let state = self.state.lock().unwrap();
        state.settled.iter().filter(|(its, _)| its == id).map(|(_, how)| how.clone()).collect()
    }

    pub(crate) fn extended(&self, id: &str) -> usize {
        self.state.lock().unwrap().extended.iter().filter(|its| *its == id).count()
    }

    pub(crate) fn meter(&self) -> Meter {
        self.state.lock().unwrap().meters.last().cloned().unwrap()
    }

    pub(crate) fn polls(&self) -> usize {
        self.state.lock().unwrap().polls
    }

    pub(crate) fn most_taken(&self) -> usize {
        self.state.lock().unwrap().most_taken
    }

    pub(crate) fn left(&self) -> usize {
        self.state.lock().unwrap().ready.len()
    }

    pub(crate) fn fail_polls(&self, times: u32) {
        self.state.lock().unwrap().failing_polls = times;
        self.arrived.notify_one();
    }

    pub(crate) fn fail_settles(&self, times: u32) {
        self.state.lock().unwrap().failing_settles = times;
    }

    fn take(&self, want: &Want) -> Result<Vec<Thing>> {
        let mut state = self.state.lock().unwrap();
        if state.failing_polls > 0 {
            state.failing_polls -= 1;
            return Err(Error::Broker("the broker is away".to_owned()));
        }
        let count = want.records.min(state.ready.len());
        state.taken += count;
        state.most_taken = state.most_taken.max(state.taken);
        Ok(state.ready.drain(..count).collect())
    }
}

#[async_trait]
impl Source for Arc<FakeSource> {
    type Record = Thing;

    async fn poll(&self, want: Want) -> Result<Vec<Thing>> {
        self.state.lock().unwrap().polls += 1;
        let deadline = Instant::now() + want.wait;
        loop {
            let things = self.take(&want)?;
            if !things.is_empty() || Instant::now() >= deadline || want.stop.is_cancelled() {
                return Ok(things);
            }
            tokio::select! {
                () = want.stop.cancelled() => {}
                () = self.arrived.notified() => {}
                () = sleep_until(deadline) => {}
            }
        }
    }

    async fn settle(&self, settled: &[Settled<Thing>], meter: Option<&Meter>) -> Result<usize> {
        let mut state = self.state.lock().unwrap();
        if state.failing_settles > 0 {
            state.failing_settles -= 1;
            return Err(Error::Broker("the broker is away".to_owned()));
        }
        state.taken -= settled.len();
        state.settled.extend(settled.iter().map(|s| (s.record.id.clone(), s.how.clone())));
        state.meters.extend(meter.cloned());
        Ok(0)
    }

    async fn extend(&self, records: &[&Thing], keep: Duration) -> Result<()> {
        assert!(keep >= Duration::from_secs(33));
        self.state.lock().unwrap().extended.extend(records.iter().map(|thing| thing.id.clone()));
        Ok(())
    }

    fn event(&self, records: &[Thing], _: usize) -> Bytes {
        records.iter().map(|thing| thing.id.as_str()).collect::<Vec<_>>().join(" ").into()
    }

    fn weigh(&self, record: &Thing) -> usize {
        record.weight
    }

    fn document(&self, record: &Thing) -> Value {
        json!({ "id": record.id })
    }
}

type Script = dyn Fn(&[&str]) -> (Duration, Ran) + Send + Sync;

/// A function that takes as long and ends as the script says.
pub(crate) struct FakeFunctions {
    script: Mutex<Arc<Script>>,
    state: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    calls: Vec<String>,
    traces: Vec<TraceHeader>,
    running: usize,
    peak: usize,
    removed: bool,
    timeout: Option<Duration>,
}

impl FakeFunctions {
    pub(crate) fn new(script: impl Fn(&[&str]) -> (Duration, Ran) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(Arc::new(script)), state: Mutex::default() })
    }

    pub(crate) fn answer(&self, script: impl Fn(&[&str]) -> (Duration, Ran) + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    /// What each call was given, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    pub(crate) fn traces(&self) -> Vec<TraceHeader> {
        self.state.lock().unwrap().traces.clone()
    }

    pub(crate) fn peak(&self) -> usize {
        self.state.lock().unwrap().peak
    }

    pub(crate) fn set_timeout(&self, timeout: Duration) {
        self.state.lock().unwrap().timeout = Some(timeout);
    }

    pub(crate) fn deploy(&self, deployed: bool) {
        self.state.lock().unwrap().removed = !deployed;
    }
}

impl Functions for Arc<FakeFunctions> {
    fn find(&self, name: &FunctionName) -> Option<Arc<FunctionVersion>> {
        let state = self.state.lock().unwrap();
        let timeout = state.timeout.unwrap_or(Duration::from_secs(3));
        (!state.removed).then(|| Arc::new(version(name, timeout)))
    }

    async fn call(&self, _: &Arc<FunctionVersion>, event: Bytes, trace: TraceHeader) -> Ran {
        let text = String::from_utf8(event.to_vec()).unwrap();
        {
            let mut state = self.state.lock().unwrap();
            state.calls.push(text.clone());
            state.traces.push(trace);
            state.running += 1;
            state.peak = state.peak.max(state.running);
        }
        let script = Arc::clone(&self.script.lock().unwrap());
        let (takes, ran) = script(&text.split(' ').collect::<Vec<_>>());
        sleep(takes).await;
        self.state.lock().unwrap().running -= 1;
        ran
    }

    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A driver at work.
pub(crate) struct Rig {
    pub(crate) source: Arc<FakeSource>,
    pub(crate) functions: Arc<FakeFunctions>,
    status: Arc<Status>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Rig {
    pub(crate) fn start(
        spec: SourceSpec,
        script: impl Fn(&[&str]) -> (Duration, Ran) + Send + Sync + 'static,
    ) -> Self {
        let source = Arc::<FakeSource>::default();
        let functions = FakeFunctions::new(script);
        let (status, stop, tasks) = start(spec, Arc::clone(&source), Arc::clone(&functions));
        Self { source, functions, status, stop, tasks }
    }

    pub(crate) fn status(&self) -> SourceStatus {
        self.status.get()
    }

    /// Stops the driver and waits for every task of it.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Starts a driver.
pub(crate) fn start<S: Source, F: Functions>(
    spec: SourceSpec,
    source: S,
    functions: F,
) -> (Arc<Status>, CancellationToken, TaskTracker) {
    let (status, stop, tasks) =
        (Arc::new(Status::new(spec.clone())), CancellationToken::new(), TaskTracker::new());
    let filter = Filter::of(&spec).unwrap();
    let shared = Shared { source, functions, spec, filter, status: Arc::clone(&status), stop: stop.clone() };
    tasks.spawn(Driver::new(shared, tasks.clone()).drive());
    (status, stop, tasks)
}

pub(crate) fn spec(batch: usize) -> SourceSpec {
    SourceSpec {
        function: FunctionName::parse("f").unwrap(),
        from: SourceFrom::Queue(QueueName::parse("q").unwrap()),
        batch,
        window: Duration::ZERO,
        filters: Vec::new(),
        partial_failures: false,
        concurrency: None,
        enabled: true,
    }
}

pub(crate) fn returned(reply: &'static str) -> Ran {
    ended(Outcome::Returned(Bytes::from_static(reply.as_bytes())))
}

pub(crate) fn failed(kind: &str, message: &str) -> Ran {
    ended(Outcome::Failed(FunctionError::new(kind, message)))
}

pub(crate) fn throttled() -> Ran {
    Ran::Ended {
        id: RequestId::from_random(1),
        outcome: Outcome::Throttled { retry_in: Duration::from_secs(1) },
        billed: None,
    }
}

pub(crate) fn ended(outcome: Outcome) -> Ran {
    Ran::Ended { id: RequestId::from_random(1), outcome, billed: Some(Duration::from_secs(1)) }
}

pub(crate) fn trace() -> TraceHeader {
    TraceHeader::parse("Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Sampled=1").unwrap()
}

fn version(name: &FunctionName, timeout: Duration) -> FunctionVersion {
    let function = Function {
        name: name.clone(),
        runtime: Runtime::Nodejs,
        code: std::path::PathBuf::new(),
        handler: String::new(),
        command: Vec::new(),
        timeout,
        memory_mib: 128,
        tmp_mib: 64,
        environment: std::collections::BTreeMap::new(),
        layers: Vec::new(),
        keep_alive: Duration::from_secs(60),
        build: None,
        dependencies: None,
        sdk: None,
    };
    FunctionVersion { function, version: "$LATEST".to_owned(), generation: 1, arn: String::new() }
}
