//! The AWS SDK for code that uses it and does not bring it, as Lambda's own runtimes carry it.
//!
//! It is fetched once, in the versions that the assets pin, and only when the function's own sources name it.
//! Version 2 of the SDK for JavaScript (`require('aws-sdk')`) is not offered: Lambda dropped it with Node.js 18.

mod nodejs;
mod python;

use std::fs;
use std::path::Path;

use lambent_core::{Function, Runtime};

use super::tree::{self, Kind, Purpose};
use super::{Error, Job};

/// Largest source file that is looked into, in bytes: a larger one is a bundle, which has its SDK inside.
const SOURCE_MAX: u64 = 8 * 1024 * 1024;
/// Sources of one function that are looked into, in bytes.
const SOURCES_MAX: u64 = 64 * 1024 * 1024;

/// Points `function.sdk` at the SDK, where the function needs it. Its code and dependencies are ready.
pub(super) fn offer(job: &mut Job<'_>, function: &mut Function) -> Result<(), Error> {
    match function.runtime {
        Runtime::Nodejs => nodejs::offer(job, function),
        Runtime::Python => python::offer(job, function),
        Runtime::Provided | Runtime::Http => Ok(()),
    }
}

/// Shows `look` the function's own sources, files with one of `extensions`, until it has seen enough.
fn sources(
    job: &Job<'_>,
    code: &Path,
    extensions: &[&str],
    mut look: impl FnMut(&str) -> Seen,
) -> Result<(), Error> {
    let mut left = SOURCES_MAX;
    for entry in tree::walk(code, Purpose::Scan, job.cache.root())? {
        let extension = entry.at.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !matches!(entry.kind, Kind::File { .. }) || !extensions.contains(&extension) {
            continue;
        }
        let size = fs::metadata(&entry.at).map_err(Error::io("read", &entry.at))?.len();
        if size > SOURCE_MAX {
            continue;
        }
        let Some(rest) = left.checked_sub(size) else { break };
        left = rest;
        let bytes = fs::read(&entry.at).map_err(Error::io("read", &entry.at))?;
        if look(&String::from_utf8_lossy(&bytes)) == Seen::Enough {
            break;
        }
    }
    Ok(())
}

/// Whether to go on looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Enough,
    More,
}
