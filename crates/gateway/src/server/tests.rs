use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt as _, Empty, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;

struct Fixture {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    /// Requests that have come to the handler.
    begun: Arc<AtomicUsize>,
    /// Lets the requests for `/wait` be answered.
    go: Arc<Notify>,
}

impl Fixture {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, begun, go) =
            (CancellationToken::new(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let handler = {
            let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
            move |request: Request<Incoming>, peer: Peer| {
                let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
                async move {
                    begun.fetch_add(1, Ordering::SeqCst);
                    if request.uri().path() == "/wait" {
                        go.notified().await;
                    }
                    Response::new(Full::new(Bytes::from(format!("{} {}", peer.ip, request.uri().path()))))
                }
            }
        };
        #[expect(clippy::disallowed_methods, reason = "a test has no tracker and waits for the task itself")]
        let serving = tokio::spawn(serve(listener, stop.clone(), handler));
        Self { address, stop, serving, begun, go }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn until_begun(&self, count: usize) {
        while self.begun.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Reads until the connection is closed.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

const IN_TIME: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_stop_lets_requests_finish_and_closes_what_is_idle() {
    let server = Fixture::start().await;
    let mut fresh = server.connect().await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 256];
    assert_ne!(idle.read(&mut answer).await.unwrap(), 0);
    let mut busy = server.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    server.until_begun(2).await;
    server.stop.cancel();
    assert_eq!(read_all(&mut fresh).await, "");
    assert_eq!(read_all(&mut idle).await, "");
    assert!(!server.serving.is_finished());
    server.go.notify_one();
    let answer = read_all(&mut busy).await;
    assert!(answer.contains("connection: close") && answer.ends_with("127.0.0.1 /wait"), "{answer}");
    drop((fresh, idle, busy));
    tokio::time::timeout(IN_TIME, server.serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn http_2_is_served_and_drained_too() {
    let server = Fixture::start().await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Empty<Bytes>>();
    let get = |path: &str| client.get(format!("http://{}{path}", server.address).parse().unwrap());
    for _ in 0..3 {
        let response = get("/two").await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        let frame = response.into_body().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "127.0.0.1 /two");
    }
    let (waiting, ()) = tokio::join!(get("/wait"), async {
        server.until_begun(4).await;
        server.stop.cancel();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!server.serving.is_finished());
        server.go.notify_one();
    });
    assert_eq!(waiting.unwrap().status(), 200);
    tokio::time::timeout(IN_TIME, server.serving).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drain_has_an_end() {
    let server = Fixture::start().await;
    let mut stuck = server.connect().await;
    stuck.write_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    server.until_begun(1).await;
    let stopped = tokio::time::Instant::now();
    server.stop.cancel();
    server.serving.await.unwrap();
    assert!(stopped.elapsed() >= limits::DRAIN_TIMEOUT);
    assert!(stopped.elapsed() < limits::DRAIN_TIMEOUT + Duration::from_secs(2), "{:?}", stopped.elapsed());
}

#[tokio::test(start_paused = true)]
async fn clients_that_dawdle_are_closed() {
    let server = Fixture::start().await;
    for begin in ["", "PRI * HTTP/2", "GET / HTTP/1.1\r\nHo", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut client = server.connect().await;
        client.write_all(begin.as_bytes()).await.unwrap();
        let began = tokio::time::Instant::now();
        let mut rest = Vec::new();
        // Whether it is closed with an answer, without one or with a reset is all the same.
        client.read_to_end(&mut rest).await.unwrap_or_default();
        let waited = began.elapsed();
        assert!(waited >= limits::HTTP_HEAD_TIMEOUT, "{begin:?} {waited:?}");
        assert!(waited <= limits::HTTP_HEAD_TIMEOUT * 3, "{begin:?} {waited:?}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_cuts_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let handler = |_: Request<Incoming>, _: Peer| async {
        let frames = [Ok(http_body::Frame::data(Bytes::from_static(b"one"))), Err("broken")];
        Response::new(http_body_util::StreamBody::new(futures_util::stream::iter(frames)))
    };
    #[expect(clippy::disallowed_methods, reason = "a test has no tracker and waits for the task itself")]
    let serving = tokio::spawn(serve(listener, stop.clone(), handler));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let answer = read_all(&mut client).await;
    assert!(!answer.contains("0\r\n\r\n"), "{answer}");
    stop.cancel();
    serving.await.unwrap();
}

/// What handlers of other crates look like.
#[tokio::test]
async fn any_body_will_do() {
    type Boxed = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    let handler =
        |_: Request<Incoming>, _: Peer| async { Response::<Boxed>::new(Empty::new().boxed_unsync()) };
    serve(listener, stop, handler).await;
}
