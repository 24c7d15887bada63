//! `sandbox-init`: the hidden subcommand that builds a jail around itself and runs a function's program in it.
//!
//! It is a process of its own with one thread, so that namespaces, mounts, identity and `fork` are safe to use.
//! The order of the steps matters; [`build`] is that order.
//!
//! Descriptors: 0 is the control socket (the [`JailSpec`] in, [`Report`]s out). With the spec come three pipes: one
//! for the function's output, which becomes the program's standard output and error, one for its calls (3) and one
//! for its answers (4).

use std::ffi::c_int;
use std::fs;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Gid, Resource, Rlimit, Signal, Uid};
use rustix::thread::UnshareFlags;

use super::spec::{DESCRIPTORS, INSIDE_GID, INSIDE_UID, JailSpec, Owner, Report};
use super::{mounts, seccomp};

/// What kept a jail from being built.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}: {1}")]
    Step(&'static str, #[source] io::Error),
    #[error(transparent)]
    Mounts(#[from] mounts::Error),
    #[error("cannot run `{0}`: {1}")]
    Exec(String, #[source] io::Error),
}

fn step<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Error {
    move |e| Error::Step(what, e.into())
}

/// The program's descriptors for frames.
const CALLS: c_int = 3;
const ANSWERS: c_int = 4;

/// The program's pid, for the signal handler.
static PROGRAM: AtomicI32 = AtomicI32::new(0);

/// Runs `sandbox-init`: reads the spec from standard input, builds the jail, runs the program, reports its end.
///
/// The result is the exit code of this process; what went wrong has been reported by then.
pub fn run() -> i32 {
    let (control, frames, spec) = match take_control() {
        Ok(taken) => taken,
        Err(e) => {
            // Somebody ran the hidden subcommand by hand.
            eprintln!("sandbox-init is started by lambent itself: {e}");
            return 2;
        }
    };
    match start(&control, frames, &spec) {
        Ok(code) => code,
        Err(e) => {
            control.report(&Report::Failed(e.to_string()));
            1
        }
    }
}

struct Control {
    socket: fs::File,
}

/// The program's ends of the pipes for frames.
struct Frames {
    calls: OwnedFd,
    answers: OwnedFd,
}

impl Control {
    /// The node that is gone needs no report.
    fn report(&self, report: &Report) {
        drop((&self.socket).write_all(&report.encode()));
    }
}

/// Takes the spec and the descriptors that come with it, and moves everything off the program's descriptors.
fn take_control() -> io::Result<(Control, Frames, JailSpec)> {
    // Whatever else the node had open is none of the function's business.
    // SAFETY: nothing in this process owns a descriptor above the standard streams yet.
    unsafe { libc::syscall(libc::SYS_close_range, CALLS, c_int::MAX, 0) };
    let above = |fd: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(fd, ANSWERS + 1);
    let mut socket = fs::File::from(above(rustix::stdio::stdin())?);
    let mut length = [0; 4];
    let [output, calls, answers] = receive_descriptors(&socket, &mut length)?;
    let mut text = vec![0; u32::from_le_bytes(length) as usize];
    socket.read_exact(&mut text)?;
    let spec = serde_json::from_slice(&text)?;
    let frames = Frames { calls: above(calls.as_fd())?, answers: above(answers.as_fd())? };
    rustix::stdio::dup2_stdin(fs::File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(&output)?;
    rustix::stdio::dup2_stderr(&output)?;
    Ok((Control { socket }, frames, spec))
}

/// Reads the first bytes of the spec, and the descriptors that they carry.
fn receive_descriptors(socket: &fs::File, length: &mut [u8; 4]) -> io::Result<[OwnedFd; DESCRIPTORS]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(length)], &mut message, RecvFlags::CMSG_CLOEXEC)?;
    let descriptors: Vec<OwnedFd> = message
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    let whole =
        <[OwnedFd; DESCRIPTORS]>::try_from(descriptors).ok().filter(|_| received.bytes == length.len());
    whole.ok_or_else(|| io::Error::other("there is no spec on standard input"))
}

/// Joins the cgroups and starts the jail's first process, as a child of the node and not of this process.
fn start(control: &Control, frames: Frames, spec: &JailSpec) -> Result<i32, Error> {
    for procs in &spec.cgroups {
        fs::write(procs, "0").map_err(step("joining the cgroup"))?;
    }
    if spec.owner == Owner::User {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        enter_user_namespace(uid.as_raw(), gid.as_raw())?;
    }
    match clone_into_namespaces().map_err(step("making namespaces"))? {
        0 => Ok(first_process(control, frames, spec)),
        pid => {
            control.report(&Report::Started(pid));
            Ok(0)
        }
    }
}

/// Forks into new namespaces. The child's parent is the node, so that nothing has to stay between them.
fn clone_into_namespaces() -> io::Result<i32> {
    let flags =
        libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_PARENT;
    // SAFETY: without a stack and without CLONE_VM this is a fork: the child has its own copy of everything,
    // and this process has one thread, so no lock is held by somebody who does not exist in the child.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD, 0, 0, 0, 0) };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(i32::try_from(pid).unwrap_or(0)) }
}

/// The first process of the PID namespace: builds the jail, starts the program, reaps whatever dies, and ends
/// with the program; the kernel then ends everything else in the namespace.
fn first_process(control: &Control, frames: Frames, spec: &JailSpec) -> i32 {
    let started = build(control, spec).and_then(|()| fork().map_err(step("forking")));
    match started {
        Ok(0) => {
            let error = execute(&frames, spec);
            control.report(&Report::Failed(error.to_string()));
            125
        }
        Ok(program) => {
            // The node sees by them when the program has ended.
            drop(frames);
            PROGRAM.store(program, Ordering::SeqCst);
            forward_sigterm();
            control.report(&Report::Exited(reap_until(program)));
            0
        }
        Err(e) => {
            control.report(&Report::Failed(e.to_string()));
            1
        }
    }
}

/// Builds the jail around this process, from the outside in.
fn build(control: &Control, spec: &JailSpec) -> Result<(), Error> {
    // The node's own may be stricter: what is made in here is there for the function to read.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    mounts::enter(spec)?;
    rustix::system::sethostname(b"lambent").map_err(step("setting the host name"))?;
    if let Owner::Root { id, user_namespace } = spec.owner {
        become_user(id)?;
        if user_namespace {
            enter_user_namespace(id, id)?;
        }
    }
    drop_capabilities()?;
    set_limits(spec)?;
    rustix::thread::set_no_new_privs(true).map_err(step("forbidding new privileges"))?;
    die_with_node(control.socket.as_fd())?;
    rustix::process::setsid().map_err(step("starting a session"))?;
    // This process has the function's own user: the function must not look into it, nor take its descriptors.
    let closed = rustix::process::DumpableBehavior::NotDumpable;
    rustix::process::set_dumpable_behavior(closed).map_err(step("closing the first process"))?;
    seccomp::install().map_err(step("filtering system calls"))
}

/// Becomes an ordinary user of the host.
fn become_user(id: u32) -> Result<(), Error> {
    let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
    rustix::thread::set_thread_groups(&[]).map_err(step("leaving all groups"))?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(step("changing the group"))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(step("changing the user"))
}

/// Enters a user namespace of one user: [`INSIDE_UID`] inside is `uid` outside.
fn enter_user_namespace(uid: u32, gid: u32) -> Result<(), Error> {
    // SAFETY: the process has one thread, and no memory or descriptor table is unshared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER) }
        .map_err(step("making a user namespace"))?;
    // A process that changed its user owns its /proc files again only when it is dumpable.
    let dumpable = rustix::process::DumpableBehavior::Dumpable;
    rustix::process::set_dumpable_behavior(dumpable).map_err(step("preparing the user namespace"))?;
    // The kernel wants group changes given up before an unprivileged process may map its group.
    fs::write("/proc/self/setgroups", "deny").map_err(step("giving up group changes"))?;
    fs::write("/proc/self/uid_map", format!("{INSIDE_UID} {uid} 1")).map_err(step("mapping the user"))?;
    fs::write("/proc/self/gid_map", format!("{INSIDE_GID} {gid} 1")).map_err(step("mapping the group"))
}

/// Gives up every capability, for good.
fn drop_capabilities() -> Result<(), Error> {
    let empty = rustix::thread::CapabilitySet::empty();
    for capability in 0..=63 {
        // SAFETY: this prctl takes a number; for one that the kernel does not know it fails with EINVAL.
        let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        if dropped != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
            break;
        }
    }
    rustix::thread::clear_ambient_capability_set().ok();
    let none = rustix::thread::CapabilitySets { effective: empty, permitted: empty, inheritable: empty };
    rustix::thread::set_capabilities(None, none).map_err(step("dropping capabilities"))
}

fn set_limits(spec: &JailSpec) -> Result<(), Error> {
    let limit = |resource, value: u64| {
        // Never above what this process was given itself.
        let most = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX).min(value);
        let rlimit = Rlimit { current: Some(most), maximum: Some(most) };
        rustix::process::setrlimit(resource, rlimit).map_err(step("setting limits"))
    };
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, spec.open_files)?;
    limit(Resource::Memlock, 64 * 1024)?;
    limit(Resource::Stack, 8 * 1024 * 1024)?;
    spec.processes.map_or(Ok(()), |most| limit(Resource::Nproc, most))
}

/// Dies when the node dies, even by SIGKILL.
fn die_with_node(control: BorrowedFd<'_>) -> Result<(), Error> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(step("tying to the node"))?;
    // The node may have died before: then its end of the control socket is closed.
    let mut poll = [rustix::event::PollFd::new(&control, rustix::event::PollFlags::empty())];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    let ready = rustix::event::poll(&mut poll, Some(&now)).map_err(step("looking at the node"))?;
    if ready > 0 { Err(Error::Step("starting", io::Error::other("the node is gone"))) } else { Ok(()) }
}

fn fork() -> io::Result<c_int> {
    // SAFETY: this process has one thread, so the child may go on as if nothing had happened.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(pid),
    }
}

/// Becomes the program. Returns only if that fails.
fn execute(frames: &Frames, spec: &JailSpec) -> Error {
    let program = spec.command.first().cloned().unwrap_or_default();
    let failed = |e: io::Error| Error::Exec(program.clone(), e);
    if spec.frames
        && let Err(e) = hand_over(frames)
    {
        return failed(e);
    }
    // SAFETY: SIGPIPE is set back to its default, as programs expect it; Rust ignores it at start.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let error = Command::new(&program)
        .args(spec.command.iter().skip(1))
        .env_clear()
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/var/task")
        .exec();
    failed(error)
}

/// Puts the frame pipes at their places; every other descriptor above the standard streams closes at exec.
fn hand_over(frames: &Frames) -> io::Result<()> {
    for (pipe, place) in [(&frames.calls, CALLS), (&frames.answers, ANSWERS)] {
        // SAFETY: both are numbers of descriptors, and nothing in this process owns the places.
        if unsafe { libc::dup2(pipe.as_raw_fd(), place) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// An `http` function is asked to stop with SIGTERM, which the node sends to this process.
fn forward_sigterm() {
    extern "C" fn forward(signal: c_int) {
        // SAFETY: kill is safe in a signal handler, and the pid is that of a child not yet waited for, or 0,
        // which is this process's own group.
        unsafe { libc::kill(PROGRAM.load(Ordering::SeqCst), signal) };
    }
    let handler: extern "C" fn(c_int) = forward;
    // SAFETY: the handler only calls kill, which is async-signal-safe.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
}

/// Waits for every process that ends, until `program` does; returns its wait status.
fn reap_until(program: c_int) -> c_int {
    loop {
        let mut status = 0;
        // SAFETY: `status` is a place for an int.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        if pid == program {
            return status;
        }
        if pid < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return 0;
        }
    }
}
