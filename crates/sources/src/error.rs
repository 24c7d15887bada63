//! What can go wrong with sources.

use std::time::Duration;

use lambent_core::pattern;

/// A result of a source's.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with sources. Nothing is lost by any of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A filter is no pattern.
    #[error("{source_name}: the filter `{filter}` is wrong: {error}")]
    Filter {
        /// Which source.
        source_name: String,
        /// The filter.
        filter: String,
        /// What is wrong with it.
        error: pattern::Error,
    },
    /// A function has the same source twice.
    #[error("{0} is there twice; a function takes from a source once")]
    Twice(String),
    /// A number is out of its range.
    #[error("{source_name}: {what} is {value}; use {least} to {most}")]
    Range {
        /// Which source.
        source_name: String,
        /// The setting.
        what: &'static str,
        /// What it is set to.
        value: usize,
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// The window is out of its range.
    #[error("{source_name}: the window is {value:?}; use at most {most:?}")]
    Window {
        /// Which source.
        source_name: String,
        /// What it is set to.
        value: Duration,
        /// The most.
        most: Duration,
    },
    /// The node's own queues could not do it.
    #[error(transparent)]
    Events(#[from] lambent_engine::events::Error),
    /// A broker could not do it.
    #[error("{0}")]
    Broker(String),
}
