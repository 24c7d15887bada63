//! Folders of code: they must be there, and nothing in them may lead out, because the sandbox sees them alone.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lambent_core::limits;

use crate::fault::Read;
use crate::node::Node;
use crate::suggest::quote;

/// Links that are followed one after the other before a path counts as leading nowhere, as in Linux.
const LINKS_MAX: usize = 40;

/// Why a folder cannot be the code of a function.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// It, or something in it, cannot be read.
    #[error("`{}` cannot be read: {error}", path.display())]
    Unreadable {
        /// What cannot be read.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// A symbolic link in it leads out of it.
    #[error("`{}` is a link to `{}`, which leads out of the folder", link.display(), target.display())]
    LeadsOut {
        /// The link, relative to the folder.
        link: PathBuf,
        /// What it points to, as it is written.
        target: PathBuf,
    },
    /// Something in it is neither file nor folder nor link.
    #[error("`{}` is a socket, a pipe or a device", path.display())]
    Special {
        /// What is so, relative to the folder.
        path: PathBuf,
    },
    /// It holds too much.
    #[error("holds more than {} files and folders", limits::CODE_ENTRIES_MAX)]
    TooMany,
}

impl CodeError {
    /// What to do about it.
    pub fn suggestion(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "make it readable for the user that runs Lambent",
            Self::LeadsOut { .. } => {
                "the sandbox sees this folder alone: copy what the link points to into it, or link within it by a \
                 relative path"
            }
            Self::Special { .. } => "remove it: code is made of files, folders and links",
            Self::TooMany => "name the folder of this function alone, with what it needs and no more",
        }
    }
}

/// Walks a folder of code and names the first thing in it that a sandbox could not be given.
///
/// # Errors
/// When something cannot be read, leads out of the folder, is no file, folder or link, or when there is too much.
pub fn check_code(folder: &Path) -> Result<(), CodeError> {
    let mut folders = vec![PathBuf::new()];
    let mut count = 0;
    while let Some(inner) = folders.pop() {
        let unreadable = |error| CodeError::Unreadable { path: inside(folder, &inner), error };
        let mut entries = Vec::new();
        for entry in fs::read_dir(inside(folder, &inner)).map_err(unreadable)? {
            count += 1;
            if count > limits::CODE_ENTRIES_MAX {
                return Err(CodeError::TooMany);
            }
            let entry = entry.map_err(unreadable)?;
            entries.push((inner.join(entry.file_name()), entry.file_type().map_err(unreadable)?));
        }
        // In the order of their names, so that the first thing is the same on every machine.
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (path, kind) in entries {
            if kind.is_symlink() {
                check_link(folder, path)?;
            } else if kind.is_dir() {
                folders.push(path);
            } else if !kind.is_file() {
                return Err(CodeError::Special { path });
            }
        }
    }
    Ok(())
}

/// Joining an empty path would only add a slash, which people would wonder about.
fn inside(folder: &Path, inner: &Path) -> PathBuf {
    if inner.as_os_str().is_empty() { folder.to_owned() } else { folder.join(inner) }
}

fn check_link(folder: &Path, link: PathBuf) -> Result<(), CodeError> {
    match fs::read_link(folder.join(&link)) {
        Err(error) => Err(CodeError::Unreadable { path: folder.join(link), error }),
        Ok(target) if leads_out(folder, &link) => Err(CodeError::LeadsOut { link, target }),
        Ok(_) => Ok(()),
    }
}

/// Follows a path from inside `folder` the way the kernel does, link by link: comparing the texts of paths is not
/// enough, since `..` after a link goes up from where the link points to.
fn leads_out(folder: &Path, path: &Path) -> bool {
    let words = |path: &Path| path.iter().rev().map(OsString::from).collect::<Vec<_>>();
    let mut ahead = words(path);
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(word) = ahead.pop() {
        if Path::new(&word).is_absolute() || (word == ".." && !at.pop()) {
            return true;
        }
        if word == "." || word == ".." {
            continue;
        }
        at.push(word);
        if let Ok(target) = fs::read_link(folder.join(&at)) {
            links += 1;
            if links > LINKS_MAX {
                return false;
            }
            at.pop();
            ahead.extend(words(&target));
        }
    }
    false
}

/// The folders that a manifest names. Functions often share one, and a large one takes long to walk.
#[derive(Debug)]
pub(crate) struct Folders {
    manifest: PathBuf,
    checked: RefCell<HashSet<PathBuf>>,
}

impl Folders {
    /// Of a manifest that lies in this folder.
    pub(crate) fn new(manifest: &Path) -> Self {
        Self { manifest: manifest.to_owned(), checked: RefCell::default() }
    }

    /// Reads a folder of code, relative to the manifest's. It comes back absolute, without links in its path.
    pub(crate) fn read(&self, node: &Node<'_>) -> Read<PathBuf> {
        let text = node.text("a folder, as in \"functions/hello\"")?;
        let path = self.manifest.join(text);
        let problem = match fs::metadata(&path) {
            _ if text.is_empty() => Some("names no folder; `.` is the folder of the manifest".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Some(format!("there is no folder {}", quote(text)))
            }
            Err(error) => Some(format!("{} cannot be read: {error}", quote(text))),
            Ok(metadata) if !metadata.is_dir() => Some(format!("{} is no folder", quote(text))),
            Ok(_) => None,
        };
        if let Some(message) = problem {
            let advice = format!("paths are relative to {}", self.manifest.display());
            return Err(node.spot.fault(message).suggest(advice).into());
        }
        self.check(path)
            .map_err(|error| node.spot.fault(error.to_string()).suggest(error.suggestion()).into())
    }

    fn check(&self, path: PathBuf) -> Result<PathBuf, CodeError> {
        let found = path.canonicalize().map_err(|error| CodeError::Unreadable { path, error })?;
        if !self.checked.borrow().contains(&found) {
            check_code(&found)?;
            self.checked.borrow_mut().insert(found.clone());
        }
        Ok(found)
    }
}
