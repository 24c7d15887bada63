//! Watching an app's files: which of them changed, once a burst of changes is over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// A burst of changes is over when nothing more came for this long. Editors write, rename and touch.
const QUIET: Duration = Duration::from_millis(25);

/// Changes that may wait. When more come, everything counts as changed.
const CHANGES_WAITING: usize = 1024;

/// Folders whose changes mean nothing: the node's own, and those of other tools.
const IGNORED: &[&str] = &[".lambent", ".git", ".idea", ".vscode", "__pycache__", "target"];

/// Folders that are not looked into, since the kernel's watches are few: a change of packages shows in the
/// files that list them.
const PACKAGES: &str = "node_modules";

/// Watches folders, until it is dropped.
pub(crate) struct Watcher {
    watcher: RecommendedWatcher,
    changes: mpsc::Receiver<PathBuf>,
    overflowed: Arc<AtomicBool>,
    watched: BTreeSet<PathBuf>,
}

/// What changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// These files.
    Files(BTreeSet<PathBuf>),
    /// So many files that they were not counted.
    Everything,
}

impl Watcher {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let (sender, changes) = mpsc::channel(CHANGES_WAITING);
        let overflowed = Arc::new(AtomicBool::new(false));
        let overflow = Arc::clone(&overflowed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else {
                // The kernel's queue was full: something was missed.
                overflow.store(true, Ordering::Release);
                return;
            };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths.into_iter().filter(|path| !is_ignored(path)) {
                if sender.try_send(path).is_err() {
                    overflow.store(true, Ordering::Release);
                }
            }
        })
        .context("cannot watch files")?;
        Ok(Self { watcher, changes, overflowed, watched: BTreeSet::new() })
    }

    /// Watches these folders and all below them, besides those that are watched already.
    pub(crate) fn watch(&mut self, folders: impl IntoIterator<Item = PathBuf>) -> anyhow::Result<()> {
        let mut left: Vec<PathBuf> = folders.into_iter().collect();
        while let Some(folder) = left.pop() {
            if is_ignored(&folder) || folder.ends_with(PACKAGES) || !self.watched.insert(folder.clone()) {
                continue;
            }
            let watched = self.watcher.watch(&folder, RecursiveMode::NonRecursive);
            watched.with_context(|| {
                format!(
                    "cannot watch {} (--no-reload does without; see fs.inotify.max_user_watches)",
                    folder.display()
                )
            })?;
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            left.extend(entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
        }
        Ok(())
    }

    /// Waits for the next burst of changes. Cancel-safe as long as nobody needs the burst that was cut short.
    pub(crate) async fn changed(&mut self) -> Changed {
        let mut files = BTreeSet::new();
        match self.changes.recv().await {
            Some(path) => files.insert(path),
            None => std::future::pending().await,
        };
        while let Ok(Some(path)) = tokio::time::timeout(QUIET, self.changes.recv()).await {
            files.insert(path);
        }
        // Folders that are gone may come back, and new ones have to be watched.
        self.watched.retain(|folder| folder.is_dir());
        let new: Vec<PathBuf> = files.iter().filter(|path| path.is_dir()).cloned().collect();
        let all_watched = self.watch(new).is_ok();
        let missed = self.overflowed.swap(false, Ordering::AcqRel) || !all_watched;
        if missed { Changed::Everything } else { Changed::Files(files) }
    }
}

impl Changed {
    /// Whether a file in `folder` is among what changed.
    pub(crate) fn touches(&self, folder: &Path) -> bool {
        match self {
            Self::Everything => true,
            Self::Files(files) => files.iter().any(|file| file.starts_with(folder)),
        }
    }
}

fn is_ignored(path: &Path) -> bool {
    path.iter().any(|part| IGNORED.iter().any(|ignored| part == *ignored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_tools_write_is_ignored() {
        assert!(is_ignored(Path::new("/app/.git/index.lock")));
        assert!(is_ignored(Path::new("/app/.lambent/tables.db")));
        assert!(!is_ignored(Path::new("/app/functions/a/index.js")));
        assert!(!is_ignored(Path::new("/app/functions/a/targets.js")));
    }

    #[tokio::test]
    async fn a_burst_is_one_change() {
        let folder = std::env::temp_dir().join(format!("lambent-watch-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("a")).unwrap();
        std::fs::create_dir_all(folder.join("b")).unwrap();
        let mut watcher = Watcher::new().unwrap();
        watcher.watch([folder.clone()]).unwrap();
        for text in ["1", "2", "3"] {
            std::fs::write(folder.join("a/file"), text).unwrap();
        }
        let changed = watcher.changed().await;
        assert!(changed.touches(&folder.join("a")));
        assert!(!changed.touches(&folder.join("b")));
        std::fs::create_dir_all(folder.join("b/new")).unwrap();
        assert!(watcher.changed().await.touches(&folder.join("b")));
        std::fs::write(folder.join("b/new/file"), "4").unwrap();
        assert!(watcher.changed().await.touches(&folder.join("b/new")));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
