//! `lambent up`: runs an app, and reloads it when its files change.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lambent_core::{Function, Logged, NodeIdentity, Secret};
use lambent_engine::{Followed, Follower};
use lambent_manifest::App;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::build::{Builder, Progress};
use crate::deploy::Deployer;
use crate::node::{Node, Settings};
use crate::screen::Paint;
use crate::watch::{Changed, Watcher};

/// Run an app, reload it when its files change
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent up examples/shop\n  lambent up --gateway 127.0.0.1:9080 --data /var/tmp/shop\n\nIn the app, functions reach the AWS-compatible API by AWS_ENDPOINT_URL, which the AWS SDKs read."
)]
pub(crate) struct Up {
    /// The app's folder, or its lambent.toml
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Address of the gateway
    #[arg(long, env = "LAMBENT_GATEWAY", default_value = "127.0.0.1:8080", value_name = "ADDRESS", value_parser = super::address)]
    gateway: SocketAddr,
    /// Address of the AWS-compatible API
    #[arg(long, env = "LAMBENT_API", default_value = "127.0.0.1:4566", value_name = "ADDRESS", value_parser = super::address)]
    api: SocketAddr,
    /// Address of the admin API
    #[arg(long, env = "LAMBENT_ADMIN", default_value = "127.0.0.1:8081", value_name = "ADDRESS", value_parser = super::address)]
    admin: SocketAddr,
    /// Folder for the node's own files [default: .lambent in the app's folder]
    #[arg(long, env = "LAMBENT_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder for packages and builds, shared by all apps [default: lambent in the user's cache folder]
    #[arg(long, env = "LAMBENT_CACHE", value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Region that functions and ARNs name
    #[arg(long, env = "LAMBENT_REGION", default_value = "us-east-1")]
    region: String,
    /// Account that ARNs name: twelve digits
    #[arg(long, env = "LAMBENT_ACCOUNT", default_value = "000000000000", value_parser = account)]
    account: String,
    /// Do not print the functions' logs
    #[arg(long, short)]
    quiet: bool,
    /// Do not reload when files change
    #[arg(long)]
    no_reload: bool,
}

impl Up {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let begun = Instant::now();
        // What is installed and built is there for functions to read, whatever the user's own habit is.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        let mut app = match lambent_manifest::load(&self.path) {
            Ok(app) => app,
            Err(problems) => {
                eprintln!("{problems}");
                return Ok(ExitCode::FAILURE);
            }
        };
        let stop = CancellationToken::new();
        let settings = self.settings(&app.folder)?;
        let any_key = settings.key.is_none();
        let node = Node::start(settings, stop.clone()).await?;
        let builder = Builder::new(self.cache()?, Progress::stderr());
        app = prepare(&builder, app).await?;
        let deployer = node.deployer();
        deployer.deploy(&app, |_| false).await?;
        let watcher = if self.no_reload { None } else { Some(watch(&app)?) };
        print_start(&app, &node, any_key, begun.elapsed())?;
        if !self.quiet {
            let follower = node.engine.logs().follow();
            std::thread::Builder::new().name("print".to_owned()).spawn(move || print_logs(follower))?;
        }
        if let Some(watcher) = watcher {
            let reloader = Reloader { path: self.path, app, deployer, builder, watcher };
            let stop = stop.clone();
            node.engine.tasks().spawn(async move { stop.run_until_cancelled(reloader.run()).await });
        }
        let signals = stop_on_signal(stop)?;
        tokio::select! {
            () = node.serve() => Ok(ExitCode::SUCCESS),
            code = signals => Ok(code),
        }
    }

    fn settings(&self, app: &Path) -> anyhow::Result<Settings> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let key = match (variable("LAMBENT_ACCESS_KEY_ID"), variable("LAMBENT_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => Some((id, Secret::new(secret))),
            (None, None) => None,
            _ => bail!("set both LAMBENT_ACCESS_KEY_ID and LAMBENT_SECRET_ACCESS_KEY, or neither"),
        };
        Ok(Settings {
            gateway: self.gateway,
            api: self.api,
            admin: self.admin,
            data: self.data.clone().unwrap_or_else(|| app.join(".lambent")),
            key,
            token: variable("LAMBENT_ADMIN_TOKEN").map(Secret::new),
            identity: NodeIdentity { region: self.region.clone(), account: self.account.clone() },
        })
    }

    /// The folder of packages and builds (XDG Base Directory Specification).
    fn cache(&self) -> anyhow::Result<PathBuf> {
        let variable =
            |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        self.cache
            .clone()
            .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("lambent")))
            .or_else(|| variable("HOME").map(|folder| folder.join(".cache/lambent")))
            .context("there is no HOME to keep packages in: say where with --cache")
    }
}

fn account(text: &str) -> Result<String, String> {
    let good = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if good { Ok(text.to_owned()) } else { Err("an account is twelve digits, as in 000000000000".to_owned()) }
}

/// Makes the code of every function ready, off the threads that serve.
async fn prepare(builder: &Builder, mut app: App) -> anyhow::Result<App> {
    let builder = builder.clone();
    let prepared = tokio::task::spawn_blocking(move || {
        for function in &mut app.functions {
            builder.prepare(function)?;
        }
        Ok::<_, anyhow::Error>(app)
    });
    prepared.await?
}

/// Reloads an app when its files change.
struct Reloader {
    path: PathBuf,
    app: App,
    deployer: Deployer,
    builder: Builder,
    watcher: Watcher,
}

impl Reloader {
    async fn run(mut self) {
        let paint = Paint::stderr();
        loop {
            let changed = self.watcher.changed().await;
            let begun = Instant::now();
            match self.reload(&changed).await {
                Ok(None) => {}
                Ok(Some(what)) => {
                    eprintln!("{} {what} in {:.0?}", paint.good("reloaded:"), begun.elapsed());
                }
                Err(e) => eprintln!(
                    "{} {e:#}\n{}",
                    paint.bad("not reloaded:"),
                    paint.dim("the app runs on as it was")
                ),
            }
        }
    }

    /// Reloads what changed; `None` when nothing of the app's did.
    async fn reload(&mut self, changed: &Changed) -> anyhow::Result<Option<String>> {
        let manifest = self.app.folder.join(lambent_manifest::FILE_NAME);
        // By name: the folder that the code is in, before the build step put another in its place.
        let sources = |app: &App| -> Vec<_> {
            app.functions.iter().map(|f| (f.name.clone(), f.code.clone())).collect()
        };
        let fresh = lambent_manifest::load(&self.path).map_err(|problems| anyhow::anyhow!("\n{problems}"))?;
        let touched: Vec<_> = sources(&fresh)
            .into_iter()
            .filter(|(_, code)| changed.touches(code))
            .map(|(name, _)| name)
            .collect();
        if touched.is_empty() && !changed.touches(&manifest) {
            return Ok(None);
        }
        let fresh = prepare(&self.builder, fresh).await?;
        self.deployer.deploy(&fresh, |function: &Function| touched.contains(&function.name)).await?;
        self.watcher.watch(folders(&fresh))?;
        self.app = fresh;
        // Whoever saves a file is about to try it: the next request finds a sandbox that is starting already.
        touched.iter().for_each(|name| self.deployer.engine.warm(name));
        let names: Vec<_> = touched.iter().map(ToString::to_string).collect();
        Ok(Some(if names.is_empty() { lambent_manifest::FILE_NAME.to_owned() } else { names.join(", ") }))
    }
}

fn watch(app: &App) -> anyhow::Result<Watcher> {
    let mut watcher = Watcher::new()?;
    watcher.watch(folders(app))?;
    Ok(watcher)
}

/// The folders that an app is made of.
fn folders(app: &App) -> impl Iterator<Item = PathBuf> {
    let functions = app.functions.iter().flat_map(|f| std::iter::once(&f.code).chain(&f.layers));
    std::iter::once(&app.folder).chain(functions).cloned()
}

fn print_start(app: &App, node: &Node, any_key: bool, took: Duration) -> anyhow::Result<()> {
    let paint = Paint::stdout();
    let addresses = node.addresses;
    super::print(&format!(
        "{} {} is up after {:.0?}, isolation tier {}\n",
        paint.strong("lambent"),
        app.folder.display(),
        took,
        node.launcher.isolation().tier,
    ))?;
    super::print(&super::describe::text(app))?;
    let keys =
        if any_key { "takes any access key, on loopback only" } else { "takes the configured access key" };
    super::print(&format!(
        "\n  gateway  {}\n  AWS API  {}  {}\n  admin    {}\n",
        paint.strong(&format!("http://{}", addresses.gateway)),
        paint.strong(&format!("http://{}", addresses.api)),
        paint.dim(&format!("({keys})")),
        paint.strong(&format!("http://{}", addresses.admin)),
    ))?;
    for measure in node.launcher.isolation().measures.iter().filter(|m| !m.given && m.name != "network") {
        super::print(&format!("  {} {}: {}", paint.bad("not given:"), measure.name, measure.detail))?;
    }
    Ok(())
}

/// Prints the functions' logs as they come. On a thread of its own: who reads them may be slow, or asleep.
fn print_logs(mut follower: Follower) {
    let paint = Paint::stdout();
    loop {
        let printed = match follower.blocking_next() {
            // Where a request begins is seen by its report.
            Followed::Entry(entry) if matches!(entry.what, Logged::Started(_)) => Ok(()),
            Followed::Entry(entry) => {
                let name = paint.name(entry.function.as_str());
                let lines = entry.lines().into_iter().filter(|line| !line.starts_with("END RequestId: "));
                let text: Vec<String> = lines.map(|line| format!("{name} {line}")).collect();
                super::print(&text.join("\n"))
            }
            Followed::Skipped(count) => super::print(&paint.dim(&format!("({count} log entries skipped)"))),
            Followed::End => return,
        };
        if printed.is_err() {
            // Nobody reads any more; the node serves on.
            return;
        }
    }
}

/// The first signal stops the node in peace; returns at the second.
fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<impl Future<Output = ExitCode>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        next().await;
        eprintln!("stopping: requests that are under way are answered first; once more stops at once");
        stop.cancel();
        next().await;
        ExitCode::from(130)
    })
}
