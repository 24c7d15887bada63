//! Lambent's nouns and pure rules.
//!
//! Everything here is a value or a function of its arguments: no I/O, no clock of its own, no tasks, no
//! randomness. That is what lets the rules be tested as tables, and what every other crate may build on.

pub mod clock;
pub mod function;
pub mod ids;
pub mod invocation;
pub mod json;
pub mod limits;
pub mod log;
pub mod outcome;
pub mod report;
pub mod route;
pub mod runtime;
pub mod secret;
pub mod table;
pub mod trace;

pub use clock::{Clock, Timestamp};
pub use function::{Function, FunctionVersion};
pub use ids::{FunctionName, NodeIdentity, RequestId};
pub use invocation::{Invocation, Origin};
pub use log::{LogEntry, Logged};
pub use outcome::{Exit, FunctionError, Outcome};
pub use route::{PayloadFormat, Route, RouteKey};
pub use runtime::Runtime;
pub use secret::Secret;
pub use table::Table;
pub use trace::TraceHeader;
