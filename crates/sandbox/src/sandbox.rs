//! A sandbox: the place in which the processes of one function version run, one after the other.
//!
//! Its `/tmp` and its log stream stay; its process is killed and started anew after a timeout, a crash or nonsense
//! (semantics.md 1.7, "reset").

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lambent_core::limits::INIT_TIMEOUT;
use lambent_core::{Exit, FunctionError, FunctionVersion, Invocation, LogEntry, Logged, Outcome};

use crate::environment;
use crate::frames::{self, Frames, Ready};
use crate::launcher::Launcher;
use crate::ports;
use crate::process::{Ended, Liveness, Output, Place, Process};
use crate::reply::Reply;
use crate::runtime_api::RuntimeApi;
use crate::runtimes::{Plan, Protocol};

/// A sandbox. One invocation at a time: every method that runs something takes `&mut self`.
#[derive(Debug)]
pub struct Sandbox {
    launcher: Launcher,
    version: Arc<FunctionVersion>,
    plan: Plan,
    place: Place,
    number: u64,
    starts: u64,
    log_stream: String,
    running: Option<Running>,
    /// What the last initialisation took, until an invocation has reported it.
    init: Option<Duration>,
}

/// A process that is ready for work.
#[derive(Debug)]
struct Running {
    process: Process,
    output: Arc<Output>,
    link: Link,
}

/// How the node talks to the process.
#[derive(Debug)]
enum Link {
    Frames(Frames),
    RuntimeApi(RuntimeApi),
    Http(SocketAddr),
}

/// An invocation that is answered, with what it took.
#[derive(Debug)]
pub struct Completion {
    /// How it ended.
    pub outcome: Outcome,
    /// From handing over the event to the answer.
    pub duration: Duration,
    /// The initialisation that this invocation was the first to follow.
    pub init: Option<Duration>,
    /// The end of what the function printed for it.
    pub tail: Vec<u8>,
    /// The most memory that the sandbox used so far, in MiB.
    pub memory_mib: Option<u32>,
}

/// Why an initialisation failed.
enum InitFailure {
    /// The runtime said so.
    Reported(FunctionError),
    /// The process ended.
    Ended(Ended),
    /// It took too long.
    TimedOut,
}

impl Sandbox {
    pub(crate) fn new(
        launcher: Launcher,
        version: Arc<FunctionVersion>,
        plan: Plan,
        place: Place,
        number: u64,
    ) -> Self {
        let config = launcher.config();
        let unique = (u128::from(version.generation) << 64) | u128::from(number);
        let log_stream = format!("{}/[{}]{:032x}", config.clock.now().date_path(), version.version, unique);
        Self { launcher, version, plan, place, number, starts: 0, log_stream, running: None, init: None }
    }

    /// The version that it serves.
    pub fn version(&self) -> &Arc<FunctionVersion> {
        &self.version
    }

    /// Whether a process is ready for work.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The init phase: starts the process and waits until it is ready, at most [`INIT_TIMEOUT`].
    ///
    /// A failure is not reported: it is tried again inside the first invocation, which reports it.
    pub async fn init(&mut self) {
        if self.running.is_none() {
            drop(self.initialise(INIT_TIMEOUT).await);
        }
    }

    /// Starts an `http` function: it must listen within [`INIT_TIMEOUT`].
    ///
    /// # Errors
    /// How it failed.
    pub async fn start_http(&mut self) -> Result<(SocketAddr, Liveness), Outcome> {
        self.initialise(INIT_TIMEOUT).await.map_err(|failure| failure.outcome(INIT_TIMEOUT))?;
        match &self.running {
            Some(Running { process, link: Link::Http(address), .. }) => {
                let liveness = process.liveness().ok_or(Outcome::Crashed(Exit::NotStarted))?;
                Ok((*address, liveness))
            }
            _ => Err(Outcome::Crashed(Exit::NotStarted)),
        }
    }

    /// Waits until the process ends by itself; forever when none runs. Cancel-safe.
    pub async fn ended(&mut self) {
        match &mut self.running {
            Some(running) => drop(running.process.ended().await),
            None => std::future::pending().await,
        }
    }

    /// Runs one invocation. A failure of the process, or a timeout, leaves the sandbox without a process.
    pub async fn invoke(&mut self, call: &Invocation, reply: &mut Reply) -> Completion {
        self.forget_ended();
        // A process may end by a timer of its own just when it is given work. It has then not begun it, and
        // another can: once, so that one which always ends at once does not go on for ever.
        if let Some(completion) = self.try_invoke(call, reply).await {
            return completion;
        }
        let again = self.try_invoke(call, reply).await;
        again
            .unwrap_or_else(|| self.completion(Outcome::Crashed(Exit::Status(0)), Instant::now(), Vec::new()))
    }

    /// Runs an invocation, in a new process if there is none. `None` when the process had ended before it began.
    async fn try_invoke(&mut self, call: &Invocation, reply: &mut Reply) -> Option<Completion> {
        let timeout = self.version.function.timeout;
        let started = Instant::now();
        if self.running.is_none()
            && let Err(failure) = self.initialise(timeout).await
        {
            // Initialisation that was repeated inside the invocation counts as the invocation's own time.
            return Some(self.completion(failure.outcome(timeout), started, Vec::new()));
        }
        let running = self.running.as_mut()?;
        running.output.begin(call.id);
        let started = Instant::now();
        let ran = running.invoke(call, &self.launcher, timeout, reply).await;
        let tail = running.output.end();
        let memory = running.process.memory_peak_mib();
        if !matches!(ran, Ran::Usable(_)) {
            // Killed before the answer goes out: what an abandoned process still does must not be seen.
            self.reset().await;
        }
        match ran {
            Ran::Usable(outcome) | Ran::Spent(outcome) => {
                let completion = self.completion(outcome, started, tail);
                Some(Completion { memory_mib: memory, ..completion })
            }
            Ran::Unbegun => None,
        }
    }

    /// Waits until the runtime is ready for the next invocation, which a custom runtime says by asking for it.
    /// One that does not within the function's timeout is killed.
    pub async fn settle(&mut self) {
        let timeout = self.version.function.timeout;
        let Some(running) = &mut self.running else { return };
        let Link::RuntimeApi(api) = &running.link else { return };
        let settled = tokio::select! {
            () = api.settled() => true,
            _ = running.process.ended() => false,
            () = tokio::time::sleep(timeout) => false,
        };
        if !settled {
            self.reset().await;
        }
    }

    /// Ends the process: an `http` function is asked first and given `grace`, others are killed at once
    /// (semantics.md 1.7, "shutdown").
    pub async fn stop(mut self, grace: Duration) {
        if let Some(running) = &mut self.running
            && matches!(running.link, Link::Http(_))
        {
            running.process.terminate();
            drop(tokio::time::timeout(grace, running.process.ended()).await);
        }
        self.reset().await;
    }

    /// Kills the process and waits until it is gone.
    async fn reset(&mut self) {
        if let Some(Running { process, output, link }) = self.running.take() {
            drop(link);
            process.kill().await;
            drop(output);
        }
    }

    /// A process may end between two invocations, by a timer of its own for example.
    fn forget_ended(&mut self) {
        if self.running.as_mut().is_some_and(|running| running.process.has_ended().is_some()) {
            self.running = None;
        }
    }

    fn completion(&mut self, outcome: Outcome, started: Instant, tail: Vec<u8>) -> Completion {
        Completion { outcome, duration: started.elapsed(), init: self.init.take(), tail, memory_mib: None }
    }

    async fn initialise(&mut self, limit: Duration) -> Result<(), InitFailure> {
        let begun = Instant::now();
        let result = match tokio::time::timeout(limit, self.boot()).await {
            Ok(result) => result,
            Err(_) => Err(InitFailure::TimedOut),
        };
        match result {
            Ok(running) => {
                self.running = Some(running);
                self.init = Some(begun.elapsed());
                Ok(())
            }
            Err(failure) => {
                if matches!(failure, InitFailure::TimedOut) {
                    self.log_init_timeout(limit);
                }
                Err(failure)
            }
        }
    }

    /// The line that Lambda's log has for it.
    fn log_init_timeout(&self, limit: Duration) {
        let config = self.launcher.config();
        let millis = limit.as_secs_f64() * 1000.0;
        let text = format!("INIT_REPORT Init Duration: {millis:.2} ms\tPhase: init\tStatus: timeout");
        let (at, function) = (config.clock.now(), self.version.name().clone());
        config.logs.log(LogEntry { at, function, request: None, what: Logged::Printed(text.into()) });
    }

    /// Starts the process and waits until it is ready. When this is dropped, so is the process.
    async fn boot(&mut self) -> Result<Running, InitFailure> {
        self.starts += 1;
        let not_started = |e: io::Error| InitFailure::Ended(Ended::NotStarted(e.to_string()));
        let api = match self.plan.protocol {
            Protocol::RuntimeApi => {
                Some(RuntimeApi::listen(&self.launcher.config().tasks).await.map_err(not_started)?)
            }
            Protocol::Frames | Protocol::Http => None,
        };
        let port = match self.plan.protocol {
            Protocol::Http => Some(ports::free().await.map_err(not_started)?),
            Protocol::Frames | Protocol::RuntimeApi => None,
        };
        let environment = self.environment(api.as_ref(), port);
        let name = format!("{}-{}", self.number, self.starts);
        let started =
            self.launcher.start_process(&self.version, &self.plan, &self.place, environment, &name).await;
        let mut started = started.map_err(not_started)?;
        let config = self.launcher.config();
        let (logs, clock) = (Arc::clone(&config.logs), Arc::clone(&config.clock));
        let output = Arc::new(Output::new(started.output, self.version.name().clone(), logs, clock));
        config.tasks.spawn(Arc::clone(&output).pump());
        let ready = async {
            match (api, port) {
                (Some(api), _) => api.ready().await.map(|()| Link::RuntimeApi(api)).map_err(Some),
                (_, Some(port)) => {
                    Ok(Link::Http(ports::listening(port, self.launcher.host_uid(&self.version)).await))
                }
                _ => {
                    let mut frames = Frames::new(started.calls, started.answers);
                    match frames.ready().await {
                        Ok(Ready::Yes) => Ok(Link::Frames(frames)),
                        Ok(Ready::Failed(error)) => Err(Some(error)),
                        // The socket closes a moment before the process has ended.
                        Err(_) => Err(None),
                    }
                }
            }
        };
        let link = tokio::select! {
            biased;
            link = ready => link,
            ended = started.process.ended() => return Err(ended_in_init(&output, ended)),
        };
        match link {
            Ok(link) => Ok(Running { process: started.process, output, link }),
            Err(Some(error)) => {
                drop(output.end());
                Err(InitFailure::Reported(error))
            }
            Err(None) => Err(ended_in_init(&output, started.process.ended().await)),
        }
    }

    fn environment(&self, api: Option<&RuntimeApi>, port: Option<u16>) -> Vec<(String, String)> {
        let config = self.launcher.config();
        let mut runtime = self.plan.environment.clone();
        if let Some(api) = api {
            runtime.push(("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address().to_string()));
        }
        if let Some(port) = port {
            runtime.push(("PORT".to_owned(), port.to_string()));
        }
        environment::build(&self.version, &config.identity, &config.environment, &runtime, &self.log_stream)
    }
}

/// What came of an invocation, and whether the process can be used again.
enum Ran {
    Usable(Outcome),
    Spent(Outcome),
    /// The process had ended before it took up the invocation.
    Unbegun,
}

impl Running {
    async fn invoke(
        &mut self,
        call: &Invocation,
        launcher: &Launcher,
        timeout: Duration,
        reply: &mut Reply,
    ) -> Ran {
        let deadline = launcher.config().clock.now().plus(timeout);
        let process = &mut self.process;
        let ran = async {
            let answer = async {
                match &mut self.link {
                    Link::Frames(frames) => match frames.invoke(call, deadline, reply).await {
                        Ok(frames::Answer::Returned(bytes)) => Some(Ran::Usable(Outcome::Returned(bytes))),
                        Ok(frames::Answer::Failed(error)) => Some(Ran::Usable(Outcome::Failed(error))),
                        Ok(frames::Answer::Fatal(error)) => Some(Ran::Spent(Outcome::Failed(error))),
                        Ok(frames::Answer::Unbegun) => Some(Ran::Unbegun),
                        Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                            Some(Ran::Spent(Outcome::Crashed(Exit::Signal(libc::SIGKILL))))
                        }
                        // The socket closes a moment before the process has ended: that will tell more.
                        Err(_) => None,
                    },
                    Link::RuntimeApi(api) => Some(Ran::Usable(api.invoke(call, deadline, reply).await)),
                    Link::Http(_) => Some(Ran::Usable(Outcome::Crashed(Exit::NotStarted))),
                }
            };
            // Biased: an answer that was sent before the process ended counts.
            let ended = tokio::select! {
                biased;
                ran = answer => match ran {
                    Some(ran) => return ran,
                    None => process.ended().await,
                },
                ended = process.ended() => ended,
            };
            // A child of the program's may hold its end of the pipes open.
            if let Link::Frames(frames) = &self.link
                && frames.is_unread()
            {
                return Ran::Unbegun;
            }
            Ran::Spent(Outcome::Crashed(ended.exit()))
        };
        let ran = match tokio::time::timeout(timeout, ran).await {
            Ok(ran) => ran,
            Err(_) => Ran::Spent(Outcome::TimedOut { after: timeout }),
        };
        if let Ran::Spent(outcome) = &ran
            && let Some(error) = outcome.error(call.id)
        {
            reply.fail(error).await;
        }
        ran
    }
}

impl InitFailure {
    fn outcome(self, timeout: Duration) -> Outcome {
        match self {
            Self::Reported(error) => Outcome::Failed(error),
            Self::Ended(ended) => Outcome::Crashed(ended.exit()),
            Self::TimedOut => Outcome::TimedOut { after: timeout },
        }
    }
}

/// The process ended before it was ready; why a jail could not be built belongs into the function's log.
fn ended_in_init(output: &Output, ended: Ended) -> InitFailure {
    if let Ended::NotStarted(why) = &ended {
        output.note(&format!("the sandbox could not be started: {why}"));
    }
    drop(output.end());
    InitFailure::Ended(ended)
}
