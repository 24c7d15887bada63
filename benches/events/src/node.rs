//! A node without ports, wired as `lambent up` wires one: a queue, a function, and the source between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use lambent_core::{Clock, Function, FunctionName, NodeIdentity, Runtime};
use lambent_engine::{Buckets, Engine, Events, Logs, Tables};
use lambent_sandbox::Launcher;
use lambent_sources::Sources;
use lambent_store::sqlite::{Options, SqliteStore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;

/// Memory of a sandbox, in MiB.
const MEMORY_MIB: u32 = 256;

/// How long the node may take to stop.
const STOP_MAX: Duration = Duration::from_secs(10);

/// A running node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) sources: Sources,
    launcher: Launcher,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Node {
    /// Starts a node in a folder, with one function. It has memory for a sandbox a processor and no more, so that
    /// whatever is compared has the same number of them.
    pub(crate) async fn start(folder: &Path, name: &FunctionName, code: PathBuf) -> anyhow::Result<Self> {
        let run = folder.join("run");
        fs::create_dir_all(&run).with_context(|| format!("cannot make {}", run.display()))?;
        let (clock, logs, tasks) = (Arc::new(SystemClock), Arc::new(Logs::default()), TaskTracker::new());
        let (identity, stop) = (NodeIdentity::default(), CancellationToken::new());
        let launcher = Launcher::start(lambent_sandbox::Config {
            init: std::env::current_exe().context("cannot find this program's own file")?,
            run,
            environment: Vec::new(),
            identity: identity.clone(),
            logs: Arc::clone(&logs) as _,
            clock: Arc::clone(&clock) as _,
            tasks: tasks.clone(),
        })
        .await?;
        let function = function(name, code);
        launcher.check(&function)?;
        let processors = std::thread::available_parallelism()?.get();
        let config = lambent_engine::Config {
            launcher: launcher.clone(),
            identity: identity.clone(),
            clock: Arc::clone(&clock) as _,
            logs,
            tables: Tables::open(&folder.join("tables.db"))?,
            buckets: Buckets::open(&folder.join("buckets"))?,
            events: open_events(folder, clock, identity).await?,
            tasks: tasks.clone(),
            memory_mib: MEMORY_MIB.saturating_mul(u32::try_from(processors)?),
        };
        let engine = Engine::start(config, &stop);
        engine.deploy(vec![function], |_| false);
        let sources = Sources::new(engine.clone(), tasks.clone(), stop.clone());
        Ok(Self { engine, sources, launcher, tasks, stop })
    }

    /// Ends everything that was started.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.engine.retire();
        self.tasks.close();
        if tokio::time::timeout(STOP_MAX, self.tasks.wait()).await.is_err() {
            eprintln!("lambent-bench-events: something does not stop by itself");
        }
        self.launcher.clear();
    }
}

async fn open_events(folder: &Path, clock: Arc<dyn Clock>, identity: NodeIdentity) -> anyhow::Result<Events> {
    let store = SqliteStore::open(Options::at(folder.join("events.db")))?;
    Ok(Events::open(Arc::new(store), clock, identity, "http://127.0.0.1:4566".to_owned()).await?)
}

fn function(name: &FunctionName, code: PathBuf) -> Function {
    Function {
        name: name.clone(),
        runtime: Runtime::Nodejs,
        code,
        handler: "index.handler".to_owned(),
        command: Vec::new(),
        timeout: Duration::from_secs(10),
        memory_mib: MEMORY_MIB,
        tmp_mib: MEMORY_MIB / 2,
        environment: BTreeMap::new(),
        layers: Vec::new(),
        keep_alive: Duration::from_secs(3600),
        build: None,
        dependencies: None,
        sdk: None,
    }
}
