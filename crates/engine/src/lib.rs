//! Dispatches invocations to sandboxes, keeps logs and tables.
//!
//! [`Engine`] is the one door: triggers hand over an [`Invocation`](lambent_core::Invocation) and get an
//! [`Answer`]. Behind it stand a pool of sandboxes for each function, and the instances of `http` functions.

mod answer;
mod capacity;
mod engine;
mod instances;
mod logs;
mod pool;
mod tables;

pub use answer::{Answer, Completed, Streaming};
pub use engine::{Config, Engine};
pub use instances::HttpInstance;
pub use logs::{Followed, Follower, Logs};
pub use tables::{Error as TablesError, Tables};
