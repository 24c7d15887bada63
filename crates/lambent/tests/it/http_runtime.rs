//! `http` functions: ordinary web servers, started when they are wanted.

use std::process::Command;

use serde_json::Value;

use crate::clients::tests;
use crate::harness::{Node, eventually};
use crate::wire::{self, Piece, Wire};

/// The programs, and how they are started. Both answer the same paths in the same way.
const PROGRAMS: [(&str, &str); 2] = [("http-python", "python3 server.py"), ("http-node", "node server.mjs")];

fn node(folder: &str, command: &str, more: &str) -> Node {
    let code = tests().join("functions").join(folder);
    let manifest = format!(
        "[functions.web]\nruntime = \"http\"\ncode = {code:?}\ncommand = {command:?}\ntimeout = \"20s\"\n\
         memory = \"256MB\"\nhttp = [\"ANY /{{path+}}\"]\n{more}\n"
    );
    Node::up(&manifest, &[])
}

/// One request, answered in JSON by the program.
fn tell(node: &Node, path: &str) -> Value {
    let (head, body) = wire::ask(node.gateway, "GET", path, &[], b"");
    assert_eq!(head.status, 202, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn header<'a>(told: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = told["headers"].as_array().unwrap().iter();
    headers.filter(|header| header[0] == name).map(|header| header[1].as_str().unwrap()).collect()
}

#[test]
fn requests_and_answers_pass_as_they_are() {
    for (folder, command) in PROGRAMS {
        let node = node(folder, command, "");
        let mut wire = Wire::open(node.gateway);
        let headers = [
            ("x-own", "größe"),
            ("cookie", "a=1; b=2"),
            ("x-forwarded-for", "203.0.113.9"),
            ("te", "trailers"),
            ("x-private", "1"),
            ("connection", "x-private"),
        ];
        wire.ask("POST", "/some/path%2Fmore?a=1&a=2&b", &headers, b"hello");
        let (head, body) = wire.answer();
        assert_eq!((head.status, head.one("x-one")), (202, "1"));
        assert_eq!(head.one("content-type"), "application/json");
        assert_eq!(head.all("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(head.all("apigw-requestid").len(), 1);
        let told: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&told["method"], &told["bytes"]), (&"POST".into(), &5.into()));
        assert_eq!(told["path"], "/some/path%2Fmore?a=1&a=2&b");
        assert_eq!(header(&told, "cookie"), ["a=1; b=2"]);
        assert_eq!(header(&told, "host"), ["test"]);
        assert_eq!(header(&told, "x-forwarded-host"), ["test"]);
        assert_eq!(header(&told, "x-forwarded-for"), ["203.0.113.9, 127.0.0.1"]);
        assert_eq!(header(&told, "x-forwarded-proto"), ["http"]);
        assert!(header(&told, "x-amzn-trace-id")[0].starts_with("Root=1-"));
        let own: String = "größe".bytes().map(char::from).collect();
        assert_eq!(header(&told, "x-own"), [own]);
        assert_eq!(header(&told, "x-private"), [""; 0], "{told}");
        assert_eq!(header(&told, "te"), [""; 0], "{told}");

        for method in ["GET", "DELETE", "PATCH"] {
            wire.ask(method, "/x", &[], b"");
            let (_, body) = wire.answer();
            assert!(body.contains(&format!("\"{method}\"")), "{body}");
        }
    }
}

#[test]
fn head_has_headers_and_no_body() {
    for (folder, command) in PROGRAMS {
        let node = node(folder, command, "");
        let mut wire = Wire::open(node.gateway);
        wire.ask("HEAD", "/x", &[], b"");
        let head = wire.head();
        assert_eq!((head.status, head.one("x-one")), (202, "1"));
        assert_ne!(head.one("content-length"), "0");
        // Nothing of a body is in the way of the next answer.
        wire.ask("GET", "/y", &[], b"");
        assert!(wire.answer().1.contains("\"/y\""));
    }
}

#[test]
fn a_large_upload_arrives_whole() {
    for (folder, command) in PROGRAMS {
        let node = node(folder, command, "");
        let body: Vec<u8> = (0..9_000_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let (head, answer) = wire::ask(node.gateway, "PUT", "/upload", &[], &body);
        assert_eq!(head.status, 202, "{answer}");
        let told: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(told["bytes"], 9_000_000);
        let file = node.app.path().join("upload");
        std::fs::write(&file, body).unwrap();
        let sum = crate::clients::succeed(Command::new("sha256sum").arg(file));
        assert!(sum.starts_with(told["sha256"].as_str().unwrap()), "{sum} {told}");
    }
}

#[test]
fn an_upload_beyond_the_limit_is_refused() {
    let node = node("http-python", "python3 server.py", "");
    let mut wire = Wire::open(node.gateway);
    wire.send("POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 10485761\r\n\r\n");
    let (head, body) = wire.answer();
    assert_eq!((head.status, body.as_str()), (413, r#"{"message":"Request Entity Too Large"}"#));
    assert!(wire.closed());
}

#[test]
fn an_answer_comes_piece_by_piece() {
    for (folder, command) in PROGRAMS {
        let node = node(folder, command, "");
        for path in ["/stream", "/break"] {
            let mut wire = Wire::open(node.gateway);
            wire.ask("GET", path, &[], b"");
            assert_eq!(wire.head().one("content-type"), "text/event-stream");
            assert_eq!(wire.piece(), Piece::Data(b"first".into()));
            // The rest is not even written before this.
            tell(&node, "/open");
            let expect = if path == "/stream" { (b"last".to_vec(), true) } else { (Vec::new(), false) };
            assert_eq!(wire.rest(), expect, "{folder} {path}");
        }
    }
}

#[test]
fn one_instance_serves_many_requests_at_once() {
    for (folder, command) in PROGRAMS {
        let node = node(folder, command, "");
        // None of them is answered before all of them have arrived.
        let instances: Vec<Value> = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..20).map(|_| scope.spawn(|| tell(&node, "/together"))).collect();
            asked.into_iter().map(|asked| asked.join().unwrap()["instance"].clone()).collect()
        });
        assert!(instances.iter().all(|instance| *instance == instances[0]), "{instances:?}");
    }
}

#[test]
fn an_instance_starts_when_it_is_wanted_and_ends_when_it_is_not() {
    for (folder, command) in PROGRAMS {
        let node = node(folder, command, "keep-alive = \"1s\"");
        assert_eq!(node.logs("web"), [""; 0], "nothing runs before it is wanted");
        let first = tell(&node, "/x")["instance"].clone();
        assert_eq!(tell(&node, "/x")["instance"], first);
        let asked_to_stop = || node.logs("web").iter().any(|line| line == "asked to stop");
        eventually("the program is asked to stop", || asked_to_stop().then_some(()));
        assert_ne!(tell(&node, "/x")["instance"], first);
    }
}

#[test]
fn a_program_that_ends_is_started_again() {
    for (folder, command) in PROGRAMS {
        let node = node(folder, command, "");
        let first = tell(&node, "/x")["instance"].clone();
        let (head, body) = wire::ask(node.gateway, "POST", "/crash", &[], b"");
        assert_eq!((head.status, body.as_str()), (502, r#"{"message":"Bad Gateway"}"#));
        let restarted = eventually("another instance answers", || {
            let (head, body) = wire::ask(node.gateway, "GET", "/x", &[], b"");
            (head.status == 202).then(|| serde_json::from_str::<Value>(&body).unwrap()["instance"].clone())
        });
        assert_ne!(restarted, first);
        assert_eq!(tell(&node, "/x")["instance"], restarted);
    }
}

#[test]
fn a_program_that_never_listens_is_told_from_one_that_ends_and_one_that_is_not_there() {
    for (command, status) in [
        ("sleep 1000", &[504][..]),
        ("sh -c 'echo no database >&2; exit 3'", &[502]),
        ("no-such-program", &[502]),
    ] {
        let node = Node::up(
            &format!(
                "[functions.web]\nruntime = \"http\"\ncode = \"web\"\ncommand = {command:?}\ntimeout = \"1s\"\n\
                 http = [\"GET /x\"]\n"
            ),
            &[("web/readme", "")],
        );
        let answer = node.get("/x");
        println!("{command}: {} {}: {:?}", answer.status, answer.body, node.logs("web"));
        assert!(status.contains(&answer.status), "{command}: {answer:?}");
        assert!(answer.body.starts_with("{\"message\":"), "{answer:?}");
    }
}

#[test]
fn a_web_server_has_no_events() {
    let node = node("http-python", "python3 server.py", "");
    let answer = crate::custom::invoke(&node, "web", &[], "{}");
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (400, Some("InvalidParameterValueException"))
    );
    assert!(answer.body.contains("call one of its routes"), "{answer:?}");
}

/// Answers when `/slow` is asked after a second, other paths at once.
const SLOW: &str =
    "require('http').createServer((q, r) => setTimeout(() => r.end('VERSION'), q.url === '/slow' ? 1000 : 0))
    .listen(process.env.PORT);";

#[test]
fn an_instance_of_the_old_code_ends_with_its_last_request() {
    let manifest = "[functions.web]\nruntime = \"http\"\ncode = \"web\"\ncommand = \"node server.js\"\n\
                    http = [\"ANY /{path+}\"]\n";
    let node = Node::up(manifest, &[("web/server.js", &SLOW.replace("VERSION", "old"))]);
    assert_eq!(node.get("/x").body, "old");
    let programs = || node.processes().iter().filter(|process| process.is("node")).count();
    assert_eq!(programs(), 1);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| node.get("/slow"));
        std::thread::sleep(std::time::Duration::from_millis(200));
        node.app.write("web/server.js", &SLOW.replace("VERSION", "new"));
        eventually("the new code answers", || (node.get("/x").body == "new").then_some(()));
        assert_eq!(slow.join().unwrap().body, "old");
    });
    eventually("the old instance is gone", || (programs() == 1).then_some(()));
    assert_eq!(node.get("/x").body, "new");
}
