//! The functions' logs, as JSON lines: what is kept, and with `follow=true` what comes.

use http::{Response, StatusCode};
use lambent_core::{LogEntry, RequestId};
use lambent_engine::{Engine, Followed, Follower};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::reply::{Body, Lines, failure, lines};

/// Answers `GET /v1/logs?function=NAME&request=ID&follow=true`.
pub(super) fn answer(engine: &Engine, stop: &CancellationToken, query: &str) -> Response<Body> {
    let wanted = match Wanted::read(query) {
        Ok(wanted) => wanted,
        Err(why) => return failure(StatusCode::BAD_REQUEST, &why),
    };
    let (kept, follower) = engine.logs().kept_and_following();
    let (sender, response) = lines();
    engine.tasks().spawn(send(wanted, kept, follower, sender, stop.clone()));
    response
}

struct Wanted {
    function: Option<String>,
    request: Option<RequestId>,
    follow: bool,
}

impl Wanted {
    fn read(query: &str) -> Result<Self, String> {
        let mut wanted = Self { function: None, request: None, follow: false };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("function", name) => wanted.function = Some(name.to_owned()),
                ("request", text) => {
                    let id = RequestId::parse(text).ok_or_else(|| format!("`{text}` is no request id"))?;
                    wanted.request = Some(id);
                }
                ("follow", value) => wanted.follow = value == "true",
                (other, _) => return Err(format!("`{other}` is unknown: use function, request and follow")),
            }
        }
        Ok(wanted)
    }

    fn takes(&self, entry: &LogEntry) -> bool {
        self.function.as_deref().is_none_or(|name| name == entry.function.as_str())
            && (self.request.is_none() || entry.request == self.request)
    }
}

/// Sends lines until the reader goes, the node stops, or there are no more.
async fn send(
    wanted: Wanted,
    kept: Vec<LogEntry>,
    mut follower: Follower,
    mut sender: Lines,
    stop: CancellationToken,
) {
    for entry in kept.iter().filter(|entry| wanted.takes(entry)) {
        if send_entry(&mut sender, entry).await.is_err() {
            return;
        }
    }
    if !wanted.follow {
        return;
    }
    loop {
        let sent = match stop.run_until_cancelled(follower.next()).await {
            Some(Followed::Entry(entry)) if !wanted.takes(&entry) => Ok(()),
            Some(Followed::Entry(entry)) => send_entry(&mut sender, &entry).await,
            Some(Followed::Skipped(count)) => sender.send(&json!({ "skipped": count })).await,
            Some(Followed::End) | None => return,
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn send_entry(sender: &mut Lines, entry: &LogEntry) -> Result<(), ()> {
    for text in entry.lines() {
        let line = json!({
            "at": entry.at.iso8601(),
            "function": entry.function.as_str(),
            "request_id": entry.request.as_ref().map(RequestId::as_str),
            "text": text,
        });
        sender.send(&line).await?;
    }
    Ok(())
}
