//! `lambent.toml` into one [`App`]: every setting is enforced as it stands, or refused with its place and the reason.
//!
//! The text becomes a tree of TOML values with their places. The tree is read by tables of keys ([`keys`]): a key
//! has its name, its form, an example, a line for people and the function that reads it. What is unknown, what is
//! required and missing, and the page `docs/manifest.md` all come from these tables, so a new key is one new entry.
//! Reading never stops at the first problem; whoever wrote the manifest sees all of them at once.

mod app;
mod attribute;
mod bucket;
mod bus;
mod code;
mod docs;
mod environment;
mod fault;
mod feeds;
mod function;
mod index;
mod input;
mod keys;
mod later;
mod load;
mod node;
mod problem;
mod quantity;
mod queue;
mod references;
mod retry;
mod route;
mod rule;
mod rule_target;
mod run;
mod schedule;
mod source;
mod subscription;
mod suggest;
mod table;
mod topic;
mod value;

#[cfg(test)]
mod tests;

pub use app::App;
pub use code::{CodeError, check_code};
pub use docs::reference;
pub use load::{FILE_NAME, load, parse};
pub use problem::{Place, Problem, Problems};

/// The smallest manifest that serves something, for error texts and pages.
pub fn example() -> &'static str {
    r#"[functions.hello]
runtime = "nodejs"
code = "functions/hello"
handler = "index.handler"
http = ["GET /hello"]
"#
}
