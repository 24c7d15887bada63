//! `/v1`: what a person does with events. One function an endpoint; this is the list of them.

mod dead_letters;
mod fanout;
mod functions;
mod ledger;
mod messages;
mod queues;
mod redrives;
mod schedules;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use lambent_engine::Engine;

use super::asked::{Query, segments};
use super::refusal::Refusal;
use super::reply::Body;

type Answer = Result<Response<Body>, Refusal>;

/// Answers a request whose path begins with `/v1`.
pub(super) async fn answer(engine: &Engine, request: Request<Incoming>) -> Response<Body> {
    route(engine, request).await.unwrap_or_else(Response::from)
}

async fn route(engine: &Engine, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let path = segments(head.uri.path())?;
    let path: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
    let mut query = Query::read(head.uri.query().unwrap_or_default())?;
    let wanted = match (&head.method, path.as_slice()) {
        (&Method::GET, ["queues", _, "messages"] | ["dead-letters", _]) => {
            Some(messages::Wanted::take(&mut query)?)
        }
        _ => None,
    };
    query.end()?;
    let events = engine.events();
    match (&head.method, path.as_slice(), wanted) {
        (&Method::GET, ["queues"], None) => queues::list(events).await,
        (&Method::GET, ["queues", name], None) => queues::show(events, name).await,
        (&Method::GET, ["queues", name, "messages"], Some(wanted)) => {
            queues::peek(events, name, wanted).await
        }
        (&Method::POST, ["queues", name, "messages"], None) => queues::send(events, name, body).await,
        (&Method::DELETE, ["queues", name, "messages"], None) => queues::purge(events, name).await,
        (&Method::GET, ["topics"], None) => fanout::topics(events),
        (&Method::POST, ["topics", name, "messages"], None) => fanout::publish(events, name, body).await,
        (&Method::GET, ["buses"], None) => fanout::buses(events),
        (&Method::POST, ["buses", name, "events"], None) => fanout::put(events, name, body).await,
        (&Method::POST, ["functions", name, "events"], None) => functions::accept(engine, name, body).await,
        (&Method::GET, ["results", id], None) => functions::result(events, id).await,
        (&Method::GET, ["dead-letters"], None) => dead_letters::places(events).await,
        (&Method::GET, ["dead-letters", place], Some(wanted)) => {
            dead_letters::list(events, place, wanted).await
        }
        (&Method::GET, ["dead-letters", place, letter], None) => {
            dead_letters::show(events, place, letter).await
        }
        (&Method::PUT, ["dead-letters", place, letter, "body"], None) => {
            dead_letters::edit(events, place, letter, body).await
        }
        (&Method::DELETE, ["dead-letters", place, letter], None) => {
            dead_letters::discard(events, place, letter).await
        }
        (&Method::GET, ["redrives"], None) => redrives::list(events).await,
        (&Method::POST, ["redrives"], None) => redrives::start(events, body).await,
        (&Method::GET, ["redrives", id], None) => redrives::show(events, id).await,
        (&Method::DELETE, ["redrives", id], None) => redrives::cancel(events, id).await,
        (&Method::GET, ["schedules"], None) => schedules::list(events).await,
        (&Method::GET, ["schedules", name], None) => schedules::show(events, name).await,
        (&Method::PUT, ["schedules", name, "enabled"], None) => schedules::enable(events, name, body).await,
        (&Method::GET, ["schedules", name, "firings"], None) => schedules::history(events, name).await,
        (&Method::POST, ["schedules", name, "firings"], None) => schedules::fire(events, name, body).await,
        (&Method::GET, ["ledger"], None) => ledger::show(events).await,
        _ => Err(nowhere(&head.method, &path)),
    }
}

fn nowhere(method: &Method, path: &[&str]) -> Refusal {
    let known = [
        "queues",
        "topics",
        "buses",
        "functions",
        "results",
        "dead-letters",
        "redrives",
        "schedules",
        "ledger",
    ];
    if path.first().is_some_and(|first| known.contains(first)) {
        let message = format!("the admin API has no {method} of such a path");
        return Refusal { status: StatusCode::METHOD_NOT_ALLOWED, message };
    }
    Refusal::missing("the admin API has no such path")
}
