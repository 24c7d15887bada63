//! The cache on disk: folders that are whole or not there, whoever is interrupted.
//!
//! A folder is made beside its place and renamed into it when it is complete and on the disk. A lock file beside
//! it keeps two nodes, or two functions, from making the same one. Nothing is ever changed in place or thrown
//! away: sandboxes of an old version keep theirs. To clear it, stop the node and remove the cache folder.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Error;

/// Tells the half-made folders of one process apart.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The cache of a node; nodes may share one.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    root: PathBuf,
}

/// Held until it is dropped; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Cache {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The place of `name`, as in `nodejs/1f3c…`.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder `name`, where it is there.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        let path = self.path(name);
        path.is_dir().then_some(path)
    }

    /// The folder `name`, filled by `fill` where it is not there. The caller holds the lock of `name`.
    pub(super) fn make(
        &self,
        name: &str,
        _lock: &Lock,
        fill: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        if let Some(path) = self.find(name) {
            return Ok(path);
        }
        let path = self.path(name);
        let parent = path.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&parent).map_err(Error::io("create", &parent))?;
        remove_half_made(&path);
        let half_made = half_made(&path);
        fs::create_dir(&half_made).map_err(Error::io("create", &half_made))?;
        if let Err(error) = fill(&half_made) {
            // The reason why it could not be filled says more; what stays is removed the next time.
            drop(fs::remove_dir_all(&half_made));
            return Err(error);
        }
        // Without this a power cut could leave the name on the disk and the contents not.
        sync(&half_made)?;
        fs::rename(&half_made, &path).map_err(Error::io("rename", &half_made))?;
        sync(&parent)?;
        Ok(path)
    }

    /// Locks `name`. `waiting` is told when someone else holds it.
    pub(super) fn lock(&self, name: &str, waiting: impl FnOnce()) -> Result<Lock, Error> {
        let path = beside(&self.path(name), ".lock");
        let parent = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        let file = File::options().create(true).append(true).open(&path).map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock().map_err(Error::io("lock", &path))?;
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path)(e)),
        }
        Ok(Lock { _file: file })
    }
}

/// `path` with `suffix` behind its last name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A new name for what is being made. Never used twice, so that a tool that outlives its node cannot write into
/// what a later one makes.
pub(super) fn half_made(path: &Path) -> PathBuf {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    beside(path, &format!(".half-made-{}-{count}", std::process::id()))
}

/// Removes what an interrupted node left. The caller holds the lock, so no node is making it. Where a tool that
/// outlived its node still writes there, it stays for another time: its name is in nobody's way.
pub(super) fn remove_half_made(path: &Path) {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
    let prefix = format!("{}.half-made-", name.to_string_lossy());
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// Brings everything that was written to the disk that holds `folder`.
fn sync(folder: &Path) -> Result<(), Error> {
    let sync = || Ok(rustix::fs::syncfs(File::open(folder)?)?);
    sync().map_err(Error::io("write to disk", folder))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Scratch;
    use super::*;

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let scratch = Scratch::new();
        let cache = Cache::new(scratch.path("cache"));
        let lock = cache.lock("a/b", || panic!("nobody holds it")).unwrap();
        let failed = cache.make("a/b", &lock, |folder| {
            fs::write(folder.join("half"), "").unwrap();
            Err(Error::NoProgram(folder.to_owned()))
        });
        assert!(failed.is_err());
        assert_eq!(cache.find("a/b"), None);
        let names = |folder: &str| fs::read_dir(scratch.path(folder)).unwrap().count();
        assert_eq!(names("cache/a"), 1, "the lock file only");

        fs::create_dir(scratch.path("cache/a/b.half-made-1-0")).unwrap();
        let write = |folder: &Path| fs::write(folder.join("whole"), "").map_err(Error::io("write", folder));
        let made = cache.make("a/b", &lock, write).unwrap();
        assert!(made.join("whole").exists());
        assert_eq!(names("cache/a"), 2, "the lock file and the folder");
        assert_eq!(cache.make("a/b", &lock, |_| panic!("it is there")).unwrap(), made);
    }

    #[test]
    fn two_do_not_make_the_same() {
        let scratch = Scratch::new();
        let cache = Cache::new(scratch.path("cache"));
        let fills = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let lock = cache.lock("x", || {}).unwrap();
                    let fill = |_: &Path| {
                        fills.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        Ok(())
                    };
                    cache.make("x", &lock, fill).unwrap();
                });
            }
        });
        assert_eq!(fills.into_inner(), 1);
    }
}
