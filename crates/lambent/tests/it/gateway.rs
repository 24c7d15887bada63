//! The gateway end to end: what a handler sees of a request, what a client gets of an answer, and what never
//! reaches a handler.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::clients::succeed;
use crate::harness::{Node, eventually};
use crate::wire::{self, Head, Wire};

const MANIFEST: &str = r#"
[functions.echo]
runtime = "nodejs"
code = "code"
handler = "index.echo"
http = [
    "ANY /echo/{id}",
    { route = "ANY /one/{rest+}", payload = "1.0" },
    "GET /exact",
]

[functions.answer]
runtime = "nodejs"
code = "code"
handler = "index.answer"
http = ["POST /answer", { route = "POST /answer-one", payload = "1.0" }]
"#;

const CODE: &str = "
exports.echo = async (event) => {
  console.log('PATH ' + (event.rawPath ?? event.path));
  const body = JSON.stringify(event);
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body };
};
exports.answer = async (event) => JSON.parse(event.body);
";

fn up() -> Node {
    Node::up(MANIFEST, &[("code/index.js", CODE)])
}

/// The event that a request becomes.
fn event(node: &Node, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Value {
    let (head, body) = wire::ask(node.gateway, method, path, headers, body);
    assert_eq!(head.status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// What a client gets of this answer of a function.
fn answered(node: &Node, path: &str, answer: &Value) -> (Head, String) {
    let headers = [("content-type", "application/json")];
    wire::ask(node.gateway, "POST", path, &headers, answer.to_string().as_bytes())
}

/// The paths that the handler has seen.
fn seen(node: &Node) -> Vec<String> {
    let lines = node.logs("echo").into_iter();
    lines.filter_map(|line| line.split_once("PATH ").map(|(_, path)| path.to_owned())).collect()
}

/// Takes a member out, to look at on its own.
fn take(value: &mut Value, pointer: &str) -> Value {
    value.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")).take()
}

#[test]
fn an_event_of_format_2() {
    let node = up();
    let headers = [
        ("X-Many", "1"),
        ("x-many", "2"),
        ("cookie", "s=1; t=2"),
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", "curl/8"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
        ("x-amzn-trace-id", "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c"),
    ];
    let mut event =
        event(&node, "POST", "/echo/a%20b?a=1&a=2&b=&c=%C3%B6+x", &headers, "{\"ö\":1}".as_bytes());
    let time = take(&mut event, "/requestContext/time");
    let epoch = take(&mut event, "/requestContext/timeEpoch");
    let id = take(&mut event, "/requestContext/requestId");
    let port = node.gateway.port().to_string();
    assert_eq!(time.as_str().unwrap().len(), "03/Feb/2026:10:00:00 +0000".len());
    assert!(epoch.as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(id.as_str().unwrap().len(), 16);
    let expect = json!({
        "version": "2.0",
        "routeKey": "ANY /echo/{id}",
        "rawPath": "/echo/a%20b",
        "rawQueryString": "a=1&a=2&b=&c=%C3%B6+x",
        "cookies": ["s=1", "t=2"],
        "headers": {
            "content-length": "8",
            "content-type": "application/json; charset=utf-8",
            "host": "test",
            "user-agent": "curl/8",
            "x-amzn-trace-id": "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c",
            "x-forwarded-for": "203.0.113.9, 127.0.0.1",
            "x-forwarded-port": port,
            "x-forwarded-proto": "http",
            "x-many": "1,2",
        },
        "queryStringParameters": {"a": "1,2", "b": "", "c": "ö x"},
        "pathParameters": {"id": "a b"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": event["requestContext"]["apiId"],
            "domainName": "test",
            "domainPrefix": "test",
            "http": {
                "method": "POST", "path": "/echo/a%20b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": null,
            "routeKey": "ANY /echo/{id}",
            "stage": "$default",
            "time": null,
            "timeEpoch": null,
        },
        "body": "{\"ö\":1}",
        "isBase64Encoded": false,
    });
    assert_eq!(event, expect);
}

#[test]
fn what_is_absent_is_left_out_of_format_2() {
    let event = event(&up(), "GET", "/exact", &[], b"");
    let names: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expect =
        ["version", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext", "isBase64Encoded"];
    expect.sort_unstable();
    assert_eq!(names, expect);
}

#[test]
fn an_event_of_format_1() {
    let node = up();
    let headers = [("x-many", "1"), ("X-Many", "2"), ("cookie", "s=1; t=2"), ("content-type", "text/plain")];
    let seen = event(&node, "PUT", "/one/a/b%2Fc?a=1&a=2&b=", &headers, b"text");
    assert_eq!((&seen["version"], &seen["httpMethod"]), (&json!("1.0"), &json!("PUT")));
    assert_eq!((&seen["resource"], &seen["path"]), (&json!("/one/{rest+}"), &json!("/one/a/b%2Fc")));
    assert_eq!(seen["headers"]["x-many"], "2");
    assert_eq!(seen["headers"]["cookie"], "s=1; t=2");
    assert_eq!(seen["multiValueHeaders"]["x-many"], json!(["1", "2"]));
    assert_eq!(seen["queryStringParameters"], json!({"a": "2", "b": ""}));
    assert_eq!(seen["multiValueQueryStringParameters"], json!({"a": ["1", "2"], "b": [""]}));
    assert_eq!(seen["pathParameters"], json!({"rest": "a/b/c"}));
    assert_eq!((&seen["body"], &seen["isBase64Encoded"]), (&json!("text"), &json!(false)));
    let context = &seen["requestContext"];
    assert_eq!((&context["resourcePath"], &context["httpMethod"]), (&json!("/one/{rest+}"), &json!("PUT")));
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["authorizer"], json!({"claims": null, "scopes": null}));
    let bare = event(&node, "GET", "/one/x", &[], b"");
    for absent in ["queryStringParameters", "multiValueQueryStringParameters", "stageVariables", "body"] {
        assert_eq!(bare.get(absent), Some(&Value::Null), "{absent}");
    }
}

#[test]
fn bodies_are_text_or_base64() {
    let node = up();
    for (content_type, is_text) in [
        ("application/json", true),
        ("text/html; charset=utf-8", true),
        ("application/xml", true),
        ("application/javascript", true),
        ("application/x-www-form-urlencoded", false),
        ("application/vnd.api+json", false),
        ("image/png", false),
    ] {
        let seen = event(&node, "POST", "/echo/x", &[("content-type", content_type)], b"a=1");
        let expect = if is_text { "a=1" } else { "YT0x" };
        assert_eq!(
            (&seen["body"], &seen["isBase64Encoded"]),
            (&json!(expect), &json!(!is_text)),
            "{content_type}"
        );
    }
    let bytes: Vec<u8> = (0..=255).collect();
    for headers in [&[("content-type", "text/plain")][..], &[]] {
        let seen = event(&node, "POST", "/echo/x", headers, &bytes);
        assert_eq!((&seen["body"], &seen["isBase64Encoded"]), (&json!(BASE64.encode(&bytes)), &json!(true)));
    }
}

#[test]
fn answers_become_responses() {
    let node = up();
    let (head, body) = answered(
        &node,
        "/answer",
        &json!({
            "statusCode": 404,
            "headers": {"x-own": "1", "set-cookie": "c=3", "X-Number": 7, "x-true": true, "connection": "close"},
            "multiValueHeaders": {"x-own": ["not", "read"]},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "größe",
        }),
    );
    assert_eq!((head.status, body.as_str()), (404, "größe"));
    assert_eq!(head.all("set-cookie"), ["a=1; Path=/", "b=2", "c=3"]);
    assert_eq!((head.one("x-own"), head.one("x-number"), head.one("x-true")), ("1", "7", "true"));
    assert_eq!((head.one("content-type"), head.one("content-length")), ("text/plain;charset=utf-8", "7"));
    assert_eq!(head.one("apigw-requestid").len(), 16);
    assert_eq!(head.all("connection"), [""; 0]);

    let (head, body) = answered(
        &node,
        "/answer-one",
        &json!({
            "statusCode": 200,
            "headers": {"x-own": "0", "content-type": "text/html"},
            "multiValueHeaders": {"x-own": ["1", "2"], "set-cookie": ["a=1", "b=2"]},
        }),
    );
    assert_eq!((head.status, body.as_str()), (200, ""));
    assert_eq!((head.all("x-own"), head.all("set-cookie")), (vec!["1", "2"], vec!["a=1", "b=2"]));

    for (answer, text) in [(json!({"a": 1}), r#"{"a":1}"#), (json!("text"), "text"), (json!(null), "null")] {
        let (head, body) = answered(&node, "/answer", &answer);
        assert_eq!((head.status, head.one("content-type"), body.as_str()), (200, "application/json", text));
        assert_eq!(answered(&node, "/answer-one", &answer).0.status, 500, "format 1.0 has to be complete");
    }
    for malformed in [json!({"statusCode": 1000}), json!({"statusCode": 200, "headers": {"a b": "1"}})] {
        let (head, body) = answered(&node, "/answer", &malformed);
        assert_eq!(
            (head.status, body.as_str()),
            (500, r#"{"message":"Internal Server Error"}"#),
            "{malformed}"
        );
    }
}

#[test]
fn base64_answers_are_bytes() {
    let node = up();
    let bytes: Vec<u8> = (0..=255).collect();
    let answer = json!({
        "statusCode": 200, "headers": {"content-type": "image/png"}, "isBase64Encoded": true,
        "body": BASE64.encode(&bytes),
    });
    let mut wire = Wire::open(node.gateway);
    wire.ask("POST", "/answer", &[("content-type", "application/json")], answer.to_string().as_bytes());
    assert_eq!(wire.head().one("content-length"), "256");
    assert_eq!(wire.rest(), (bytes, true));
}

#[test]
fn what_no_route_takes_and_what_is_too_large_is_refused() {
    let node = up();
    let not_found = r#"{"message":"Not Found"}"#;
    for (method, path) in
        [("GET", "/"), ("POST", "/exact"), ("GET", "/exact/"), ("GET", "/echo/a/b"), ("GET", "/one/")]
    {
        let (head, body) = wire::ask(node.gateway, method, path, &[], b"");
        assert_eq!((head.status, body.as_str()), (404, not_found), "{method} {path}");
        assert_eq!(head.one("content-type"), "application/json");
    }
    let large = "x".repeat(11_000);
    let (head, body) = wire::ask(node.gateway, "GET", "/exact", &[("x-large", &large)], b"");
    assert_eq!((head.status, body.starts_with("{\"message\":")), (431, true), "{body}");

    let too_large = r#"{"message":"Request Entity Too Large"}"#;
    let mut wire = Wire::open(node.gateway);
    wire.send("POST /echo/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10485761\r\n\r\n");
    let (head, body) = wire.answer();
    assert_eq!((head.status, body.as_str(), wire.closed()), (413, too_large, true));
    // The same without a length, and a body that only becomes too large for a function as an event.
    let mut wire = Wire::open(node.gateway);
    wire.send("POST /echo/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = ["100000\r\n".as_bytes(), &vec![b'x'; 0x10_0000], b"\r\n"].concat();
    for _ in 0..11 {
        wire.send(&chunk);
    }
    let (head, body) = wire.answer();
    assert_eq!((head.status, body.as_str()), (413, too_large));
    let (head, body) = wire::ask(node.gateway, "POST", "/echo/x", &[], &vec![b'x'; 5_000_000]);
    assert_eq!((head.status, body.as_str()), (413, too_large));
    assert_eq!(seen(&node), [""; 0]);
    assert_eq!(event(&node, "GET", "/exact", &[], b"")["rawPath"], "/exact");
}

#[test]
fn one_connection_serves_many_requests() {
    let node = up();
    let mut wire = Wire::open(node.gateway);
    for i in 0..50 {
        wire.ask("POST", &format!("/echo/{i}"), &[], b"body");
        let (head, body) = wire.answer();
        assert_eq!((head.status, head.all("connection")), (200, vec![]));
        assert!(body.contains(&format!("\"rawPath\":\"/echo/{i}\"")), "{body}");
    }
    // Several at once, answered in their order.
    for i in 0..5 {
        wire.ask("GET", &format!("/echo/{i}"), &[], b"");
    }
    for i in 0..5 {
        assert!(wire.answer().1.contains(&format!("\"rawPath\":\"/echo/{i}\"")));
    }
    wire.ask("GET", "/exact", &[("connection", "close")], b"");
    assert_eq!(wire.answer().0.one("connection"), "close");
    assert!(wire.closed());
}

#[test]
fn http_1_0_and_expect_work() {
    let node = up();
    let mut wire = Wire::open(node.gateway);
    wire.send("GET /exact HTTP/1.0\r\n\r\n");
    let (head, body) = wire.answer();
    assert_eq!((head.status, body.contains("\"protocol\":\"HTTP/1.0\"")), (200, true));
    assert!(wire.closed());
    let mut wire = Wire::open(node.gateway);
    wire.send("POST /echo/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n");
    wire.send("body");
    assert_eq!(wire.answer().0.status, 200);
}

#[test]
fn http_2_works_without_tls() {
    let node = up();
    let curl = |arguments: &[&str], path: &str| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--http2-prior-knowledge", "--noproxy", "*"]);
        succeed(command.args(arguments).arg(format!("http://{}{path}", node.gateway)))
    };
    let told = curl(&["--data", "a=1", "--header", "cookie: a=1; b=2"], "/echo/x?q=1");
    let event: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(event["requestContext"]["http"]["protocol"], "HTTP/2.0");
    assert_eq!((&event["body"], &event["cookies"]), (&json!("YT0x"), &json!(["a=1", "b=2"])));
    assert_eq!(event["headers"]["host"], node.gateway.to_string());
    assert_eq!(
        curl(&["--output", "/dev/null", "--write-out", "%{http_version} %{http_code}"], "/none"),
        "2 404"
    );
    let large = "x".repeat(11_000);
    let header = format!("x-large: {large}");
    let told = curl(&["--output", "/dev/null", "--write-out", "%{http_code}", "--header", &header], "/exact");
    assert_eq!(told, "431");
}

#[test]
fn many_requests_share_an_http_2_connection() {
    const ASK: &str = "
        const session = require('node:http2').connect(process.argv[1]);
        const ask = (path) => new Promise((resolve, reject) => {
          const request = session.request({ ':path': path });
          let body = '';
          request.setEncoding('utf8').on('data', (text) => { body += text; });
          request.on('end', () => resolve(JSON.parse(body).rawPath)).on('error', reject);
        });
        const paths = Array.from({ length: 20 }, (_, i) => `/echo/${i}`);
        Promise.all(paths.map(ask)).then((told) => {
          console.log(told.join() === paths.join());
          session.close();
        });";
    let node = up();
    let mut command = Command::new("node");
    assert_eq!(succeed(command.args(["-e", ASK, &format!("http://{}", node.gateway)])), "true\n");
}

#[test]
fn head_is_get_without_a_body() {
    let node = up();
    let mut wire = Wire::open(node.gateway);
    wire.ask("HEAD", "/echo/x", &[], b"");
    let head = wire.head();
    assert_eq!((head.status, head.one("content-type")), (200, "application/json"));
    let length: usize = head.one("content-length").parse().unwrap();
    wire.ask("GET", "/echo/y", &[], b"");
    let (_, body) = wire.answer();
    assert_eq!(body.len(), length - 1, "HEAD is a letter longer than GET");
}

/// Requests that two servers could read in two ways. Whatever becomes of the first, what is hidden in it is never
/// taken for a request of its own.
#[test]
fn no_second_request_is_smuggled() {
    const HIDDEN: &str = "GET /echo/hidden HTTP/1.1\r\nhost: x\r\n\r\n";
    let length = HIDDEN.len();
    let chunked = format!("{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n");
    let shapes = [
        // A length that ends before what is hidden, and a coding that does not.
        ("content-length: 0\r\ntransfer-encoding: chunked\r\n", chunked.clone()),
        ("transfer-encoding: chunked\r\ncontent-length: 0\r\n", chunked),
        // A coding that ends before what is hidden, and a length that does not.
        (
            &*format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", length + 5),
            format!("0\r\n\r\n{HIDDEN}"),
        ),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", format!("0\r\n\r\n{HIDDEN}")),
        ("transfer-encoding: xchunked\r\n", format!("0\r\n\r\n{HIDDEN}")),
        ("transfer-encoding: identity\r\n", format!("0\r\n\r\n{HIDDEN}")),
        ("transfer-encoding: chunked, gzip\r\n", format!("0\r\n\r\n{HIDDEN}")),
        ("transfer-encoding : chunked\r\n", format!("0\r\n\r\n{HIDDEN}")),
        ("x: y\r\n transfer-encoding: chunked\r\n", format!("0\r\n\r\n{HIDDEN}")),
        ("transfer-encoding: \x0bchunked\r\n", format!("0\r\n\r\n{HIDDEN}")),
        // Two lengths, and lengths that are none.
        (&*format!("content-length: 0\r\ncontent-length: {length}\r\n"), HIDDEN.to_owned()),
        (&*format!("content-length: {length}\r\ncontent-length: 0\r\n"), HIDDEN.to_owned()),
        (&*format!("content-length: 0, {length}\r\n"), HIDDEN.to_owned()),
        (&*format!("content-length: +{length}\r\n"), HIDDEN.to_owned()),
        ("content-length: 0x0\r\n", HIDDEN.to_owned()),
        ("content-length: -1\r\n", HIDDEN.to_owned()),
        // A chunk's size that is none, and one that ends in a bare line feed.
        ("transfer-encoding: chunked\r\n", format!("0_0\r\n\r\n{HIDDEN}")),
        ("transfer-encoding: chunked\r\n", format!("fffffffffffffffff0\r\n\r\n{HIDDEN}")),
        ("transfer-encoding: chunked\r\n", format!("1\nx\r\n0\n\n{HIDDEN}")),
        // Hidden behind a name, a value or a line that is none.
        ("x\r: y\r\n", HIDDEN.to_owned()),
        ("x: a\0b\r\n", HIDDEN.to_owned()),
        ("host: other\r\n", HIDDEN.to_owned()),
        ("no colon\r\n", HIDDEN.to_owned()),
    ];
    let node = up();
    for (headers, body) in &shapes {
        let mut wire = Wire::open(node.gateway);
        wire.send(format!("POST /echo/first HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}"));
        wire.end();
        let Some(head) = wire.try_head() else { continue };
        let (_, whole) = wire.rest();
        assert!(whole && matches!(head.status, 200 | 400 | 501), "{headers:?}: {head:?}");
        assert_eq!(
            wire.try_head().map(|head| head.status).filter(|status| *status == 200),
            None,
            "{headers:?}"
        );
    }
    // What came in before this one would have been seen by now.
    event(&node, "GET", "/exact", &[], b"");
    let paths = eventually("the last one is logged", || {
        Some(seen(&node)).filter(|s| s.iter().any(|p| p == "/exact"))
    });
    assert!(!paths.iter().any(|path| path.contains("hidden")), "{paths:?}");
}

#[test]
fn a_pipelined_request_behind_a_refused_one_is_not_served() {
    let node = up();
    let mut wire = Wire::open(node.gateway);
    wire.send(
        "GET /exact HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\nGET /echo/hidden HTTP/1.1\r\nhost: x\r\n\r\n",
    );
    let (head, _) = wire.answer();
    assert_eq!((head.status, head.one("connection")), (400, "close"));
    assert!(wire.closed());
    assert_eq!(seen(&node), [""; 0]);
}
