//! `lambent`: serverless functions beside microservices, on machines that you own.

mod admin;
mod build;
mod cli;
mod client;
mod clock;
mod deploy;
mod node;
mod screen;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // Before anything else: a jail's first process must not have threads.
    if std::env::args_os().nth(1).is_some_and(|command| command == lambent_sandbox::INIT_COMMAND) {
        std::process::exit(lambent_sandbox::run_init());
    }
    let arguments = cli::Arguments::parse();
    // The other half of the processors is the functions': more threads would only take turns with them.
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2));
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.worker_threads(threads).enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(&anyhow::Error::from(e).context("cannot start the threads of the node")),
    };
    let result = runtime.block_on(cli::run(arguments));
    // Whatever still blocks a thread, such as a read of standard input, must not hold up the end.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(e) => fail(&e),
    }
}

/// Prints an error and what led to it. A reader who has gone away is no error.
fn fail(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe);
    if broken_pipe {
        return ExitCode::SUCCESS;
    }
    let red = screen::Paint::stderr();
    eprintln!("{} {error}", red.bad("error:"));
    for cause in error.chain().skip(1) {
        eprintln!("  because {cause}");
    }
    ExitCode::FAILURE
}
