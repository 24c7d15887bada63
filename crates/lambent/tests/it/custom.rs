//! `provided` functions: the four unmodified runtime clients, and the Runtime API spoken by hand.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::clients::{function, tests};
use crate::harness::{Answer, Node, eventually, request};
use crate::wire::Wire;

const HANDLERS: [&str; 7] = ["echo", "fail", "panic", "exit", "large", "stream", "stream_fail"];

/// The largest result of a function, in bytes.
const RESULT_MAX: usize = 6 * 1024 * 1024 + 100;

/// What is different between the runtime clients.
struct Client {
    folder: &'static str,
    /// What a failure says besides its type and message.
    fail_has: &'static [&'static str],
    /// The error type, and a part of the message, of a handler that panics, or what comes nearest.
    panic: (&'static str, &'static str),
    /// The same of one that ends its process with status 7.
    exit: (&'static str, &'static str),
    streams: Streams,
}

/// How a client streams.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Streams {
    /// It puts everything together first.
    No,
    Yes,
    /// It writes the trailers that tell of a failure into the body, where nobody looks for them.
    TrailersInBody,
}

#[test]
fn the_rust_client_works() {
    Client {
        folder: "rust-runtime",
        fail_has: &[],
        panic: ("Any", "deliberate panic"),
        exit: ("Runtime.ExitError", "exit status 7"),
        streams: Streams::TrailersInBody,
    }
    .works();
}

#[test]
fn the_go_client_works() {
    Client {
        folder: "go-runtime",
        fail_has: &[],
        panic: ("string", "deliberate panic"),
        exit: ("Runtime.ExitError", "exit status 7"),
        streams: Streams::Yes,
    }
    .works();
}

#[test]
fn the_python_client_works() {
    Client {
        folder: "python-ric",
        fail_has: &["requestId", "stackTrace"],
        panic: ("Runtime.ExitError", "signal: killed"),
        exit: ("Runtime.ExitError", "exit status 7"),
        streams: Streams::No,
    }
    .works();
}

#[test]
fn the_node_client_works() {
    Client {
        folder: "node-ric",
        fail_has: &["trace"],
        panic: ("Boom", "deliberate panic"),
        exit: ("Runtime.ExitError", "exit status 7"),
        streams: Streams::Yes,
    }
    .works();
}

impl Client {
    fn works(&self) {
        let code = function(self.folder);
        let section = |name: &&str| {
            format!(
                "[functions.{name}]\nruntime = \"provided\"\ncode = {code:?}\nhandler = \"app.{name}\"\n\
                 memory = \"256MB\"\ntimeout = \"20s\"\nhttp = [\"POST /{name}\"]\n"
            )
        };
        let node = Node::up(&HANDLERS.iter().map(section).collect::<String>(), &[]);
        Self::echoes(&node);
        self.fails(&node);
        Self::returns_too_much(&node);
        Self::answers_in_pieces(&node);
        if self.streams != Streams::No {
            Self::streams(&node);
            self.breaks_off(&node);
        }
    }

    /// What the handler sees of an invocation.
    fn echoes(node: &Node) {
        let trace = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Parent=53995c3f42cd8ad8;Sampled=1";
        let context = json!({
            // The client for Rust wants all of them.
            "client": {
                "installationId": "i", "appTitle": "t", "appVersionName": "1", "appVersionCode": "1",
                "appPackageName": "p",
            },
            "custom": {"key": "größe"},
            "env": {"make": "m"},
        });
        let context = BASE64.encode(context.to_string());
        let headers = [("x-amzn-trace-id", trace), ("x-amz-client-context", context.as_str())];
        for _ in 0..2 {
            let before = now();
            let answer = invoke(node, "echo", &headers, r#"{"text": "größe \u0000", "n": 1}"#);
            assert_eq!(answer.header("x-amz-function-error"), None, "{answer:?} {:?}", node.logs("echo"));
            // The caller's trace, and that it has come to this function once more.
            let visited = answer.header("x-amzn-trace-id").unwrap();
            assert!(visited.starts_with(&format!("{trace};Lineage=")), "{visited}");
            let seen = answer.json();
            assert_eq!(seen["echo"], json!({"text": "größe \u{0}", "n": 1}));
            assert_eq!(seen["requestId"].as_str(), answer.header("x-amzn-requestid"));
            assert_eq!(seen["arn"], "arn:aws:lambda:us-east-1:000000000000:function:echo");
            assert_eq!(seen["trace"], visited);
            assert_eq!(seen["traceEnv"], visited);
            assert_eq!(seen["clientContext"]["custom"]["key"], "größe", "{seen}");
            let deadline = seen["deadline"].as_u64().unwrap();
            assert!((before + 19_000..=now() + 20_001).contains(&deadline), "{before} {deadline}");
        }
        let qualified = invoke(node, "echo:$LATEST", &[], "");
        let seen = qualified.json();
        assert_eq!(seen["arn"], "arn:aws:lambda:us-east-1:000000000000:function:echo:$LATEST");
        assert_eq!(seen["echo"], json!({}));
        assert_eq!(seen["clientContext"]["custom"]["key"], Value::Null);
        assert_eq!(qualified.header("x-amz-executed-version"), Some("$LATEST"));
        assert_ne!(seen["trace"], trace);
        eventually("a process serves several invocations", || {
            (invoke(node, "echo", &[], "").json()["count"].as_u64() >= Some(3)).then_some(())
        });
    }

    /// Failures of every kind, each twice: the function is usable afterwards.
    fn fails(&self, node: &Node) {
        let check = |name: &str, (kind, message): (&str, &str)| {
            for _ in 0..2 {
                let answer = invoke(node, name, &[], "{}");
                assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, Some("Unhandled")));
                let error = answer.json();
                let told = error["errorMessage"].as_str().unwrap();
                assert!(error["errorType"].as_str().unwrap().contains(kind), "{name}: {error}");
                assert!(told.contains(message), "{name}: {error}");
                for member in self.fail_has.iter().filter(|_| name == "fail") {
                    assert_ne!(error[*member], Value::Null, "{error}");
                }
            }
            assert_eq!(node.post(&format!("/{name}"), "{}").body, r#"{"message":"Internal Server Error"}"#);
        };
        check("fail", ("Boom", "deliberate failure"));
        check("panic", self.panic);
        check("exit", self.exit);
    }

    /// Some clients end their process when the answer is refused: the next invocation has a new one.
    fn returns_too_much(node: &Node) {
        for _ in 0..2 {
            let answer = invoke(node, "large", &[], r#"{"bytes": 7000000}"#);
            assert_eq!(answer.header("x-amz-function-error"), Some("Unhandled"));
            assert_eq!(
                answer.body,
                r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#
            );
            let answer = invoke(node, "large", &[], r#"{"bytes": 3}"#);
            assert_eq!((answer.header("x-amz-function-error"), answer.body.as_str()), (None, r#""xxx""#));
        }
        assert_eq!(invoke(node, "large", &[], r#"{"bytes": 6291000}"#).body.len(), 6_291_002);
    }

    /// A buffered Invoke puts a stream together, prelude and all.
    fn answers_in_pieces(node: &Node) {
        let answer = invoke(node, "stream", &[], r#"{"chunks": 2, "delayMs": 1}"#);
        assert_eq!(answer.header("x-amz-function-error"), None, "{answer:?}");
        let (prelude, body) = answer.body.split_once("\0\0\0\0\0\0\0\0").unwrap();
        let prelude: Value = serde_json::from_str(prelude).unwrap();
        assert_eq!((&prelude["statusCode"], &prelude["cookies"]), (&json!(201), &json!(["a=1", "b=2"])));
        assert_eq!(body, "chunk 0\nchunk 1\n");
    }

    fn streams(node: &Node) {
        let mut wire = Wire::open(node.gateway);
        for _ in 0..2 {
            wire.ask("POST", "/stream", &[], b"{}");
            let (head, body) = wire.answer();
            assert_eq!((head.status, body.as_str()), (201, "chunk 0\nchunk 1\nchunk 2\n"));
            assert_eq!((head.one("content-type"), head.one("x-lambent")), ("text/plain", "stream"));
            assert_eq!(head.all("set-cookie"), ["a=1", "b=2"]);
        }
    }

    /// A stream that fails half-way ends without its end; the one after it is whole.
    fn breaks_off(&self, node: &Node) {
        for _ in 0..2 {
            let mut wire = Wire::open(node.gateway);
            wire.ask("POST", "/stream_fail", &[], b"{}");
            assert_eq!(wire.head().status, 201);
            let (body, whole) = wire.rest();
            let body = String::from_utf8(body).unwrap();
            assert!(body.starts_with("chunk 0\nchunk 1\nchunk 2\n"), "{body}");
            if self.streams == Streams::TrailersInBody {
                assert!(whole && body.contains("\nLambda-Runtime-Function-Error-Type: "), "{body}");
                return;
            }
            assert!(!whole, "{body}");
        }
        let answer = invoke(node, "stream_fail", &[], r#"{"chunks": 1, "delayMs": 1}"#);
        assert_eq!(answer.header("x-amz-function-error"), Some("Unhandled"), "{answer:?}");
    }
}

/// A function that does what its events say, step by step.
struct Raw {
    node: Node,
    runs: Cell<usize>,
}

impl Raw {
    fn up() -> Self {
        let code = tests().join("functions/raw-runtime");
        let manifest = format!(
            "[functions.raw]\nruntime = \"provided\"\ncode = {code:?}\ntimeout = \"20s\"\n\
             http = [\"POST /raw\"]\n"
        );
        Self { node: Node::up(&manifest, &[]), runs: Cell::default() }
    }

    fn run(&self, script: &Value) -> Answer {
        self.runs.set(self.runs.get() + 1);
        invoke(&self.node, "raw", &[], &script.to_string())
    }

    /// What the steps of the last run were answered with; the answer itself is one of them. That it is told at all
    /// shows that the runtime goes on.
    fn told(&self) -> Vec<Value> {
        eventually("the steps are done", || {
            let lines = self.node.logs("raw");
            let mut told = lines.iter().filter(|line| line.starts_with("[{"));
            told.nth(self.runs.get() - 1).map(|line| serde_json::from_str(line).unwrap())
        })
    }
}

fn post(path: &str, body: &str) -> Value {
    json!({"method": "POST", "path": path, "body": body})
}

fn status_and_type(told: &Value) -> (u64, String) {
    assert_eq!(told["headers"]["content-type"], "application/json", "{told}");
    let body: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
    let kind = body["errorType"].as_str().or_else(|| body["status"].as_str()).unwrap().to_owned();
    (told["status"].as_u64().unwrap(), kind)
}

fn check(told: &[Value], expect: &[(u64, &str)]) {
    let told: Vec<_> = told.iter().map(status_and_type).collect();
    let told: Vec<_> = told.iter().map(|(status, kind)| (*status, kind.as_str())).collect();
    assert_eq!(told, expect);
}

#[test]
fn next_has_these_headers_and_no_others() {
    let raw = Raw::up();
    let answer = invoke(&raw.node, "raw", &[], "{}");
    let headers = answer.json()["headers"].as_object().unwrap().clone();
    let names: Vec<&str> = headers.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "content-length",
            "content-type",
            "lambda-runtime-aws-request-id",
            "lambda-runtime-deadline-ms",
            "lambda-runtime-invoked-function-arn",
            "lambda-runtime-trace-id",
        ]
    );
    assert_eq!(headers["content-type"], "application/json");
    let trace = headers["lambda-runtime-trace-id"].as_str().unwrap();
    assert!(trace.starts_with("Root=1-") && trace.contains(";Sampled=0"), "{trace}");
    assert!(headers["lambda-runtime-deadline-ms"].as_str().unwrap().parse::<u64>().unwrap() > now());

    let context = r#"{ "custom": {"a": "größe"} }"#;
    let encoded = BASE64.encode(context);
    let answer = invoke(&raw.node, "raw", &[("x-amz-client-context", &encoded)], r#"{ "before" : [] }"#);
    // As text, decoded, in characters that every client reads.
    assert_eq!(
        answer.json()["headers"]["lambda-runtime-client-context"],
        r#"{ "custom": {"a": "gr\u00f6\u00dfe"} }"#
    );
    assert_eq!(answer.json()["body"], r#"{ "before" : [] }"#, "byte for byte");
}

#[test]
fn next_before_an_answer_gives_the_same_event() {
    let raw = Raw::up();
    let next = json!({"method": "GET", "path": "/invocation/next"});
    let answer = raw.run(&json!({"before": [next, next]}));
    let told = raw.told();
    for again in &told[..2] {
        assert_eq!(again["status"], 200);
        assert_eq!(again["headers"], answer.json()["headers"]);
        assert_eq!(again["body"], answer.json()["body"]);
    }
    assert_eq!(told[2]["status"], 202);
}

#[test]
fn an_accepted_answer_is_told_in_lambdas_words() {
    let raw = Raw::up();
    raw.run(&json!({}));
    let told = raw.told();
    assert_eq!(
        told,
        [json!({
            "status": 202,
            "headers": {"content-type": "application/json", "content-length": "15"},
            "body": r#"{"status":"OK"}"#,
        })]
    );
}

#[test]
fn answers_out_of_turn_are_refused() {
    let raw = Raw::up();
    let foreign = post("/invocation/8f507cfc-xmpl-4697-b07a-ac58fc914c95/response", "1");
    let foreign_error = post("/invocation/8f507cfc-xmpl-4697-b07a-ac58fc914c95/error", "{}");
    let second = post("/invocation/{id}/response", "2");
    let second_error = post("/invocation/{id}/error", "{}");
    let init = post("/init/error", "{}");
    let answer =
        raw.run(&json!({"before": [foreign, init], "after": [second, second_error, foreign_error, init]}));
    assert_eq!(answer.header("x-amz-function-error"), None, "{answer:?}");
    let told = raw.told();
    let id = (400, "InvalidRequestID");
    let state = (403, "InvalidStateTransition");
    check(&told, &[id, state, (202, "OK"), state, state, id, state]);
    assert_eq!(told[0]["body"], r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#);
    assert_eq!(
        told[3]["body"],
        "{\"errorMessage\":\"State transition from ResponseSent to InvocationResponse failed for runtime. \
         Error: State transition is not allowed\",\"errorType\":\"InvalidStateTransition\"}"
    );
}

#[test]
fn the_largest_answer_is_taken_and_one_byte_more_is_not() {
    let raw = Raw::up();
    let sized = |size: usize| json!({"method": "POST", "path": "/invocation/{id}/response", "size": size});
    let answer = raw.run(&json!({"before": [sized(RESULT_MAX)]}));
    assert_eq!((answer.header("x-amz-function-error"), answer.body.len()), (None, RESULT_MAX));
    check(&raw.told(), &[(202, "OK"), (403, "InvalidStateTransition")]);

    let answer = raw.run(&json!({"before": [sized(RESULT_MAX + 1)]}));
    assert_eq!(answer.json()["errorType"], "Function.ResponseSizeTooLarge");
    let told = raw.told();
    check(&told, &[(413, "RequestEntityTooLarge"), (403, "InvalidStateTransition")]);
    assert!(
        told[0]["body"].as_str().unwrap().contains("Exceeded maximum allowed payload size (6291556 bytes).")
    );
}

#[test]
fn an_error_is_passed_on_byte_for_byte() {
    let raw = Raw::up();
    for document in [r#"{ "errorMessage" : "m", "errorType" : "T", "own": [1] }"#, "no JSON at all", ""] {
        let answer = raw.run(&json!({"before": [post("/invocation/{id}/error", document)]}));
        assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, Some("Unhandled")));
        assert_eq!(answer.body, document);
        check(&raw.told(), &[(202, "OK"), (403, "InvalidStateTransition")]);
    }
}

#[test]
fn paths_and_methods_that_are_not_there_are_404() {
    let raw = Raw::up();
    let step = |method: &str, path: &str| json!({"method": method, "path": path});
    raw.run(&json!({"before": [
        step("GET", "/2018-06-01/ping"),
        step("GET", "/2018-06-01/nothing"),
        step("POST", "/invocation/next"),
        step("GET", "/invocation/{id}/response"),
        step("PUT", "/invocation/{id}/response"),
        step("POST", "/invocation/{id}/more/response"),
        step("POST", "/2020-01-01/extension/register"),
        step("PUT", "/2022-07-01/telemetry"),
        step("GET", "/restore/next"),
    ]}));
    let told = raw.told();
    assert_eq!((&told[0]["status"], &told[0]["body"]), (&json!(200), &json!("pong")));
    for told in &told[1..9] {
        assert_eq!(told["status"], 404, "{told}");
    }
    assert_eq!(told[9]["status"], 202, "none of it was the answer");
}

#[test]
fn nonsense_in_an_answer_is_refused_and_the_runtime_goes_on() {
    let raw = Raw::up();
    let mode = json!({
        "method": "POST", "path": "/invocation/{id}/response", "body": "1",
        "headers": {"lambda-runtime-function-response-mode": "buffered"},
    });
    let answer = raw.run(&json!({"before": [mode]}));
    assert_eq!(answer.json()["errorType"], "Runtime.InvalidResponseModeHeader");
    check(&raw.told(), &[(400, "InvalidFunctionResponseMode"), (403, "InvalidStateTransition")]);

    for streaming in ["", "lambda-runtime-function-response-mode: streaming\r\n"] {
        let cut = format!(
            "POST /2018-06-01/runtime/invocation/{{id}}/response HTTP/1.1\r\nhost: x\r\n{streaming}content-length: 9\r\n\r\n1234"
        );
        for reset in [false, true] {
            let answer = raw.run(&json!({"before": [{"raw": cut, "reset": reset}]}));
            assert_eq!(answer.json()["errorType"], "Runtime.TruncatedResponse", "{answer:?}");
            let told = raw.told();
            check(&told[1..], &[(403, "InvalidStateTransition")]);
        }
    }
}

#[test]
fn a_stream_may_fail_in_its_trailers() {
    let raw = Raw::up();
    let error = BASE64.encode(r#"{"errorMessage":"oops"}"#);
    // Whole: a client that hangs up half-way may be taken for one that is gone before it is answered.
    let streamed = |trailers: &str| {
        json!({"whole": true, "raw": format!(
            "POST /2018-06-01/runtime/invocation/{{id}}/response HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             lambda-runtime-function-response-mode: streaming\r\ncontent-type: text/plain\r\n\
             trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\
             transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n{trailers}\r\n"
        )})
    };
    let whole = json!({"before": [streamed("")]});
    let failing = json!({"before": [streamed(&format!(
        "Lambda-Runtime-Function-Error-Type: Function.Oops\r\nLambda-Runtime-Function-Error-Body: {error}\r\n"
    ))]});
    assert_eq!(raw.run(&whole).body, "abc");
    let answer = raw.run(&failing);
    assert_eq!(answer.header("x-amz-function-error"), Some("Unhandled"));
    assert_eq!(answer.body, r#"{"errorMessage":"oops"}"#);
    let told = raw.told();
    assert!(told[0]["raw"].as_str().unwrap().starts_with("HTTP/1.1 202"), "{told:?}");
}

#[test]
fn a_runtime_that_cannot_start_says_why() {
    let code = tests().join("functions/raw-runtime");
    let node = Node::up(
        &format!(
            "[functions.raw]\nruntime = \"provided\"\ncode = {code:?}\nenvironment = {{ INIT = \"error\" }}\n\
             http = [\"POST /raw\"]\n"
        ),
        &[],
    );
    for _ in 0..2 {
        let answer = invoke(&node, "raw", &[], "{}");
        assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, Some("Unhandled")));
        assert_eq!(answer.body, r#"{"errorMessage":"no start","errorType":"Custom.Init","stackTrace":[]}"#);
    }
    assert_eq!(node.post("/raw", "{}").status, 500);
    let logged = node.logs("raw").join("\n");
    assert!(logged.contains("'status': 202"), "{logged}");
}

/// `Invoke` on the AWS-compatible port.
pub(crate) fn invoke(node: &Node, name: &str, headers: &[(&str, &str)], payload: &str) -> Answer {
    request(node.api, "POST", &format!("/2015-03-31/functions/{name}/invocations"), headers, payload)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the deadline that a function sees is a time of the real clock"
)]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}
