//! The files of a function's code: which of them count, and what they add up to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use lambent_core::limits::CODE_ENTRIES_MAX;

use super::Error;
use super::digest::{self, Digest};

/// Something in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path below the root, `/` between the names.
    pub(super) path: String,
    /// Where it is; elsewhere than `path` says where a link led out of the tree.
    pub(super) at: PathBuf,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File { mode: u32 },
    Link { target: PathBuf },
}

/// What a walk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To build from it: byte code and virtual environments are left out, and links that lead out of the tree are
    /// followed, as `zip` does, because what they lead to is not beside a copy.
    Build,
    /// To run it.
    Run,
    /// To read the owner's own sources: installed packages and hidden folders are left out too.
    Scan,
}

/// Everything in `root` that counts, in order, folders before what is in them. `.git`, `.lambent` and folders that
/// only hold what can be made again (cargo's `target`, whatever has a `CACHEDIR.TAG`) do not; nor does `besides`.
pub(super) fn walk(root: &Path, purpose: Purpose, besides: &Path) -> Result<Vec<Entry>, Error> {
    let real = fs::canonicalize(root).map_err(Error::io("read", root))?;
    let mut walk = Walk { root, real, purpose, besides, entries: Vec::new() };
    walk.folder(root, "", false)?;
    Ok(walk.entries)
}

struct Walk<'a> {
    root: &'a Path,
    real: PathBuf,
    purpose: Purpose,
    besides: &'a Path,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, path: &str, outside: bool) -> Result<(), Error> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            names.push(entry.map_err(Error::io("read", folder))?.file_name());
        }
        names.sort();
        for name in names {
            let at = folder.join(&name);
            let Some(name) = name.to_str() else { return Err(Error::Name(at)) };
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            self.entry(&at, path, outside)?;
        }
        Ok(())
    }

    fn entry(&mut self, at: &Path, path: String, outside: bool) -> Result<(), Error> {
        if self.entries.len() == CODE_ENTRIES_MAX {
            return Err(Error::TooMany { folder: self.root.to_owned(), limit: CODE_ENTRIES_MAX });
        }
        let mut meta = fs::symlink_metadata(at).map_err(Error::io("read", at))?;
        let mut outside = outside;
        if meta.is_symlink() {
            // Only one link is followed on the way to a file, so that links in a circle come to an end.
            let followed = if outside { None } else { self.leads_out(at) };
            let Some(target) = followed else {
                let target = fs::read_link(at).map_err(Error::io("read", at))?;
                self.entries.push(Entry { path, at: at.to_owned(), kind: Kind::Link { target } });
                return Ok(());
            };
            meta = target;
            outside = true;
        }
        if meta.is_dir() {
            if !self.is_left_out(at) {
                self.entries.push(Entry { path: path.clone(), at: at.to_owned(), kind: Kind::Folder });
                self.folder(at, &path, outside)?;
            }
        } else if meta.is_file() {
            let mode = meta.permissions().mode() & 0o777;
            self.entries.push(Entry { path, at: at.to_owned(), kind: Kind::File { mode } });
        }
        // Sockets, pipes and devices are no code.
        Ok(())
    }

    /// What a link leads to, where it is to be followed.
    fn leads_out(&self, link: &Path) -> Option<fs::Metadata> {
        if self.purpose != Purpose::Build {
            return None;
        }
        let target = fs::canonicalize(link).ok()?;
        let out = !target.starts_with(&self.real) && !self.real.starts_with(&target);
        if out { fs::metadata(&target).ok() } else { None }
    }

    fn is_left_out(&self, folder: &Path) -> bool {
        let has = |name: &str| folder.join(name).exists();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let always = match name {
            ".git" | ".lambent" => true,
            "target" => folder.with_file_name("Cargo.toml").exists(),
            _ => folder == self.besides,
        };
        let for_purpose = match self.purpose {
            Purpose::Run => false,
            Purpose::Build => name == "__pycache__",
            Purpose::Scan => name == "__pycache__" || name == "node_modules" || name.starts_with('.'),
        };
        // A virtual environment cannot be moved: its paths are written into it.
        always || for_purpose || has("CACHEDIR.TAG") || (self.purpose != Purpose::Run && has("pyvenv.cfg"))
    }
}

/// The digest of each entry: `None` for folders.
pub(super) fn digests(entries: &[Entry]) -> Result<Vec<Option<String>>, Error> {
    entries
        .iter()
        .map(|entry| match &entry.kind {
            Kind::Folder => Ok(None),
            Kind::File { .. } => digest::of_file(&entry.at).map(Some),
            Kind::Link { target } => {
                let mut digest = Digest::new("link");
                digest.field(target.as_os_str().as_encoded_bytes());
                Ok(Some(digest.name()))
            }
        })
        .collect()
}

/// Adds paths, kinds, modes and contents to `digest`.
pub(super) fn add(digest: &mut Digest, entries: &[Entry], digests: &[Option<String>]) {
    for (entry, contents) in entries.iter().zip(digests) {
        let kind = match entry.kind {
            Kind::Folder => "folder".to_owned(),
            Kind::File { mode } => format!("file {mode:o}"),
            Kind::Link { .. } => "link".to_owned(),
        };
        digest.field(&entry.path).field(kind).field(contents.as_deref().unwrap_or_default());
    }
}

/// Whether `name`, as written in a file of `root`, stays inside of it.
pub(super) fn stays_inside(name: &str) -> bool {
    let mut depth = 0_i32;
    for component in Path::new(name).components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
        if depth < 0 {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::tests::Scratch;
    use super::*;

    fn paths(root: &Path, purpose: Purpose) -> Vec<String> {
        walk(root, purpose, Path::new("/nowhere")).unwrap().into_iter().map(|entry| entry.path).collect()
    }

    fn sum(root: &Path) -> String {
        let entries = walk(root, Purpose::Build, Path::new("/nowhere")).unwrap();
        let mut digest = Digest::new("test");
        add(&mut digest, &entries, &digests(&entries).unwrap());
        digest.name()
    }

    #[test]
    fn what_can_be_made_again_is_left_out() {
        let scratch = Scratch::new();
        for file in [
            "a.js",
            ".git/config",
            ".lambent/x",
            "__pycache__/a.pyc",
            "env/pyvenv.cfg",
            "node_modules/x/index.js",
            "rust/Cargo.toml",
            "rust/target/debug/x",
            "target/not-cargo",
            "tagged/CACHEDIR.TAG",
        ] {
            scratch.write(file, "");
        }
        let files = |purpose| {
            let mut paths = paths(scratch.root(), purpose);
            paths.retain(|path| scratch.path(path).is_file());
            paths
        };
        let own = ["a.js", "rust/Cargo.toml", "target/not-cargo"];
        assert_eq!(files(Purpose::Scan), own);
        assert_eq!(
            files(Purpose::Build),
            ["a.js", "node_modules/x/index.js", "rust/Cargo.toml", "target/not-cargo"]
        );
        assert!(files(Purpose::Run).contains(&"__pycache__/a.pyc".to_owned()));
    }

    #[test]
    fn links_out_of_the_code_are_followed_once() {
        let scratch = Scratch::new();
        scratch.write("shared/lib.js", "lib");
        scratch.write("code/index.js", "");
        symlink("..", scratch.path("shared/up")).unwrap();
        symlink("../shared", scratch.path("code/shared")).unwrap();
        symlink("index.js", scratch.path("code/main.js")).unwrap();
        symlink("..", scratch.path("code/up")).unwrap();
        let code = scratch.path("code");
        let expect = ["index.js", "main.js", "shared", "shared/lib.js", "shared/up", "up"];
        assert_eq!(paths(&code, Purpose::Build), expect);
        assert_eq!(paths(&code, Purpose::Run), ["index.js", "main.js", "shared", "up"]);
    }

    #[test]
    fn names_modes_and_contents_count() {
        let scratch = Scratch::new();
        scratch.write("a", "1");
        let mut seen = vec![sum(scratch.root())];
        scratch.write("a", "2");
        seen.push(sum(scratch.root()));
        fs::set_permissions(scratch.path("a"), fs::Permissions::from_mode(0o755)).unwrap();
        seen.push(sum(scratch.root()));
        fs::rename(scratch.path("a"), scratch.path("b")).unwrap();
        seen.push(sum(scratch.root()));
        assert_eq!(seen.last(), Some(&sum(scratch.root())));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn inside_and_outside_are_told_apart() {
        assert!(stays_inside("./a/../b"));
        for outside in ["../a", "a/../../b", "/a"] {
            assert!(!stays_inside(outside), "{outside}");
        }
    }
}
