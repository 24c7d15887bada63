//! HTTP in: routes, events, replies, and proxying to functions that are web servers themselves.
//!
//! A request goes one way through stages that are plain functions: `admission` refuses what is ambiguous,
//! [`router`] finds the route, `intake` reads the body, `event` writes what the function sees, the engine
//! runs it, and `reply` turns its answer into a response. A function of the runtime `http` takes the shorter
//! way through `proxy`. Whatever goes wrong is a `Refusal`, and that is the only place where an error becomes
//! a response.
//!
//! [`server`] is the loop beneath: it accepts, serves and drains, and knows nothing of functions.

mod accept;
mod admission;
mod arrival;
mod body;
mod event;
mod forwarding;
mod gateway;
mod intake;
mod invoke;
mod proxy;
mod refusal;
mod reply;
pub mod router;
pub mod server;
mod stream;

pub use gateway::Gateway;
pub use router::Router;
