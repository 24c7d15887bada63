//! What a target gets for an event: a part of it ([`Path`]), or a text with parts of it put in ([`Template`]).
//!
//! The rules are those of EventBridge's user guide, "Amazon EventBridge input transformation"; what it leaves open is
//! as AWS was seen to answer (the recorded answers in LocalStack's `tests/aws/services/events`).

mod error;
mod path;
mod template;
#[cfg(test)]
mod tests;

pub use error::{Error, PathError};
pub use path::Path;
pub use template::{Context, Template};
