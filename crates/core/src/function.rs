//! A function as its owner describes it, and one deployed version of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::{FunctionName, Runtime};

/// What the owner of a function says about it. Checked: a value of this type can be enforced as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: FunctionName,
    /// What runs its code.
    pub runtime: Runtime,
    /// The folder that holds its code, absolute; the sandbox sees it as `/var/task`, read-only.
    pub code: PathBuf,
    /// The code to load, as in `index.handler`; empty where the runtime needs none.
    pub handler: String,
    /// Program and arguments of an `http` function; empty for others.
    pub command: Vec<String>,
    /// Longest time that one invocation may take.
    pub timeout: Duration,
    /// Memory of one sandbox in MiB, everything in it together, `/tmp` included.
    pub memory_mib: u32,
    /// Size of `/tmp` in MiB; it lives in memory and is part of `memory_mib`.
    pub tmp_mib: u32,
    /// Environment variables of the owner's.
    pub environment: BTreeMap<String, String>,
    /// Folders that are laid over each other as `/opt`, later ones over earlier ones.
    pub layers: Vec<PathBuf>,
    /// How long a sandbox without work is kept.
    pub keep_alive: Duration,
    /// Shell command that makes the code ready; `None` for what the build step does by itself.
    pub build: Option<String>,
    /// Folder of the packages that the build step installed for this code, where it did.
    pub dependencies: Option<PathBuf>,
    /// Folder of the AWS SDK that the node offers to code which uses it and brings none.
    pub sdk: Option<PathBuf>,
}

/// One deployed version of a function. A sandbox serves one version, ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionVersion {
    /// The function as it was deployed.
    pub function: Function,
    /// The version's name, as clients see it: `$LATEST` until versions are published.
    pub version: String,
    /// Counts deployments on this node; tells the sandboxes of one from those of the next.
    pub generation: u64,
    /// The unqualified ARN.
    pub arn: String,
}

impl FunctionVersion {
    /// The function's name.
    pub fn name(&self) -> &FunctionName {
        &self.function.name
    }
}
