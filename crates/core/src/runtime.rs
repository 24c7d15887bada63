//! The runtimes that a function may name, as one table.

use std::fmt;

/// What runs a function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Node.js, by Lambent's own bootstrap.
    Nodejs,
    /// Python, by Lambent's own bootstrap.
    Python,
    /// Any executable `bootstrap` that speaks the Lambda Runtime API.
    Provided,
    /// Any web server that listens on `$PORT`.
    Http,
}

/// How a function of a runtime says what to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// `handler` is required: it names the code to load.
    Handler,
    /// `handler` may be given: the code gets it as `_HANDLER`.
    Bootstrap,
    /// `command` is required.
    Command,
}

/// A row of the table.
#[derive(Debug)]
pub struct RuntimeRow {
    /// The runtime.
    pub runtime: Runtime,
    /// As the manifest writes it.
    pub name: &'static str,
    /// What a function of it must say.
    pub start: Start,
    /// One line for people.
    pub about: &'static str,
}

/// Every runtime that this build knows. The manifest, `check` and `--help` read it.
pub const RUNTIMES: &[RuntimeRow] = &[
    RuntimeRow {
        runtime: Runtime::Nodejs,
        name: "nodejs",
        start: Start::Handler,
        about: "unmodified Lambda functions for Node.js (CommonJS and ES modules)",
    },
    RuntimeRow {
        runtime: Runtime::Python,
        name: "python",
        start: Start::Handler,
        about: "unmodified Lambda functions for Python",
    },
    RuntimeRow {
        runtime: Runtime::Provided,
        name: "provided",
        start: Start::Bootstrap,
        about: "any executable `bootstrap` that speaks the Lambda Runtime API (Rust, Go, C++, ...)",
    },
    RuntimeRow {
        runtime: Runtime::Http,
        name: "http",
        start: Start::Command,
        about: "any web server program that listens on $PORT",
    },
];

impl Runtime {
    /// The runtime that the manifest calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        RUNTIMES.iter().find(|row| row.name == name).map(|row| row.runtime)
    }

    /// This runtime's row of the table.
    pub fn row(self) -> &'static RuntimeRow {
        RUNTIMES.iter().find(|row| row.runtime == self).expect("every runtime has its row")
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runtime_is_found_by_its_name() {
        for runtime in [Runtime::Nodejs, Runtime::Python, Runtime::Provided, Runtime::Http] {
            assert_eq!(Runtime::named(runtime.row().name), Some(runtime));
        }
        assert_eq!(Runtime::named("cobol"), None);
    }
}
