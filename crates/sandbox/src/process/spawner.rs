//! The one thread that starts jails and clears them away.
//!
//! A thread of its own for three reasons: a jail dies with the *thread* that started it, so that thread must
//! live as long as the node; it has a mount namespace of its own, so that every mount of the node's vanishes
//! with it, even after SIGKILL; and starting a process must not hold up the threads that serve requests.

use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use rustix::thread::UnshareFlags;
use tokio::sync::oneshot;

use super::Cgroup;
use super::mounts;
use super::spec::{DESCRIPTORS, INIT_COMMAND, JailSpec, Report, Tmp};

/// Jobs that may wait for the thread; each waiting job is a caller that waits too.
const JOBS_WAITING: usize = 4096;

/// How long `sandbox-init` may take for its first report. It needs about a millisecond.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// A handle to the thread. Cheap to clone; the thread ends when the last one is gone.
#[derive(Clone, Debug)]
pub(crate) struct Spawner {
    jobs: Arc<mpsc::SyncSender<Job>>,
}

/// A jail that was started.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(super) control: UnixStream,
    /// Where the program's calls go in.
    pub(super) calls: OwnedFd,
    /// Where its answers come out.
    pub(super) answers: OwnedFd,
    pub(super) output: OwnedFd,
    pub(super) remains: Remains,
    /// What came on the control socket after the first report.
    pub(super) reports: Vec<u8>,
}

/// What has to be cleared away after a jail.
#[derive(Debug)]
pub(crate) struct Remains {
    pidfd: OwnedFd,
    pub(super) cgroup: Option<Cgroup>,
}

/// Tells whether a jail still runs.
#[derive(Debug)]
pub struct Liveness {
    pidfd: OwnedFd,
}

impl Liveness {
    /// Whether it runs now. Does not wait.
    pub fn is_alive(&self) -> bool {
        let mut poll = [rustix::event::PollFd::new(&self.pidfd, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut poll, Some(&now)).is_ok_and(|ended| ended == 0)
    }
}

/// Where the jails of one sandbox live, one after the other.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) root: PathBuf,
    pub(crate) tmp: Tmp,
    folder: PathBuf,
    spawner: Spawner,
}

type Answer<T> = oneshot::Sender<io::Result<T>>;

enum Job {
    Spawn(Box<JailSpec>, Option<Cgroup>, Answer<Spawned>),
    Bury(Remains, Option<oneshot::Sender<()>>),
    MakePlace { number: u64, tmp_mib: u32, answer: Answer<(PathBuf, Tmp)> },
    RemovePlace(PathBuf),
}

impl Spawner {
    /// Starts the thread. `init` is the program that knows `sandbox-init`; `folder` is an existing empty folder.
    ///
    /// `keeps_mounts` says whether this process may mount, and so give each sandbox a `/tmp` that outlives it.
    pub(crate) fn start(init: PathBuf, folder: PathBuf, keeps_mounts: bool) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::sync_channel(JOBS_WAITING);
        let (ready, started) = mpsc::sync_channel(1);
        std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let prepared = if keeps_mounts { prepare_mounts(&folder) } else { Ok(()) };
            let failed = prepared.is_err();
            if ready.send(prepared).is_err() || failed {
                return;
            }
            let thread = Thread { init, folder, keeps_mounts };
            for job in inbox {
                thread.work(job);
            }
        })?;
        started.recv().map_err(io::Error::other)??;
        Ok(Self { jobs: Arc::new(jobs) })
    }

    /// Starts a jail.
    pub(super) async fn spawn(&self, spec: JailSpec, cgroup: Option<Cgroup>) -> io::Result<Spawned> {
        self.ask(|answer| Job::Spawn(Box::new(spec), cgroup, answer)).await
    }

    /// Makes a place for a sandbox.
    pub(crate) async fn make_place(&self, number: u64, tmp_mib: u32) -> io::Result<Place> {
        let (folder, tmp) = self.ask(|answer| Job::MakePlace { number, tmp_mib, answer }).await?;
        Ok(Place { root: folder.join("root"), tmp, folder, spawner: self.clone() })
    }

    /// Kills a jail and waits until it is gone.
    pub(super) async fn bury(&self, remains: Remains) {
        let (answer, done) = oneshot::channel();
        self.send(Job::Bury(remains, Some(answer)));
        // An answer that does not come means that the thread is gone, and the jail with it.
        drop(done.await);
    }

    /// Kills a jail; nobody waits.
    pub(super) fn bury_unheard(&self, remains: Remains) {
        remains.signal(Signal::KILL);
        self.send(Job::Bury(remains, None));
    }

    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> io::Result<T> {
        let (answer, done) = oneshot::channel();
        self.send(job(answer));
        done.await.unwrap_or_else(|_| Err(io::Error::other("the spawner has stopped")))
    }

    fn send(&self, job: Job) {
        // A job that cannot be sent answers by being dropped.
        drop(self.jobs.send(job));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.spawner.send(Job::RemovePlace(std::mem::take(&mut self.folder)));
    }
}

impl Remains {
    /// A way to see whether the jail still runs, for whoever does not hold it.
    pub(super) fn liveness(&self) -> io::Result<Liveness> {
        Ok(Liveness { pidfd: self.pidfd.try_clone()? })
    }

    /// Sends a signal to the first process of the jail. One that is gone needs none.
    pub(super) fn signal(&self, signal: Signal) {
        rustix::process::pidfd_send_signal(&self.pidfd, signal).ok();
    }
}

struct Thread {
    init: PathBuf,
    folder: PathBuf,
    keeps_mounts: bool,
}

impl Thread {
    fn work(&self, job: Job) {
        match job {
            Job::Spawn(spec, cgroup, answer) => drop(answer.send(self.spawn(&spec, cgroup))),
            Job::Bury(remains, answer) => {
                clear_away(&remains);
                if let Some(answer) = answer {
                    answer.send(()).ok();
                }
            }
            Job::MakePlace { number, tmp_mib, answer } => drop(answer.send(self.make_place(number, tmp_mib))),
            Job::RemovePlace(folder) => self.remove_place(&folder),
        }
    }

    fn spawn(&self, spec: &JailSpec, cgroup: Option<Cgroup>) -> io::Result<Spawned> {
        let (mut control, control_inside) = UnixStream::pair()?;
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
        let (output, output_inside) = pipe()?;
        let (calls_inside, calls) = pipe()?;
        let (answers, answers_inside) = pipe()?;
        let mut child = Command::new(&self.init)
            .arg(INIT_COMMAND)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(control_inside)))
            .spawn()?;
        let inside = [output_inside.as_fd(), calls_inside.as_fd(), answers_inside.as_fd()];
        let started = send_spec(&mut control, spec, &inside).and_then(|()| first_report(&mut control));
        // It ends as soon as it has made the jail's first process, or has failed to.
        child.wait()?;
        let (pid, reports) = started?;
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?;
        control.set_read_timeout(None)?;
        control.set_nonblocking(true)?;
        Ok(Spawned { control, calls, answers, output, remains: Remains { pidfd, cgroup }, reports })
    }

    fn make_place(&self, number: u64, tmp_mib: u32) -> io::Result<(PathBuf, Tmp)> {
        let folder = self.folder.join(number.to_string());
        std::fs::create_dir_all(folder.join("root"))?;
        if !self.keeps_mounts {
            return Ok((folder, Tmp::Fresh { mib: tmp_mib }));
        }
        let tmp = folder.join("tmp");
        std::fs::create_dir_all(&tmp)?;
        let options = format!("size={tmp_mib}m,mode=1777");
        mounts::tmpfs(&tmp, &options, MountFlags::NOSUID | MountFlags::NODEV).map_err(io::Error::other)?;
        Ok((folder, Tmp::Kept(tmp)))
    }

    fn remove_place(&self, folder: &Path) {
        if self.keeps_mounts {
            rustix::mount::unmount(folder.join("tmp"), UnmountFlags::DETACH).ok();
        }
        // What cannot be removed now goes with the node's folder.
        drop(std::fs::remove_dir_all(folder));
    }
}

/// Gives this thread a mount namespace of its own, with a tmpfs over `folder` for everything it will make.
fn prepare_mounts(folder: &Path) -> io::Result<()> {
    // SAFETY: only this thread's mount namespace (and with it, its current folder) is unshared; the
    // descriptor table and memory stay shared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }?;
    rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::DOWNSTREAM)?;
    mounts::tmpfs(folder, "size=16m,mode=0755", MountFlags::NOSUID | MountFlags::NODEV)
        .map_err(io::Error::other)
}

/// Sends the spec, and with its first bytes the descriptors that the program will have.
fn send_spec(
    control: &mut UnixStream,
    spec: &JailSpec,
    inside: &[BorrowedFd<'_>; DESCRIPTORS],
) -> io::Result<()> {
    let text = serde_json::to_vec(spec)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?.to_le_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    message.push(SendAncillaryMessage::ScmRights(inside));
    let sent = sendmsg(&*control, &[IoSlice::new(&length)], &mut message, SendFlags::empty())?;
    // Four bytes on an empty socket always go at once.
    debug_assert_eq!(sent, length.len());
    control.write_all(&text)
}

/// Reads until `sandbox-init` has said which process it started. The started process may speak first.
fn first_report(control: &mut UnixStream) -> io::Result<(Pid, Vec<u8>)> {
    control.set_read_timeout(Some(REPORT_TIMEOUT))?;
    let mut buffer = Vec::new();
    let mut later = Vec::new();
    loop {
        let mut chunk = [0; 512];
        let n = control.read(&mut chunk)?;
        if n == 0 {
            return Err(io::Error::other("sandbox-init ended without a word"));
        }
        buffer.extend_from_slice(chunk.get(..n).unwrap_or_default());
        while let Some(report) = Report::decode(&mut buffer).map_err(|()| io::Error::other("no report"))? {
            match report {
                Report::Started(pid) => {
                    later.extend(buffer);
                    let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("no pid"))?;
                    return Ok((pid, later));
                }
                // The jail's own first process cannot start before it was made: this is `sandbox-init` giving up,
                // unless the new process was quicker to fail than its maker to report it.
                other => later.extend(other.encode()),
            }
            if let Ok(Some(Report::Failed(text))) = Report::decode(&mut later.clone())
                && hung_up(control)
            {
                return Err(io::Error::other(text));
            }
        }
    }
}

/// Whether nobody is left at the other end.
fn hung_up(control: &UnixStream) -> bool {
    let mut poll = [rustix::event::PollFd::new(control, rustix::event::PollFlags::IN)];
    let wait = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
    rustix::event::poll(&mut poll, Some(&wait)).ok();
    poll[0].revents().contains(rustix::event::PollFlags::HUP)
}

/// Kills what is left of a jail, waits for it, removes its group.
fn clear_away(remains: &Remains) {
    remains.signal(Signal::KILL);
    rustix::process::waitid(WaitId::PidFd(remains.pidfd.as_fd()), WaitIdOptions::EXITED).ok();
    if let Some(cgroup) = &remains.cgroup {
        cgroup.remove();
    }
}
