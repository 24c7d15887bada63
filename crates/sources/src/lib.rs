//! Event sources: one driver for all of them, and one file for each kind of broker.
//!
//! A [`Source`] knows how its broker gives out records, takes them back, and what their event looks like. Everything
//! else is the driver's: batches and windows (`batcher`), filters (`filter`), what a function says about single
//! records (`reply`), how many batches run at once (`scaler`), and running one (`run`).

mod batcher;
mod driver;
mod error;
mod filter;
mod function;
mod intake;
mod queue;
mod reply;
mod run;
mod scaler;
pub mod source;
mod sources;
mod status;
#[cfg(test)]
mod tests;

pub use error::{Error, Result};
pub use source::{Record, Settled, Settlement, Source, Want};
pub use sources::Sources;
pub use status::{Counts, SourceStatus, State};
