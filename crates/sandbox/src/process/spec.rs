//! What `sandbox-init` is told: everything about one jail, as one value on its control socket.
//!
//! It travels on a socket and not as arguments, so that a function's environment is never seen in `ps`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The name of the hidden subcommand that builds the jail.
pub const INIT_COMMAND: &str = "sandbox-init";

/// Descriptors that travel with the spec: the function's output, its calls and its answers.
pub(crate) const DESCRIPTORS: usize = 3;

/// The user and group that a function sees itself as; Lambda's own choice is of the same kind.
pub(crate) const INSIDE_UID: u32 = 993;
pub(crate) const INSIDE_GID: u32 = 990;

/// Everything that `sandbox-init` needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JailSpec {
    /// How the jail gets its privileges.
    pub(crate) owner: Owner,
    /// `cgroup.procs` files to join.
    pub(crate) cgroups: Vec<PathBuf>,
    /// An empty folder that the new root is mounted on.
    pub(crate) root: PathBuf,
    /// What the function sees of the host, in order.
    pub(crate) binds: Vec<Bind>,
    /// Symbolic links of the new root: (where, target).
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
    /// Small files of the new root.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Folders laid over each other as `/opt`, the first one lowest.
    pub(crate) layers: Vec<PathBuf>,
    /// What `/tmp` is.
    pub(crate) tmp: Tmp,
    /// Open files of each process.
    pub(crate) open_files: u64,
    /// Processes of the uid, where no cgroup counts them.
    pub(crate) processes: Option<u64>,
    /// Program and arguments. The program is looked up in the `PATH` of `environment`.
    pub(crate) command: Vec<String>,
    /// The whole environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Whether the program gets the pipes for frames: calls as descriptor 3, answers as descriptor 4.
    pub(crate) frames: bool,
}

/// Whose privileges build the jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Owner {
    /// Root builds it, then becomes this uid and gid of the host.
    Root {
        /// Uid and gid on the host.
        id: u32,
        /// Whether a user namespace can be added on top.
        user_namespace: bool,
    },
    /// An ordinary user builds it inside a user namespace of its own.
    User,
}

/// A part of the host that is visible inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bind {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    pub(crate) kind: BindKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BindKind {
    ReadOnly,
    Device,
}

impl Bind {
    pub(crate) fn read_only(from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        Self { from: from.into(), to: to.into(), kind: BindKind::ReadOnly }
    }

    /// Visible at the place where the host has it.
    pub(crate) fn same(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::read_only(path.clone(), path)
    }
}

/// What `/tmp` is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tmp {
    /// A file system that outlives the processes, so that `/tmp` survives a reset (semantics.md 1.7).
    Kept(PathBuf),
    /// A new one of this size.
    Fresh {
        /// Size in MiB.
        mib: u32,
    },
}

/// What `sandbox-init` says on its control socket: one byte, then four bytes or a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The jail's first process, by its pid on the host.
    Started(i32),
    /// The jail could not be built.
    Failed(String),
    /// The program ended with this wait status.
    Exited(i32),
}

impl Report {
    /// The report as bytes. It is sent in one write and always fits a socket's buffer.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Started(pid) => (b'S', pid.to_le_bytes().to_vec()),
            Self::Failed(text) => (b'F', text.as_bytes().to_vec()),
            Self::Exited(status) => (b'X', status.to_le_bytes().to_vec()),
        };
        let mut bytes = vec![kind];
        bytes.extend(u32::try_from(body.len()).unwrap_or(0).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    /// Takes the first report off `buffer`, if it is whole. `Err` when it is no report.
    pub(crate) fn decode(buffer: &mut Vec<u8>) -> Result<Option<Self>, ()> {
        let Some((head, rest)) = buffer.split_at_checked(5) else { return Ok(None) };
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let number = || <[u8; 4]>::try_from(body).map(i32::from_le_bytes).map_err(|_| ());
        let report = match head[0] {
            b'S' => Self::Started(number()?),
            b'F' => Self::Failed(String::from_utf8_lossy(body).into_owned()),
            b'X' => Self::Exited(number()?),
            _ => return Err(()),
        };
        buffer.drain(..5 + length);
        Ok(Some(report))
    }
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn reports_read_back_one_by_one() {
        let reports = [Report::Started(7), Report::Failed("no /tmp".into()), Report::Exited(9)];
        let bytes: Vec<u8> = reports.iter().flat_map(Report::encode).collect();
        let mut buffer = Vec::new();
        let mut seen = Vec::new();
        for byte in bytes {
            buffer.push(byte);
            seen.extend(Report::decode(&mut buffer).unwrap());
        }
        assert_eq!(seen, reports);
        assert_eq!(Report::decode(&mut b"?\0\0\0\0".to_vec()), Err(()));
    }
}
