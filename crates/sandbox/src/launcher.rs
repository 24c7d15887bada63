//! The launcher: knows what the host can isolate, and starts the processes of sandboxes.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lambent_core::limits::{OPEN_FILES_MAX, PIDS_MAX};
use lambent_core::{Clock, Function, FunctionVersion, NodeIdentity};
use tokio_util::task::TaskTracker;

use crate::isolation::{Findings, Isolation, Tier};
use crate::process::{
    Bind, BindKind, Hierarchy, JailSpec, LogSink, Owner, Place, Process, Spawner, Started, Tmp,
};
use crate::readable;
use crate::runtimes::{self, Plan};
use crate::sandbox::Sandbox;

/// Host uids that functions run under, from here on: above what distributions give to users and containers.
const FIRST_UID: u32 = 1_879_048_192;
const UIDS: u32 = 65_536;

/// How long the trial jail may take at start.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What a launcher is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// The program that knows the hidden subcommand `sandbox-init`: Lambent's own binary.
    pub init: PathBuf,
    /// A folder for what only lives as long as the node.
    pub run: PathBuf,
    /// Environment variables that every function gets.
    pub environment: Vec<(String, String)>,
    /// Region and account.
    pub identity: NodeIdentity,
    /// Where the functions' output goes.
    pub logs: Arc<dyn LogSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Tracks the tasks that read the functions' output.
    pub tasks: TaskTracker,
}

/// Why there is no launcher, or no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host isolates nothing.
    #[error(
        "this host does not let Lambent isolate functions: {0}\n\
         Lambent needs Linux 5.12 or newer, and root or unprivileged user namespaces \
         (`sysctl kernel.unprivileged_userns_clone=1`; on Ubuntu 24.04 `kernel.apparmor_restrict_unprivileged_userns=0`)"
    )]
    NotIsolated(String),
    /// The runtime is not there.
    #[error(transparent)]
    Runtime(#[from] runtimes::Error),
    /// The function could not read its own code.
    #[error(transparent)]
    Code(#[from] readable::Error),
    /// A folder or process could not be made.
    #[error("{0}: {1}")]
    Io(&'static str, #[source] io::Error),
}

/// Starts sandboxes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Launcher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    isolation: Isolation,
    owner: OwnerKind,
    cgroups: Option<Hierarchy>,
    spawner: Spawner,
    numbers: AtomicU64,
}

/// Whose privileges build the jails.
#[derive(Clone, Copy, Debug)]
enum OwnerKind {
    Root { user_namespace: bool },
    User,
}

impl Launcher {
    /// Finds out what the host can isolate, by building a jail, and prepares the rest.
    ///
    /// # Errors
    /// When the host isolates nothing, or `run` cannot be written to.
    pub async fn start(config: Config) -> Result<Self, Error> {
        let root = rustix::process::geteuid().is_root();
        unpack_bootstraps(&config.run).map_err(|e| Error::Io("cannot write the bootstraps", e))?;
        let jails = config.run.join("jails");
        fs::create_dir_all(&jails).map_err(|e| Error::Io("cannot make the folder of the jails", e))?;
        let spawner = Spawner::start(config.init.clone(), jails, root)
            .map_err(|e| Error::NotIsolated(format!("mounting is not allowed: {e}")))?;
        let (hierarchy, no_cgroup) = match Hierarchy::find() {
            Ok(hierarchy) => (Some(hierarchy), String::new()),
            Err(why) => (None, why),
        };
        let candidates: &[OwnerKind] = if root {
            &[OwnerKind::Root { user_namespace: true }, OwnerKind::Root { user_namespace: false }]
        } else {
            &[OwnerKind::User]
        };
        let (owner, jail) = try_out(&spawner, candidates).await;
        let isolation = Isolation::of(&Findings {
            root,
            jail: jail.clone(),
            user_namespace: !matches!(owner, OwnerKind::Root { user_namespace: false }),
            cgroup: hierarchy.as_ref().map_or(Err(no_cgroup.as_str()), |h| Ok(h.name())),
        });
        if isolation.tier == Tier::None {
            return Err(Error::NotIsolated(jail.err().unwrap_or_default()));
        }
        let inner =
            Inner { config, isolation, owner, cgroups: hierarchy, spawner, numbers: AtomicU64::new(1) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the host can isolate.
    pub fn isolation(&self) -> &Isolation {
        &self.inner.isolation
    }

    /// Whether this host can run a function: its interpreter is there, its program too, and it can read its code.
    ///
    /// # Errors
    /// What is missing, and what to install.
    pub fn check(&self, function: &Function) -> Result<(), Error> {
        self.plan(function)?;
        if let OwnerKind::Root { .. } = self.inner.owner {
            for folder in std::iter::once(&function.code).chain(&function.layers) {
                readable::check(folder)?;
            }
        }
        Ok(())
    }

    /// Makes a sandbox; nothing runs in it yet.
    ///
    /// # Errors
    /// When the host cannot run the function.
    pub async fn sandbox(&self, version: &Arc<FunctionVersion>) -> Result<Sandbox, Error> {
        let function = &version.function;
        let plan = self.plan(function)?;
        let number = self.inner.numbers.fetch_add(1, Ordering::Relaxed);
        let place = self.inner.spawner.make_place(number, function.tmp_mib).await;
        let place = place.map_err(|e| Error::Io("cannot make a place for a sandbox", e))?;
        Ok(Sandbox::new(self.clone(), Arc::clone(version), plan, place, number))
    }

    /// Removes what this node made outside of its own folders. Sandboxes must be gone.
    pub fn clear(&self) {
        if let Some(hierarchy) = &self.inner.cgroups {
            hierarchy.remove();
        }
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The user that the processes of a version are on the host.
    pub(crate) fn host_uid(&self, version: &FunctionVersion) -> u32 {
        match self.inner.owner {
            OwnerKind::Root { .. } => {
                FIRST_UID + u32::try_from(version.generation % u64::from(UIDS)).unwrap_or(0)
            }
            OwnerKind::User => rustix::process::geteuid().as_raw(),
        }
    }

    fn plan(&self, function: &Function) -> Result<Plan, runtimes::Error> {
        runtimes::plan(function, &bootstraps(&self.inner.config.run))
    }

    /// Starts a process of a sandbox.
    pub(crate) async fn start_process(
        &self,
        version: &FunctionVersion,
        plan: &Plan,
        place: &Place,
        environment: Vec<(String, String)>,
        name: &str,
    ) -> io::Result<Started> {
        let function = &version.function;
        let make = |h: &Hierarchy| h.make(name, function.memory_mib, PIDS_MAX);
        let cgroup = self.inner.cgroups.as_ref().map(make).transpose()?;
        let mut binds = system_binds();
        binds.extend(plan.binds.iter().cloned());
        binds.push(Bind::read_only(&function.code, crate::environment::TASK_ROOT));
        let mut links = system_links();
        links.extend(plan.links.iter().cloned());
        let spec = JailSpec {
            owner: self.inner.owner.of(self.host_uid(version)),
            cgroups: cgroup.as_ref().map(crate::process::Cgroup::procs).unwrap_or_default(),
            root: place.root.clone(),
            binds,
            links,
            files: user_files(),
            layers: function.layers.clone(),
            tmp: place.tmp.clone(),
            open_files: OPEN_FILES_MAX,
            processes: cgroup.is_none().then(|| PIDS_MAX.into()),
            command: plan.command.clone(),
            environment,
            frames: plan.protocol == runtimes::Protocol::Frames,
        };
        Process::start(&self.inner.spawner, spec, cgroup).await
    }
}

impl OwnerKind {
    fn of(self, id: u32) -> Owner {
        match self {
            Self::Root { user_namespace } => Owner::Root { id, user_namespace },
            Self::User => Owner::User,
        }
    }
}

/// Builds a jail for each candidate until one works; the last one's error tells why none does.
async fn try_out(spawner: &Spawner, candidates: &[OwnerKind]) -> (OwnerKind, Result<(), String>) {
    let mut last = (OwnerKind::User, Err("no candidate".to_owned()));
    for candidate in candidates {
        let result = match tokio::time::timeout(TRIAL_TIMEOUT, trial(spawner, *candidate)).await {
            Ok(result) => result,
            Err(_) => Err("building a jail takes too long".to_owned()),
        };
        last = (*candidate, result);
        if last.1.is_ok() {
            break;
        }
    }
    last
}

async fn trial(spawner: &Spawner, owner: OwnerKind) -> Result<(), String> {
    let place = spawner.make_place(0, 1).await.map_err(|e| e.to_string())?;
    let spec = JailSpec {
        owner: owner.of(FIRST_UID),
        cgroups: Vec::new(),
        root: place.root.clone(),
        binds: [system_binds(), vec![Bind::read_only("/usr", crate::environment::TASK_ROOT)]].concat(),
        links: system_links(),
        files: user_files(),
        layers: Vec::new(),
        tmp: Tmp::Fresh { mib: 1 },
        open_files: OPEN_FILES_MAX,
        processes: None,
        command: vec!["true".to_owned()],
        environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        frames: false,
    };
    let mut started = Process::start(spawner, spec, None).await.map_err(|e| e.to_string())?;
    let ended = started.process.ended().await;
    started.process.kill().await;
    match ended {
        crate::process::Ended::Exit(lambent_core::Exit::Status(0)) => Ok(()),
        crate::process::Ended::Exit(exit) => Err(format!("a jailed `true` ended with {exit}")),
        crate::process::Ended::NotStarted(why) => Err(why),
    }
}

fn bootstraps(run: &Path) -> PathBuf {
    run.join("bootstraps")
}

/// Writes the bootstraps that are embedded in this binary to where jails can see them.
fn unpack_bootstraps(run: &Path) -> io::Result<()> {
    for (name, text) in runtimes::bootstrap_files() {
        let path = bootstraps(run).join(name);
        if let Some(parent) = path.parent() {
            make_readable(parent)?;
        }
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o644))?;
    }
    // Where the SDK is mounted must be there: the bootstraps themselves are mounted read-only.
    make_readable(&bootstraps(run).join("python/python-sdk"))
}

/// Makes a folder that every function can read, also where the node's own umask is stricter.
fn make_readable(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

/// What every function sees of the host: programs and libraries, what they need to find names and certificates,
/// and the harmless devices. Nothing of `/home`, `/root`, `/var`, `/run`, `/sys`, nor any secret of `/etc`.
fn system_binds() -> Vec<Bind> {
    const FOLDERS: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32"];
    const ETC: &[&str] = &[
        "alternatives",
        "ca-certificates",
        "gai.conf",
        "hosts",
        "ld.so.cache",
        "ld.so.conf",
        "ld.so.conf.d",
        "localtime",
        "mime.types",
        "nsswitch.conf",
        "pki",
        "protocols",
        "resolv.conf",
        "services",
        "ssl",
    ];
    const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
    let folders =
        FOLDERS.iter().map(Path::new).filter(|path| path.exists() && !is_link(path)).map(Bind::same);
    let etc =
        ETC.iter().map(|name| Path::new("/etc").join(name)).filter(|path| path.exists()).map(Bind::same);
    let devices = DEVICES.iter().map(|name| Path::new("/dev").join(name)).map(|path| Bind {
        from: path.clone(),
        to: path,
        kind: BindKind::Device,
    });
    // The SSL folder holds the host's private keys, behind permissions that a function's uid does not have.
    folders.chain(etc).chain(devices).collect()
}

/// The symbolic links that every function sees, among them the host's own `/bin -> usr/bin`.
fn system_links() -> Vec<(PathBuf, PathBuf)> {
    let of_host = ["/bin", "/sbin", "/lib", "/lib64", "/lib32"]
        .into_iter()
        .filter_map(|path| Some((PathBuf::from(path), fs::read_link(path).ok()?)));
    let of_dev = [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
    ];
    of_host.chain(of_dev.map(|(at, target)| (at.into(), target.into()))).collect()
}

/// The function's user has a name; nobody else does.
fn user_files() -> Vec<(PathBuf, String)> {
    vec![
        (
            "/etc/passwd".into(),
            "root:x:0:0:root:/:/usr/sbin/nologin\nsandbox:x:993:990:sandbox:/tmp:/bin/sh\n\
             nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
                .to_owned(),
        ),
        ("/etc/group".into(), "root:x:0:\nsandbox:x:990:\nnogroup:x:65534:\n".to_owned()),
    ]
}
