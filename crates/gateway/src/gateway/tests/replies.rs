//! What comes back for what a function does.

use std::sync::atomic::{AtomicUsize, Ordering};

use lambent_core::{Exit, FunctionError};
use tokio::sync::mpsc;

use super::*;

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn the_function_gets_the_event_and_its_answer_comes_back() {
    let gateway = Fixture::echo().await;
    let request = "POST /in/b%20c?q=1 HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\
                   Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let answer = gateway.exchange(request.as_bytes()).await;
    let (head, event) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\napigw-requestid: "),
        "{head}"
    );
    let event = serde_json::from_str::<serde_json::Value>(event).unwrap();
    assert_eq!(event["routeKey"], "ANY /in/{proxy+}");
    assert_eq!(event["pathParameters"]["proxy"], "b c");
    assert_eq!(event["body"], "abcde");
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-port"], gateway.address.port().to_string());
    gateway.stop().await;
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let gateway = Fixture::echo().await;
    let once = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = gateway.exchange((once.repeat(3) + std::str::from_utf8(GET).unwrap()).as_bytes()).await;
    assert_eq!(statuses(&answer), [200; 4], "{answer}");
}

#[tokio::test]
async fn every_failure_is_one_and_the_same_500() {
    let outcomes = [
        Outcome::Failed(FunctionError::new("TypeError", "secret detail")),
        Outcome::TimedOut { after: Duration::from_secs(3) },
        Outcome::Crashed(Exit::Signal(9)),
        Outcome::Throttled { retry_in: Duration::from_secs(1) },
        Outcome::Returned(Bytes::from_static(b"no json")),
        Outcome::Returned(Bytes::from_static(br#"{"statusCode":9}"#)),
    ];
    for outcome in outcomes {
        let shown = format!("{outcome:?}");
        let gateway = Fixture::start(move |_| whole(outcome.clone())).await;
        let answer = gateway.exchange(GET).await;
        assert_eq!(statuses(&answer), [500], "{shown}");
        assert!(answer.ends_with("\r\n\r\n{\"message\":\"Internal Server Error\"}"), "{shown}: {answer}");
    }
}

#[tokio::test]
async fn no_route_is_404_whatever_the_method() {
    let gateway = Fixture::echo().await;
    for request in ["GET /b", "POST /a", "GET /a/", "GET /in/", "PROPFIND /a"] {
        let head = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = gateway.exchange(head.as_bytes()).await;
        assert_eq!(statuses(&answer), [404], "{request}");
        assert!(answer.ends_with(r#"{"message":"Not Found"}"#), "{request}: {answer}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_begin_in_time_is_503() {
    let (sender, silent) = mpsc::channel(1);
    let silent = Arc::new(std::sync::Mutex::new(Some(silent)));
    let gateway = Fixture::start(move |_| {
        let chunks = silent.lock().unwrap().take().unwrap();
        Answer::Stream(Streaming { content_type: "text/plain".to_owned(), chunks })
    })
    .await;
    let answer = gateway.exchange(GET).await;
    assert_eq!(statuses(&answer), [503], "{answer}");
    assert!(answer.ends_with(r#"{"message":"Service Unavailable"}"#), "{answer}");
    drop(sender);
}

#[tokio::test]
async fn responses_without_a_body_have_none() {
    let gateway = Fixture::start(|event| {
        let status = if event.windows(3).any(|word| word == b"304") { 304 } else { 204 };
        whole(Outcome::Returned(format!(r#"{{"statusCode":{status},"body":"unwanted"}}"#).into()))
    })
    .await;
    for status in [204, 304] {
        let request = format!("GET /in/{status} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = gateway.exchange(request.as_bytes()).await;
        assert_eq!(statuses(&answer), [status], "{answer}");
        assert!(answer.ends_with("\r\n\r\n") && !answer.contains("content-length"), "{answer}");
    }
    let gateway = Fixture::start(|_| whole(Outcome::Returned(Bytes::from_static(b"\"hello\"")))).await;
    let answer = gateway.exchange(b"HEAD /in/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("content-length: 5\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    let answer = gateway.exchange(b"HEAD /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.ends_with("\r\n\r\n"), "{answer}");
}

/// A gateway whose function streams what the test sends; it serves one request.
async fn streaming(content_type: &'static str) -> (Fixture, mpsc::Sender<Result<Bytes, FunctionError>>) {
    let (sender, chunks) = mpsc::channel(1);
    let chunks = Arc::new(std::sync::Mutex::new(Some(chunks)));
    let gateway = Fixture::start(move |_| {
        let chunks = chunks.lock().unwrap().take().unwrap();
        Answer::Stream(Streaming { content_type: content_type.to_owned(), chunks })
    });
    (gateway.await, sender)
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.ends_with(end) {
        let n = stream.read(&mut buffer).await.unwrap();
        assert_ne!(n, 0, "closed after {text}");
        text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
    }
    text
}

#[tokio::test]
async fn chunks_arrive_as_they_are_sent() {
    let (gateway, function) = streaming("application/vnd.awslambda.http-integration-response").await;
    let mut client = gateway.connect().await;
    client.write_all(GET).await.unwrap();
    function
        .send(Ok("{\"statusCode\":418,\"headers\":{\"x\":\"y\"}}\0\0\0\0\0\0\0\0one".into()))
        .await
        .unwrap();
    let head = read_until(&mut client, "3\r\none\r\n").await;
    assert!(head.starts_with("HTTP/1.1 418 ") && head.contains("\r\nx: y\r\n"), "{head}");
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    function.send(Ok("two".into())).await.unwrap();
    read_until(&mut client, "3\r\ntwo\r\n").await;
    drop(function);
    assert_eq!(read_all(&mut client).await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_stream_that_breaks_is_cut() {
    let (gateway, function) = streaming("text/plain").await;
    let mut client = gateway.connect().await;
    client.write_all(GET).await.unwrap();
    function.send(Ok("one".into())).await.unwrap();
    read_until(&mut client, "3\r\none\r\n").await;
    function.send(Err(FunctionError::new("E", "e"))).await.unwrap();
    assert_eq!(read_all(&mut client).await, "", "the last chunk must not come");
}

#[tokio::test]
async fn a_slow_client_makes_the_function_wait() {
    let (gateway, function) = streaming("text/plain").await;
    let mut client = gateway.connect().await;
    client.write_all(GET).await.unwrap();
    let chunk = Bytes::from(vec![b'x'; 1024 * 1024]);
    let sent = AtomicUsize::new(0);
    let send = async {
        while function.send(Ok(chunk.clone())).await.is_ok() {
            sent.fetch_add(1, Ordering::Relaxed);
        }
    };
    // Nobody reads: what the system's buffers take is taken, and then no more.
    assert!(tokio::time::timeout(Duration::from_millis(300), send).await.is_err());
    assert!(sent.load(Ordering::Relaxed) < 64, "{sent:?} MiB");
}

#[tokio::test]
async fn a_client_that_goes_ends_the_stream() {
    let (gateway, function) = streaming("text/plain").await;
    let mut client = gateway.connect().await;
    client.write_all(GET).await.unwrap();
    function.send(Ok("one".into())).await.unwrap();
    read_until(&mut client, "3\r\none\r\n").await;
    drop(client);
    tokio::time::timeout(Duration::from_secs(5), function.closed()).await.unwrap();
}
