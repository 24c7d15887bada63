//! What runs a function: `runtime`, and the `handler` or the `command` that goes with it.

use lambent_core::Runtime;
use lambent_core::runtime::{RUNTIMES, Start};

use crate::fault::{Fault, Faults, Read};
use crate::later;
use crate::node::Node;
use crate::suggest::{nearest, quote};

/// Longest handler, in characters (Lambda API).
const HANDLER_MAX: usize = 128;

/// Reads `runtime`.
pub(crate) fn runtime(node: &Node<'_>) -> Read<Runtime> {
    let name = node.text("the name of a runtime")?;
    Runtime::named(name).ok_or_else(|| refuse(node, name).into())
}

fn refuse(node: &Node<'_>, name: &str) -> Fault {
    // AWS identifiers are a family and a version: `nodejs20.x`, `provided.al2023`.
    let family = &name[..name.bytes().take_while(u8::is_ascii_alphabetic).count()];
    if let Some(later) = later::RUNTIMES.iter().find(|later| later.name == family) {
        let fault = node.spot.fault(format!("the runtime {} is not supported in this release", quote(name)));
        return fault.suggest(later.meanwhile);
    }
    let fault = node.spot.fault(format!("unknown runtime {}", quote(name)));
    let names = RUNTIMES.iter().map(|row| row.name);
    match (Runtime::named(family).map(|runtime| runtime.row().start), nearest(family, names.clone())) {
        (Some(Start::Handler), _) => {
            fault.suggest(format!("write \"{family}\"; the interpreter of this machine is used"))
        }
        (Some(_), _) => fault.suggest(format!("write \"{family}\"")),
        (None, Some(name)) => fault.suggest(format!("did you mean \"{name}\"?")),
        (None, None) => {
            let names = names.collect::<Vec<_>>().join(", ");
            fault.suggest(format!("use one of {names}; \"provided\" runs every executable `bootstrap`"))
        }
    }
}

/// Reads `handler`.
pub(crate) fn handler(node: &Node<'_>) -> Read<String> {
    let text = node.text("the code to load, as in \"index.handler\"")?;
    if text.is_empty() || text.chars().count() > HANDLER_MAX {
        return Err(node.spot.fault(format!("a handler has 1 to {HANDLER_MAX} characters")).into());
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(node.spot.fault(format!("{} is no handler: it has a space in it", quote(text))).into());
    }
    Ok(text.to_owned())
}

/// Reads `command`: one string as a shell splits it, or its words.
pub(crate) fn command(node: &Node<'_>) -> Read<Vec<String>> {
    let what = "a program and its arguments, as in \"node server.js\" or [\"node\", \"server.js\"]";
    let mut faults = Faults::default();
    let words = if node.value.is_str() {
        let text = node.text(what)?;
        shell_words::split(text).map_err(|_| node.spot.fault("a quote is opened and not closed"))?
    } else {
        let read = |item: Node<'_>| faults.keep(item.text("a string")).map(str::to_owned);
        node.items(what)?.filter_map(read).collect()
    };
    if faults.is_empty() && words.first().is_none_or(String::is_empty) {
        faults
            .push(node.spot.fault("names no program").suggest("write it as in command = \"node server.js\""));
    }
    faults.or(words)
}

/// Whether a function has what its runtime starts, and nothing else.
pub(crate) fn check_start(function: &Node<'_>, runtime: Runtime, handler: Option<&str>) -> Faults {
    let (given, command) = (function.get("handler"), function.get("command"));
    let mut faults = Faults::default();
    let start = runtime.row().start;
    match (start, &given, handler) {
        (Start::Handler, None, _) => {
            let fault =
                function.spot.key_fault(format!("`handler` is missing: the runtime {runtime} needs it"));
            faults.push(fault.suggest(
                "write handler = \"index.handler\": the file `index`, and what it exports as `handler`",
            ));
        }
        (Start::Handler, Some(node), Some(text)) if !names_a_member(text) => {
            let fault = node.spot.fault(format!("{} is no handler for the runtime {runtime}", quote(text)));
            faults.push(fault.suggest("write file.function, as in \"index.handler\""));
        }
        (Start::Command, Some(node), _) => {
            faults.push(
                node.spot
                    .key_fault(format!("the runtime {runtime} has no `handler`"))
                    .suggest("it has `command`"),
            );
        }
        _ => {}
    }
    match (start, command) {
        (Start::Command, None) => {
            let fault =
                function.spot.key_fault(format!("`command` is missing: the runtime {runtime} needs it"));
            faults.push(
                fault.suggest("write command = \"node server.js\": a web server that listens on $PORT"),
            );
        }
        (Start::Handler | Start::Bootstrap, Some(node)) => {
            let fault = node.spot.key_fault(format!("the runtime {runtime} has no `command`"));
            faults.push(fault.suggest("only runtime = \"http\" has one"));
        }
        _ => {}
    }
    faults
}

/// `file.function`, with something on both sides.
fn names_a_member(handler: &str) -> bool {
    handler.rsplit_once('.').is_some_and(|(file, member)| !file.is_empty() && !member.is_empty())
}
