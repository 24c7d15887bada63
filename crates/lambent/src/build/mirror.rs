//! Copies of a tree: of the code into the folder where it is built, and of the result to where it stays.
//!
//! The folder where code is built is kept, so that the next build finds what it made. Only what changed in the
//! code is copied there again, and only what a build changed is copied from there: the rest of a result is linked
//! to the result before, which never changes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tree::{Entry, Kind};
use super::{Error, digest};

/// A file that was copied into the folder where it is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Copied {
    /// The digest of its contents, mode included.
    digest: String,
    /// The copy as it was made.
    stamp: String,
}

/// What was copied there, by path; `None` for folders and links.
pub(super) type Record = BTreeMap<String, Option<Copied>>;

/// The result of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// Where it is.
    pub(super) folder: PathBuf,
    /// The stamps of the files that it was made from.
    pub(super) files: BTreeMap<String, String>,
}

/// Makes `work` hold what `entries` say, besides what builds made there. `record` is what an earlier call copied.
pub(super) fn sync(
    entries: &[Entry],
    digests: &[Option<String>],
    work: &Path,
    record: &Record,
) -> Result<Record, Error> {
    let mut new = Record::new();
    for (entry, contents) in entries.iter().zip(digests) {
        let copied = match (&entry.kind, contents) {
            (Kind::File { mode }, Some(contents)) => {
                Some(Copied { digest: format!("{mode:o} {contents}"), stamp: String::new() })
            }
            _ => None,
        };
        new.insert(entry.path.clone(), copied);
    }
    // Children come behind their folders: backwards, a folder is empty when its turn comes, unless a build made
    // something in it.
    for path in record.keys().rev().filter(|path| !new.contains_key(*path)) {
        drop(fs::remove_file(work.join(path)).or_else(|_| fs::remove_dir(work.join(path))));
    }
    for (entry, contents) in entries.iter().zip(digests) {
        let to = work.join(&entry.path);
        match (&entry.kind, new.get_mut(&entry.path)) {
            (Kind::Folder, _) => {
                if !is_folder(&to) {
                    clear(&to)?;
                    fs::create_dir(&to).map_err(Error::io("create", &to))?;
                }
            }
            (Kind::Link { target }, _) => {
                if fs::read_link(&to).ok().as_deref() != Some(target) {
                    clear(&to)?;
                    symlink(target, &to).map_err(Error::io("link", &to))?;
                }
            }
            (Kind::File { .. }, Some(Some(copied))) => {
                let before = record.get(&entry.path).and_then(Option::as_ref);
                copied.stamp = match before.filter(|before| is_current(before, copied, entry, &to)) {
                    Some(before) => before.stamp.clone(),
                    None => copy(entry, contents.as_deref(), &to)?,
                };
            }
            (Kind::File { .. }, _) => {}
        }
    }
    Ok(new)
}

/// Whether the copy is still what it should be.
fn is_current(before: &Copied, wanted: &Copied, entry: &Entry, copy: &Path) -> bool {
    // A build that installs packages replaces those that came with the code, and is not to be undone each time.
    let is_package = entry.path.split('/').any(|name| name == "node_modules");
    before.digest == wanted.digest && (is_package || stamp(copy).is_ok_and(|stamp| stamp == before.stamp))
}

fn copy(entry: &Entry, contents: Option<&str>, to: &Path) -> Result<String, Error> {
    clear(to)?;
    fs::copy(&entry.at, to).map_err(Error::io("copy", &entry.at))?;
    // The result is named after the contents as they were read before: they must not have changed since.
    if Some(digest::of_file(to)?.as_str()) != contents {
        return Err(Error::Changed(entry.at.clone()));
    }
    stamp(to).map_err(Error::io("read", to))
}

/// Copies the result of a build from `work` to the empty folder `to`, and returns the stamps of its files.
pub(super) fn take(
    entries: &[Entry],
    to: &Path,
    before: Option<&Snapshot>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut files = BTreeMap::new();
    for entry in entries {
        let new = to.join(&entry.path);
        match &entry.kind {
            Kind::Folder => fs::create_dir(&new).map_err(Error::io("create", &new))?,
            Kind::Link { target } => symlink(target, &new).map_err(Error::io("link", &new))?,
            Kind::File { .. } => {
                let stamp = stamp(&entry.at).map_err(Error::io("read", &entry.at))?;
                let same = before.filter(|before| before.files.get(&entry.path) == Some(&stamp));
                // The result before may have been removed, or have as many links as there can be.
                let linked =
                    same.is_some_and(|same| fs::hard_link(same.folder.join(&entry.path), &new).is_ok());
                if !linked {
                    copy_dated(&entry.at, &new).map_err(Error::io("copy", &entry.at))?;
                }
                files.insert(entry.path.clone(), stamp);
            }
        }
    }
    Ok(files)
}

/// Python trusts byte code only while its source has the date that it was compiled from.
fn copy_dated(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.set_modified(fs::metadata(from)?.modified()?)
}

/// Tells a file from what it was: npm and others set dates, but nobody sets the time of the last change.
fn stamp(path: &Path) -> std::io::Result<String> {
    let meta = fs::symlink_metadata(path)?;
    let (size, mode, inode) = (meta.size(), meta.mode(), meta.ino());
    Ok(format!("{size} {mode:o} {inode} {}.{:09}", meta.ctime(), meta.ctime_nsec()))
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// Removes whatever is in the way.
fn clear(path: &Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    removed.map_err(Error::io("remove", path))
}
