//! Redrives: dead letters on their way back.

use http::StatusCode;
use hyper::body::Incoming;
use lambent_engine::Events;
use lambent_engine::events::RedriveRequest;
use lambent_store::{Redrive, RedriveState};

use super::super::asked::read_json;
use super::super::refusal::Refusal;
use super::super::reply::json;
use super::super::view::{self, Destination, Moment};
use super::{Answer, dead_letters, queues};

/// `POST /v1/redrives`; with `dry_run` it says what would move, and nothing moves.
pub(super) async fn start(events: &Events, body: Incoming) -> Answer {
    let view::NewRedrive { from, to, fingerprint, rate, dry_run } = read_json(body).await?;
    let from = dead_letters::place(events, &from).await?;
    let to = match to {
        Some(name) => Some(queues::named(events, name.strip_prefix("queue:").unwrap_or(&name))?.0),
        None => None,
    };
    let request = RedriveRequest { from, to, fingerprint, rate };
    if !dry_run {
        let redrive = events.start_redrive(request).await?;
        return Ok(json(StatusCode::CREATED, &view(events, &redrive)));
    }
    let plan = events.plan_redrive(&request).await?;
    let destinations = plan.to.into_iter().map(|(to, count)| Destination { to, count }).collect();
    Ok(json(
        StatusCode::OK,
        &view::Plan {
            from: request.from.to_string(),
            total: plan.total,
            destinations,
            complete: plan.complete,
        },
    ))
}

/// `GET /v1/redrives`
pub(super) async fn list(events: &Events) -> Answer {
    let redrives = events.redrives().await?;
    let redrives = redrives.iter().map(|redrive| view(events, redrive)).collect();
    Ok(json(StatusCode::OK, &view::Redrives { redrives }))
}

/// `GET /v1/redrives/ID`
pub(super) async fn show(events: &Events, id: &str) -> Answer {
    let redrives = events.redrives().await?;
    let found = redrives.iter().find(|redrive| redrive.id == id);
    let found = found.ok_or_else(|| Refusal::missing(format!("there is no redrive `{id}`")))?;
    Ok(json(StatusCode::OK, &view(events, found)))
}

/// `DELETE /v1/redrives/ID`: what is moved stays moved.
pub(super) async fn cancel(events: &Events, id: &str) -> Answer {
    let redrive = events.cancel_redrive(id).await?;
    Ok(json(StatusCode::OK, &view(events, &redrive)))
}

fn view(events: &Events, redrive: &Redrive) -> view::Redrive {
    let (state, reason) = match &redrive.state {
        RedriveState::Running => ("running", None),
        RedriveState::Cancelled => ("cancelled", None),
        RedriveState::Completed => ("completed", None),
        RedriveState::Failed(reason) => ("failed", Some(reason.clone())),
    };
    let gone = || "(removed)".to_owned();
    view::Redrive {
        id: redrive.id.clone(),
        from: events.place_of(redrive.from).map_or_else(gone, |place| place.to_string()),
        to: redrive.to.map(|to| events.name_of(to).unwrap_or_else(gone)),
        fingerprint: redrive.fingerprint.clone(),
        rate: redrive.rate,
        started: Moment::new(redrive.started, events.now()),
        total: redrive.total,
        moved: redrive.moved,
        state: state.to_owned(),
        reason,
    }
}
