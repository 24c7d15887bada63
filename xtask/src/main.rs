//! The project's own tasks: `cargo xtask test`, `cargo xtask tidy`, `cargo xtask bench http`.

#![expect(clippy::print_stdout, reason = "what a task has to say is said to whoever typed it")]

mod bench;
mod process;
mod test;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};

const HELP: &str = "\
The project's own tasks

Usage: cargo xtask <TASK>

Tasks:
  test [FILTER]       Everything that has to hold before a change is taken: system packages, format, house
                      rules, lints, all tests. With FILTER, only the tests whose names contain it
  tidy                The house rules alone
  bench http [--quick] [--no-build]
                      Lambent against a raw Node server, functions-framework and serverless-offline, on
                      loopback: under 8 minutes, with --quick under 2. --no-build takes target/release/lambent
                      as it is. Progress goes to standard error, a Markdown block to standard output

Examples:
  cargo xtask test
  cargo xtask test gateway::
  cargo xtask bench http --quick";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is in no workspace")?;
    std::env::set_current_dir(root).with_context(|| format!("cannot work in {}", root.display()))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if words.is_empty() || words.iter().any(|word| matches!(*word, "-h" | "--help" | "help")) {
        println!("{HELP}");
        return Ok(());
    }
    match words.as_slice() {
        ["test"] => test::all(),
        ["test", filter] if !filter.starts_with('-') => test::only(filter),
        ["tidy"] => tidy::run(),
        ["bench", "http", options @ ..] => bench::http(options),
        _ => bail!("`{}` is no task\n\n{HELP}", words.join(" ")),
    }
}
