//! The AWS SDK for JavaScript, version 3.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use lambent_core::{Function, Runtime};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::super::digest::Digest;
use super::super::{Error, Job, What, interpreter, npm};
use super::{Seen, sources};

/// The packages that are always part of it.
const MANIFEST: &str = include_str!("../../../assets/sdk/nodejs/package.json");
/// They and what they need, in exact versions.
const LOCK: &str = include_str!("../../../assets/sdk/nodejs/package-lock.json");

/// Scopes of packages that Lambda's runtime has, too.
const SCOPES: [&str; 3] = ["@aws-sdk/", "@smithy/", "@aws-crypto/"];
/// The scope of which any package is offered.
const SDK: &str = SCOPES[0];

const EXTENSIONS: [&str; 3] = ["js", "mjs", "cjs"];

pub(super) fn offer(job: &mut Job<'_>, function: &mut Function) -> Result<(), Error> {
    let mut missing = BTreeSet::new();
    sources(job, &function.code, &EXTENSIONS, |text| {
        missing.extend(imports(text));
        Seen::More
    })?;
    if missing.is_empty() {
        return Ok(());
    }
    let major =
        interpreter(Runtime::Nodejs)?.and_then(|node| node.version.split('.').next()).unwrap_or_default();
    let folders = module_folders(function, major);
    missing.retain(|name| !folders.iter().any(|folder| folder.join(name).is_dir()));
    let Some(extra) = extra(&missing) else { return Ok(()) };

    let mut digest = Digest::new("AWS SDK for JavaScript");
    digest.field(MANIFEST).field(LOCK);
    for name in &extra {
        digest.field(name);
    }
    let name = format!("sdk/nodejs-{}", digest.name());
    let folder = job.folder(What::Sdk, &name, |job, folder| install(job, folder, &extra))?;
    function.sdk = Some(folder.join("node_modules"));
    Ok(())
}

/// Where the function's code finds packages besides the SDK.
fn module_folders(function: &Function, major: &str) -> Vec<PathBuf> {
    let own = [function.code.join("node_modules")].into_iter().chain(function.dependencies.clone());
    let layers = function.layers.iter().flat_map(|layer| {
        let folder = layer.join("nodejs");
        [folder.join("node_modules"), folder.join(format!("node{major}/node_modules"))]
    });
    own.chain(layers).collect()
}

/// The packages to install besides those that are always installed; `None` where nothing that is missing is ours
/// to offer.
fn extra(missing: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Lock {
        packages: BTreeMap<String, IgnoredAny>,
    }
    let lock: Lock = serde_json::from_str(LOCK).expect("the asset is npm's own");
    let (pinned, others): (BTreeSet<_>, BTreeSet<_>) =
        missing.iter().partition(|name| lock.packages.contains_key(&format!("node_modules/{name}")));
    let extra: BTreeSet<String> = others.into_iter().filter(|name| name.starts_with(SDK)).cloned().collect();
    (!pinned.is_empty() || !extra.is_empty()).then_some(extra)
}

fn install(job: &Job<'_>, folder: &Path, extra: &BTreeSet<String>) -> Result<(), Error> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(Error::io("write", &path))
    };
    write("package.json", &manifest(extra))?;
    write("package-lock.json", LOCK)?;
    let verb = if extra.is_empty() { "ci" } else { "install" };
    npm::run(job, folder, [verb, "--omit=dev", "--ignore-scripts"])
}

/// The `package.json` with more packages. They come in the newest version that fits the others: most packages of
/// the SDK share their versions' numbers, and some are only published when they change.
fn manifest(extra: &BTreeSet<String>) -> String {
    if extra.is_empty() {
        return MANIFEST.to_owned();
    }
    let mut manifest: Map<String, Value> = serde_json::from_str(MANIFEST).expect("the asset is JSON");
    let dependencies = manifest.get_mut("dependencies").and_then(Value::as_object_mut);
    let dependencies = dependencies.expect("the asset has dependencies");
    let version = dependencies.values().find_map(Value::as_str).expect("the asset pins versions");
    let range = Value::from(format!("<={version}"));
    for name in extra {
        dependencies.insert(name.clone(), range.clone());
    }
    Value::from(manifest).to_string()
}

/// The packages of `SCOPES` that a source imports, in whatever way.
fn imports(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for scope in SCOPES {
        for (at, _) in text.match_indices(scope) {
            let (before, after) = (&text[..at], &text[at + scope.len()..]);
            let in_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let end = after.find(|c| !in_name(c)).unwrap_or(after.len());
            if end > 0 && is_imported(before) {
                names.insert(format!("{scope}{}", &after[..end]));
            }
        }
    }
    names
}

/// Whether what follows is a name that is imported. Bundles have names of packages in other places too: in
/// comments, and in the copies of `package.json` that the SDK has inside.
fn is_imported(before: &str) -> bool {
    let Some(before) = before.strip_suffix(['"', '\'', '`']) else { return false };
    let before = before.trim_end();
    let (before, called) = match before.strip_suffix('(') {
        Some(before) => (before.trim_end(), true),
        None => (before, false),
    };
    let in_word = |c: char| c.is_ascii_alphanumeric() || "_$.".contains(c);
    let word = &before[before.trim_end_matches(in_word).len()..];
    // Bundlers rename: `__require("…")`, `require2("…")`; `require.resolve("…")` is a use as well.
    if called {
        word.contains("require") || word.contains("import")
    } else {
        word == "from" || word == "import"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn imports_are_seen() {
        for (text, expect) in [
            ("import { S3 } from '@aws-sdk/client-s3';", &["@aws-sdk/client-s3"][..]),
            ("import{S3}from\"@aws-sdk/client-s3\"", &["@aws-sdk/client-s3"]),
            ("import '@aws-sdk/client-s3'", &["@aws-sdk/client-s3"]),
            ("await import ( `@aws-sdk/client-s3` )", &["@aws-sdk/client-s3"]),
            ("const a = __require(\"@smithy/protocol-http\")", &["@smithy/protocol-http"]),
            ("require('@aws-sdk/util-dynamodb/dist-cjs')", &["@aws-sdk/util-dynamodb"]),
            ("require.resolve('@aws-crypto/sha256-js')", &["@aws-crypto/sha256-js"]),
            ("export * from '@aws-sdk/a'; require('@aws-sdk/b')", &["@aws-sdk/a", "@aws-sdk/b"]),
            ("// node_modules/@aws-sdk/client-s3/dist-es/S3.js", &[]),
            ("var p = { name: \"@aws-sdk/client-s3\" }", &[]),
            ("require('aws-sdk')", &[]),
            ("require('@aws-sdk/' + name)", &[]),
        ] {
            assert_eq!(imports(text), set(expect), "{text}");
        }
    }

    #[test]
    fn what_lambda_has_is_offered() {
        assert_eq!(extra(&set(&["@aws-sdk/client-s3", "@smithy/node-http-handler"])), Some(set(&[])));
        assert_eq!(extra(&set(&["@aws-sdk/client-sesv2"])), Some(set(&["@aws-sdk/client-sesv2"])));
        assert_eq!(extra(&set(&["@smithy/no-part-of-it"])), None);
        assert_eq!(extra(&set(&[])), None);
    }

    #[test]
    fn further_packages_fit_the_pinned_ones() {
        let manifest = manifest(&set(&["@aws-sdk/client-sesv2"]));
        assert!(manifest.contains(r#""@aws-sdk/client-sesv2":"<=3."#), "{manifest}");
        assert!(manifest.contains(r#""@aws-sdk/client-s3":"3."#), "{manifest}");
    }

    #[test]
    fn the_lock_names_no_registry() {
        assert!(!LOCK.contains("\"resolved\""));
    }
}
