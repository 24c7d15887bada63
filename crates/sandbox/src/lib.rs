//! Where user code runs: jailed processes, and the runtimes in them.
//!
//! A [`Launcher`] knows what the host can isolate and makes [`Sandbox`]es. A sandbox serves one function
//! version, one invocation at a time, and starts its process anew after a failure.

pub mod environment;
mod frames;
mod isolation;
mod launcher;
mod ports;
mod process;
pub mod readable;
mod reply;
mod runtime_api;
pub mod runtimes;
mod sandbox;

pub use isolation::{Isolation, Measure, Tier};
pub use launcher::{Config, Error, Launcher};
pub use process::{INIT_COMMAND, Liveness, LogSink, run_init};
pub use reply::{Reply, Stream};
pub use sandbox::{Completion, Sandbox};
