//! `lambent ledger`: what was accepted, and what became of it.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use crate::admin::view::{Account, Ledger as View, Runs};
use crate::screen::text::time;
use crate::screen::{Cell, Paint, table};

/// How often it is drawn anew.
const EVERY: Duration = Duration::from_secs(1);

/// Show that nothing is lost: accepted = done + dead + dropped + pending
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lambent ledger\n  lambent ledger --follow\n  lambent ledger --json | jq .total\n\nThe exit code is 1 when an account does not balance."
)]
pub(crate) struct Ledger {
    /// Draw it anew every second, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Print JSON; with --follow a line every second
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: super::Remote,
}

impl Ledger {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let remote = self.remote.connect();
        let balances = loop {
            let ledger: View = remote.get("/v1/ledger").await?;
            self.print(&ledger)?;
            if !self.follow {
                break ledger.balances;
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = tokio::signal::ctrl_c() => break ledger.balances,
            }
        };
        Ok(if balances { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn print(&self, ledger: &View) -> anyhow::Result<()> {
        if self.json {
            return super::print_json(ledger);
        }
        let text = shown(ledger);
        let mut out = std::io::stdout();
        if !self.follow {
            return super::print(&text);
        }
        if out.is_terminal() {
            // From the upper left, each line to its end, then what is left of the last time: nothing flickers.
            let text = text.replace('\n', "\x1b[K\r\n");
            write!(out, "\x1b[H{text}\x1b[K\r\n\x1b[J")?;
        } else {
            writeln!(out, "{}\n{text}\n", ledger.at)?;
        }
        Ok(out.flush()?)
    }
}

fn shown(ledger: &View) -> String {
    let paint = Paint::stdout();
    let mut parts = Vec::new();
    if ledger.accounts.is_empty() {
        parts.push(
            "nothing was accepted yet: there are no queues, and no function was invoked asynchronously"
                .to_owned(),
        );
    } else {
        let rows = ledger.accounts.iter().chain([&ledger.total]).map(row);
        parts.push(table(&["ACCOUNT", "ACCEPTED", "DONE", "DEAD", "DROPPED", "PENDING", "BALANCES"], rows));
    }
    if !ledger.functions.is_empty() {
        let row = |runs: &Runs| {
            vec![
                Cell::new(&runs.function),
                Cell::new(runs.runs),
                Cell::alarming(runs.failed),
                Cell::new(time(runs.billed_ms)),
            ]
        };
        parts.push(table(&["FUNCTION", "RUNS", "FAILED", "BILLED"], ledger.functions.iter().map(row)));
    }
    parts.push(if ledger.balances {
        format!("{} accepted = done + dead + dropped + pending", paint.good("ok:"))
    } else {
        let wrong: Vec<_> = ledger.accounts.iter().filter(|a| !a.balances).map(|a| a.name.as_str()).collect();
        format!("{} {}: please report this", paint.bad("does not balance:"), wrong.join(", "))
    });
    parts.join("\n\n")
}

fn row(account: &Account) -> Vec<Cell> {
    vec![
        Cell::new(&account.name),
        Cell::new(account.accepted),
        Cell::new(account.done),
        Cell::alarming(account.dead),
        Cell::new(account.dropped),
        Cell::new(account.pending),
        if account.balances { Cell::good("yes") } else { Cell::bad("no") },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(done: u64) -> View {
        let account = Account {
            name: "function:invoice".to_owned(),
            accepted: 10,
            done,
            dead: 2,
            pending: 1,
            balances: done == 7,
            ..Account::default()
        };
        View {
            at: "2026".to_owned(),
            balances: account.balances,
            total: Account { name: "total".to_owned(), ..account.clone() },
            accounts: vec![account],
            functions: vec![Runs { function: "invoice".to_owned(), runs: 13, failed: 6, billed_ms: 90_000 }],
        }
    }

    #[test]
    fn the_ledger_is_a_table_with_totals() {
        let shown = shown(&ledger(7));
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let lines: Vec<_> = shown.lines().map(words).collect();
        assert_eq!(lines[1], ["function:invoice", "10", "7", "2", "0", "1", "yes"]);
        assert_eq!(lines[2][..2], ["total", "10"]);
        assert_eq!(lines[5], ["invoice", "13", "6", "90s"]);
        assert!(shown.ends_with("ok: accepted = done + dead + dropped + pending"));
    }

    #[test]
    fn what_does_not_balance_is_named() {
        assert!(shown(&ledger(6)).contains("does not balance: function:invoice"));
    }
}
