//! Control groups, version 1 and 2: what one sandbox may use of memory and processes, all its processes together;
//! and where the kernel can, its share of the processors, so that a thousand processes get no more than one.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";

/// Where this node makes its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    version: Version,
    /// For version 1 the memory hierarchy, for version 2 the only one.
    memory: PathBuf,
    /// The pids hierarchy of version 1.
    pids: PathBuf,
    /// The processor hierarchy of version 1.
    cpu: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// The group of one sandbox. It is removed by [`Cgroup::remove`], when its processes are gone.
#[derive(Debug)]
pub(crate) struct Cgroup {
    folders: Vec<PathBuf>,
    /// The most memory used so far, kept open since it is read often.
    peak: Option<fs::File>,
}

impl Hierarchy {
    /// Finds where groups can be made and tries it out.
    ///
    /// # Errors
    /// Why the host gives none, for `doctor`.
    pub(crate) fn find() -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|e| format!("/proc/self/cgroup: {e}"))?;
        let controllers = fs::read_to_string(Path::new(ROOT).join("cgroup.controllers")).unwrap_or_default();
        let unified =
            ["memory", "pids"].iter().all(|c| controllers.split_whitespace().any(|have| have == *c));
        let hierarchy = if unified { Self::v2(&own)? } else { Self::v1(&own)? };
        hierarchy.remove_stale();
        for folder in hierarchy.folders() {
            fs::create_dir_all(folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
        }
        if hierarchy.version == Version::V2 {
            let control = hierarchy.memory.join("cgroup.subtree_control");
            fs::write(&control, "+memory +pids")
                .map_err(|e| format!("cannot hand on memory and pids in {}: {e}", control.display()))?;
            // Where it is missing, processes take turns one by one and not by sandbox.
            fs::write(&control, "+cpu").ok();
        }
        hierarchy.weigh();
        // A group that can be made but not limited is worth nothing: find out now.
        hierarchy.make("probe", 64, 16).map_err(|e| format!("cannot limit a group: {e}"))?.remove();
        Ok(hierarchy)
    }

    /// `cgroup v1` or `cgroup v2`.
    pub(crate) fn name(&self) -> &'static str {
        match self.version {
            Version::V1 => "cgroup v1",
            Version::V2 => "cgroup v2",
        }
    }

    fn v1(own: &str) -> Result<Self, String> {
        let place = |controller: &str| {
            let mine = own.lines().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                let names = fields.next()?;
                names.split(',').any(|name| name == controller).then(|| fields.next().unwrap_or("/"))
            });
            let mine =
                mine.ok_or_else(|| format!("no {controller} controller, neither in cgroup v1 nor v2"))?;
            Ok::<_, String>(
                Path::new(ROOT).join(controller).join(mine.trim_start_matches('/')).join(node_folder()),
            )
        };
        let cpu = place("cpu").ok().filter(|folder| folder.parent().is_some_and(Path::exists));
        Ok(Self { version: Version::V1, memory: place("memory")?, pids: place("pids")?, cpu })
    }

    fn v2(own: &str) -> Result<Self, String> {
        // Root makes its groups at the top: the own group may hold other processes, and version 2 lets a group
        // have processes or limited children, not both. Others get what systemd delegates (`Delegate=yes`).
        let folder = if rustix::process::geteuid().is_root() {
            Path::new(ROOT).join(node_folder())
        } else {
            let mine = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
            Path::new(ROOT).join(mine.trim_start_matches('/')).join(node_folder())
        };
        Ok(Self { version: Version::V2, memory: folder.clone(), pids: folder, cpu: None })
    }

    /// All functions together count as much as one process on each processor, and not as one process.
    fn weigh(&self) {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        match (&self.cpu, self.version) {
            (Some(cpu), _) => drop(fs::write(cpu.join("cpu.shares"), (processors * 1024).to_string())),
            (None, Version::V1) => {}
            (None, Version::V2) => {
                let weight = (processors * 100).min(10_000);
                drop(fs::write(self.memory.join("cpu.weight"), weight.to_string()));
            }
        }
    }

    fn folders(&self) -> Vec<&Path> {
        match self.version {
            Version::V1 => {
                [&self.memory, &self.pids].into_iter().chain(&self.cpu).map(PathBuf::as_path).collect()
            }
            Version::V2 => vec![&self.memory],
        }
    }

    /// Makes a group with these limits.
    pub(crate) fn make(&self, name: &str, memory_mib: u32, pids: u32) -> io::Result<Cgroup> {
        let folders: Vec<PathBuf> = self.folders().into_iter().map(|folder| folder.join(name)).collect();
        folders.iter().try_for_each(fs::create_dir_all)?;
        let (memory, count) = (self.memory.join(name), self.pids.join(name));
        let bytes = (u64::from(memory_mib) * 1024 * 1024).to_string();
        let peak = match self.version {
            Version::V1 => {
                fs::write(memory.join("memory.limit_in_bytes"), &bytes)?;
                // Memory and swap together: absent where the kernel does not account swap.
                optional(fs::write(memory.join("memory.memsw.limit_in_bytes"), &bytes))?;
                memory.join("memory.max_usage_in_bytes")
            }
            Version::V2 => {
                fs::write(memory.join("memory.max"), &bytes)?;
                optional(fs::write(memory.join("memory.swap.max"), "0"))?;
                memory.join("memory.peak")
            }
        };
        fs::write(count.join("pids.max"), pids.to_string())?;
        Ok(Cgroup { folders, peak: fs::File::open(peak).ok() })
    }

    /// Removes the groups of nodes that were killed.
    fn remove_stale(&self) {
        for folder in self.folders() {
            let siblings = folder.parent().and_then(|parent| fs::read_dir(parent).ok());
            for sibling in siblings.into_iter().flatten().flatten() {
                let name = sibling.file_name();
                let pid = name.to_str().and_then(|name| name.strip_prefix("lambent-"));
                let dead = pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists());
                if dead {
                    remove_tree(&sibling.path());
                }
            }
        }
    }

    /// Removes what this node made.
    pub(crate) fn remove(&self) {
        for folder in self.folders() {
            remove_tree(folder);
        }
    }
}

impl Cgroup {
    /// The files that a process writes `0` to, to join.
    pub(crate) fn procs(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.join("cgroup.procs")).collect()
    }

    /// The most memory that was used so far, in MiB, where the kernel tells.
    pub(crate) fn memory_peak_mib(&self) -> Option<u32> {
        let mut buffer = [0; 32];
        let length = self.peak.as_ref()?.read_at(&mut buffer, 0).ok()?;
        let bytes: u64 = std::str::from_utf8(buffer.get(..length)?).ok()?.trim().parse().ok()?;
        u32::try_from(bytes.div_ceil(1024 * 1024)).ok()
    }

    /// Removes the group. Its processes must be gone.
    pub(crate) fn remove(&self) {
        for folder in &self.folders {
            remove_folder(folder);
        }
    }
}

fn node_folder() -> String {
    format!("lambent-{}", std::process::id())
}

/// A setting that older kernels do not have.
fn optional(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound || e.kind() == io::ErrorKind::PermissionDenied => {
            Ok(())
        }
        other => other,
    }
}

/// Removes a group and its children: a group's files cannot be removed, only its folder.
fn remove_tree(folder: &Path) {
    for child in fs::read_dir(folder).into_iter().flatten().flatten() {
        if child.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&child.path());
        }
    }
    remove_folder(folder);
}

/// A group stays busy for a moment after its last process was reaped.
fn remove_folder(folder: &Path) {
    for _ in 0..50 {
        match fs::remove_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::ResourceBusy => {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            _ => return,
        }
    }
}
