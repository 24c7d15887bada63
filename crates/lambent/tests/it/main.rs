//! The built binary, used as people and programs use it: one test binary, a file for each side of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod aws;
mod cli;
mod clients;
mod crash;
mod custom;
mod events;
mod events_cli;
mod events_clients;
mod full_disk;
mod functions;
mod gateway;
mod harness;
mod hostile;
mod http_runtime;
mod isolation;
mod lifecycle;
mod schedules;
mod smoke;
mod sources;
mod state;
mod streaming;
mod wire;
