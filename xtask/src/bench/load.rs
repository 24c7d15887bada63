//! Loading a server with wrk, and reading what wrk prints.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::process;

/// A kind of request.
pub(super) struct Request {
    pub(super) path: String,
    /// The file that is sent with POST, and the script of wrk that does so.
    pub(super) post: Option<(PathBuf, PathBuf)>,
    /// Whether answers with a status of 400 and more are what is asked for.
    pub(super) fails: bool,
}

impl Request {
    pub(super) fn get(path: &str) -> Self {
        Self { path: path.to_owned(), post: None, fails: false }
    }

    /// Sends a file of the workshop.
    pub(super) fn post(path: &str, folder: &Path, file: &str) -> Self {
        Self { path: path.to_owned(), post: Some((folder.join("post.lua"), folder.join(file))), fails: false }
    }

    pub(super) fn failing(self) -> Self {
        Self { fails: true, ..self }
    }
}

/// What a load showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    /// Answers a second.
    pub(super) rate: f64,
    /// The median time to an answer, in microseconds.
    pub(super) p50: f64,
}

/// Loads a server of this machine for some seconds over some connections, each with one request at a time.
///
/// # Errors
/// When wrk fails, or any request does.
pub(super) fn run(port: u16, request: &Request, connections: u32, seconds: u32) -> anyhow::Result<Load> {
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--latency", "--timeout", "5s"]);
    wrk.args(["--connections", &connections.to_string(), "--duration", &format!("{seconds}s")]);
    if let Some((script, body)) = &request.post {
        wrk.arg("--script").arg(script).env("BODY", body);
    }
    wrk.arg(format!("http://127.0.0.1:{port}{}", request.path));
    let text = process::output(&mut wrk)?;
    check(&text, request.fails)
        .and_then(|()| parse(&text))
        .with_context(|| format!("wrk on {}:\n{text}", request.path))
}

/// Every request must have been answered, and well.
fn check(text: &str, fails: bool) -> anyhow::Result<()> {
    for line in text.lines().map(str::trim) {
        if line.starts_with("Socket errors:") {
            bail!("connections broke");
        }
        if line.starts_with("Non-2xx or 3xx responses:") && !fails {
            bail!("requests failed");
        }
    }
    Ok(())
}

fn parse(text: &str) -> anyhow::Result<Load> {
    let after = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name));
        line.map(str::trim).with_context(|| format!("wrk does not say `{name}`"))
    };
    let rate = after("Requests/sec:")?.parse().context("wrk's rate is no number")?;
    Ok(Load { rate, p50: microseconds(after("50%")?)? })
}

/// A time as wrk writes it: `87.00us`, `1.22ms`, `2.50s`, `1.10m`.
fn microseconds(text: &str) -> anyhow::Result<f64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).context("wrk's time has no unit")?;
    let number: f64 = text[..split].parse().context("wrk's time is no number")?;
    let factor = match &text[split..] {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 6e7,
        unit => bail!("wrk's unit `{unit}` is unknown"),
    };
    Ok(number * factor)
}

#[cfg(test)]
mod tests {
    use super::{Load, check, microseconds, parse};

    const TEXT: &str = "\
Running 1s test @ http://127.0.0.1:7101/small
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   250.07us  150.46us   4.66ms   94.49%
    Req/Sec    33.01k     2.45k   35.49k    80.00%
  Latency Distribution
     50%  221.00us
     75%  258.00us
     90%  317.00us
     99%  799.00us
  32841 requests in 1.00s, 6.17MB read
Requests/sec:  32817.72
Transfer/sec:      6.17MB
";

    #[test]
    fn what_wrk_prints_is_read() {
        check(TEXT, false).unwrap();
        assert_eq!(parse(TEXT).unwrap(), Load { rate: 32817.72, p50: 221.0 });
        assert!(parse("Requests/sec: 1.0").is_err());
    }

    #[test]
    fn failures_are_seen() {
        let failed = format!("{TEXT}  Non-2xx or 3xx responses: 32841\n");
        assert!(check(&failed, false).is_err());
        check(&failed, true).unwrap();
        let broken = format!("{TEXT}  Socket errors: connect 0, read 8, write 0, timeout 0\n");
        assert!(check(&broken, true).is_err());
    }

    #[test]
    fn units() {
        let check =
            |text: &str, expect: f64| assert!((microseconds(text).unwrap() - expect).abs() < 1e-6, "{text}");
        check("87.00us", 87.0);
        check("1.22ms", 1220.0);
        check("2.50s", 2_500_000.0);
        check("1.10m", 66_000_000.0);
        assert!(microseconds("12").is_err());
        assert!(microseconds("12parsec").is_err());
    }
}
