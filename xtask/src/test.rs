//! `cargo xtask test`: everything that has to hold before a change is taken. The first step that fails ends it.

mod count;
mod packages;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

pub(crate) use packages::apt_install;

use crate::process;

/// One step: its name, and what it does.
type Step<'a> = (&'static str, &'a dyn Fn() -> anyhow::Result<()>);

/// How a step went.
enum Fate {
    Passed(Duration),
    Failed(Duration),
    NotReached,
}

/// Runs every step.
///
/// # Errors
/// When a step fails, or a thing that one needs is missing.
pub(crate) fn all() -> anyhow::Result<()> {
    run(&[
        ("system packages", &packages::install),
        ("format", &format),
        ("tidy", &crate::tidy::run),
        ("clippy", &clippy),
        ("bootstraps", &bootstraps),
        ("tests", &|| tests(None)),
    ])
}

/// Runs the tests whose names contain `filter`, and what they need.
///
/// # Errors
/// When a test fails, or there is none.
pub(crate) fn only(filter: &str) -> anyhow::Result<()> {
    run(&[("system packages", &packages::install), ("tests", &|| tests(Some(filter)))])
}

fn run(steps: &[Step<'_>]) -> anyhow::Result<()> {
    let mut fates = Vec::new();
    let mut failure = None;
    for (name, step) in steps {
        if failure.is_some() {
            fates.push((name, Fate::NotReached));
            continue;
        }
        println!("\n==> {name}");
        let begun = Instant::now();
        let result = step();
        let took = begun.elapsed();
        let word = if result.is_ok() { "done" } else { "failed" };
        println!("==> {name}: {word} in {:.1} s", took.as_secs_f64());
        fates.push((name, if result.is_ok() { Fate::Passed(took) } else { Fate::Failed(took) }));
        failure = result.err().map(|e| e.context(format!("{name} failed")));
    }
    println!("\n{:<18}{:>10}", "step", "seconds");
    for (name, fate) in &fates {
        match fate {
            Fate::Passed(took) => println!("{name:<18}{:>10.1}  ok", took.as_secs_f64()),
            Fate::Failed(took) => println!("{name:<18}{:>10.1}  FAILED", took.as_secs_f64()),
            Fate::NotReached => println!("{name:<18}{:>10}  not reached", "-"),
        }
    }
    failure.map_or(Ok(()), Err)
}

fn format() -> anyhow::Result<()> {
    process::run(process::cargo().args(["fmt", "--all", "--check"]))
        .context("`cargo fmt --all` puts it right")
}

fn clippy() -> anyhow::Result<()> {
    process::run(process::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The bootstraps of Node.js and Python have tests of their own: they run without a node.
fn bootstraps() -> anyhow::Result<()> {
    process::run(
        Command::new("python3").args(["-m", "unittest"]).current_dir("crates/sandbox/tests/bootstrap"),
    )
}

/// All output passes through unchanged; it is only counted on its way.
fn tests(filter: Option<&str>) -> anyhow::Result<()> {
    let mut command = process::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]).args(filter);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let mut lines = BufReader::new(child.stdout.take().context("cargo has no output")?);
    let mut passed = 0;
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        std::io::stdout().write_all(&line)?;
        passed += count::passed(&String::from_utf8_lossy(&line)).unwrap_or(0);
        line.clear();
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed: {status}", process::shown(&command));
    }
    match filter {
        Some(filter) if passed == 0 => bail!("no test has `{filter}` in its name"),
        None if passed == 0 => bail!("no test was run"),
        _ => {
            println!("\npassed in the whole workspace: {passed}");
            Ok(())
        }
    }
}
