//! Manifests, good and bad, and what becomes of them.

mod bad_buses;
mod bad_feeds;
mod bad_keys;
mod bad_manifests;
mod bad_queues;
mod bad_references;
mod bad_schedules;
mod code;
mod events;
mod files;
mod good;
mod mutated;
mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{App, Problem, Problems};

/// A folder of its own for a test, with the folders that the manifests of the tests name.
struct Shop {
    folder: PathBuf,
}

impl Shop {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("lambent-manifest-{}-{count}", std::process::id()));
        let shop = Self { folder };
        for inner in
            ["code", "functions/hello", "functions/register-user", "functions/report", "layers/fonts"]
        {
            fs::create_dir_all(shop.path(inner)).unwrap();
        }
        shop
    }

    fn path(&self, inner: &str) -> PathBuf {
        self.folder.join(inner)
    }

    fn write(&self, inner: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(inner);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn link(&self, inner: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.path(inner)).unwrap();
    }

    fn parse(&self, text: &str) -> Result<App, Problems> {
        crate::parse(text, &self.folder, "lambent.toml")
    }

    fn good(&self, text: &str) -> App {
        self.parse(text).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// A problem in one line: `line:column key: message / suggestion`.
fn short(problem: &Problem) -> String {
    let Problem { place, key, message, suggestion, .. } = problem;
    let place =
        place.as_ref().map_or_else(|| "-".to_owned(), |place| format!("{}:{}", place.line, place.column));
    let suggestion =
        suggestion.as_ref().map(|text| format!(" / {}", text.lines().next().unwrap_or_default()));
    format!("{place} {key}: {message}{}", suggestion.unwrap_or_default())
}

/// Everything that is wrong with a manifest, each in one line.
fn problems(shop: &Shop, text: &str) -> Vec<String> {
    let problems = shop.parse(text).expect_err(text);
    let folder = shop.folder.canonicalize().unwrap().display().to_string();
    problems.iter().map(|problem| short(problem).replace(&folder, "FOLDER")).collect()
}

/// Manifests, each with everything that is wrong with it.
fn check(manifests: &[(&str, &[&str])]) {
    let shop = Shop::new();
    for (text, expect) in manifests {
        assert_eq!(problems(&shop, text), *expect, "{text}");
    }
}

/// Texts that stand after a good function, so from line 5 on, each with everything that is wrong with it.
fn check_after(manifests: &[(&str, &[&str])]) {
    let shop = Shop::new();
    for (text, expect) in manifests {
        assert_eq!(problems(&shop, &format!("{BASE}{text}")), *expect, "{text}");
    }
}

/// A manifest that is good, on four lines.
const BASE: &str = "[functions.a]\nruntime = \"nodejs\"\ncode = \"code\"\nhandler = \"index.handler\"\n";
