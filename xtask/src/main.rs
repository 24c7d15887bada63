//! The project's own tasks: `cargo xtask test`, `cargo xtask tidy`, `cargo xtask soak`, `cargo xtask bench`.

#![expect(clippy::print_stdout, reason = "what a task has to say is said to whoever typed it")]

mod bench;
mod process;
mod soak;
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
  soak [--minutes N]  Nodes under load are killed again and again, for 30 minutes or N: nothing may be lost
  bench http [--quick] [--no-build]
                      Lambent against a raw Node server, functions-framework and serverless-offline, on
                      loopback: under 8 minutes, with --quick under 2. --no-build takes target/release/lambent
                      as it is. Progress goes to standard error, a Markdown block to standard output
  bench events [--quick] [--no-build]
                      Queues and asynchronous invocations against the same function without a queue, the disk
                      alone, and moto: under 5 minutes, with --quick under 1

Examples:
  cargo xtask test
  cargo xtask test gateway::
  cargo xtask soak --minutes 5
  cargo xtask bench http --quick
  cargo xtask bench events --quick";

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
        ["soak", options @ ..] => soak::run(options),
        ["bench", "http", options @ ..] => bench::http(options),
        ["bench", "events", options @ ..] => bench::events(options),
        _ => bail!("`{}` is no task\n\n{HELP}", words.join(" ")),
    }
}
