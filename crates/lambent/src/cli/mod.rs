//! The command line: one file a command.

mod check;
mod dead_letters;
mod describe;
mod doctor;
mod input;
mod invoke;
mod ledger;
mod logs;
mod messages;
mod queue;
mod result;
mod schedules;
mod send;
mod topics;
mod up;
mod version;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Serverless functions beside microservices, on machines that you own.
#[derive(Debug, Parser)]
#[command(
    name = "lambent",
    version,
    after_help = "Examples:\n  lambent up examples/shop          run an app, reload it on change\n  lambent invoke greet '{\"name\":\"Ada\"}'\n  lambent logs --follow\n  lambent dead-letters list        what was given up, and why\n\nEvery command has its own --help with an example."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Up),
    Invoke(invoke::Invoke),
    Logs(logs::Logs),
    Send(send::Send),
    Result(result::Result),
    Queue(queue::Queue),
    Topics(topics::Topics),
    Buses(topics::Buses),
    Schedules(schedules::Schedules),
    DeadLetters(dead_letters::DeadLetters),
    Ledger(ledger::Ledger),
    Check(check::Check),
    Doctor(doctor::Doctor),
    Version(version::Version),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  lambent completions bash > /etc/bash_completion.d/lambent")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Where a running node is, for the commands that ask one.
#[derive(Debug, clap::Args)]
pub(crate) struct Remote {
    /// Admin address of the node
    #[arg(long, env = "LAMBENT_ADMIN", default_value = "127.0.0.1:8081", value_name = "ADDRESS", value_parser = address)]
    admin: SocketAddr,
}

impl Remote {
    fn connect(&self) -> crate::client::Remote {
        // Not a flag: an argument is seen by everybody on the machine.
        crate::client::Remote::new(self.admin, std::env::var("LAMBENT_ADMIN_TOKEN").ok())
    }
}

/// Runs a command.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Up(command) => command.run().await,
        Command::Invoke(command) => command.run().await,
        Command::Logs(command) => command.run().await,
        Command::Send(command) => command.run().await,
        Command::Result(command) => command.run().await,
        Command::Queue(command) => command.run().await,
        Command::Topics(command) => command.run().await,
        Command::Buses(command) => command.run().await,
        Command::Schedules(command) => command.run().await,
        Command::DeadLetters(command) => command.run().await,
        Command::Ledger(command) => command.run().await,
        Command::Check(command) => command.run(),
        Command::Doctor(command) => command.run().await,
        Command::Version(command) => command.run(),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "lambent", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Reads an address. A port alone, or with `localhost`, is one of loopback.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost").unwrap_or(text).trim_start_matches(':');
    if let Ok(port) = port.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    text.parse().map_err(|_| "write an address and port, as in 127.0.0.1:9080, or just the port".to_owned())
}

/// Prints a line to standard output. A reader who has gone away ends the command.
fn print(line: &str) -> anyhow::Result<()> {
    use std::io::Write;
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Prints JSON on a line.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&crate::screen::text::printable_json(&serde_json::to_string(value)?))
}

/// Tells people what they may want to do next; programs are not told.
fn hint(text: &str) {
    use std::io::IsTerminal;
    if std::io::stderr().is_terminal() && std::io::stdout().is_terminal() {
        eprintln!("{}", crate::screen::Paint::stderr().dim(&format!("\n{text}")));
    }
}

/// Tells people that there is more than was shown.
fn hint_more(more: bool, option: &str) {
    if more {
        hint(&format!("there are more: see them with {option} N"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(address(text).ok(), expect.map(|e| e.parse().unwrap()), "{text}");
        };
        check("9080", Some("127.0.0.1:9080"));
        check(":9080", Some("127.0.0.1:9080"));
        check("localhost:9080", Some("127.0.0.1:9080"));
        check("0.0.0.0:80", Some("0.0.0.0:80"));
        check("[::1]:80", Some("[::1]:80"));
        check("example.com:80", None);
        check("99999", None);
        check("", None);
    }

    #[test]
    fn the_command_line_is_sound_and_every_command_has_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        let mut open: Vec<_> = command.get_subcommands().collect();
        while let Some(sub) = open.pop() {
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("lambent "), "`lambent {} --help` has no example", sub.get_name());
            open.extend(sub.get_subcommands());
        }
    }
}
