//! Schedules: what fires when, and making it fire.

use http::StatusCode;
use hyper::body::Incoming;
use lambent_core::Timestamp;
use lambent_core::schedule::{Fires, Missed, Overlap, Zone};
use lambent_engine::Events;
use lambent_engine::events::{Firing, Scheduled};

use super::super::asked::read_json;
use super::super::refusal::Refusal;
use super::super::reply::json;
use super::super::view::{self, Moment};
use super::Answer;

/// Times of a schedule that are shown ahead.
const AHEAD: usize = 10;

/// `GET /v1/schedules`
pub(super) async fn list(events: &Events) -> Answer {
    let all = events.schedules().await?;
    let schedules =
        all.iter().map(|scheduled| view(scheduled, events.now())).collect::<Result<_, Refusal>>()?;
    Ok(json(StatusCode::OK, &view::Schedules { schedules }))
}

/// `GET /v1/schedules/NAME`
pub(super) async fn show(events: &Events, name: &str) -> Answer {
    let scheduled = known(events, name).await?;
    Ok(json(StatusCode::OK, &view(&scheduled, events.now())?))
}

/// `PUT /v1/schedules/NAME/enabled`: whether it is at work.
pub(super) async fn enable(events: &Events, name: &str, body: Incoming) -> Answer {
    let enabled: bool = read_json(body).await?;
    known(events, name).await?;
    match enabled {
        true => events.resume_schedule(name).await?,
        false => events.pause_schedule(name).await?,
    }
    show(events, name).await
}

/// `GET /v1/schedules/NAME/firings`
pub(super) async fn history(events: &Events, name: &str) -> Answer {
    let scheduled = known(events, name).await?;
    let (zone, now) = (zone(&scheduled)?, events.now());
    let firing = |firing: &Firing| view::Firing {
        time: time(&zone, firing.nominal, now),
        at: Moment::new(firing.at, now),
        event: firing.event.map(|event| event.to_string()),
        note: firing.note.clone(),
    };
    let firings = events.schedule_history(name).await?;
    Ok(json(StatusCode::OK, &view::Firings { firings: firings.iter().map(firing).collect() }))
}

/// `POST /v1/schedules/NAME/firings`: now, or all times of a while that has passed.
pub(super) async fn fire(events: &Events, name: &str, body: Incoming) -> Answer {
    let wanted: view::NewFiring = read_json(body).await?;
    let scheduled = known(events, name).await?;
    let view::NewFiring { from, to } = wanted;
    let (Some(from), Some(to)) = (&from, &to) else {
        if from.is_some() || to.is_some() {
            return Err(Refusal::bad("`from` and `to` stand together"));
        }
        let id = events.fire_schedule(name).await?;
        return Ok(json(StatusCode::ACCEPTED, &view::Fired { fired: 1, id: Some(id.to_string()) }));
    };
    let zone = zone(&scheduled)?;
    let read = |text: &str| zone.moment(text).map_err(|error| Refusal::bad(error.to_string()));
    let fired = events.backfill_schedule(name, read(from)?, read(to)?).await?;
    Ok(json(StatusCode::ACCEPTED, &view::Fired { fired: fired as u64, id: None }))
}

async fn known(events: &Events, name: &str) -> Result<Scheduled, Refusal> {
    let all = events.schedules().await?;
    let names: Vec<_> = all.iter().map(|scheduled| scheduled.spec.name.clone()).collect();
    let found = all.into_iter().find(|scheduled| scheduled.spec.name == name);
    found.ok_or_else(|| Refusal::unknown("schedule", name, &names))
}

fn zone(scheduled: &Scheduled) -> Result<Zone, Refusal> {
    Zone::find(&scheduled.spec.timezone).map_err(|error| Refusal::conflict(error.to_string()))
}

fn time(zone: &Zone, at: Timestamp, now: Timestamp) -> view::Time {
    view::Time { local: zone.show(at), utc: Moment::new(at, now) }
}

fn view(scheduled: &Scheduled, now: Timestamp) -> Result<view::Schedule, Refusal> {
    let (spec, zone) = (&scheduled.spec, zone(scheduled)?);
    let upcoming = scheduled.upcoming(AHEAD)?;
    Ok(view::Schedule {
        name: spec.name.clone(),
        when: spec.when.to_string(),
        timezone: spec.timezone.clone(),
        to: match &spec.fires {
            Fires::To(target) => target.to_string(),
            Fires::Rule(rule) => format!("rule:default/{rule}"),
        },
        enabled: scheduled.enabled,
        missed: match spec.missed {
            Missed::Skip => "skip".to_owned(),
            Missed::Last => "last".to_owned(),
            Missed::All(most) => format!("all, at most {most}"),
        },
        overlap: match spec.overlap {
            Overlap::Allow => "allow",
            Overlap::Skip => "skip",
            Overlap::Queue => "queue",
        }
        .to_owned(),
        jitter_ms: u64::try_from(spec.jitter.as_millis()).unwrap_or(u64::MAX),
        next: upcoming.into_iter().map(|at| time(&zone, at, now)).collect(),
    })
}
