//! Queues that users know: what they hold, sending to them, emptying them.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use hyper::body::Incoming;
use lambent_core::{QueueName, Timestamp};
use lambent_engine::Events;
use lambent_engine::events::{Dead, Outgoing, Queue};
use lambent_store::Stats;

use super::super::asked::read_json;
use super::super::refusal::Refusal;
use super::super::reply::json;
use super::super::view::{self, Moment};
use super::Answer;
use super::messages::{self, Checked, Wanted};

/// The queue of this name.
pub(super) fn named(events: &Events, name: &str) -> Result<(QueueName, Arc<Queue>), Refusal> {
    events.named(name).map_err(|_| {
        let known: Vec<String> = events.queues().iter().map(|(name, _)| name.to_string()).collect();
        Refusal::unknown("queue", name, &known)
    })
}

/// `GET /v1/queues`
pub(super) async fn list(events: &Events) -> Answer {
    let mut queues = Vec::new();
    for (name, queue) in events.queues() {
        // One that was removed a moment ago is not there.
        let Ok(stats) = events.stats(&queue).await else { continue };
        queues.push(view(&name, &queue, &stats, events.now()));
    }
    Ok(json(StatusCode::OK, &view::Queues { queues }))
}

/// `GET /v1/queues/NAME`
pub(super) async fn show(events: &Events, name: &str) -> Answer {
    let (name, queue) = named(events, name)?;
    let (spec, now) = (queue.spec(), events.now());
    let (created, modified) = queue.times();
    let stats = events.stats(&queue).await?;
    let detail = view::QueueDetail {
        queue: view(&name, &queue, &stats, now),
        created: Moment::new(created, now),
        modified: Moment::new(modified, now),
        visibility_ms: millis(spec.visibility),
        delay_ms: millis(spec.delay),
        retention_ms: millis(spec.retention),
        wait_ms: millis(spec.wait),
        message_max: spec.message_max as u64,
        dead_letter: spec.redrive.as_ref().map(|to| to.queue.to_string()),
        max_receives: spec.redrive.as_ref().map(|to| to.max_receives),
        takes_dead_letters_of: events
            .queues_dying_into(name.as_str())
            .iter()
            .map(ToString::to_string)
            .collect(),
        content_deduplication: spec.content_dedup,
        deduplication_by_group: spec.dedup_by_group,
    };
    Ok(json(StatusCode::OK, &detail))
}

/// `POST /v1/queues/NAME/messages`
pub(super) async fn send(events: &Events, name: &str, body: Incoming) -> Answer {
    let (name, queue) = named(events, name)?;
    let message = Checked::new(read_json(body).await?, &name, queue.fifo)?;
    let outgoing = Outgoing {
        body: message.body.into(),
        attributes: message.attributes,
        trace: None,
        delay: message.delay,
        group: message.group,
        dedup: message.dedup,
    };
    let sent = events.send(&queue, vec![outgoing]).await?.pop();
    let sent = sent.ok_or_else(|| Refusal::conflict("nothing was sent"))??;
    Ok(json(StatusCode::CREATED, &view::Accepted { id: sent.id.to_string() }))
}

/// `GET /v1/queues/NAME/messages`
pub(super) async fn peek(events: &Events, name: &str, wanted: Wanted) -> Answer {
    let (name, _) = named(events, name)?;
    messages::list(events, &Dead::Queue(name), wanted).await
}

/// `DELETE /v1/queues/NAME/messages`
pub(super) async fn purge(events: &Events, name: &str) -> Answer {
    let (name, _) = named(events, name)?;
    let removed = events.purge_queue(name.as_str()).await?;
    Ok(json(StatusCode::OK, &view::Removed { removed }))
}

fn view(name: &QueueName, queue: &Queue, stats: &Stats, now: Timestamp) -> view::Queue {
    view::Queue {
        name: name.to_string(),
        fifo: queue.fifo,
        ready: stats.ready,
        in_flight: stats.leased,
        delayed: stats.delayed,
        oldest: stats.oldest.map(|at| Moment::new(at, now)),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
