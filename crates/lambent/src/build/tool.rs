//! Running npm, pip, cargo and the owner's own commands, and keeping what they say.
//!
//! A tool gets the node's environment, so that the proxies and registries that are set there hold, and nothing
//! on standard input, so that it cannot wait for an answer that nobody gives.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt;
use std::io::{ErrorKind, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::Error;

/// Lines of its output that an error repeats.
const TAIL_LINES_MAX: usize = 200;
/// Longest line that is kept of an output, in bytes; the rest of a longer one is dropped.
const LINE_MAX: usize = 1024 * 1024;
/// Longest line that people are shown, in characters.
const SHOWN_MAX: usize = 500;
/// Most lines of an answer that is read by the node.
const ANSWER_LINES_MAX: usize = 100_000;
/// Lines that wait to be looked at before the tool is made to wait.
const LINES_WAITING: usize = 256;
/// How often it is looked whether the tool has ended.
const POLL: Duration = Duration::from_millis(50);
/// How long its output is read on when it has ended and left something in the background that holds it open.
const LINGER: Duration = Duration::from_millis(500);

/// A program that has to be on the host.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    /// What to do where it is missing.
    pub(super) hint: &'static str,
}

/// A tool that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The command line.
    pub(crate) command: String,
    /// Where it ran.
    pub(crate) folder: PathBuf,
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What to do about it, where that is known.
    pub(crate) hint: Option<&'static str>,
    /// The last lines that it wrote.
    pub(crate) output: Vec<String>,
}

impl Failure {
    /// Whether it was stopped before its own end: what it leaves may be half made.
    pub(super) fn was_interrupted(&self) -> bool {
        // A shell reports the signal that ended its command as 128 and more.
        self.status.code().is_none_or(|code| code > 128)
    }

    /// Whether a shell did not find the program that it was to run.
    pub(super) fn was_not_found(&self) -> bool {
        self.status.code() == Some(127)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in {} ", self.command, self.folder.display())?;
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => write!(f, "ended with exit status {code}")?,
            (None, Some(signal)) => write!(f, "was stopped by signal {signal}")?,
            (None, None) => f.write_str("did not end well")?,
        }
        if let Some(hint) = self.hint {
            write!(f, "; {hint}")?;
        }
        if self.output.is_empty() {
            return f.write_str("; it said nothing");
        }
        f.write_str("; its last words:")?;
        self.output.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// A tool about to be run.
#[derive(Debug)]
pub(super) struct Tool {
    command: Command,
    program: &'static Program,
    folder: PathBuf,
    shown: String,
    answers: bool,
}

impl Tool {
    pub(super) fn new(program: &'static Program, folder: &Path) -> Self {
        let mut command = Command::new(program.name);
        command.current_dir(folder).stdin(Stdio::null());
        Self { command, program, folder: folder.to_owned(), shown: program.name.to_owned(), answers: false }
    }

    pub(super) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        for argument in arguments {
            self.shown.push(' ');
            self.shown.push_str(&quoted(&argument.as_ref().to_string_lossy()));
            self.command.arg(argument);
        }
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Standard output is for us: it is returned, and not shown.
    pub(super) fn answering(mut self) -> Self {
        self.answers = true;
        self
    }

    /// Runs it to its end. `line` gets what it says to people; an answer is returned.
    pub(super) fn run(mut self, mut line: impl FnMut(&str)) -> Result<Vec<String>, Error> {
        let (mut child, lines) = self.start().map_err(|source| match source.kind() {
            ErrorKind::NotFound => Error::Missing { program: self.program.name, hint: self.program.hint },
            _ => Error::Io { what: "run", path: self.program.name.into(), source },
        })?;
        let mut answer = Vec::new();
        let mut tail = VecDeque::new();
        let ended = listen(&mut child, &lines, |from, text| {
            if self.answers && from == From::Stdout {
                if answer.len() < ANSWER_LINES_MAX {
                    answer.push(text.to_owned());
                }
                return;
            }
            let text = plain(text);
            line(&text);
            if tail.len() == TAIL_LINES_MAX {
                tail.pop_front();
            }
            tail.push_back(text);
        });
        let status = ended.map_err(Error::io("wait for", self.program.name))?;
        if status.success() {
            return Ok(answer);
        }
        Err(Error::Tool(Box::new(Failure {
            command: self.shown,
            folder: self.folder,
            status,
            hint: None,
            output: tail.into(),
        })))
    }

    /// Starts it, and returns the lines that it says. Both outputs share a pipe where they can, which keeps what
    /// is said on them in order.
    fn start(&mut self) -> std::io::Result<(Child, Receiver<(From, String)>)> {
        let (sender, lines) = sync_channel(LINES_WAITING);
        let (reader, writer) = std::io::pipe()?;
        let stdout = if self.answers { Stdio::piped() } else { writer.try_clone()?.into() };
        self.command.stdout(stdout).stderr(writer);
        let spawned = self.command.spawn();
        // The command keeps its ends of the pipe open, and the pipe would not come to an end.
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = spawned?;
        if let Some(stdout) = child.stdout.take() {
            let sender = sender.clone();
            std::thread::spawn(move || pump(stdout, From::Stdout, &sender));
        }
        std::thread::spawn(move || pump(reader, From::Stderr, &sender));
        Ok((child, lines))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Standard output, where it is an answer.
    Stdout,
    /// Whatever is for people.
    Stderr,
}

/// Hears a child out until it ends.
fn listen(
    child: &mut Child,
    lines: &Receiver<(From, String)>,
    mut heard: impl FnMut(From, &str),
) -> std::io::Result<ExitStatus> {
    let mut ended: Option<Instant> = None;
    loop {
        match lines.recv_timeout(POLL) {
            Ok((from, text)) => heard(from, &text),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() && child.try_wait()?.is_some() {
            ended = Some(Instant::now());
        }
        if ended.is_some_and(|at| at.elapsed() > LINGER) {
            break;
        }
    }
    child.wait()
}

/// Sends on line by line. A carriage return ends a line too: that is how progress is drawn.
fn pump(mut pipe: impl Read, from: From, to: &SyncSender<(From, String)>) {
    let mut buffer = [0; 8192];
    let mut line = Vec::new();
    let send = |line: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(line).into_owned();
        line.clear();
        to.send((from, text)).is_ok()
    };
    loop {
        let read = match pipe.read(&mut buffer) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        for &byte in &buffer[..read] {
            if byte == b'\n' || byte == b'\r' {
                if !line.is_empty() && !send(&mut line) {
                    return;
                }
            } else if line.len() < LINE_MAX {
                line.push(byte);
            }
        }
    }
    if !line.is_empty() {
        send(&mut line);
    }
}

/// The text without colours and control characters, so that it can be shown anywhere.
fn plain(text: &str) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // `ESC [ … letter` sets a colour or moves; of any other sequence one more character is dropped.
            if characters.next() == Some('[') {
                characters.by_ref().find(char::is_ascii_alphabetic);
            }
        } else if character == '\t' {
            shown.push(' ');
        } else if !character.is_control() {
            shown.push(character);
        }
    }
    match shown.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown.trim_end().to_owned(),
    }
}

fn quoted(argument: &str) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || "-_=./:@+,%".contains(c);
    if !argument.is_empty() && argument.chars().all(simple) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: Program = Program { name: "sh", hint: "" };

    fn run(script: &str) -> (Vec<String>, Result<Vec<String>, Error>) {
        let mut seen = Vec::new();
        let tool = Tool::new(&SHELL, Path::new("/")).args(["-c", script]);
        let result = tool.run(|line| seen.push(line.to_owned()));
        (seen, result)
    }

    #[test]
    fn lines_are_seen_as_they_come() {
        let (seen, result) = run("printf 'a\\rb\\n\\033[32mgreen\\033[0m\\tx'");
        result.unwrap();
        assert_eq!(seen, ["a", "b", "green x"]);
    }

    #[test]
    fn a_failure_says_what_where_how_and_why() {
        let (_, result) = run("seq 300; echo it broke >&2; exit 3");
        let Err(Error::Tool(failure)) = result else { panic!("it succeeded") };
        assert!(!failure.was_interrupted());
        assert_eq!(failure.output.len(), TAIL_LINES_MAX);
        let text = Error::Tool(failure).to_string();
        let begin =
            "`sh -c 'seq 300; echo it broke >&2; exit 3'` in / ended with exit status 3; its last words:\n  ";
        assert!(text.starts_with(begin), "{text}");
        assert!(text.contains("\n  it broke"), "{text}");
    }

    #[test]
    fn an_interrupted_tool_is_told_from_a_failed_one() {
        for script in ["kill -INT $$", "sh -c 'kill -INT $$'; exit $?"] {
            let Err(Error::Tool(failure)) = run(script).1 else { panic!("it succeeded") };
            assert!(failure.was_interrupted(), "{script}");
        }
    }

    #[test]
    fn a_process_left_in_the_background_is_not_waited_for() {
        let since = Instant::now();
        let (seen, result) = run("sleep 30 & echo $!");
        let left = seen[0].parse().ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
        result.unwrap();
        assert!(since.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn answers_are_kept_apart() {
        let mut seen = Vec::new();
        let tool = Tool::new(&SHELL, Path::new("/")).args(["-c", "echo '{}'; echo note >&2"]).answering();
        assert_eq!(tool.run(|line| seen.push(line.to_owned())).unwrap(), ["{}"]);
        assert_eq!(seen, ["note"]);
    }

    #[test]
    fn a_missing_program_is_named_with_what_to_install() {
        const NONE: Program = Program { name: "no-such-tool", hint: "install it" };
        let error = Tool::new(&NONE, Path::new("/")).run(|_| {}).unwrap_err();
        assert_eq!(error.to_string(), "no-such-tool was not found; install it");
    }

    #[test]
    fn command_lines_can_be_pasted() {
        assert_eq!(quoted("--omit=dev"), "--omit=dev");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("<=3.1"), "'<=3.1'");
    }
}
