//! Whether a function can read its code, which has an owner of the host's and not the function's user.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Something that functions cannot read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or not even the node can read it.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// What it is.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Only its owner can read it.
    #[error(
        "{} has mode {mode:04o}: a function runs as a user of its own, which cannot read it; \
         let it with `chmod -R a+rX {}`",
        path.display(),
        folder.display()
    )]
    Private {
        /// What it is.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// The folder that it lies in, of the code or of a layer.
        folder: PathBuf,
    },
}

/// Walks a folder up to the first thing that not everybody can read. Links are left to what they lead to.
///
/// # Errors
/// What cannot be read.
pub(crate) fn check(folder: &Path) -> Result<(), Error> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Unreadable { path, source }
    };
    check_one(folder, folder, &fs::metadata(folder).map_err(unreadable(folder))?)?;
    let mut folders = vec![folder.to_owned()];
    while let Some(parent) = folders.pop() {
        for entry in fs::read_dir(&parent).map_err(unreadable(&parent))? {
            let entry = entry.map_err(unreadable(&parent))?;
            let path = entry.path();
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Editors make files and take them away again.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(unreadable(&path)(e)),
            };
            check_one(folder, &path, &metadata)?;
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(())
}

fn check_one(folder: &Path, path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let mode = metadata.permissions().mode() & 0o7777;
    let needed = if metadata.is_dir() { 0o005 } else { 0o004 };
    if metadata.is_symlink() || mode & needed == needed {
        return Ok(());
    }
    Err(Error::Private { path: path.to_owned(), mode, folder: folder.to_owned() })
}
