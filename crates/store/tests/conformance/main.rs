//! The one suite that every store passes: a case for every rule, a model that finds the rules' combinations, histories
//! of many tasks with failures in between, power cuts, and flaws that all of this has to find.
//!
//! `LAMBENT_STORE_CASES`, `LAMBENT_STORE_HISTORIES` and `LAMBENT_STORE_POWER` say how many sequences of verbs,
//! histories and power cuts are tried, where the few of every run are not enough.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod broken;
mod cases;
mod histories;
mod model;
mod power;
mod rig;
