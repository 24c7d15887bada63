//! The objects of a bucket in the order of their keys, page by page.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::names::{self, Entry};
use super::object::{Object, ObjectHead};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// What the keys begin with.
    pub prefix: String,
    /// What groups those keys into one entry that are the same up to it, after the prefix.
    pub delimiter: Option<String>,
    /// The key or group after which the page begins.
    pub after: Option<String>,
    /// How many entries the page has at most.
    pub most: usize,
}

/// A page of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// The objects, by their keys.
    pub objects: Vec<(String, ObjectHead)>,
    /// The groups.
    pub groups: Vec<String>,
    /// The entry after which the next page begins, where there is one.
    pub next: Option<String>,
}

/// Lists what is in the folder `root`.
pub(super) fn list(root: &Path, asked: &Listing) -> io::Result<Page> {
    let mut walk = Walk { asked, page: Page::default(), last: String::new(), full: asked.most == 0 };
    if !walk.full {
        walk.folder(root, "")?;
    }
    Ok(walk.page)
}

/// Whether there is any object in a folder.
pub(super) fn any(folder: &Path) -> io::Result<bool> {
    for (entry, path) in entries(folder)? {
        match entry {
            Entry::Object(_) => return Ok(true),
            Entry::Folder(_) if any(&path)? => return Ok(true),
            Entry::Folder(_) => {}
        }
    }
    Ok(false)
}

/// The entries of a folder in the order of the keys; none when it is gone.
fn entries(folder: &Path) -> io::Result<Vec<(Entry, PathBuf)>> {
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut entries = Vec::new();
    for entry in read {
        let entry = entry?;
        let known = entry.file_name().to_str().and_then(names::entry);
        entries.extend(known.map(|known| (known, entry.path())));
    }
    entries.sort_unstable_by(|(a, _), (b, _)| a.text().cmp(b.text()));
    Ok(entries)
}

struct Walk<'a> {
    asked: &'a Listing,
    page: Page,
    /// The last entry of the page.
    last: String,
    /// Nothing more is wanted.
    full: bool,
}

impl Walk<'_> {
    /// Walks a folder whose objects' keys begin with `base`.
    fn folder(&mut self, folder: &Path, base: &str) -> io::Result<()> {
        for (entry, path) in entries(folder)? {
            if self.full {
                return Ok(());
            }
            let text = format!("{base}{}", entry.text());
            match entry {
                Entry::Object(_) => self.object(&text, &path)?,
                Entry::Folder(_) if self.is_wanted(&text) => match self.group(&text) {
                    // All that is in it is in one group, so only whether there is something counts.
                    Some(group) if !self.is_within_after(group) => {
                        if self.is_new(group) && any(&path)? {
                            self.add_group(group.to_owned());
                        }
                    }
                    _ => self.folder(&path, &text)?,
                },
                Entry::Folder(_) => {}
            }
        }
        Ok(())
    }

    fn object(&mut self, key: &str, path: &Path) -> io::Result<()> {
        let after = self.asked.after.as_deref();
        if !key.starts_with(&self.asked.prefix) || after.is_some_and(|after| key <= after) {
            return Ok(());
        }
        if let Some(group) = self.group(key) {
            if self.is_new(group) {
                self.add_group(group.to_owned());
            }
            return Ok(());
        }
        let head = match Object::open(path) {
            Ok(object) => object.head,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.has_room() {
            self.page.objects.push((key.to_owned(), head));
            key.clone_into(&mut self.last);
        }
        Ok(())
    }

    /// Whether keys that begin with `text` may be wanted.
    fn is_wanted(&self, text: &str) -> bool {
        let prefix = self.asked.prefix.as_str();
        let after = self.asked.after.as_deref();
        (text.starts_with(prefix) || prefix.starts_with(text))
            && after.is_none_or(|after| text > after || after.starts_with(text))
    }

    /// The group that a key is in, if it is in one.
    fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.asked.delimiter.as_deref()?;
        let begin = self.asked.prefix.len();
        let found = key.strip_prefix(&self.asked.prefix)?.find(delimiter)?;
        Some(&key[..begin + found + delimiter.len()])
    }

    /// Whether the page begins in the middle of a group.
    fn is_within_after(&self, group: &str) -> bool {
        self.asked.after.as_deref().is_some_and(|after| after.starts_with(group) && after != group)
    }

    /// Whether a group is neither on this page nor on one before.
    fn is_new(&self, group: &str) -> bool {
        self.asked.after.as_deref() != Some(group) && self.page.groups.last().is_none_or(|last| last != group)
    }

    fn add_group(&mut self, group: String) {
        if self.has_room() {
            self.last.clone_from(&group);
            self.page.groups.push(group);
        }
    }

    /// Whether one more entry has room. The one that has none is the reason for a next page.
    fn has_room(&mut self) -> bool {
        if self.page.objects.len() + self.page.groups.len() < self.asked.most {
            return true;
        }
        self.page.next = Some(self.last.clone());
        self.full = true;
        false
    }
}
