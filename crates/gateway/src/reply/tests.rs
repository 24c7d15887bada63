use super::*;

use PayloadFormat::{V1, V2};

/// `status|name: value|name: value||body`, headers in their order; `-` for what is malformed.
fn check(format: PayloadFormat, payload: &str, expect: &str) {
    let shown = match whole(format, &Bytes::copy_from_slice(payload.as_bytes())) {
        Err(Malformed) => "-".to_owned(),
        Ok(response) => {
            let mut headers = response.headers().iter().collect::<Vec<_>>();
            headers.sort_by_key(|(name, _)| name.as_str());
            let headers = headers.iter().map(|(name, value)| format!("|{name}: {}", value.to_str().unwrap()));
            let headers = headers.collect::<String>();
            format!("{}{headers}||{}", response.status().as_u16(), String::from_utf8_lossy(response.body()))
        }
    };
    assert_eq!(shown, expect, "{payload}");
}

const JSON: &str = "200|content-type: application/json||";
const TEXT: &str = "200|content-type: text/plain;charset=utf-8||";

#[test]
fn without_a_status_the_answer_is_the_body() {
    let check = |payload: &str, body: &str| check(V2, payload, &format!("{JSON}{body}"));
    check(r#"{"a":[1,{"b":null}]}"#, r#"{"a":[1,{"b":null}]}"#);
    check(" {\"a\": 1}\n", "{\"a\": 1}");
    check(r#""hello""#, "hello");
    check(r#""a\n\"b\" \u20ac""#, "a\n\"b\" €");
    check("5", "5");
    check("true", "true");
    check("null", "null");
    check("[200]", "[200]");
    check(r#"[200,{"x":1},null,null,"body",false]"#, r#"[200,{"x":1},null,null,"body",false]"#);
    check(r#"{"body":5,"headers":"x"}"#, r#"{"body":5,"headers":"x"}"#);
    check(r#"{"statusCode":null,"body":"x"}"#, r#"{"statusCode":null,"body":"x"}"#);
    check("{}", "{}");
}

#[test]
fn what_is_no_json_is_malformed() {
    for payload in ["", " ", "hello", "{", "{}}", "{} {}", "\"a", "\u{1}", r#"{"statusCode":200"#] {
        check(V2, payload, "-");
        check(V1, payload, "-");
    }
}

#[test]
fn statuses() {
    let check = |status: &str, expect: &str| {
        let payload = format!(r#"{{"statusCode":{status}}}"#);
        check(V2, &payload, expect);
        check(V1, &payload, expect);
    };
    check("200", TEXT);
    check("\"201\"", "201|content-type: text/plain;charset=utf-8||");
    check("599", "599|content-type: text/plain;charset=utf-8||");
    check("204", "204||");
    check("304", "304||");
    for bad in ["99", "100", "101", "600", "-200", "200.0", "2e2", "\"abc\"", "\"\"", "true", "[200]", "{}"] {
        check(bad, "-");
    }
}

#[test]
fn bodies() {
    let check = |members: &str, expect: &str| {
        let payload = format!(r#"{{"statusCode":200{members}}}"#);
        check(V2, &payload, expect);
        check(V1, &payload, expect);
    };
    let text = |body: &str| format!("{TEXT}{body}");
    check(r#","body":"plain""#, &text("plain"));
    check(r#","body":"{\"a\":\"ü\"}""#, &text("{\"a\":\"ü\"}"));
    check(r#","body":null"#, &text(""));
    check(r#","body":"aGVsbG8=","isBase64Encoded":true"#, &text("hello"));
    check(r#","body":"aGVsbG8","isBase64Encoded":true"#, &text("hello"));
    check(r#","body":"aGVs\/bG8=","isBase64Encoded":false"#, &text("aGVs/bG8="));
    check(r#","isBase64Encoded":null,"body":"x""#, &text("x"));
    check(r#","body":"/w==","isBase64Encoded":true"#, &text("\u{fffd}"));
    for bad in [
        r#","body":{"a":1}"#,
        r#","body":5"#,
        r#","body":[]"#,
        r#","body":"*","isBase64Encoded":true"#,
        r#","isBase64Encoded":"true""#,
        r#","isBase64Encoded":1"#,
        r#","body":"\ud800""#,
    ] {
        check(bad, "-");
    }
}

#[test]
fn headers_are_made_of_scalars() {
    let check = |headers: &str, expect: &str| {
        let payload = format!(r#"{{"statusCode":200,"headers":{headers}}}"#);
        check(V2, &payload, expect);
        check(V1, &payload, expect);
    };
    check(
        r#"{"Content-Type":"text/html","X-A":1,"x-b":true,"x-c":1.50}"#,
        "200|content-type: text/html|x-a: 1|x-b: true|x-c: 1.50||",
    );
    check(r#"{"content-type":"a","x":"\"q\"","y":""}"#, "200|content-type: a|x: \"q\"|y: ||");
    check(r#"{"content-type":"a","x":null}"#, "200|content-type: a||");
    check("null", TEXT);
    check("{}", TEXT);
    // What frames the message is the gateway's to say.
    check(
        r#"{"Connection":"close","Transfer-Encoding":"chunked","Content-Length":"5","Upgrade":"x","Keep-Alive":"x"}"#,
        TEXT,
    );
    for bad in [
        r#"{"x":{}}"#,
        r#"{"x":["a"]}"#,
        r#"{"a b":"x"}"#,
        r#"{"":"x"}"#,
        r#"{"x":"a\r\nset-cookie: b"}"#,
        r#"{"x":"a\u0000"}"#,
        r#"["a"]"#,
        r#""x""#,
        "5",
    ] {
        check(bad, "-");
    }
}

#[test]
fn cookies_come_before_the_headers_set_cookie() {
    let payload = r#"{"statusCode":200,"headers":{"Set-Cookie":"c=3","content-type":"a"},"cookies":["a=1; Secure","b=2"]}"#;
    check(V2, payload, "200|content-type: a|set-cookie: a=1; Secure|set-cookie: b=2|set-cookie: c=3||");
    check(V1, payload, "200|content-type: a|set-cookie: c=3||");
    check(V2, r#"{"statusCode":204,"cookies":[]}"#, "204||");
    check(V2, r#"{"statusCode":200,"cookies":"a=1"}"#, "-");
    check(V2, r#"{"statusCode":200,"cookies":["a=1\n"]}"#, "-");
}

#[test]
fn lists_are_read_in_format_1_only_and_win_there() {
    let payload = r#"{"statusCode":200,"headers":{"content-type":"a","X":"1","y":"2"},"multiValueHeaders":{"x":["3",4,true],"z":["5"],"n":null}}"#;
    check(V1, payload, "200|content-type: a|x: 3|x: 4|x: true|y: 2|z: 5||");
    check(V2, payload, "200|content-type: a|x: 1|y: 2||");
    check(V1, r#"{"statusCode":200,"multiValueHeaders":{"x":"1"}}"#, "-");
    check(V1, r#"{"statusCode":200,"multiValueHeaders":{"a b":["1"]}}"#, "-");
}

#[test]
fn format_1_wants_a_status() {
    for payload in ["{}", r#"{"body":"x"}"#, r#""hello""#, "null", "5", "[200]"] {
        check(V1, payload, "-");
    }
}

#[test]
fn a_body_without_escapes_is_not_copied() {
    let payload = Bytes::from_static(br#"{"statusCode":200,"body":"hello"}"#);
    let response = whole(V2, &payload).unwrap();
    let range = payload.as_ptr_range();
    assert!(range.contains(&response.body().as_ptr()));
}
