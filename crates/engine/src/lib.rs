//! Dispatches invocations to sandboxes, keeps logs and tables.
//!
//! [`Engine`] is the one door: triggers hand over an [`Invocation`](lambent_core::Invocation) and get an
//! [`Answer`]. Behind it stand a pool of sandboxes for each function, and the instances of `http` functions.

mod answer;
mod attempt;
pub mod buckets;
mod capacity;
mod dispatch;
mod engine;
pub mod events;
mod instances;
mod logs;
mod pool;
mod tables;

pub use answer::{Answer, Completed, Streaming};
pub use buckets::Buckets;
pub use engine::{Config, Engine};
pub use events::Events;
pub use instances::HttpInstance;
pub use logs::{Followed, Follower, Logs};
pub use tables::{Changed as ChangedTable, Error as TablesError, Tables};
