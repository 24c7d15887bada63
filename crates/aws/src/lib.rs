//! AWS wire protocols over the engine: what the AWS-compatible port answers.
//!
//! A request goes one way: [`api`] finds the action that it asks for ([`service`]), checks its signature
//! ([`sign`]), reads its body ([`body`]), and runs the action ([`lambda`], [`dynamodb`], [`sqs`], [`s3`]). What goes wrong is told in
//! the words and the shape that the service's SDKs read ([`protocol`]).
//!
//! Invariant: a signature is checked before the body is parsed. An action gets its body only from
//! [`api`], which hands it over after the check.

pub mod api;
pub mod body;
pub mod dynamodb;
pub mod events;
pub mod lambda;
pub mod protocol;
mod query;
pub mod s3;
pub mod scheduler;
pub mod service;
pub mod sign;
pub mod sns;
pub mod sqs;

pub use api::Api;
pub use body::Body;
pub use service::SERVICES;
pub use sign::{Credentials, Strangers};
