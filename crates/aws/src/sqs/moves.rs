//! Message move tasks: dead letters on their way back, which the engine calls redrives.

use http::Response;
use lambent_core::{Arn, QueueName};
use lambent_engine::Events;
use lambent_engine::events::{Dead, RedriveRequest, RedriveState};
use serde::Deserialize;

use super::error::{Code, Error};
use super::request::{Request, Text, between, in_range, read};
use super::writer;
use crate::body::Body;
use crate::query::Section;
use crate::service::Call;

/// Most messages a second that a task moves, if it says (SQS).
const RATE_MAX: i64 = 500;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartMessageMoveTask<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    #[serde(borrow)]
    destination_arn: Option<Text<'a>>,
    max_number_of_messages_per_second: Option<i64>,
}

impl<'a> Request<'a> for StartMessageMoveTask<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self {
            source_arn: form.text("SourceArn"),
            destination_arn: form.text("DestinationArn"),
            max_number_of_messages_per_second: form.number("MaxNumberOfMessagesPerSecond")?,
        })
    }
}

/// Starts to move dead letters back.
pub(super) async fn start(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: StartMessageMoveTask<'_> = read(call)?;
    let from = source(events, request.source_arn.as_deref())?;
    if events.queues_dying_into(from.as_str()).is_empty() {
        return Err(
            Code::InvalidParameterValue.because("Source queue must be configured as a Dead Letter Queue.")
        );
    }
    let to = match request.destination_arn.as_deref() {
        Some(arn) => Some(named(events, "DestinationArn", arn)?),
        None => None,
    };
    let rate = request.max_number_of_messages_per_second;
    let rate = in_range("MaxNumberOfMessagesPerSecond", rate, 1..=RATE_MAX, between)?;
    let request = RedriveRequest { from: Dead::Queue(from), to, fingerprint: None, rate };
    let task = events.start_redrive(request).await?;
    Ok(writer::answer(call, |writer| writer.text("TaskHandle", &task.id)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListMessageMoveTasks<'a> {
    #[serde(borrow)]
    source_arn: Option<Text<'a>>,
    max_results: Option<i64>,
}

impl<'a> Request<'a> for ListMessageMoveTasks<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self { source_arn: form.text("SourceArn"), max_results: form.number("MaxResults")? })
    }
}

/// Lists the tasks of a queue, the newest first.
pub(super) async fn list(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: ListMessageMoveTasks<'_> = read(call)?;
    let from = source(events, request.source_arn.as_deref())?;
    let max = in_range("MaxResults", request.max_results, 1..=10, between)?;
    let (_, queue) = events.named(from.as_str())?;
    let mut tasks = events.redrives().await?;
    tasks.retain(|task| task.from == queue.id);
    tasks.truncate(max.map_or(1, |max| max as usize));
    Ok(writer::answer(call, |writer| {
        writer.list("Results", "ListMessageMoveTasksResultEntry", &tasks, |writer, task| {
            let status = match &task.state {
                RedriveState::Running => "RUNNING",
                RedriveState::Cancelled => "CANCELLED",
                RedriveState::Completed => "COMPLETED",
                RedriveState::Failed(_) => "FAILED",
            };
            if task.state == RedriveState::Running {
                writer.text("TaskHandle", &task.id);
            }
            writer.text("Status", status);
            writer.text("SourceArn", &events.node().queue_arn(&from));
            if let Some(to) = task.to.and_then(|to| events.queue_name(to)) {
                writer.text("DestinationArn", &events.node().queue_arn(&to));
            }
            if let Some(rate) = task.rate {
                writer.bare("MaxNumberOfMessagesPerSecond", rate);
            }
            writer.bare("ApproximateNumberOfMessagesMoved", task.moved);
            writer.bare("ApproximateNumberOfMessagesToMove", task.total);
            if let RedriveState::Failed(reason) = &task.state {
                writer.text("FailureReason", reason);
            }
            writer.bare("StartedTimestamp", task.started.as_millis());
        });
    }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CancelMessageMoveTask<'a> {
    #[serde(borrow)]
    task_handle: Option<Text<'a>>,
}

impl<'a> Request<'a> for CancelMessageMoveTask<'a> {
    fn of_form(form: Section<'_, 'a>) -> Result<Self, Error> {
        Ok(Self { task_handle: form.text("TaskHandle") })
    }
}

/// Stops a task; what it moved stays moved.
pub(super) async fn cancel(events: &Events, call: &Call) -> Result<Response<Body>, Error> {
    let request: CancelMessageMoveTask<'_> = read(call)?;
    let handle = request.task_handle.ok_or_else(|| Error::missing("TaskHandle"))?;
    let task = events.cancel_redrive(&handle).await?;
    Ok(writer::answer(call, |writer| writer.bare("ApproximateNumberOfMessagesMoved", task.moved)))
}

/// The queue that dead letters are in.
fn source(events: &Events, arn: Option<&str>) -> Result<QueueName, Error> {
    named(events, "SourceArn", arn.ok_or_else(|| Error::missing("SourceArn"))?)
}

/// The queue of an ARN.
fn named(events: &Events, parameter: &str, arn: &str) -> Result<QueueName, Error> {
    let name = Arn::parse(arn).and_then(|arn| arn.queue());
    let name = name.ok_or_else(|| Error::value(parameter, arn, "It must be the ARN of a queue."))?;
    match events.queue(name.as_str()) {
        Some(_) => Ok(name),
        None => Err(Code::NotFound.because(format!(
            "The resource that you specified for the {parameter} parameter doesn't exist."
        ))),
    }
}
