//! `[functions.NAME]`: everything that an owner says about a function.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use lambent_core::runtime::Start;
use lambent_core::{Function, FunctionName, RetryPolicy, Runtime, limits};

use crate::code::Folders;
use crate::fault::{Faults, Read};
use crate::feeds::{self, Feeds};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::quantity::{self, Bounds};
use crate::route::{self, Placed};
use crate::schedule;
use crate::{app, environment, retry, run, value};

const TIMEOUT: Bounds<Duration> =
    Bounds { least: limits::TIMEOUT_MIN, most: limits::TIMEOUT_MAX, default: limits::TIMEOUT_DEFAULT };

const MEMORY: Bounds<u32> = Bounds {
    least: limits::MEMORY_MIN_MIB,
    most: limits::MEMORY_MAX_MIB,
    default: limits::MEMORY_DEFAULT_MIB,
};

const TMP: Bounds<u32> = Bounds { least: 1, most: limits::MEMORY_MAX_MIB, default: limits::TMP_DEFAULT_MIB };

const KEEP_ALIVE: Bounds<Duration> =
    Bounds { least: Duration::ZERO, most: limits::KEEP_ALIVE_MAX, default: limits::KEEP_ALIVE_DEFAULT };

/// What the keys of a function fill in.
#[derive(Debug)]
pub(crate) struct Draft {
    name: FunctionName,
    folders: Rc<Folders>,
    runtime: Option<Runtime>,
    code: Option<PathBuf>,
    handler: Option<String>,
    command: Option<Vec<String>>,
    timeout: Option<Duration>,
    memory: Option<u32>,
    tmp: Option<u32>,
    environment: Option<BTreeMap<String, String>>,
    routes: Vec<Placed>,
    feeds: Feeds,
    schedules: Vec<schedule::Placed>,
    layers: Option<Vec<PathBuf>>,
    keep_alive: Option<Duration>,
    build: Option<String>,
}

/// The keys of a function.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a function",
    about: "A function. A name has 1 to 64 letters, digits, `-` and `_`.",
    keys: &[
        Key {
            name: "runtime",
            form: Form::Words("string"),
            need: Need::Required,
            example: r#""nodejs""#,
            about: "What runs the code; see [Runtimes](#runtimes).",
            read: |draft, node| set(&mut draft.runtime, run::runtime(node)),
        },
        Key {
            name: "code",
            form: Form::Words("folder"),
            need: Need::Required,
            example: r#""functions/hello""#,
            about: "The folder of the code, absolute or relative to the manifest; the function sees it read-only as `/var/task`. \
                    No link in it may lead out of it.",
            read: |draft, node| set(&mut draft.code, draft.folders.read(node)),
        },
        Key {
            name: "handler",
            form: Form::Words("string"),
            need: Need::Without("required by `nodejs` and `python`; the function's name for `provided`"),
            example: r#""index.handler""#,
            about: "The code to load: file and function. `provided` gets it as `_HANDLER`, `http` has none.",
            read: |draft, node| set(&mut draft.handler, run::handler(node)),
        },
        Key {
            name: "command",
            form: Form::Words("string, or array of strings"),
            need: Need::Without("required by `http`"),
            example: r#""node server.js""#,
            about: "The program of an `http` function, and its arguments. A string is split as a shell splits it, \
                    and no shell runs. The program listens on `$PORT`. Only `http` has it.",
            read: |draft, node| set(&mut draft.command, run::command(node)),
        },
        Key {
            name: "timeout",
            form: Form::Duration(TIMEOUT),
            need: Need::Default,
            example: r#""3s""#,
            about: "How long one invocation may take.",
            read: |draft, node| set(&mut draft.timeout, quantity::duration(node, &TIMEOUT)),
        },
        Key {
            name: "memory",
            form: Form::Size(MEMORY),
            need: Need::Default,
            example: r#""256MB""#,
            about: "Memory of one sandbox, for all that runs in it and for `/tmp` together.",
            read: |draft, node| set(&mut draft.memory, quantity::size(node, &MEMORY)),
        },
        Key {
            name: "tmp",
            form: Form::Size(TMP),
            need: Need::Default,
            example: r#""64MB""#,
            about: "Size of `/tmp`. It lives in memory and is part of `memory`: half of it where that is less than \
                    the default, and never more than all of it.",
            read: |draft, node| set(&mut draft.tmp, quantity::size(node, &TMP)),
        },
        Key {
            name: "environment",
            form: Form::Words("table of strings"),
            need: Need::Without("no variables"),
            example: r#"{ TABLE = "Users" }"#,
            about: "Environment variables; see [Environment](#environment).",
            read: |draft, node| set(&mut draft.environment, environment::read(node)),
        },
        Key {
            name: "http",
            form: Form::Words("array of routes, or one string"),
            need: Need::Without("no routes"),
            example: r#"["POST /users"]"#,
            about: "The requests that go to the function; see [Routes](#routes).",
            read: |draft, node| {
                let (routes, faults) = route::read(node, &draft.name);
                draft.routes = routes;
                faults.or(())
            },
        },
        Key {
            name: "sources",
            form: Form::Words("array of sources"),
            need: Need::Without("no sources"),
            example: r#"[{ queue = "orders", batch = 10 }]"#,
            about: "Where else its events come from; see [Sources](#sources). An `http` function has none.",
            read: |draft, node| draft.feeds.read_sources(node, &draft.name),
        },
        Key {
            name: "schedules",
            form: Form::Words("array of schedules"),
            need: Need::Without("no schedules"),
            example: r#"[{ cron = "0 3 * * *", timezone = "Europe/Berlin" }]"#,
            about: "When it is run by the clock; see [Schedules](#schedules). An `http` function has none.",
            read: |draft, node| schedule::read(node, &draft.name, &mut draft.schedules),
        },
        Key {
            name: "retry",
            form: Form::Words("table"),
            need: Need::Without("as on Lambda: 3 attempts, 1 and 2 minutes apart"),
            example: r#"{ attempts = 5, first-delay = "1s" }"#,
            about: "How often and when an event that nobody waits for is tried again; see [Retry](#retry).",
            read: |draft, node| set(&mut draft.feeds.retry, retry::read(node, RetryPolicy::LAMBDA)),
        },
        Key {
            name: "dead-letter",
            form: Form::Words("name of a queue"),
            need: Need::Without("a queue of the function's own, which `lambent dead-letters` shows"),
            example: r#""orders-dead""#,
            about: "The queue of the events that nobody waited for and that were given up. What a source could not \
                    deliver stays with the source: its queue has a `dead-letter` itself.",
            read: |draft, node| set(&mut draft.feeds.dead_letter, value::queue(node)),
        },
        Key {
            name: "on-success",
            form: Form::Words("target"),
            need: Need::Without("nobody is told"),
            example: r#""topic:invoiced""#,
            about: "Who gets a record of each event that nobody waited for and that succeeded; see \
                    [Targets](#targets).",
            read: |draft, node| set(&mut draft.feeds.on_success, value::target(node)),
        },
        Key {
            name: "on-failure",
            form: Form::Words("target"),
            need: Need::Without("nobody is told"),
            example: r#""https://example.com/hook""#,
            about: "Who gets a record of each event that nobody waited for and that was given up; it goes to the \
                    dead letters all the same.",
            read: |draft, node| set(&mut draft.feeds.on_failure, value::target(node)),
        },
        Key {
            name: "layers",
            form: Form::Words("array of folders"),
            need: Need::Without("no layers"),
            example: r#"["layers/fonts"]"#,
            about: "Folders that are laid over each other as `/opt`, later ones over earlier ones. The rules of \
                    `code` hold for them too.",
            read: |draft, node| set(&mut draft.layers, layers(node, &draft.folders)),
        },
        Key {
            name: "keep-alive",
            form: Form::Duration(KEEP_ALIVE),
            need: Need::Default,
            example: r#""10m""#,
            about: "How long a sandbox without work is kept for the next invocation.",
            read: |draft, node| set(&mut draft.keep_alive, quantity::duration(node, &KEEP_ALIVE)),
        },
        Key {
            name: "build",
            form: Form::Words("string"),
            need: Need::Without("what the build step does by itself"),
            example: r#""npm ci""#,
            about: "A shell command that makes the code ready before it is served.",
            read: |draft, node| set(&mut draft.build, build(node)),
        },
    ],
    later: &[],
};

/// Reads a function into `app`. Its routes and what it refers to go there even when something else is wrong with
/// it, so that they are compared with those of other functions.
pub(crate) fn read(node: &Node<'_>, app: &mut app::Draft) -> Read<()> {
    let mut faults = Faults::default();
    let name = FunctionName::parse(node.name).map_err(|error| node.spot.key_fault(error.to_string()))?;
    let mut draft = Draft::new(name.clone(), Rc::clone(&app.folders));
    _ = faults.keep(SECTION.read(node, &mut draft));
    faults.append(draft.check(node));
    app.routes.append(&mut draft.routes);
    app.schedules.append(&mut draft.schedules);
    // A web server has had to remove all of them.
    if draft.runtime.is_none_or(|runtime| runtime.row().start != Start::Command) {
        app.references.append(&mut draft.feeds.references(node, &name));
    }
    let feeds = std::mem::take(&mut draft.feeds);
    // What is missing has been said by now.
    let Some(function) = draft.finish() else { return Err(faults) };
    let function = faults.or(function)?;
    app.functions.push(function);
    let (sources, config) = feeds.finish();
    app.sources.extend(sources);
    app.events.insert(name, config);
    Ok(())
}

impl Draft {
    fn new(name: FunctionName, folders: Rc<Folders>) -> Self {
        Self {
            name,
            folders,
            runtime: None,
            code: None,
            handler: None,
            command: None,
            timeout: None,
            memory: None,
            tmp: None,
            environment: None,
            routes: Vec::new(),
            feeds: Feeds::default(),
            schedules: Vec::new(),
            layers: None,
            keep_alive: None,
            build: None,
        }
    }

    fn memory(&self) -> u32 {
        self.memory.unwrap_or(MEMORY.default)
    }

    /// What is wrong between keys that are right one by one.
    fn check(&self, node: &Node<'_>) -> Faults {
        let mut faults = Faults::default();
        if let (Some(tmp), Some(size)) = (node.get("tmp"), self.tmp.filter(|size| *size > self.memory())) {
            let (size, memory) = (quantity::mib(size), quantity::mib(self.memory()));
            let fault = tmp.spot.fault(format!("{size} is more than the function's memory of {memory}"));
            faults.push(fault.suggest("/tmp lives in memory: raise `memory`, or make `tmp` smaller"));
        }
        let Some(runtime) = self.runtime else { return faults };
        faults.append(run::check_start(node, runtime, self.handler.as_deref()));
        if runtime.row().start == Start::Command {
            faults.append(check_server(node));
        }
        faults
    }

    /// The function; `None` when something required is missing, which has been said by then.
    fn finish(self) -> Option<Function> {
        let memory_mib = self.memory();
        let runtime = self.runtime?;
        let handler = match runtime.row().start {
            Start::Bootstrap => self.handler.unwrap_or_else(|| self.name.to_string()),
            Start::Handler | Start::Command => self.handler.unwrap_or_default(),
        };
        Some(Function {
            name: self.name,
            runtime,
            code: self.code?,
            handler,
            command: self.command.unwrap_or_default(),
            timeout: self.timeout.unwrap_or(TIMEOUT.default),
            memory_mib,
            tmp_mib: self.tmp.unwrap_or_else(|| TMP.default.min(memory_mib / 2)),
            environment: self.environment.unwrap_or_default(),
            layers: self.layers.unwrap_or_default(),
            keep_alive: self.keep_alive.unwrap_or(KEEP_ALIVE.default),
            build: self.build,
            // The build step fills these in; nobody writes them.
            dependencies: None,
            sdk: None,
        })
    }
}

/// What a web server cannot have, because it is given requests and not events.
fn check_server(node: &Node<'_>) -> Faults {
    let mut faults = Faults::default();
    if let Some(port) = node.get("environment").and_then(|environment| environment.get("PORT")) {
        let fault = port.spot.key_fault("`PORT` is set by the platform for an http function");
        faults.push(fault.suggest("remove it, and let the program listen on $PORT"));
    }
    let routes: Vec<_> =
        node.get("http").and_then(|http| http.items("").ok()).into_iter().flatten().collect();
    for payload in routes.iter().filter_map(|route| route.get("payload")) {
        let fault = payload.spot.key_fault("an http function has no `payload`");
        faults.push(fault.suggest("remove it: the function gets the request itself"));
    }
    for asynchronous in routes.iter().filter_map(|route| route.get("async")) {
        let fault =
            asynchronous.spot.key_fault("an http function has no `async` routes: it answers requests");
        faults.push(fault.suggest("remove it, or give the route to a function with another runtime"));
    }
    for key in feeds::KEYS.iter().filter_map(|key| node.get(key)) {
        let fault = key
            .spot
            .key_fault(format!("an http function has no `{}`: it is given requests, not events", key.name));
        faults.push(fault.suggest("remove it, or give the events to a function with another runtime"));
    }
    faults
}

fn layers(node: &Node<'_>, folders: &Folders) -> Read<Vec<PathBuf>> {
    let mut faults = Faults::default();
    let items: Vec<_> = node.items("an array of folders, as in [\"layers/fonts\"]")?.collect();
    if items.len() > limits::LAYERS_MAX {
        let message = format!("a function has at most {} layers, not {}", limits::LAYERS_MAX, items.len());
        return Err(node.spot.fault(message).suggest("copy the files of several layers into one").into());
    }
    let layers = items.iter().filter_map(|item| faults.keep(folders.read(item))).collect();
    faults.or(layers)
}

fn build(node: &Node<'_>) -> Read<String> {
    let command = node.text("a shell command, as in \"npm ci\"")?;
    if command.trim().is_empty() {
        return Err(node
            .spot
            .fault("is no command")
            .suggest("leave it out where nothing is to be built")
            .into());
    }
    Ok(command.to_owned())
}
