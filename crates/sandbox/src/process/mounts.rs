//! The jail's view of the file system: a small tmpfs as root, with the host's parts bound into it read-only.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change, unmount,
};

use super::spec::{Bind, BindKind, JailSpec, Tmp};

/// Where a function finds its layers.
const OPT: &str = "/opt";

/// What could not be mounted, and why.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}: {source}", path.display())]
pub(crate) struct Error {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn failed<E: Into<io::Error>>(what: &'static str, path: &Path) -> impl FnOnce(E) -> Error {
    let path = path.to_owned();
    move |source| Error { what, path, source: source.into() }
}

/// Builds the new root and makes it the root of this process.
///
/// The process must have `CAP_SYS_ADMIN` over its mount namespace, which must be its own, and must be in the
/// jail's PID namespace already: `/proc` shows the namespace of whoever mounts it.
pub(crate) fn enter(spec: &JailSpec) -> Result<(), Error> {
    let root = spec.root.as_path();
    // Nothing that is mounted here may show outside, nor the other way round.
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .map_err(failed("could not make mounts private at", Path::new("/")))?;
    tmpfs(root, "size=1m,mode=0755", MountFlags::NOSUID | MountFlags::NODEV)?;

    // Some hosts have their interpreters below /opt, where the layers go: those are bound over the layers.
    let (over_layers, others): (Vec<&Bind>, _) = spec.binds.iter().partition(|bind| bind.to.starts_with(OPT));
    for bind in others {
        bind_into(root, bind)?;
    }
    for (at, target) in &spec.links {
        let at = inside(root, at);
        make_parents(&at)?;
        symlink(target, &at).map_err(failed("could not link", &at))?;
    }
    for (at, text) in &spec.files {
        let at = inside(root, at);
        make_parents(&at)?;
        fs::write(&at, text).map_err(failed("could not write", &at))?;
    }
    for bind in &over_layers {
        make_mount_point(root, bind)?;
    }
    mount_layers(root, &spec.layers, !over_layers.is_empty())?;
    for bind in over_layers {
        bind_into(root, bind)?;
    }
    mount_tmp(root, &spec.tmp)?;
    mount_proc(root)?;

    set_attributes(root, libc::MOUNT_ATTR_RDONLY, false)?;
    pivot(root)
}

/// `/opt`: nothing, one folder, or several laid over each other. What is there already shows through, where it is used.
fn mount_layers(root: &Path, layers: &[PathBuf], used: bool) -> Result<(), Error> {
    let opt = inside(root, Path::new(OPT));
    make_folder(&opt)?;
    match layers {
        [] => Ok(()),
        [layer] if !used => bind_into(root, &Bind::read_only(layer, OPT)),
        several => {
            // Overlayfs wants the topmost first; a later layer lies over an earlier one.
            let below = used.then_some(&opt);
            let lower: Vec<String> =
                several.iter().rev().chain(below).map(|layer| escape_option(layer)).collect();
            let options = CString::new(format!("lowerdir={}", lower.join(":"))).unwrap_or_default();
            let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
            mount("overlay", &opt, "overlay", flags, options.as_c_str())
                .map_err(failed("could not lay the layers over each other at", &opt))
        }
    }
}

/// Overlayfs separates its lower folders by colons.
fn escape_option(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
}

fn mount_tmp(root: &Path, tmp: &Tmp) -> Result<(), Error> {
    let at = inside(root, Path::new("/tmp"));
    make_folder(&at)?;
    match tmp {
        Tmp::Kept(from) => mount_bind_recursive(from, &at).map_err(failed("could not bind /tmp from", from)),
        Tmp::Fresh { mib } => {
            tmpfs(&at, &format!("size={mib}m,mode=1777"), MountFlags::NOSUID | MountFlags::NODEV)
        }
    }
}

fn mount_proc(root: &Path) -> Result<(), Error> {
    let at = inside(root, Path::new("/proc"));
    make_folder(&at)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", &at, "proc", flags, None).map_err(failed("could not mount", &at))
}

fn make_mount_point(root: &Path, bind: &Bind) -> Result<(), Error> {
    let at = inside(root, &bind.to);
    let metadata = fs::metadata(&bind.from).map_err(failed("cannot read", &bind.from))?;
    if metadata.is_dir() {
        return make_folder(&at);
    }
    make_parents(&at)?;
    if !at.exists() {
        fs::File::create(&at).map_err(failed("could not make", &at))?;
    }
    Ok(())
}

fn bind_into(root: &Path, bind: &Bind) -> Result<(), Error> {
    make_mount_point(root, bind)?;
    let at = inside(root, &bind.to);
    mount_bind_recursive(&bind.from, &at).map_err(failed("could not bind", &bind.from))?;
    match bind.kind {
        BindKind::ReadOnly => set_attributes(
            &at,
            libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
            true,
        ),
        BindKind::Device => set_attributes(&at, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC, false),
    }
}

/// Makes `root` the root, and lets go of the host's.
fn pivot(root: &Path) -> Result<(), Error> {
    rustix::process::chdir(root).map_err(failed("could not enter", root))?;
    // The old root ends up mounted over the new one, and is then taken away: no folder for it is needed.
    rustix::process::pivot_root(".", ".").map_err(failed("could not change the root to", root))?;
    unmount(".", UnmountFlags::DETACH).map_err(failed("could not let go of the old root under", root))?;
    rustix::process::chdir("/").map_err(failed("could not enter", Path::new("/")))
}

/// Mounts a tmpfs with these options.
pub(crate) fn tmpfs(at: &Path, options: &str, flags: MountFlags) -> Result<(), Error> {
    let options = CString::new(options).unwrap_or_default();
    mount("tmpfs", at, "tmpfs", flags, options.as_c_str()).map_err(failed("could not mount a tmpfs at", at))
}

/// Adds attributes to a mount, and to those below it where `recursive`.
///
/// A remount would only reach the top one, and could take away what an outer container has locked.
fn set_attributes(at: &Path, attributes: u64, recursive: bool) -> Result<(), Error> {
    let path = CString::new(at.as_os_str().as_encoded_bytes())
        .map_err(|_| failed("no path", at)(io::Error::from(io::ErrorKind::InvalidInput)))?;
    // SAFETY: all zeroes is a valid mount_attr: nothing set, nothing cleared.
    let mut attr: libc::mount_attr = unsafe { std::mem::zeroed() };
    attr.attr_set = attributes;
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a C string and `attr` a mount_attr of the size that is given; both outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw mut attr,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(failed("could not restrict", at)(io::Error::last_os_error())) }
}

/// Where an absolute path of the jail lies before it is the root.
fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn make_parents(path: &Path) -> Result<(), Error> {
    path.parent().map_or(Ok(()), make_folder)
}

fn make_folder(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(failed("could not make", path))
}
