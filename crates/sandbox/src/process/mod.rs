//! One jailed process tree, seen from the node: started, watched, killed.

mod cgroup;
mod init;
mod mounts;
mod output;
mod seccomp;
mod spawner;
mod spec;

use std::io;
use std::time::{Duration, Instant};

use lambent_core::Exit;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

pub use init::run as run_init;
pub use output::LogSink;
pub use spawner::Liveness;
pub use spec::INIT_COMMAND;

pub(crate) use cgroup::{Cgroup, Hierarchy};
pub(crate) use output::Output;
pub(crate) use spawner::{Place, Spawner};
pub(crate) use spec::{Bind, BindKind, JailSpec, Owner, Tmp};

use spawner::{Remains, Spawned};
use spec::Report;

/// A jailed process tree. When it is dropped it is killed, and the spawner clears away what is left.
#[derive(Debug)]
pub(crate) struct Process {
    control: UnixStream,
    /// Bytes of a report that is not whole yet.
    reports: Vec<u8>,
    /// How it ended, once that is known.
    ended: Option<Ended>,
    remains: Option<Remains>,
    /// The most memory used so far in MiB, and when that was read.
    peak: (Option<u32>, Option<Instant>),
    spawner: Spawner,
}

/// How old a reading of the memory may be: reading it for every invocation would cost 5 % of a short one.
const PEAK_AGE: Duration = Duration::from_millis(100);

/// How a process tree ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The program ran and ended like this.
    Exit(Exit),
    /// The jail could not be built, or the program not be started.
    NotStarted(String),
}

impl Ended {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Exit(exit) => *exit,
            Self::NotStarted(_) => Exit::NotStarted,
        }
    }
}

/// A process tree that was just started, with what it is connected to.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) process: Process,
    /// The other end of the program's descriptor 3.
    pub(crate) calls: pipe::Sender,
    /// The other end of the program's descriptor 4.
    pub(crate) answers: pipe::Receiver,
    /// What the program prints.
    pub(crate) output: pipe::Receiver,
}

impl Process {
    /// Starts a jail with a program in it, in `cgroup`.
    pub(crate) async fn start(
        spawner: &Spawner,
        spec: JailSpec,
        cgroup: Option<Cgroup>,
    ) -> io::Result<Started> {
        let Spawned { control, calls, answers, output, remains, reports } =
            spawner.spawn(spec, cgroup).await?;
        let process = Self {
            control: UnixStream::from_std(control)?,
            reports,
            ended: None,
            remains: Some(remains),
            peak: (None, None),
            spawner: spawner.clone(),
        };
        Ok(Started {
            process,
            calls: pipe::Sender::from_owned_fd(calls)?,
            answers: pipe::Receiver::from_owned_fd(answers)?,
            output: pipe::Receiver::from_owned_fd(output)?,
        })
    }

    /// Waits until the program ends. Cancel-safe.
    pub(crate) async fn ended(&mut self) -> Ended {
        loop {
            if let Some(ended) = self.take_report() {
                return ended;
            }
            let mut buffer = [0; 512];
            match self.control.read(&mut buffer).await {
                Ok(n) if n > 0 => self.reports.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                // The first process of the jail was killed before it could report.
                _ => self.ended = Some(Ended::Exit(Exit::Signal(libc::SIGKILL))),
            }
        }
    }

    /// How the program ended, if it has.
    pub(crate) fn has_ended(&mut self) -> Option<Ended> {
        let mut buffer = [0; 512];
        match self.control.try_read(&mut buffer) {
            Ok(0) => self.ended = self.ended.take().or(Some(Ended::Exit(Exit::Signal(libc::SIGKILL)))),
            Ok(n) => self.reports.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            Err(_) => {}
        }
        self.take_report()
    }

    fn take_report(&mut self) -> Option<Ended> {
        while self.ended.is_none() {
            self.ended = match Report::decode(&mut self.reports) {
                Ok(Some(Report::Started(_))) => None,
                Ok(Some(Report::Failed(text))) => Some(Ended::NotStarted(text)),
                Ok(Some(Report::Exited(status))) => Some(Ended::Exit(exit_of(status))),
                Ok(None) => return None,
                Err(()) => Some(Ended::NotStarted("sandbox-init spoke nonsense".to_owned())),
            };
        }
        self.ended.clone()
    }

    /// The most memory that the tree used so far, in MiB; at most [`PEAK_AGE`] old.
    pub(crate) fn memory_peak_mib(&mut self) -> Option<u32> {
        if self.peak.1.is_none_or(|read| read.elapsed() > PEAK_AGE) {
            self.peak = (self.remains.as_ref()?.cgroup.as_ref()?.memory_peak_mib(), Some(Instant::now()));
        }
        self.peak.0
    }

    /// A way to see whether it still runs, for whoever does not hold it.
    pub(crate) fn liveness(&self) -> Option<Liveness> {
        self.remains.as_ref()?.liveness().ok()
    }

    /// Asks the program to stop, with SIGTERM.
    pub(crate) fn terminate(&self) {
        if let Some(remains) = &self.remains {
            remains.signal(rustix::process::Signal::TERM);
        }
    }

    /// Kills the whole tree and waits until nothing of it is left.
    pub(crate) async fn kill(mut self) {
        if let Some(remains) = self.remains.take() {
            self.spawner.bury(remains).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(remains) = self.remains.take() {
            self.spawner.bury_unheard(remains);
        }
    }
}

fn exit_of(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Status(libc::WEXITSTATUS(status))
    }
}
