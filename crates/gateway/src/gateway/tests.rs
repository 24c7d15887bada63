//! Requests as bytes on a socket, through the server's loop and all stages; only the engine is missing, and a
//! closure stands in its place.

mod hostile;
mod replies;

use std::time::Duration;

use http::StatusCode;
use lambent_core::{FunctionName, PayloadFormat, RouteKey, Timestamp, TraceHeader};
use lambent_engine::{Answer, Completed, Streaming};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;

/// A gateway with the routes `GET /a` and `ANY /{proxy+}`, whose only function is a closure.
struct Fixture {
    address: std::net::SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Fixture {
    /// Serves with `function`, which gets the event and gives the answer.
    async fn start<F>(function: F) -> Self
    where
        F: Fn(Bytes) -> Answer + Clone + Send + Sync + 'static,
    {
        let route = |key: &str| Route {
            key: RouteKey::parse(key).unwrap(),
            function: FunctionName::parse("f").unwrap(),
            format: PayloadFormat::V2,
            timeout: Duration::from_secs(1),
            asynchronous: false,
        };
        let router = Arc::new(Router::new(&[route("GET /a"), route("ANY /in/{proxy+}")]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = server::serve(listener, stop.clone(), move |request, peer| {
            let (router, function) = (Arc::clone(&router), function.clone());
            async move { answer(&router, request, peer, function).await }
        });
        // The test ends the task: it waits for it, or drops the runtime.
        #[expect(clippy::disallowed_methods, reason = "a test has no tracker and waits for the task itself")]
        let serving = tokio::spawn(serving);
        Self { address, stop, serving }
    }

    /// One that answers with the event itself.
    async fn echo() -> Self {
        Self::start(|event| whole(Outcome::Returned(event))).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends the bytes and gives all that comes back until the connection is closed.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // A server that refuses may close before all is written.
        stream.write_all(bytes).await.unwrap_or_default();
        read_all(&mut stream).await
    }

    async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

/// What [`Shared::answer`] does, with a closure for an engine.
async fn answer(
    router: &Router,
    request: Request<Incoming>,
    peer: Peer,
    function: impl Fn(Bytes) -> Answer,
) -> Response<Body> {
    let id = ArrivalId::from_random(1);
    let (version, is_head) = (request.version(), request.method() == Method::HEAD);
    let respond = async {
        let (head, body) = request.into_parts();
        let host = admission::admit(&head)?;
        let found = router.find(&head.method, head.uri.path()).ok_or(Refusal::NotFound)?;
        intake::check_length(&body)?;
        let trace = TraceHeader::parse("Root=1-5e9f0c65-1de4d666d4dd26aced652b6c").unwrap();
        let now = Timestamp::from_millis(0);
        let arrival = Arrival { head: &head, host, peer, id: &id, trace: &trace, now, account: "1" };
        invoke::invoke(&arrival, &found, body, async |event| function(event)).await
    };
    finish(respond.await.unwrap_or_else(|refusal| refusal.response(version)), &id, is_head)
}

fn whole(outcome: Outcome) -> Answer {
    Answer::Whole(Completed { outcome, report: None, printed: Vec::new() })
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    // A reset at the end is an end too.
    while let Ok(Ok(n)) = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await {
        if n == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        bytes.extend_from_slice(&buffer[..n]);
    }
    String::from_utf8_lossy(&bytes).into_owned() + "<not closed>"
}

/// The status of each answer in what came back.
fn statuses(text: &str) -> Vec<u16> {
    let lines = text.split("HTTP/1.1 ").skip(1);
    lines.map(|line| line[..3].parse::<StatusCode>().unwrap().as_u16()).collect()
}
