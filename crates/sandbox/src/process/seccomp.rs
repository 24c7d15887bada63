//! The filter of system calls: what no function needs, and attackers begin with (durability.md 11.2).
//!
//! A list of what is refused, not of what is allowed: programs of every kind run here. Most of these calls want
//! privileges that a function does not have anyway; but a function that could make a user namespace would have
//! them in there, and with them the parts of the kernel where most of its faults are found.

use std::io;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, c_int, c_long, sock_filter,
};

/// The kernel's name of this processor (`linux/audit.h`).
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;
#[cfg(target_arch = "riscv64")]
const ARCHITECTURE: u32 = 0xC000_00F3;

/// From here on, numbers are those of another set of calls (x32, on x86-64), which nobody uses.
const OTHER_CALLS: u32 = 0x4000_0000;

/// Refused with EPERM, whatever the arguments.
const REFUSED: &[c_long] = &[
    // Namespaces, mounts and roots.
    libc::SYS_chroot,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_pivot_root,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
    // Files by handles, past all mounts.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // Other processes.
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    // Large interfaces, with a history.
    libc::SYS_bpf,
    libc::SYS_fanotify_init,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    // Keys, which the kernel does not keep apart by sandbox.
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // The machine itself.
    libc::SYS_acct,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kexec_load,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
];

/// Flags of `clone` that make namespaces.
const NAMESPACES: c_int = libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWUTS;

/// The sockets that there are: local, internet, and the one by which programs list network interfaces.
const FAMILIES: [c_int; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

/// Where the parts of a call lie in what the filter is given (`struct seccomp_data`), the low half of arguments.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const fn argument(n: u32) -> u32 {
    16 + 8 * n + if cfg!(target_endian = "big") { 4 } else { 0 }
}

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const EPERM: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();

/// Puts this process and all that come from it under the filter, for good.
///
/// New privileges must have been given up.
pub(super) fn install() -> io::Result<()> {
    let mut program = filter();
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // The flag: before Linux 5.16 a filter would also switch off speculation, which costs some programs a third.
    let flags = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // SAFETY: the program is valid for the call, which copies it.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The program. It only jumps forward, over as many instructions as a jump says.
fn filter() -> Vec<sock_filter> {
    let mut program = vec![
        load(ARCH),
        jump(BPF_JEQ, ARCHITECTURE, 1, 0),
        give(ENOSYS),
        load(NUMBER),
        jump(BPF_JGE, OTHER_CALLS, 0, 1),
        give(ENOSYS),
    ];
    for call in REFUSED {
        program.extend([jump(BPF_JEQ, number(*call), 0, 1), give(EPERM)]);
    }
    // Its flags lie in memory, where a filter cannot look: libraries go back to `clone` when it is not there.
    program.extend([jump(BPF_JEQ, number(libc::SYS_clone3), 0, 1), give(ENOSYS)]);
    let clone =
        [load(argument(0)), jump(BPF_JSET, NAMESPACES.cast_unsigned(), 0, 1), give(EPERM), give(ALLOW)];
    program.extend(only_for(libc::SYS_clone, &clone));
    program.extend(only_for(libc::SYS_socket, &socket()));
    program.push(give(ALLOW));
    program
}

fn socket() -> Vec<sock_filter> {
    let mut program = vec![load(argument(0))];
    for family in FAMILIES {
        program.extend([jump(BPF_JEQ, family.cast_unsigned(), 0, 1), give(ALLOW)]);
    }
    program.extend([
        jump(BPF_JEQ, libc::AF_NETLINK.cast_unsigned(), 0, 2),
        load(argument(2)),
        jump(BPF_JEQ, libc::NETLINK_ROUTE.cast_unsigned(), 1, 0),
        give(EPERM),
        give(ALLOW),
    ]);
    program
}

/// Instructions that are skipped unless the call is this one.
fn only_for(call: c_long, then: &[sock_filter]) -> Vec<sock_filter> {
    let skip = u8::try_from(then.len()).unwrap_or(u8::MAX);
    [&[jump(BPF_JEQ, number(call), 0, skip)], then].concat()
}

fn number(call: c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

fn load(at: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, at, 0, 0)
}

/// Skips as many instructions as are named for the case that the test holds, or does not.
fn jump(test: u32, value: u32, holds: u8, fails: u8) -> sock_filter {
    instruction(BPF_JMP | test | BPF_K, value, holds, fails)
}

fn give(result: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, result, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: u16::try_from(code).unwrap_or(0), jt, jf, k }
}
