//! Streamed answers of `nodejs` functions, to clients that listen, lag, or go away.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::custom::invoke;
use crate::harness::{Node, PATIENCE, eventually};
use crate::wire::{Piece, Wire};

const MANIFEST: &str = r#"
[functions.s]
runtime = "nodejs"
code = "s"
handler = "index.handler"
memory = "256MB"
timeout = "30s"
http = ["POST /s"]

[functions.plain]
runtime = "nodejs"
code = "s"
handler = "index.plain"
http = ["GET /plain"]
"#;

/// Does what its event says: a prelude or a content type, pieces, a gate to wait at, and how it ends.
const CODE: &str = r#"
const net = require('node:net');
const { once } = require('node:events');

// Waits until the test says to go on.
const gate = async (port) => {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'data');
  socket.destroy();
};

exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  event = event.body ? JSON.parse(event.body) : event;
  if (event.fail === 'early') throw new TypeError('early');
  // Before anything is written: who writes to a client that does not read has no time for anything else.
  const progress = event.progress && net.connect(event.progress, '127.0.0.1');
  if (progress) await once(progress, 'connect');
  let out = stream;
  if (event.prelude) out = awslambda.HttpResponseStream.from(stream, event.prelude);
  if (event.type) out.setContentType(event.type);
  out.write(event.first ?? 'first,');
  if (event.gate) await gate(event.gate);
  if (event.fail === 'exit') process.exit(3);
  if (event.fail) throw new TypeError('late');
  const piece = Buffer.alloc(65536, 'x');
  for (let left = event.bytes ?? 0; left > 0; left -= piece.length) {
    const whole = left >= piece.length ? piece : piece.subarray(0, left);
    if (!out.write(whole)) await once(out, 'drain');
    if (progress) progress.write('.');
  }
  if (progress) progress.end();
  out.end('last');
});

exports.plain = async () => 'plain';
"#;

fn up() -> Node {
    Node::up(MANIFEST, &[("s/index.js", CODE)])
}

/// Where a function waits until the test lets it go on.
struct Gate(TcpListener);

impl Gate {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// The function is there; it goes on when this is written to.
    fn reached(&self) -> TcpStream {
        self.0.set_nonblocking(true).unwrap();
        let stream = eventually("the function connects", || self.0.accept().ok()).0;
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

fn ask(node: &Node, event: &Value) -> Wire {
    let mut wire = Wire::open(node.gateway);
    wire.ask("POST", "/s", &[("content-type", "application/json")], event.to_string().as_bytes());
    wire
}

fn text(wire: &mut Wire) -> String {
    let (body, whole) = wire.rest();
    let body = String::from_utf8(body).unwrap();
    assert!(whole, "{body}");
    body
}

#[test]
fn the_first_byte_does_not_wait_for_the_last() {
    let (node, gate) = (up(), Gate::new());
    let mut wire = ask(&node, &json!({"gate": gate.port(), "type": "text/event-stream"}));
    let head = wire.head();
    assert_eq!((head.status, head.one("content-type")), (200, "text/event-stream"));
    assert_eq!(head.one("transfer-encoding"), "chunked");
    assert_eq!(wire.piece(), Piece::Data(b"first,".into()));
    gate.reached().write_all(b"go").unwrap();
    assert_eq!(text(&mut wire), "last");
    // The connection goes on.
    wire.ask("POST", "/s", &[("content-type", "application/json")], b"{}");
    assert_eq!(wire.head().one("content-type"), "application/octet-stream");
    assert_eq!(text(&mut wire), "first,last");
}

#[test]
fn the_prelude_becomes_status_headers_and_cookies() {
    let (node, gate) = (up(), Gate::new());
    let prelude = json!({
        "statusCode": 418,
        "headers": {"content-type": "text/html", "x-own": "1", "content-length": "3", "connection": "close"},
        "cookies": ["a=1; Path=/", "b=2"],
    });
    let mut wire = ask(&node, &json!({"prelude": prelude, "gate": gate.port()}));
    let head = wire.head();
    assert_eq!((head.status, head.one("content-type"), head.one("x-own")), (418, "text/html", "1"));
    assert_eq!(head.all("set-cookie"), ["a=1; Path=/", "b=2"]);
    assert_eq!(
        (head.all("content-length"), head.all("connection")),
        (vec![], vec![]),
        "the gateway frames it"
    );
    assert_eq!(wire.piece(), Piece::Data(b"first,".into()));
    gate.reached().write_all(b"go").unwrap();
    assert_eq!(text(&mut wire), "last");
    let mut wire = ask(&node, &json!({"prelude": {"statusCode": 99}}));
    assert_eq!(wire.answer().0.status, 500, "no response has this status");
    let mut wire = ask(&node, &json!({"prelude": {"headers": {"x": "y".repeat(20_000)}}}));
    assert_eq!(wire.answer().0.status, 500, "a prelude is short");
}

#[test]
fn an_early_error_is_a_500_and_a_late_one_cuts_the_connection() {
    let node = up();
    let (head, body) = ask(&node, &json!({"fail": "early"})).answer();
    assert_eq!((head.status, body.as_str()), (500, r#"{"message":"Internal Server Error"}"#));
    for fail in ["late", "exit"] {
        let gate = Gate::new();
        let mut wire = ask(&node, &json!({"fail": fail, "gate": gate.port()}));
        assert_eq!(wire.head().status, 200);
        assert!(matches!(wire.piece(), Piece::Data(_)));
        gate.reached().write_all(b"go").unwrap();
        assert_eq!(wire.rest(), (Vec::new(), false), "{fail}");
        assert!(wire.closed());
    }
    let mut wire = ask(&node, &json!({}));
    assert_eq!((wire.head().status, text(&mut wire).as_str()), (200, "first,last"));
}

#[test]
fn a_client_that_lags_makes_the_function_wait_and_gets_everything() {
    const BYTES: usize = 20_000_000;
    const WAIT: std::time::Duration = std::time::Duration::from_millis(500);
    let (node, progress) = (up(), Gate::new());
    let mut wire = ask(&node, &json!({"bytes": BYTES, "progress": progress.port()}));
    assert_eq!(wire.head().status, 200);
    // Nobody reads: what is on its way fills up, and the function comes to a stand.
    let mut written = progress.reached();
    written.set_read_timeout(Some(WAIT)).unwrap();
    let (mut buffer, mut pieces) = ([0; 4096], 0);
    let ended = loop {
        match written.read(&mut buffer) {
            Ok(0) => break true,
            Ok(more) => pieces += more,
            Err(_) => break false,
        }
    };
    assert!(!ended, "the function was never made to wait; it wrote {pieces} pieces");
    let body = text(&mut wire);
    assert_eq!(body.len(), "first,last".len() + BYTES);
    assert!(body.trim_start_matches("first,").trim_end_matches("last").bytes().all(|b| b == b'x'));
}

#[test]
fn a_client_that_goes_away_leaves_the_sandbox_usable() {
    let (node, gate) = (up(), Gate::new());
    let mut wire = ask(&node, &json!({"gate": gate.port(), "bytes": 1_000_000}));
    assert_eq!(wire.head().status, 200);
    assert_eq!(wire.piece(), Piece::Data(b"first,".into()));
    let mut go = gate.reached();
    drop(wire);
    go.write_all(b"go").unwrap();
    // It runs to its end unheard, and the next one runs as ever.
    let mut wire = ask(&node, &json!({}));
    assert_eq!((wire.head().status, text(&mut wire).as_str()), (200, "first,last"));
    // And one that leaves while the function is made to wait.
    let mut wire = ask(&node, &json!({"bytes": 20_000_000}));
    assert_eq!(wire.head().status, 200);
    assert!(matches!(wire.piece(), Piece::Data(_)));
    drop(wire);
    let reports = eventually("all three have ended", || {
        let reports: Vec<_> = node.logs("s").into_iter().filter(|line| line.starts_with("REPORT")).collect();
        (reports.len() == 3).then_some(reports)
    });
    assert!(reports.iter().all(|report| !report.contains("Status:")), "{reports:?}");
    assert_eq!(
        reports.iter().filter(|report| report.contains("Init Duration")).count(),
        1,
        "one process: {reports:?}"
    );
}

#[test]
fn a_buffered_invoke_puts_the_stream_together_up_to_6_megabytes() {
    let node = up();
    let answer = invoke(&node, "s", &[], &json!({"prelude": {"statusCode": 201}}).to_string());
    assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, None));
    assert_eq!(answer.body, "{\"statusCode\":201}\0\0\0\0\0\0\0\0first,last");
    let answer = invoke(&node, "s", &[], r#"{"bytes": 6000000, "first": ""}"#);
    assert_eq!((answer.header("x-amz-function-error"), answer.body.len()), (None, 6_000_004));
    let answer = invoke(&node, "s", &[], r#"{"bytes": 7000000}"#);
    assert_eq!(answer.header("x-amz-function-error"), Some("Unhandled"));
    assert_eq!(answer.json()["errorType"], "Function.ResponseSizeTooLarge");
    let answer = invoke(&node, "s", &[], r#"{"fail": "late"}"#);
    assert_eq!(answer.json()["errorType"], "TypeError");
}

#[test]
fn head_of_a_stream_has_no_body() {
    let node = Node::up(&MANIFEST.replace("POST /s", "ANY /s"), &[("s/index.js", CODE)]);
    let mut wire = Wire::open(node.gateway);
    wire.ask("HEAD", "/s", &[], b"");
    assert_eq!(wire.head().status, 200);
    wire.ask("GET", "/plain", &[], b"");
    assert_eq!(wire.answer().1, "plain");
}
