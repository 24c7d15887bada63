//! A node with verbs: `Node::up(manifest, files)`, `node.get("/path")`, `node.invoke("name", "{}")`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that is removed at the end of its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lambent-it-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file; one called `bootstrap` becomes executable.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        if path.file_name().is_some_and(|name| name == "bootstrap") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A running `lambent up`. It is killed when it is dropped.
pub(crate) struct Node {
    pub(crate) app: Folder,
    pub(crate) gateway: SocketAddr,
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
    child: Child,
}

/// What an HTTP request was answered with.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// The built binary. Its cache is shared by all tests, so that packages are installed once.
pub(crate) fn lambent() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambent"));
    command.env("NO_COLOR", "1").env("LAMBENT_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

impl Node {
    /// Runs an app of this manifest and these files.
    pub(crate) fn up(manifest: &str, files: &[(&str, &str)]) -> Self {
        Self::up_with(manifest, files, |_| {})
    }

    /// The same, with more arguments or environment.
    pub(crate) fn up_with(manifest: &str, files: &[(&str, &str)], more: impl FnOnce(&mut Command)) -> Self {
        let app = Folder::new();
        for (name, text) in files {
            app.write(name, text);
        }
        app.write("lambent.toml", manifest);
        Self::in_folder_with(app, more)
    }

    /// Runs an app that is there already.
    pub(crate) fn in_folder(app: Folder) -> Self {
        Self::in_folder_with(app, |_| {})
    }

    pub(crate) fn in_folder_with(app: Folder, more: impl FnOnce(&mut Command)) -> Self {
        let mut command = lambent();
        command.arg("up").arg(app.path());
        for port in ["--gateway", "--api", "--admin"] {
            command.args([port, "127.0.0.1:0"]);
        }
        more(&mut command);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (gateway, api, admin) = addresses(&mut child);
        Self { app, gateway, api, admin, child }
    }

    /// Runs the app of a node that has been killed again.
    pub(crate) fn restart(&mut self) {
        self.child.wait().unwrap();
        let app = std::mem::replace(&mut self.app, Folder::new());
        *self = Self::in_folder(app);
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.request("POST", path, &[("content-type", "application/json")], body)
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        request(self.gateway, method, path, headers, body)
    }

    /// Runs a function and gives what `lambent invoke --json` prints.
    pub(crate) fn invoke(&self, function: &str, payload: &str) -> serde_json::Value {
        let output = self.command(&["invoke", function, payload, "--json"]);
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    }

    /// Runs `lambent` with these arguments against this node.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        run(lambent().args(arguments).env("LAMBENT_ADMIN", self.admin.to_string()))
    }

    /// The log lines of a function, from `lambent logs`.
    pub(crate) fn logs(&self, function: &str) -> Vec<String> {
        let output = self.command(&["logs", function, "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let line = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].as_str().unwrap().to_owned()
        };
        text.lines().map(line).collect()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the node.
    pub(crate) fn signal(&self, name: &str) {
        run(Command::new("kill").args(["-s", name, &self.pid().to_string()]));
    }

    /// Waits for the node to end; its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        eventually("the node ends", || self.child.try_wait().unwrap().map(|status| status.code()))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads the start screen up to the addresses, and goes on reading what is printed so that nothing blocks.
fn addresses(child: &mut Child) -> (SocketAddr, SocketAddr, SocketAddr) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut find = |name: &str| {
        loop {
            let line = lines.next().expect("the node ended before it was up").unwrap();
            let mut words = line.trim().trim_start_matches(name).split_whitespace();
            if line.trim().starts_with(name)
                && let Some(address) = words.next().and_then(|word| word.strip_prefix("http://"))
            {
                return address.parse().unwrap();
            }
        }
    };
    let found = (find("gateway"), find("AWS API"), find("admin"));
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    found
}

/// Sends one request on a connection of its own and reads the whole answer.
pub(crate) fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("content-length: {}\r\n\r\n{body}", body.len());
    parse(&raw(to, text.as_bytes()))
}

/// Sends bytes and reads until the other side closes.
pub(crate) fn raw(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    answer
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or_else(|| {
        panic!("no answer: {:?}", String::from_utf8_lossy(bytes));
    });
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let pair = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap();
    let headers: Vec<_> = lines.map(pair).collect();
    let mut body = bytes[end + 4..].to_vec();
    if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        body = dechunk(&body);
    }
    Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
}

/// Takes chunked framing away; a body that breaks off gives what came.
fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = bytes.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&bytes[..end]), 16).unwrap_or(0);
        let rest = &bytes[end + 2..];
        if size == 0 || rest.len() < size {
            break;
        }
        whole.extend(&rest[..size]);
        bytes = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}

/// Tries until it gives something, at most [`PATIENCE`].
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
