//! Functions of one file each, and two that do whatever they are told.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Answer, Node, eventually, request};

/// Runs the event's `run` as code, or counts its calls.
const OBEDIENT_JS: &str = "
const fs = require('fs');
let calls = 0;
exports.handler = (event, context, callback) => {
  calls++;
  const result = event.run ? eval(event.run) : calls;
  return result === undefined ? new Promise((done) => setTimeout(done, 60000)) : Promise.resolve(result);
};";

const OBEDIENT_PY: &str = "
import ctypes, errno, json, os, resource, signal, socket, subprocess, sys, threading, time
calls = 0
def handler(event, context):
    global calls
    calls += 1
    scope = dict(globals(), result=calls)
    exec(event.get('run', ''), scope)
    return scope['result']
";

/// A function of one file.
pub(crate) struct Source {
    name: &'static str,
    runtime: &'static str,
    handler: &'static str,
    file: &'static str,
    code: String,
    keys: &'static str,
}

/// A function in JavaScript.
pub(crate) fn js(name: &'static str, code: &str) -> Source {
    Source {
        name,
        runtime: "nodejs",
        handler: "index.handler",
        file: "index.js",
        code: code.to_owned(),
        keys: "",
    }
}

/// A function in Python.
pub(crate) fn py(name: &'static str, code: &str) -> Source {
    Source {
        name,
        runtime: "python",
        handler: "app.handler",
        file: "app.py",
        code: code.to_owned(),
        keys: "",
    }
}

/// A function called `js` that does what it is told.
pub(crate) fn obedient_js() -> Source {
    js("js", OBEDIENT_JS)
}

/// A function called `py` that does what it is told; what it puts into `result` is its result.
pub(crate) fn obedient_py() -> Source {
    py("py", OBEDIENT_PY)
}

impl Source {
    /// With more keys in the manifest.
    pub(crate) fn with(self, keys: &'static str) -> Self {
        Self { keys, ..self }
    }

    pub(crate) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Where its file is in the app.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.name, self.file)
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn handler(self, handler: &'static str) -> Self {
        Self { handler, ..self }
    }

    fn manifest(&self) -> String {
        let Self { name, runtime, handler, keys, .. } = self;
        format!(
            "[functions.{name}]\nruntime = \"{runtime}\"\ncode = \"{name}\"\nhandler = \"{handler}\"\n\
             http = [\"ANY /{name}\"]\n{keys}\n"
        )
    }
}

/// The manifest of these functions.
pub(crate) fn manifest(sources: &[Source]) -> String {
    sources.iter().map(Source::manifest).collect()
}

impl Node {
    /// Runs these functions, each on the route of its name.
    pub(crate) fn of(sources: &[Source]) -> Self {
        let paths: Vec<_> =
            sources.iter().map(|s| (format!("{}/{}", s.name, s.file), s.code.as_str())).collect();
        let files: Vec<_> = paths.iter().map(|(path, code)| (path.as_str(), *code)).collect();
        Self::up(&manifest(sources), &files)
    }

    /// Invokes a function over the admin API; what `lambent invoke --json` prints.
    pub(crate) fn call(&self, function: &str, payload: &Value) -> Value {
        let path = format!("/v1/functions/{function}/invocations");
        request(self.admin, "POST", &path, &[], &payload.to_string()).json()
    }

    /// Has an obedient function run some code. It must not fail; its result.
    #[track_caller]
    pub(crate) fn run(&self, function: &str, code: &str) -> Value {
        let ran = self.call(function, &json!({ "run": code }));
        assert!(ran["error"].is_null(), "{code}\n{ran:#}");
        ran["payload"].clone()
    }

    /// Has an obedient function run some code that fails; the error's type and message, without the request's id.
    #[track_caller]
    pub(crate) fn fails(&self, function: &str, code: &str) -> (String, String) {
        failure(&self.call(function, &json!({ "run": code })))
    }

    /// How many calls an obedient function has had in this process, with this one.
    #[track_caller]
    pub(crate) fn count(&self, function: &str) -> u64 {
        let ran = self.call(function, &json!({}));
        ran["payload"].as_u64().unwrap_or_else(|| panic!("{ran:#}"))
    }

    /// Whether the node answers.
    pub(crate) fn health(&self) -> Answer {
        request(self.admin, "GET", "/health", &[], "")
    }

    /// How many sandboxes a function has.
    pub(crate) fn sandboxes(&self, function: &str) -> u64 {
        let all = request(self.admin, "GET", "/v1/functions", &[], "").json();
        let one = all["functions"].as_array().unwrap().iter().find(|one| one["name"] == function).cloned();
        one.unwrap()["sandboxes"].as_u64().unwrap()
    }

    /// The processes below the node.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let all = Process::all();
        let mut below = vec![self.pid()];
        let mut found = Vec::new();
        while let Some(parent) = below.pop() {
            let children = all.iter().filter(|process| process.parent == parent);
            found.extend(children.clone().cloned());
            below.extend(children.map(|process| process.pid));
        }
        found
    }

    /// A number of the node's own from `/proc/PID/status`, in MiB.
    pub(crate) fn memory_mib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}

/// The type and message of an invocation that failed, without the request's id.
#[track_caller]
pub(crate) fn failure(ran: &Value) -> (String, String) {
    let id = format!("RequestId: {} Error: ", ran["request_id"].as_str().unwrap_or_default());
    let kind = ran["error"].as_str().unwrap_or_else(|| panic!("it did not fail: {ran:#}"));
    assert_eq!(ran["payload"]["errorType"], kind, "{ran:#}");
    (kind.to_owned(), ran["payload"]["errorMessage"].as_str().unwrap_or_default().replace(&id, ""))
}

/// A process of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) zombie: bool,
    pub(crate) command: String,
}

impl Process {
    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| Self::read(entry.file_name().to_str()?.parse().ok()?)).collect()
    }

    /// `None` when there is no such process.
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let zombie = matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
        Some(Self { pid, parent, zombie, command })
    }

    /// Whether its command line has this in it.
    pub(crate) fn is(&self, command: &str) -> bool {
        self.command.contains(command)
    }

    /// Whether it still runs: neither gone, nor dead and not yet waited for, nor replaced by another of its pid.
    fn runs(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| !now.zombie && now.command == self.command)
    }
}

/// Waits until none of these runs any more.
pub(crate) fn all_gone(processes: &[Process]) {
    eventually("the processes end", || processes.iter().all(|process| !process.runs()).then_some(()));
}

/// The groups on this machine that belong to the node of this pid.
pub(crate) fn groups(pid: u32) -> Vec<String> {
    let find = std::process::Command::new("find")
        .args(["/sys/fs/cgroup", "-name", &format!("lambent-{pid}")])
        .output();
    String::from_utf8(find.unwrap().stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Where something is mounted on this machine below a folder.
pub(crate) fn mounts(folder: &std::path::Path) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    mounts.lines().filter(|line| line.contains(folder.to_str().unwrap())).map(str::to_owned).collect()
}
