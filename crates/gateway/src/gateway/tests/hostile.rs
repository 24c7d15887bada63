//! Requests that two servers could read in two ways, or that want too much. Each is refused or harmless; the
//! connection is closed, and nothing in a body is ever taken for a request.

use super::*;

/// What would be served if it were taken for a request.
const SMUGGLED: &str = "GET /a HTTP/1.1\r\nHost: x\r\nX-Smuggled: yes\r\n\r\n";

/// Sends a head, an empty line, a body and then [`SMUGGLED`]; expects one answer of this status, and the end.
async fn check(head: &str, body: &str, expect: u16) {
    let gateway = Fixture::echo().await;
    let answer = gateway.exchange(format!("{head}\r\n\r\n{body}{SMUGGLED}").as_bytes()).await;
    assert_eq!(statuses(&answer), [expect], "{head:?}: {answer}");
    assert!(!answer.contains("x-smuggled") && !answer.contains("<not closed>"), "{head:?}: {answer}");
}

#[tokio::test]
async fn both_a_length_and_a_coding() {
    // hyper takes the coding, which RFC 9112 section 6.3 allows, and closes the connection, which it demands.
    for head in [
        "POST /in/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
        "POST /in/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4",
    ] {
        check(head, "0\r\n\r\n", 200).await;
    }
}

#[tokio::test]
async fn lengths_that_differ_or_are_none() {
    for length in
        ["4\r\nContent-Length: 5", "4, 4", "4, 5", "-1", "+4", "0x4", "4 4", "", "99999999999999999999"]
    {
        check(&format!("POST /in/x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}"), "abcd", 400).await;
    }
}

#[tokio::test]
async fn unknown_codings() {
    for coding in [
        "xchunked",
        "identity",
        "gzip, chunked",
        "chunked, identity",
        "chunked\r\nTransfer-Encoding: identity",
        "identity\r\nTransfer-Encoding: chunked",
        "chunked, chunked",
        "\"chunked\"",
        "chunked;q=1",
    ] {
        check(&format!("POST /in/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {coding}"), "0\r\n\r\n", 400)
            .await;
    }
    check("POST /in/x HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400).await;
}

#[tokio::test]
async fn malformed_chunks() {
    let head = "POST /in/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked";
    for body in [
        "xyz\r\n",
        "-1\r\n",
        "0x1\r\na\r\n0\r\n\r\n",
        "1\r\nabc\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
        "\r\n",
    ] {
        check(head, body, 400).await;
    }
}

#[tokio::test]
async fn malformed_headers() {
    for header in [
        "A : b",
        "A\t: b",
        " A: b",
        "A: b\r\n folded",
        "A: b\0c",
        "A: b\rc",
        "A\0: b",
        "A",
        ": b",
        "A b: c",
        "A(: b",
    ] {
        check(&format!("GET /a HTTP/1.1\r\nHost: x\r\n{header}"), "", 400).await;
    }
}

#[tokio::test]
async fn malformed_lines() {
    for line in [
        "GET /a",
        "GET /a HTTP/1.1 x",
        "GET  /a HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /a\0 HTTP/1.1",
        "GET a HTTP/1.1",
        "G@T(/ /a HTTP/1.1",
        "GET /a HTTP/3.0",
        "GET /a HTTP/1.1x",
        "OPTIONS * HTTP/1.1",
        "CONNECT x:80 HTTP/1.1",
    ] {
        check(&format!("{line}\r\nHost: x"), "", 400).await;
    }
}

#[tokio::test]
async fn hosts() {
    check("GET /a HTTP/1.1", "", 400).await;
    check("GET /a HTTP/1.1\r\nHost: x\r\nHost: y", "", 400).await;
    check("GET /a HTTP/1.1\r\nHost: x\r\nHost: x", "", 400).await;
    check("GET http://x/a HTTP/1.1\r\nHost: y", "", 400).await;
    check("GET http://x/a HTTP/1.1", "", 400).await;
    check("GET /a HTTP/1.1\r\nHost: x y", "", 400).await;
    check("GET http://x/a HTTP/1.1\r\nHost: x\r\nConnection: close", "", 200).await;
}

#[tokio::test]
async fn refusals_of_the_gateways_own_say_so_in_json() {
    let gateway = Fixture::echo().await;
    let answer = gateway.exchange(b"GET /a HTTP/1.1\r\n\r\n").await;
    assert!(answer.contains("content-type: application/json"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.contains("apigw-requestid: "), "{answer}");
    assert!(answer.ends_with(r#"{"message":"Bad Request"}"#), "{answer}");
}

#[tokio::test]
async fn bare_line_feeds_end_lines_and_nothing_more() {
    let gateway = Fixture::echo().await;
    let answer = gateway.exchange(b"GET /a HTTP/1.1\nHost: x\nConnection: close\n\n").await;
    assert_eq!(statuses(&answer), [200], "{answer}");
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_no_request() {
    // Nobody reads the body of what has no route: the connection may be kept, with the body skipped, or closed.
    let gateway = Fixture::echo().await;
    let length = SMUGGLED.len();
    let head =
        format!("POST /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let answer = gateway.exchange((head + SMUGGLED).as_bytes()).await;
    assert_eq!(statuses(&answer), [404], "{answer}");
    let head = format!("POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    let last = "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = gateway.exchange((head + SMUGGLED + last).as_bytes()).await;
    assert!(!statuses(&answer).contains(&200), "{answer}");
}

#[tokio::test]
async fn heads_that_are_too_large() {
    let gateway = Fixture::echo().await;
    let filler = "x".repeat(lambent_core::limits::HTTP_HEAD_MAX);
    let answer =
        gateway.exchange(format!("GET /a HTTP/1.1\r\nHost: x\r\nA: {filler}\r\n\r\n").as_bytes()).await;
    assert_eq!(statuses(&answer), [431], "{answer}");
    assert!(answer.ends_with(r#"{"message":"Request Header Fields Too Large"}"#), "{answer}");
    let many = "A: b\r\n".repeat(lambent_core::limits::HTTP_HEADERS_MAX);
    let answer = gateway.exchange(format!("GET /a HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes()).await;
    assert_eq!(statuses(&answer), [431], "{answer}");
    let endless = "x".repeat(1024 * 1024);
    let answer = gateway.exchange(format!("GET /a HTTP/1.1\r\nA: {endless}").as_bytes()).await;
    assert_eq!(statuses(&answer), [431], "{answer}");
}

#[tokio::test]
async fn a_client_that_sends_too_much_still_gets_its_answer() {
    let gateway = Fixture::echo().await;
    let length = lambent_core::limits::HTTP_BODY_MAX + 1;
    // All is sent before anything is read, as simple clients do.
    let head = format!("POST /in/x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    let answer = gateway.exchange(&[head.as_bytes(), &vec![b'x'; length]].concat()).await;
    assert_eq!(statuses(&answer), [413], "{answer}");
    assert!(answer.ends_with(r#"{"message":"Request Entity Too Large"}"#), "{answer}");
    // Without a length it is only known when it has come.
    let head = "POST /in/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
    let answer = gateway.exchange((head.to_owned() + &chunk).as_bytes()).await;
    assert_eq!(statuses(&answer), [413], "{answer}");
    // A body that is small enough, but whose event is not.
    let length = lambent_core::limits::PAYLOAD_MAX;
    let head = format!("POST /in/x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    let answer = gateway.exchange(&[head.as_bytes(), &vec![b'x'; length]].concat()).await;
    assert_eq!(statuses(&answer), [413], "{answer}");
}

#[tokio::test]
async fn whoever_asks_first_is_told_before_sending() {
    let gateway = Fixture::echo().await;
    let head = "POST /in/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n";
    let answer = gateway.exchange(head.as_bytes()).await;
    assert_eq!(statuses(&answer), [413], "{answer}");
}
