//! The AWS SDK for Python, `boto3`.

use std::fs;
use std::path::{Path, PathBuf};

use lambent_core::{Function, Runtime};

use super::super::digest::Digest;
use super::super::{Error, Job, What, interpreter, pip};
use super::{Seen, sources};

/// All of it in exact versions.
const REQUIREMENTS: &str = include_str!("../../../assets/sdk/python/requirements.txt");

/// The modules that a function may want.
const MODULES: [&str; 2] = ["boto3", "botocore"];

/// Parts of Powertools for AWS Lambda that import the SDK and rely on the runtime to have it.
const POWERTOOLS: &str = "aws_lambda_powertools.utilities";
const POWERTOOLS_WITH_SDK: [&str; 4] = ["parameters", "idempotency", "feature_flags", "streaming"];

pub(super) fn offer(job: &mut Job<'_>, function: &mut Function) -> Result<(), Error> {
    let mut wanted = Vec::new();
    sources(job, &function.code, &["py"], |text| {
        wanted.extend(MODULES.into_iter().filter(|module| uses(text, module)));
        if wanted.contains(&MODULES[0]) { Seen::Enough } else { Seen::More }
    })?;
    if wanted.is_empty() {
        return Ok(());
    }
    let version = interpreter(Runtime::Python)?.map_or("", |python| python.version.as_str());
    let folders = module_folders(function, version);
    let has = |module: &str| {
        folders
            .iter()
            .any(|folder| folder.join(module).is_dir() || folder.join(format!("{module}.py")).is_file())
    };
    if wanted.iter().all(|module| has(module)) {
        return Ok(());
    }
    let mut digest = Digest::new("AWS SDK for Python");
    digest.field(REQUIREMENTS).field(version);
    let name = format!("sdk/python-{}", digest.name());
    function.sdk = Some(job.folder(What::Sdk, &name, install)?);
    Ok(())
}

fn install(job: &Job<'_>, folder: &Path) -> Result<(), Error> {
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).map_err(Error::io("write", &requirements))?;
    pip::install(job, folder, &requirements, folder)
}

/// Where the function's code finds modules besides the SDK.
fn module_folders(function: &Function, version: &str) -> Vec<PathBuf> {
    let minor: Vec<&str> = version.split('.').take(2).collect();
    let site_packages = format!("lib/python{}/site-packages", minor.join("."));
    let own = [function.code.clone()].into_iter().chain(function.dependencies.clone());
    let layers = function.layers.iter().map(|layer| layer.join("python"));
    own.chain(layers.flat_map(|folder| [folder.join(&site_packages), folder])).collect()
}

/// Whether a source imports `module`.
fn uses(text: &str, module: &str) -> bool {
    let late = [format!("(\"{module}\""), format!("('{module}'")];
    if late.iter().any(|late| text.contains(late)) {
        return true;
    }
    text.lines().any(|line| {
        let line = line.trim_start();
        if let Some(names) = line.strip_prefix("import ") {
            return names.split(',').any(|name| is_of(name, module));
        }
        let Some(name) = line.strip_prefix("from ") else { return false };
        is_of(name, module)
            || (name.starts_with(POWERTOOLS) && POWERTOOLS_WITH_SDK.iter().any(|p| name.contains(p)))
    })
}

/// Whether `name`, as in `boto3.dynamodb.conditions import Key`, is of `module`.
fn is_of(name: &str, module: &str) -> bool {
    let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    name.trim_start().split(end).next() == Some(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_seen() {
        for (text, expect) in [
            ("import boto3", true),
            ("import os, boto3 as aws", true),
            ("    from boto3.dynamodb.conditions import Key", true),
            ("boto3 = importlib.import_module('boto3')", true),
            ("from aws_lambda_powertools.utilities import parameters", true),
            ("from aws_lambda_powertools.utilities.typing import LambdaContext", false),
            ("import boto3_stubs", false),
            ("from lib import boto3", false),
            ("# import boto3", false),
        ] {
            assert_eq!(uses(text, "boto3"), expect, "{text}");
        }
    }

    #[test]
    fn every_version_is_pinned() {
        let lines = REQUIREMENTS.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.clone().count() >= 7);
        for line in lines {
            assert!(line.contains("==") && line.contains("--hash=sha256:"), "{line}");
        }
    }
}
