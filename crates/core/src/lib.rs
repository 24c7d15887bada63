//! Lambent's nouns and pure rules.
//!
//! Everything here is a value or a function of its arguments: no I/O, no clock of its own, no tasks, no
//! randomness. That is what lets the rules be tested as tables, and what every other crate may build on.

pub mod arn;
pub mod bucket;
pub mod bus;
pub mod clock;
pub mod decide;
pub mod fingerprint;
pub mod function;
pub mod ids;
pub mod invocation;
pub mod json;
pub mod limits;
pub mod log;
pub mod message;
pub mod names;
pub mod outcome;
pub mod pattern;
pub mod queue;
pub mod report;
pub mod retry;
pub mod route;
pub mod runtime;
pub mod schedule;
pub mod secret;
pub mod source;
pub mod table;
pub mod target;
pub mod topic;
pub mod trace;
pub mod transform;

pub use arn::Arn;
pub use bucket::{BucketName, BucketSpec};
pub use clock::{Clock, Timestamp};
pub use function::{Function, FunctionVersion};
pub use ids::{FunctionName, NodeIdentity, RequestId};
pub use invocation::{Invocation, Origin};
pub use log::{LogEntry, Logged};
pub use message::{Attribute, Attributes, Failure, Meta};
pub use names::{BusName, QueueName, RuleName, TopicName};
pub use outcome::{Exit, FunctionError, Outcome};
pub use queue::{QueueSpec, RedriveAllow, RedriveTo};
pub use retry::{Jitter, RetryPolicy};
pub use route::{PayloadFormat, Route, RouteKey};
pub use runtime::Runtime;
pub use schedule::{Schedule, ScheduleSpec, When};
pub use secret::Secret;
pub use source::{EventConfig, SourceFrom, SourceSpec};
pub use table::Table;
pub use target::Target;
pub use trace::TraceHeader;
