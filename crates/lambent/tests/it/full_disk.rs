//! The disk is full: who sends is told, who works goes on, nothing is lost, and all is well again when there is room.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::crash::journal::Journal;
use crate::crash::victim::Victim;
use crate::crash::wire::{Sent, Wire};
use crate::events::Account;
use crate::harness::{Answer, Folder, eventually};

const MIB: u64 = 1024 * 1024;

/// A tenth of it is the reserve.
const DISK: u64 = 160 * MIB;

/// What is sent of each kind before the disk is full.
const SENT: u64 = 40;

/// A small disk. It is mounted for one process and its children, so that it is gone with them, whatever happens.
struct Disk {
    holder: Child,
    folder: Folder,
}

impl Disk {
    fn mount() -> Self {
        let folder = Folder::new();
        let script = format!("mount -t tmpfs -o size={DISK} tmpfs \"$0\" && echo mounted && read end");
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &script])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "mounted\n");
        Self { holder, folder }
    }

    /// Where the disk is for us.
    fn path(&self) -> PathBuf {
        let inside = self.folder.path().strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(inside)
    }

    fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(self.path()).unwrap();
        disk.f_bavail * disk.f_frsize
    }

    /// Fills it up to so many bytes.
    fn fill_but(&self, left: u64) {
        let mut filler = File::options().create(true).append(true).open(self.path().join("filler")).unwrap();
        let block = vec![7; 64 * 1024];
        while self.free() > left {
            let size = usize::try_from(self.free() - left).unwrap_or(block.len()).min(block.len());
            if filler.write_all(&block[..size]).is_err() {
                return; // There is less than one block left.
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}

/// Functions that fail until they are mended, as often as it takes.
const CODE: &str = r#"
import os, socket

def work_on(id):
    host, port = os.environ["JOURNAL"].split(":")
    lines = socket.create_connection((host, int(port))).makefile("rw")
    lines.write(f"f r 0 {id}\n")
    lines.flush()
    if lines.readline().split()[1] != "mended":
        raise RuntimeError("not yet")

def job(event, context):
    work_on("job")
    return {"done": True}

def work(event, context):
    work_on("work")
"#;

fn manifest(journal: &Journal) -> String {
    let function = |name: &str, keys: &str| {
        format!(
            "[functions.{name}]\nruntime = \"python\"\ncode = \"code\"\nhandler = \"app.{name}\"\n\
             environment = {{ JOURNAL = \"{}\" }}\n{keys}\n",
            journal.address()
        )
    };
    let job = "http = [{ route = \"POST /jobs\", async = true }]\non-success = \"queue:out\"\n\
               retry = { attempts = 100000, first-delay = \"200ms\", max-delay = \"200ms\" }";
    let work = "sources = [{ queue = \"orders\" }]";
    let rest = "[queues.orders]\nvisibility = \"3s\"\n[queues.out]\n\
                [topics.news]\nsubscriptions = [{ queue = \"orders\", raw = true }]\n";
    [function("job", job).as_str(), &function("work", work), rest].concat()
}

/// A node on a small disk, with work that waits.
struct Stage {
    journal: Journal,
    victim: Victim,
    disk: Disk,
}

impl Stage {
    fn with_work() -> Self {
        let (journal, app, disk) = (Journal::open(), Folder::new(), Disk::mount());
        app.write("code/app.py", CODE);
        app.write("lambent.toml", &manifest(&journal));
        let data = disk.folder.path().to_str().unwrap().to_owned();
        let victim = Victim::new(app).in_namespace_of(disk.holder.id(), &["--data", &data]);
        let mut stage = Self { journal, victim, disk };
        stage.victim.start(None);
        for _ in 0..SENT {
            assert_eq!(stage.event().status, 202);
            assert_eq!(stage.send("x").status, 200);
        }
        assert!(stage.disk.path().join("events.db").exists(), "the node's files are on the small disk");
        stage
    }

    /// Asks until there is an answer.
    fn ask(&self, port: u16, send: impl Fn(&mut Wire) -> Sent) -> Answer {
        let mut wire = Wire::new(port);
        eventually("an answer of the node", || match send(&mut wire) {
            Sent::Answered(answer) => Some(answer),
            Sent::Unsent | Sent::Unknown => None,
        })
    }

    fn event(&self) -> Answer {
        let headers = [("x-amz-invocation-type", "Event")];
        let path = "/2015-03-31/functions/job/invocations";
        self.ask(self.victim.ports.api, |wire| wire.send("POST", path, &headers, "{}"))
    }

    fn by_route(&self) -> Answer {
        self.ask(self.victim.ports.gateway, |wire| wire.send("POST", "/jobs", &[], "{}"))
    }

    fn sqs(&self, action: &str, mut body: Value) -> Answer {
        let port = self.victim.ports.api;
        body["QueueUrl"] = json!(format!("http://127.0.0.1:{port}/000000000000/orders"));
        let target = format!("AmazonSQS.{action}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        self.ask(port, |wire| wire.send("POST", "/", &headers, &body.to_string()))
    }

    fn send(&self, body: &str) -> Answer {
        self.sqs("SendMessage", json!({ "MessageBody": body }))
    }

    fn publish(&self) -> Answer {
        let form =
            "Action=Publish&Version=2010-03-31&Message=x&TopicArn=arn:aws:sns:us-east-1:000000000000:news";
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.ask(self.victim.ports.api, |wire| wire.send("POST", "/", &headers, form))
    }

    fn account(&self, name: &str) -> Account {
        let ledger = self.ask(self.victim.ports.admin, |wire| wire.send("GET", "/v1/ledger", &[], "")).json();
        assert_eq!(ledger["balances"], true, "{ledger:#}");
        crate::crash::account(&ledger, name)
    }

    /// Waits until all of so many are done.
    fn all_done(&self, name: &str, count: u64) {
        let mut last = [0; 5];
        let begun = std::time::Instant::now();
        // A message that was taken when the node was killed comes back when its lease is over, after 33 s.
        while begun.elapsed() < crate::harness::PATIENCE * 3 {
            last = self.account(name);
            if last == [count, count, 0, 0, 0] {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{name} is {last:?} and not all of {count} done\n{}", self.victim.said());
    }

    /// Whoever sends is told that the disk is full, and that it is not their fault.
    #[track_caller]
    fn refuses_what_is_new(&self) {
        let event = self.event();
        assert_eq!(event.status, 503, "{event:?}");
        assert!(event.body.contains("is full") && event.body.contains("make room"), "{event:?}");
        let sent = self.send("x");
        assert_eq!(sent.status, 503, "{sent:?}");
        assert!(sent.body.contains("is full"), "{sent:?}");
        let batch = self.sqs("SendMessageBatch", json!({ "Entries": [{ "Id": "a", "MessageBody": "x" }] }));
        assert_eq!(batch.status, 503, "{batch:?}");
        assert_eq!(self.by_route().status, 503);
        assert_eq!(self.publish().status, 500);
    }

    /// One of each is taken again; how many there were of events and messages.
    fn takes_what_is_new(&self) -> (u64, u64) {
        eventually("the node takes messages again", || (self.send("x").status == 200).then_some(()));
        assert_eq!((self.event().status, self.by_route().status, self.publish().status), (202, 202, 200));
        (SENT + 2, SENT + 2)
    }
}

#[test]
fn who_sends_is_told_that_the_disk_is_full_and_who_works_goes_on() {
    let mut stage = Stage::with_work();
    stage.disk.fill_but(DISK / 20);
    stage.refuses_what_is_new();
    stage.journal.mend();
    stage.all_done("function:job", SENT);
    stage.all_done("queue:orders", SENT);
    assert_eq!(stage.account("queue:out"), [SENT, 0, 0, 0, SENT], "successes are told of too");
    stage.refuses_what_is_new();
    stage.disk.make_room();
    let (events, messages) = stage.takes_what_is_new();
    stage.all_done("function:job", events);
    stage.all_done("queue:orders", messages);
    stage.victim.stop();
}

#[test]
fn a_disk_without_a_single_byte_left_loses_nothing() {
    let mut stage = Stage::with_work();
    stage.disk.fill_but(0);
    if stage.victim.runs() {
        stage.refuses_what_is_new();
    }
    stage.journal.mend();
    stage.refuses_what_is_new();
    // Whether it can start on such a disk or says why not: nothing is lost by it.
    if stage.victim.runs() {
        stage.victim.kill();
    }
    stage.victim.start(None);
    let admin = stage.victim.ports.admin;
    let mut wire = Wire::new(admin);
    eventually("the node is up or has given up", || {
        let up = matches!(wire.send("GET", "/health", &[], ""), Sent::Answered(_));
        (up || !stage.victim.runs()).then_some(())
    });
    stage.disk.make_room();
    if !stage.victim.runs() {
        stage.victim.start(None);
    }
    let (events, messages) = stage.takes_what_is_new();
    stage.all_done("function:job", events);
    stage.all_done("queue:orders", messages);
    stage.victim.stop();
    assert!(!stage.victim.said().contains("panicked"), "{}", stage.victim.said());
}
