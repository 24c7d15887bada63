//! One request to an address, and what its answer means.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioTimer;
use lambent_core::message::Value;
use lambent_store::Message;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::events::catalog::Address;
use crate::events::topics::{CONFIRMATION, KIND};

/// How long an exchange may take as a whole (SNS, "Amazon SNS message delivery retries": 15 seconds).
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// How much of an answer's body is read, so that the connection can be used again.
const BODY_MAX: usize = 64 * 1024;

/// How long an answer's body is read for the same reason.
const DRAIN: Duration = Duration::from_secs(1);

/// How long a connection is kept without use: less than what common servers keep it for.
const KEPT_FOR: Duration = Duration::from_secs(4);

/// Sends requests over connections that it keeps.
#[derive(Debug)]
pub(super) struct Post {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The address has taken the message.
    Taken,
    /// It never will.
    Refused(StatusCode),
    /// It may another time. With the status if there was an answer, with the reason if there was none.
    Failed(Option<StatusCode>, String),
    /// There was no answer in time.
    TimedOut,
}

impl Answer {
    fn of(status: StatusCode) -> Self {
        let again = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        match status {
            status if status.is_success() => Self::Taken,
            status if again || status.is_server_error() => Self::Failed(Some(status), String::new()),
            status => Self::Refused(status),
        }
    }

    /// The status, where there was an answer.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(status) | Self::Failed(Some(status), _) => Some(status.as_u16()),
            Self::Taken | Self::Failed(None, _) | Self::TimedOut => None,
        }
    }

    /// The type of the failure.
    pub(super) fn kind(&self) -> String {
        match (self, self.status()) {
            (_, Some(status)) => format!("Http.{status}"),
            (Self::TimedOut, None) => "Http.TimedOut".to_owned(),
            _ => "Http.Unreachable".to_owned(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("the address took it"),
            Self::Refused(status) | Self::Failed(Some(status), _) => {
                write!(f, "the address answered {status}")
            }
            Self::Failed(None, reason) => write!(f, "the address was not reached: {reason}"),
            Self::TimedOut => write!(f, "the address did not answer within {} s", TIMEOUT.as_secs()),
        }
    }
}

impl Post {
    /// A client without connections. They are tasks of `tasks` and end at `stop`.
    pub(super) fn new(tasks: TaskTracker, stop: CancellationToken) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(Connections { tasks, stop })
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(super::AT_ONCE_EACH as usize)
            .build(connector);
        Self { client }
    }

    /// Sends a message and waits for the answer.
    pub(super) async fn send(&self, address: &Address, message: &Message) -> Answer {
        let mut request = Request::new(Full::new(message.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = match address.url.parse() {
            Ok(uri) => uri,
            Err(error) => return Answer::Failed(None, format!("it is no address: {error}")),
        };
        *request.headers_mut() = headers(address, message);
        let deadline = Instant::now() + TIMEOUT;
        match tokio::time::timeout_at(deadline, self.client.request(request)).await {
            Err(_) => Answer::TimedOut,
            Ok(Err(error)) => Answer::Failed(None, reasons(&error)),
            Ok(Ok(response)) => {
                let answer = Answer::of(response.status());
                // The head has said it; what becomes of the rest changes nothing.
                let end = deadline.min(Instant::now() + DRAIN);
                drop(tokio::time::timeout_at(end, drain(response.into_body())).await);
                answer
            }
        }
    }
}

/// Reads what is left of an answer, up to a limit.
async fn drain(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > BODY_MAX {
            return;
        }
    }
}

/// The headers of a request: those of SNS where it is for a subscription.
fn headers(address: &Address, message: &Message) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        // Names and ids have visible characters only; a trace that has others is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    match &address.subscription {
        None => {
            set("content-type", "application/json");
            set("user-agent", "lambent");
        }
        Some((topic, subscription, raw)) => {
            let asks = message
                .meta
                .attributes
                .get(KIND)
                .is_some_and(|kind| kind.value == Value::Text(CONFIRMATION.to_owned()));
            set("content-type", "text/plain; charset=UTF-8");
            set("user-agent", "Amazon Simple Notification Service Agent");
            set(KIND, if asks { CONFIRMATION } else { "Notification" });
            set("x-amz-sns-message-id", message.id.as_str());
            set("x-amz-sns-topic-arn", topic);
            if !asks {
                set("x-amz-sns-subscription-arn", subscription);
                if *raw {
                    set("x-amz-sns-rawdelivery", "true");
                }
            }
        }
    }
    if let Some(trace) = &message.meta.trace {
        set("x-amzn-trace-id", trace);
    }
    headers
}

/// TLS with the certificates that this machine trusts. Where it has none, no `https` address is reached.
fn tls() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// An error with what it comes from.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Runs the client's connections as tracked tasks, until they close or the node stops.
#[derive(Clone, Debug)]
struct Connections {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Connections
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, connection: F) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move { stop.run_until_cancelled(connection).await.map(drop) });
    }
}
