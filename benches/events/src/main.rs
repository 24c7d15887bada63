//! The measuring half of `cargo xtask bench events`, which starts this program again and again, in turns.
//!
//! Each command takes one kind of measurement and prints it as a line of JSON.

#![expect(clippy::print_stdout, reason = "what was measured goes to whoever started this program")]

mod accept;
mod clock;
mod depth;
mod drain;
mod http;
mod load;
mod node;
mod percentile;
mod sqs;

use std::process::ExitCode;

use clap::Parser;

/// What is measured.
#[derive(Debug, Parser)]
enum Measurement {
    /// A queue drained into a function, and the same function looped over an array
    Drain(drain::Options),
    /// Asynchronous invocations accepted, and lone syncs of a file
    Accept(accept::Options),
    /// Messages sent, received and deleted
    Sqs(load::Options),
    /// Nothing: a queue is filled
    Fill(depth::Fill),
    /// Receives from a queue that is as deep as it is
    Depth(depth::Options),
}

fn main() -> ExitCode {
    // Before anything else: a jail's first process must not have threads.
    if std::env::args_os().nth(1).is_some_and(|command| command == lambent_sandbox::INIT_COMMAND) {
        std::process::exit(lambent_sandbox::run_init());
    }
    match measure(Measurement::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lambent-bench-events: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(measurement: Measurement) -> anyhow::Result<()> {
    let mut threads = match measurement {
        // As many as a node has.
        Measurement::Drain(_) => {
            let mut threads = tokio::runtime::Builder::new_multi_thread();
            threads.worker_threads(std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2)));
            threads
        }
        // A client is to leave the processors to the server.
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = threads.enable_all().build()?;
    match measurement {
        Measurement::Drain(options) => runtime.block_on(drain::measure(options)),
        Measurement::Accept(options) => runtime.block_on(accept::measure(&options)),
        Measurement::Sqs(options) => runtime.block_on(load::measure(options)),
        Measurement::Fill(options) => runtime.block_on(depth::fill(options)),
        Measurement::Depth(options) => runtime.block_on(depth::measure(&options)),
    }
}
