//! Folders and names that are on disk when they are said to be.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// How often a folder that somebody removes at the same time is made again.
const TRIES: usize = 100;

/// Waits until the names in a folder are on disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Gives a file the name `below`, which is a path below `root`, with the folders that it needs. The name is on disk
/// afterwards. `root` itself must be there.
pub(super) fn rename(from: &Path, root: &Path, below: &Path) -> io::Result<()> {
    let to = root.join(below);
    let folder = to.parent().unwrap_or(root);
    for _ in 0..TRIES {
        match fs::rename(from, &to) {
            Ok(()) => return sync_folder(folder),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_folders(root, folder.strip_prefix(root).unwrap_or_else(|_| Path::new("")))?;
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("its folder is removed again and again"))
}

/// Makes the folders of a path below `root`, each of them on disk. One that is removed meanwhile is no error: whoever
/// wants to use it finds out.
fn make_folders(root: &Path, below: &Path) -> io::Result<()> {
    // Without this, a removed root would look like a removed folder.
    fs::metadata(root)?;
    let mut path = root.to_owned();
    for part in below {
        let parent = path.clone();
        path.push(part);
        match fs::create_dir(&path) {
            Ok(()) => sync_folder(&parent)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes a file below `root`, and the folders that are empty without it; whether it was there. It is gone from the
/// disk afterwards.
pub(super) fn remove(root: &Path, below: &Path) -> io::Result<bool> {
    let path = root.join(below);
    match fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    let mut folder = path.parent();
    let mut sync = true;
    while let Some(at) = folder {
        if sync {
            match sync_folder(at) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        // A folder that is not empty cannot be removed.
        if at == root || fs::remove_dir(at).is_err() {
            break;
        }
        sync = false;
        folder = at.parent();
    }
    Ok(true)
}

/// Removes a folder with all that is in it; it has another name first, so that nobody finds half of it.
pub(super) fn discard(folder: &Path, trash: &Path) -> io::Result<()> {
    fs::rename(folder, trash)?;
    folder.parent().map_or(Ok(()), sync_folder)?;
    fs::remove_dir_all(trash)
}
