//! A node: binds the ports, starts the engine, and serves until it is told to stop. It wires, nothing else.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lambent_aws::{Api, Credentials, Strangers};
use lambent_core::{Clock, NodeIdentity, Secret};
use lambent_engine::{Buckets, Engine, Events, Logs, Tables};
use lambent_gateway::{Gateway, server};
use lambent_sandbox::Launcher;
use lambent_sources::Sources;
use lambent_store::sqlite::{Options, SqliteStore};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin};
use crate::clock::SystemClock;
use crate::deploy::Deployer;

/// How long the ports and the folder of a node may still be taken after it was killed: a process that it was just
/// starting has them open until that runs its own program.
const PREDECESSOR: Duration = Duration::from_secs(1);

/// How often it is tried meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How a node is set up.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where the gateway listens.
    pub(crate) gateway: SocketAddr,
    /// Where the AWS-compatible API listens.
    pub(crate) api: SocketAddr,
    /// Where the admin API listens.
    pub(crate) admin: SocketAddr,
    /// The node's folder.
    pub(crate) data: PathBuf,
    /// The access key that the AWS-compatible API asks for; without one it takes any.
    pub(crate) key: Option<(String, Secret<String>)>,
    /// The token that the admin API asks for.
    pub(crate) token: Option<Secret<String>>,
    /// Region and account.
    pub(crate) identity: NodeIdentity,
}

/// A running node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) launcher: Launcher,
    pub(crate) addresses: Addresses,
    gateway: Gateway,
    sources: Sources,
    api: Arc<Api>,
    admin: Arc<Admin>,
    ports: Ports,
    tasks: TaskTracker,
    stop: CancellationToken,
    run: PathBuf,
    /// Held as long as the node runs: one node for one folder.
    _lock: fs::File,
}

/// Where a node listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) gateway: SocketAddr,
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
}

#[derive(Debug)]
struct Ports {
    gateway: TcpListener,
    api: TcpListener,
    admin: TcpListener,
}

impl Node {
    /// Binds the ports and starts everything but the serving. `stop` ends it.
    pub(crate) async fn start(settings: Settings, stop: CancellationToken) -> anyhow::Result<Self> {
        refuse_open_ports(&settings)?;
        raise_open_files();
        // Ports first: what is most likely to be wrong is found before anything is started.
        let ports = Ports {
            gateway: bind(settings.gateway, "gateway").await?,
            api: bind(settings.api, "api").await?,
            admin: bind(settings.admin, "admin").await?,
        };
        let addresses = Addresses {
            gateway: ports.gateway.local_addr()?,
            api: ports.api.local_addr()?,
            admin: ports.admin.local_addr()?,
        };
        let lock = lock(&settings.data).await?;
        let run = settings.data.join("run");
        fs::create_dir_all(&run).with_context(|| format!("cannot make {}", run.display()))?;

        let (clock, logs, tasks) = (Arc::new(SystemClock), Arc::new(Logs::default()), TaskTracker::new());
        let own_key = own_key()?;
        let launcher = Launcher::start(lambent_sandbox::Config {
            init: std::env::current_exe().context("cannot find this program's own file")?,
            run: run.clone(),
            environment: function_environment(addresses.api, &own_key),
            identity: settings.identity.clone(),
            logs: Arc::clone(&logs) as _,
            clock: Arc::clone(&clock) as _,
            tasks: tasks.clone(),
        })
        .await?;
        let events = open_events(&settings, addresses.api, Arc::clone(&clock) as _).await?;
        let engine = Engine::start(
            lambent_engine::Config {
                launcher: launcher.clone(),
                identity: settings.identity,
                clock,
                logs,
                tables: Tables::open(&settings.data.join("tables.db"))?,
                buckets: Buckets::open(&settings.data.join("buckets"))?,
                events,
                tasks: tasks.clone(),
                memory_mib: host_memory_mib(),
            },
            &stop,
        );
        let strangers = if settings.key.is_some() { Strangers::Refused } else { Strangers::Admitted };
        let credentials = Credentials::new([own_key].into_iter().chain(settings.key), strangers);
        Ok(Self {
            gateway: Gateway::new(engine.clone()),
            sources: Sources::new(engine.clone(), tasks.clone(), stop.clone()),
            api: Arc::new(Api::new(engine.clone(), credentials)),
            admin: Arc::new(Admin::new(engine.clone(), launcher.clone(), settings.token, stop.clone())),
            engine,
            launcher,
            addresses,
            ports,
            tasks,
            stop,
            run,
            _lock: lock,
        })
    }

    /// A handle that deploys apps on this node.
    pub(crate) fn deployer(&self) -> Deployer {
        Deployer {
            engine: self.engine.clone(),
            launcher: self.launcher.clone(),
            gateway: self.gateway.clone(),
            sources: self.sources.clone(),
        }
    }

    /// Serves until the node is told to stop, then drains: requests that are under way are answered.
    pub(crate) async fn serve(self) {
        let Self { engine, launcher, gateway, api, admin, ports, tasks, stop, run, .. } = self;
        let answer_api = move |request, _peer| {
            let api = Arc::clone(&api);
            async move { api.handle(request).await }
        };
        let answer_admin = move |request, _peer| {
            let admin = Arc::clone(&admin);
            async move { admin::Admin::handle(&admin, request).await }
        };
        tokio::join!(
            gateway.serve(ports.gateway, stop.clone()),
            server::serve(ports.api, stop.clone(), answer_api),
            server::serve(ports.admin, stop.clone(), answer_admin),
        );
        engine.retire();
        tasks.close();
        drop(tokio::time::timeout(lambent_core::limits::HTTP_STOP_GRACE * 2, tasks.wait()).await);
        launcher.clear();
        drop(fs::remove_dir_all(run));
    }
}

/// Beyond loopback, the API and the admin port are only opened to those who have a key or a token.
fn refuse_open_ports(settings: &Settings) -> anyhow::Result<()> {
    if !settings.api.ip().is_loopback() && settings.key.is_none() {
        bail!(
            "--api {} would open the AWS-compatible API to everybody who can reach this machine: set \
             LAMBENT_ACCESS_KEY_ID and LAMBENT_SECRET_ACCESS_KEY, or keep it on 127.0.0.1",
            settings.api
        );
    }
    if !settings.admin.ip().is_loopback() && settings.token.is_none() {
        bail!(
            "--admin {} would open the admin API to everybody who can reach this machine: set \
             LAMBENT_ADMIN_TOKEN, or keep it on 127.0.0.1",
            settings.admin
        );
    }
    Ok(())
}

async fn bind(address: SocketAddr, name: &str) -> anyhow::Result<TcpListener> {
    let mut bound = TcpListener::bind(address).await;
    let begun = Instant::now();
    while bound.as_ref().is_err_and(|e| e.kind() == ErrorKind::AddrInUse) && begun.elapsed() < PREDECESSOR {
        tokio::time::sleep(LOOK_AGAIN).await;
        bound = TcpListener::bind(address).await;
    }
    bound.map_err(|e| {
        let why = if e.kind() == ErrorKind::AddrInUse {
            format!("port {} is in use", address.port())
        } else {
            format!("cannot listen on {address}: {e}")
        };
        let other = SocketAddr::new(address.ip(), address.port().wrapping_add(1000));
        let variable = format!("LAMBENT_{}", name.to_uppercase());
        anyhow::anyhow!(
            "{why}: choose another with `--{name} {other}` or the environment variable {variable}"
        )
    })
}

/// Takes the node's folder for this process alone.
async fn lock(data: &Path) -> anyhow::Result<fs::File> {
    // What is in it is nobody else's business; a folder that is there already has the mode that its owner wants.
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.with_context(|| format!("cannot make the node's folder {}", data.display()))?;
    let path = data.join("lock");
    let file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    let begun = Instant::now();
    while rustix::fs::flock(&file, operation).is_err() {
        if begun.elapsed() >= PREDECESSOR {
            bail!(
                "another lambent runs on {}: stop it, or choose another folder with `--data`",
                data.display()
            );
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(file)
}

/// Opens what the node must not lose. What was under way when it ended goes on.
async fn open_events(settings: &Settings, api: SocketAddr, clock: Arc<dyn Clock>) -> anyhow::Result<Events> {
    let path = settings.data.join("events.db");
    let store = SqliteStore::open(Options { path, reserve_bytes: None, vfs: None })?;
    let endpoint = format!("http://{}", reachable(api));
    Ok(Events::open(Arc::new(store), clock, settings.identity.clone(), endpoint).await?)
}

/// An address that this machine's own programs reach.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address }
}

/// The key that this node gives to its functions, new at each start.
fn own_key() -> anyhow::Result<(String, Secret<String>)> {
    let mut random = [0; 32];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .context("no random numbers")?;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>();
    let (id, secret) = random.split_at(8);
    Ok((format!("LAMB{}", hex(id)), Secret::new(hex(secret))))
}

/// What leads the AWS SDK inside a function to this node.
fn function_environment(api: SocketAddr, key: &(String, Secret<String>)) -> Vec<(String, String)> {
    vec![
        ("AWS_ENDPOINT_URL".to_owned(), format!("http://{}", reachable(api))),
        ("AWS_ACCESS_KEY_ID".to_owned(), key.0.clone()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), key.1.reveal().clone()),
    ]
}

/// Each sandbox takes a handful of descriptors: take as many as the system allows.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).ok();
}

/// The memory of this host, in MiB.
fn host_memory_mib() -> u32 {
    let info = rustix::system::sysinfo();
    let bytes = u64::from(info.mem_unit).saturating_mul(info.totalram);
    u32::try_from(bytes / (1024 * 1024)).unwrap_or(u32::MAX >> 4).clamp(256, u32::MAX >> 4)
}
