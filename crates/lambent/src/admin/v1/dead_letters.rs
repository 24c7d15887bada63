//! Dead letters: where they are, looking at them, mending them.

use http::StatusCode;
use hyper::body::Incoming;
use lambent_core::limits;
use lambent_engine::Events;
use lambent_engine::events::{Dead, Message};
use lambent_store::Sequence;
use serde_json::json as object;

use super::super::asked::read;
use super::super::refusal::Refusal;
use super::super::reply::json;
use super::super::view::{self, ErrorGroup, Failure, Place};
use super::Answer;
use super::functions::check_json;
use super::messages::{self, Wanted};

/// A place of dead letters that is there: `function:invoice` and the like, or any queue.
pub(super) async fn place(events: &Events, text: &str) -> Result<Dead, Refusal> {
    let text = text.strip_prefix("queue:").unwrap_or(text);
    let there = match Dead::parse(text) {
        Some(place @ Dead::Queue(_)) => events.queue(text).is_some().then_some(place),
        Some(place) => {
            let sequence = Sequence(i64::MAX);
            // A letter that nobody has: all that counts is whether there is such a place.
            events.dead_letter(&place, sequence).await.is_ok().then_some(place)
        }
        None => None,
    };
    match there {
        Some(place) => Ok(place),
        None => {
            let known = events.dead_letters().await?;
            let known: Vec<String> = known.iter().map(|known| known.place.to_string()).collect();
            Err(Refusal::unknown("place of dead letters", text, &known))
        }
    }
}

/// `GET /v1/dead-letters`
pub(super) async fn places(events: &Events) -> Answer {
    let now = events.now();
    let places = events.dead_letters().await?.into_iter().map(|dead| Place {
        place: dead.place.to_string(),
        count: dead.count,
        errors: dead
            .groups
            .iter()
            .map(|group| ErrorGroup {
                fingerprint: group.fingerprint.clone(),
                count: group.count,
                example: Failure::new(&group.example, now),
            })
            .collect(),
    });
    Ok(json(StatusCode::OK, &view::Places { places: places.collect() }))
}

/// `GET /v1/dead-letters/PLACE`
pub(super) async fn list(events: &Events, text: &str, wanted: Wanted) -> Answer {
    match place(events, text).await {
        Ok(place) => messages::list(events, &place, wanted).await,
        // A place of its own is made with the first letter: until then nothing of the function's has died.
        Err(_) if events.all_queues().iter().any(|queue| queue.key == text) => {
            Ok(json(StatusCode::OK, &view::Page { messages: Vec::new(), next: None }))
        }
        Err(refusal) => Err(refusal),
    }
}

/// `GET /v1/dead-letters/PLACE/SEQUENCE`
pub(super) async fn show(events: &Events, place: &str, letter: &str) -> Answer {
    let found = find(events, place, letter).await?;
    Ok(json(StatusCode::OK, &messages::show(events, &found.message)))
}

/// `PUT /v1/dead-letters/PLACE/SEQUENCE/body`: the body is the body.
pub(super) async fn edit(events: &Events, place: &str, letter: &str, body: Incoming) -> Answer {
    let found = find(events, place, letter).await?;
    let body = read(body).await?;
    if body.is_empty() {
        return Err(Refusal::bad("the new body is empty"));
    }
    if body.len() > limits::MESSAGE_MAX {
        let message =
            format!("the new body has {} bytes, and {} are allowed", body.len(), limits::MESSAGE_MAX);
        return Err(Refusal::too_large(message));
    }
    if std::str::from_utf8(&body).is_err() {
        return Err(Refusal::bad("the new body is no UTF-8"));
    }
    if found.is_event(events) {
        // It could never be run again.
        check_json(&body, "the new body is an event for a function, but it")?;
    }
    if !events.edit_dead(&found.place, found.message.sequence, body).await? {
        return Err(found.busy());
    }
    Ok(json(StatusCode::OK, &object!({ "edited": found.message.sequence.0 })))
}

/// `DELETE /v1/dead-letters/PLACE/SEQUENCE`
pub(super) async fn discard(events: &Events, place: &str, letter: &str) -> Answer {
    let found = find(events, place, letter).await?;
    if !events.discard_dead(&found.place, found.message.sequence).await? {
        return Err(found.busy());
    }
    Ok(json(StatusCode::OK, &view::Removed { removed: 1 }))
}

/// A letter, and where it is.
struct Found {
    place: Dead,
    message: Message,
}

impl Found {
    /// Whether a function gets the body as its event.
    fn is_event(&self, events: &Events) -> bool {
        let died_in = self.message.origin.and_then(|origin| events.name_of(origin));
        died_in.is_some_and(|name| name.starts_with("function:"))
    }

    /// It was there when we looked.
    fn busy(&self) -> Refusal {
        let (sequence, place) = (self.message.sequence.0, &self.place);
        Refusal::conflict(format!(
            "somebody has received letter {sequence} of `{place}` and works on it: try again later"
        ))
    }
}

async fn find(events: &Events, place_text: &str, letter: &str) -> Result<Found, Refusal> {
    let place = place(events, place_text).await?;
    let number = letter.parse().map_err(|_| {
        Refusal::bad(format!(
            "`{letter}` is no letter's number: `lambent dead-letters list {place}` shows them"
        ))
    })?;
    let message = events.dead_letter(&place, Sequence(number)).await?;
    let message = message.ok_or_else(|| {
        Refusal::missing(format!(
            "`{place}` has no letter {number}: `lambent dead-letters list {place}` shows those that it has"
        ))
    })?;
    Ok(Found { place, message })
}
