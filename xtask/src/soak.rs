//! `cargo xtask soak`: kills nodes under load for as long as one likes. It is the test of the crashes, with more load
//! and a fresh seed for each round.

use std::time::Instant;

use anyhow::{Context, bail};

use crate::process;

const TEST: &str = "crash::nothing_accepted_is_lost_whenever_a_node_is_killed";

/// How long it goes on when nobody says.
const MINUTES: u64 = 30;

/// A week.
const MINUTES_MAX: u64 = 7 * 24 * 60;

/// Kills nodes for `--minutes N`. Each round says its seed, which repeats it.
///
/// # Errors
/// When an option is wrong, or a node did not keep its word.
pub(crate) fn run(options: &[&str]) -> anyhow::Result<()> {
    let minutes = minutes(options)?;
    eprintln!(
        "killing nodes for {minutes} minutes; a round that fails is repeated with its LAMBENT_CRASH_SEED"
    );
    let begun = Instant::now();
    let mut test = process::cargo();
    test.args(["test", "-p", "lambent", "--test", "it", TEST, "--", "--exact", "--nocapture"]);
    process::run(test.env("LAMBENT_SOAK_MINUTES", minutes.to_string()))?;
    eprintln!("nothing was lost in {} minutes", begun.elapsed().as_secs() / 60);
    Ok(())
}

fn minutes(options: &[&str]) -> anyhow::Result<u64> {
    let minutes = match options {
        [] => MINUTES,
        ["--minutes", minutes] => {
            minutes.parse().with_context(|| format!("`{minutes}` is no number of minutes"))?
        }
        _ => bail!("soak has one option: --minutes N"),
    };
    if !(1..=MINUTES_MAX).contains(&minutes) {
        bail!("--minutes is 1 to {MINUTES_MAX}");
    }
    Ok(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_read() {
        assert_eq!(minutes(&[]).unwrap(), MINUTES);
        assert_eq!(minutes(&["--minutes", "5"]).unwrap(), 5);
        for bad in [&["--minutes"][..], &["--minutes", "0"], &["--minutes", "x"], &["5"]] {
            assert!(minutes(bad).is_err(), "{bad:?}");
        }
    }
}
