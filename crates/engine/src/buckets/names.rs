//! From the key of an object to the path of its file, and back.
//!
//! A key is any text. Its parts between slashes become folders, and its last part a file, so that a listing by folders
//! reads folders. `%` and what no file name has are written as `%` and two hexadecimal digits; so `%` with another
//! letter is free to say what an entry is:
//!
//! - `name%o` is an object, `name` a folder: `a` and `a/b` can both be there.
//! - `%e` is a part without a letter, as in `a//b` or in `a/`, which some clients put for folders.
//! - `piece%+` is a folder with the names that begin with this piece: parts can be longer than file names.
//!
//! No part of a path is `.` or `..`, or has a slash in it, whatever the key is.

use std::path::PathBuf;

/// A piece of a name ends with the character that makes it as long as this, in bytes. It depends on nothing after that,
/// so all names that begin in the same way share their pieces, and stay in order.
const PIECE: usize = 200;

/// Longest path of an object below its bucket's, in bytes. Linux takes 4096 of the whole path.
const PATH_MAX: usize = 3500;

/// What an entry of a folder is, with what it adds to the key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// An object.
    Object(String),
    /// A folder, with the slash that it stands for, if it stands for one.
    Folder(String),
}

impl Entry {
    /// What it adds to the key.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Object(text) | Self::Folder(text) => text,
        }
    }
}

/// The path of an object's file below its bucket's objects. `None` when that is too long.
pub(super) fn path(key: &str) -> Option<PathBuf> {
    let mut path = String::new();
    let (folders, last) = key.rsplit_once('/').map_or((None, key), |(folders, last)| (Some(folders), last));
    for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
        push(&mut path, folder);
        path.push('/');
    }
    push(&mut path, last);
    path.push_str("%o");
    (path.len() <= PATH_MAX).then(|| PathBuf::from(path))
}

/// Writes one part of a key.
fn push(path: &mut String, part: &str) {
    let mut piece = path.len();
    for c in part.chars() {
        // A leading dot is encoded, so that no piece is `.` or `..`.
        if matches!(c, '%' | '\0'..='\x1f' | '\x7f') || (c == '.' && path.len() == piece) {
            path.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            path.push(c);
        }
        if path.len() - piece >= PIECE {
            path.push_str("%+/");
            piece = path.len();
        }
    }
    if path.len() == piece {
        path.push_str("%e");
    }
}

/// What the entry called `name` is. `None` for what is not of ours.
pub(super) fn entry(name: &str) -> Option<Entry> {
    if let Some(name) = name.strip_suffix("%o") {
        return Some(Entry::Object(decode(name)?));
    }
    if let Some(piece) = name.strip_suffix("%+") {
        return Some(Entry::Folder(decode(piece)?));
    }
    Some(Entry::Folder(decode(name)? + "/"))
}

fn decode(name: &str) -> Option<String> {
    if name == "%e" {
        return Some(String::new());
    }
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((plain, encoded)) = rest.split_once('%') {
        text.push_str(plain);
        let digits = encoded.get(..2)?;
        text.push(char::from(u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)?));
        rest = &encoded[2..];
    }
    text.push_str(rest);
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use super::*;

    /// The key that a path stands for.
    fn key(path: &Path) -> String {
        path.iter().map(|name| entry(name.to_str().unwrap()).unwrap().text().to_owned()).collect()
    }

    #[test]
    fn keys_become_paths_and_paths_keys() {
        let check = |key: &str, expect: &str| assert_eq!(path(key).unwrap(), PathBuf::from(expect), "{key}");
        check("a", "a%o");
        check("a/b.txt", "a/b.txt%o");
        check("a/", "a/%e%o");
        check("a//b", "a/%e/b%o");
        check("/", "%e/%e%o");
        check("../../etc/passwd", "%2E./%2E./etc/passwd%o");
        check("100%o", "100%25o%o");
        check("grüße 🦀\n", "grüße 🦀%0A%o");
        let long = "x".repeat(200);
        check(&long, &format!("{long}%+/%e%o"));
        check(&format!("{long}y/z"), &format!("{long}%+/y/z%o"));
    }

    #[test]
    fn every_key_has_a_path_of_its_own_that_leads_nowhere_else() {
        let pieces = ["", "a", ".", "..", "%", "%o", "%e", "/", "\0", "é", "\\", " ", "🦀", "%2E"];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..5000 {
            let count = random.usize(1..12);
            let text: String = (0..count).map(|_| random.choice(pieces).unwrap()).collect();
            let text = if random.bool() { text.repeat(random.usize(1..40)) } else { text };
            let Some(path) = path(&text) else { continue };
            assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{text:?} {path:?}");
            assert!(path.iter().all(|name| name.len() <= 255), "{text:?} {path:?}");
            assert_eq!(key(&path), text);
        }
    }

    #[test]
    fn foreign_files_are_none_of_ours() {
        for name in ["a%", "a%zz", "%", "%ff%o", "%o", "%+"] {
            assert_eq!(entry(name), None, "{name}");
        }
    }
}
