//! The proxy between a raw client and a raw web server.

use std::sync::Arc;

use http::StatusCode;
use lambent_core::{Timestamp, TraceHeader};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::admission::admit;
use crate::arrival::ArrivalId;
use crate::server;

/// Serves on a new port, and sends every request on to `upstream`.
async fn gateway(upstream: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = Arc::new(Proxy::new());
    let serving = server::serve(listener, CancellationToken::new(), move |request, peer| {
        let proxy = Arc::clone(&proxy);
        async move {
            let (head, body) = request.into_parts();
            let arrival = Arrival {
                head: &head,
                host: admit(&head).unwrap(),
                peer,
                id: &ArrivalId::from_random(0),
                trace: &TraceHeader::parse("Root=1-5e9f0c65-1de4d666d4dd26aced652b6c").unwrap(),
                now: Timestamp::from_millis(0),
                account: "1",
            };
            match proxy.forward(upstream, &arrival, body).await {
                Ok(response) => response.map(Either::Left),
                Err(refusal) => refusal.response(head.version).map(Either::Right),
            }
        }
    });
    spawn(serving);
    address
}

#[expect(clippy::disallowed_methods, reason = "a test's runtime ends its tasks")]
fn spawn(task: impl Future<Output: Send> + Send + 'static) {
    tokio::spawn(task);
}

/// A web server for one connection after the other: reads a head, and sends `answers[n]` to the n-th; an empty
/// answer closes the connection. Gives the heads that it read.
async fn upstream(answers: &'static [&'static str]) -> (SocketAddr, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heads, received) = tokio::sync::mpsc::channel(16);
    spawn(async move {
        let mut answers = answers.iter();
        while let Ok((mut stream, _)) = listener.accept().await {
            while let Some(head) = read_head(&mut stream).await {
                heads.send(head).await.unwrap();
                match answers.next() {
                    None | Some(&"") => break,
                    Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                }
            }
        }
    });
    (address, received)
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

async fn exchange(gateway: SocketAddr, request: &[u8]) -> String {
    let mut client = TcpStream::connect(gateway).await.unwrap();
    client.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn what_concerns_one_connection_is_not_passed_on() {
    let answer = "HTTP/1.1 207 x\r\nX-Kept: 1\r\nConnection: keep-alive, x-named\r\nX-Named: 2\r\n\
                  Keep-Alive: timeout=5\r\nContent-Length: 3\r\n\r\nabc";
    let (upstream, mut heads) = upstream(Box::leak(Box::new([answer]))).await;
    let request = "PUT /a%2Fb/?q=%20&r HTTP/1.1\r\nHost: shop.example.com:8080\r\nConnection: close, X-Hop\r\n\
                   X-Hop: 1\r\nTE: trailers\r\nUpgrade: h2c\r\nExpect: nothing\r\nX-Kept: 2\r\n\
                   X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Host: forged\r\nX-Forwarded-Proto: https\r\n\r\n";
    let gateway = gateway(upstream).await;
    let answer = exchange(gateway, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 207 "), "{answer}");
    assert!(answer.contains("x-kept: 1\r\n") && answer.ends_with("\r\n\r\nabc"), "{answer}");
    assert!(!answer.contains("x-named") && !answer.contains("timeout=5"), "{answer}");
    let head = heads.recv().await.unwrap();
    let mut lines = head.trim_end().split("\r\n").collect::<Vec<_>>();
    assert_eq!(lines.remove(0), "PUT /a%2Fb/?q=%20&r HTTP/1.1");
    lines.sort_unstable();
    let port = format!("x-forwarded-port: {}", gateway.port());
    let expect = [
        "host: shop.example.com:8080",
        "x-amzn-trace-id: Root=1-5e9f0c65-1de4d666d4dd26aced652b6c",
        "x-forwarded-for: 9.9.9.9, 127.0.0.1",
        "x-forwarded-host: shop.example.com:8080",
        &port,
        "x-forwarded-proto: http",
        "x-kept: 2",
    ];
    assert_eq!(lines, expect);
}

#[tokio::test]
async fn bodies_stream_in_both_directions() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(gateway(listener.local_addr().unwrap()).await).await.unwrap();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        .await
        .unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let head = read_head(&mut server).await.unwrap();
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    let mut piece = [0; 6];
    server.read_exact(&mut piece).await.unwrap();
    assert_eq!(&piece, b"1\r\na\r\n");
    // The answer begins before the request has ended.
    server.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n").await.unwrap();
    read_head(&mut client).await.unwrap();
    client.read_exact(&mut piece).await.unwrap();
    assert_eq!(&piece, b"1\r\nb\r\n");
    client.write_all(b"1\r\nc\r\n").await.unwrap();
    server.read_exact(&mut piece).await.unwrap();
    assert_eq!(&piece, b"1\r\nc\r\n");
    // An answer that breaks off breaks off for the client too.
    drop(server);
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap_or_default();
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(gateway(nobody).await, request).await;
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.ends_with(r#"{"message":"Bad Gateway"}"#),
        "{answer}"
    );
    let (silent, _heads) = upstream(&[]).await;
    let answer = exchange(gateway(silent).await, request).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    for babble in [&["SSH-2.0-x\r\n"; 2], &["HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"; 2]]
    {
        let (babbling, _heads) = upstream(babble).await;
        let answer = exchange(gateway(babbling).await, request).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{babble:?}: {answer}");
    }
}

#[tokio::test]
async fn only_what_can_be_repeated_is_asked_twice() {
    let close = "Connection: close\r\n\r\n";
    for (request, expect) in
        [("GET / HTTP/1.1\r\nHost: x\r\n", "200"), ("POST / HTTP/1.1\r\nHost: x\r\n", "502")]
    {
        let (upstream, _heads) = upstream(&["", OK]).await;
        let answer = exchange(gateway(upstream).await, format!("{request}{close}").as_bytes()).await;
        assert_eq!(&answer[9..12], expect, "{request}: {answer}");
    }
    let (upstream, mut heads) = upstream(&["", "", OK]).await;
    let answer =
        exchange(gateway(upstream).await, format!("GET / HTTP/1.1\r\nHost: x\r\n{close}").as_bytes()).await;
    assert_eq!(&answer[9..12], "502", "once is enough");
    assert!(heads.recv().await.is_some() && heads.recv().await.is_some() && heads.try_recv().is_err());
}

#[tokio::test]
async fn connections_are_used_again() {
    let (upstream, mut heads) = upstream(&[OK, OK, OK]).await;
    let gateway = gateway(upstream).await;
    for _ in 0..3 {
        // The server takes a second connection only when the first is closed, so this would hang.
        let answer = exchange(gateway, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
        heads.recv().await.unwrap();
    }
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_413() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gateway(listener.local_addr().unwrap()).await;
    spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    });
    let length = limits::HTTP_BODY_MAX + 1;
    let body = format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
    let request = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned() + &body;
    let answer = exchange(address, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn only_websockets_need_an_upgrade() {
    let check = |value: &'static str, expect: Result<(), Refusal>| {
        let headers = HeaderMap::from_iter([(header::UPGRADE, HeaderValue::from_static(value))]);
        assert_eq!(check_upgrade(&headers), expect, "{value}");
    };
    check("h2c", Ok(()));
    check("WebSocket", Err(Refusal::WebSocket));
    check("h2c, websocket", Err(Refusal::WebSocket));
    let response = Refusal::WebSocket.response(Version::HTTP_11);
    assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED);
}
