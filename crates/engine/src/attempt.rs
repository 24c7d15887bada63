//! One attempt at an event: run the function, decide what happens next, make all of that durable in one commit.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lambent_core::decide::{Condition, History, Step, admit, decide};
use lambent_core::{
    EventConfig, Failure, FunctionVersion, Invocation, Jitter, Origin, Outcome, TraceHeader, limits,
};
use lambent_store::{Commit, Effect, Fence, Leased, Meter, Released};

use crate::Engine;
use crate::dispatch::MARGIN;
use crate::events::destinations::{Ended, dead_attributes, push_json};
use crate::events::{Events, Fanout, Purpose};

/// How long a commit is tried again that the store could not do; then the event's lease runs out and it is run again.
const SETTLE_FOR: Duration = Duration::from_secs(300);

/// Runs a function for an event that was leased, and settles it.
pub(crate) async fn run(engine: &Engine, function: &Arc<FunctionVersion>, event: Leased) {
    let events = engine.events();
    let trace = event.message.meta.trace.as_deref().and_then(TraceHeader::parse);
    let attempt = Attempt {
        engine,
        function,
        config: events.event_config(function.name().as_str()),
        trace: trace.unwrap_or_else(|| TraceHeader::start(events.now(), fastrand::u128(..))),
        event,
    };
    attempt.run().await;
}

struct Attempt<'a> {
    engine: &'a Engine,
    function: &'a Arc<FunctionVersion>,
    config: EventConfig,
    trace: TraceHeader,
    event: Leased,
}

/// What the function answered, or that it was not asked.
struct Ran {
    outcome: Option<Outcome>,
    step: Step,
    billed: Duration,
}

impl Attempt<'_> {
    async fn run(&self) {
        let name = self.function.name().as_str();
        let ran = match admit(&self.config.retry, self.age(), self.trace.visits(name)) {
            Some(condition) => Ran { outcome: None, step: Step::Bury(condition), billed: Duration::ZERO },
            None => self.invoke().await,
        };
        lambent_store::failpoint::pass("after-invoke-before-effects");
        self.settle(ran).await;
    }

    /// Runs the function while the event stays ours.
    async fn invoke(&self) -> Ran {
        let message = &self.event.message;
        let call = Invocation {
            id: message.id,
            function: Arc::clone(self.function),
            payload: message.body.clone(),
            origin: Origin::Event,
            attempt: message.receives,
            trace: self.trace.visit(self.function.name().as_str()),
            arn: message.meta.arn.clone().unwrap_or_else(|| self.function.arn.clone()),
            client_context: message.meta.client_context.clone(),
        };
        let mut running = std::pin::pin!(self.engine.invoke(call));
        let completed = loop {
            let half = self.hold() / 2;
            match tokio::time::timeout(half, &mut running).await {
                Ok(completed) => break completed,
                Err(_) => self.extend().await,
            }
        };
        let history =
            History { attempts: message.receives, throttles: message.throttles + 1, age: self.age() };
        let step = decide(&completed.outcome, &self.config.retry, &history, Jitter::new(fastrand::f64()));
        let billed = completed.report.as_ref().map(lambent_core::report::Report::billed).unwrap_or_default();
        Ran { outcome: Some(completed.outcome), step, billed }
    }

    /// Makes durable what follows from an attempt: all of it in one commit, or nothing.
    async fn settle(&self, ran: Ran) {
        let events = self.events();
        let deadline = tokio::time::Instant::now() + SETTLE_FOR;
        let mut pause = Duration::from_millis(50);
        loop {
            let settled = match self.effects(&ran).await {
                Ok(fanout) => events.commit_guarded(fanout, self.event.receipt).await,
                Err(error) => Err(error),
            };
            match settled {
                Ok(()) => {
                    if matches!(ran.step, Step::Retry { .. }) {
                        // It is due before its lease would have run out, which is what the pump knows of.
                        events.wake(&format!("function:{}", self.function.name()));
                    }
                    return;
                }
                Err(error) if tokio::time::Instant::now() >= deadline => {
                    return Events::complain(
                        &format!("an event of {} is run again", self.function.name()),
                        &error,
                    );
                }
                Err(error) => {
                    Events::complain(&format!("an event of {} is not settled", self.function.name()), &error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                    self.extend().await;
                }
            }
        }
    }

    /// What follows from an attempt.
    async fn effects(&self, ran: &Ran) -> crate::events::Result<Fanout> {
        let events = self.events();
        let mut fanout = Fanout::new(events.now(), Some(self.trace.as_str().to_owned()));
        let receipt = self.event.receipt;
        match ran.step {
            Step::Done => {
                fanout.effects.push(Effect::Ack { receipt, fence: Fence::Current });
                self.end(&mut fanout, ran, "Success", self.config.on_success.as_ref()).await?;
            }
            Step::Retry { after, counts } => {
                let failure = ran.outcome.as_ref().map(|outcome| self.failure(outcome, ""));
                let why = if counts { Released::Failed(failure) } else { Released::Throttled };
                fanout.effects.push(Effect::Release { receipt, at: events.now().plus(after), why });
            }
            Step::Bury(condition) => {
                let failure = self.last_failure(ran, condition);
                let attributes = dead_attributes(self.event.message.id, &failure.message);
                let dead = match &self.config.dead_letter {
                    Some(name) => events.queue(name.as_str()),
                    None => None,
                };
                let dead = match dead {
                    Some(queue) => queue,
                    None => {
                        events.ensure(Purpose::Dead(format!("function:{}", self.function.name()))).await?
                    }
                };
                fanout.effects.push(Effect::Bury { receipt, to: dead.id, failure, attributes });
                self.end(&mut fanout, ran, condition.as_str(), self.config.on_failure.as_ref()).await?;
            }
        }
        if let Some(outcome) =
            ran.outcome.as_ref().filter(|outcome| !matches!(outcome, Outcome::Throttled { .. }))
        {
            fanout.effects.push(Effect::Meter(Meter {
                function: self.function.name().to_string(),
                runs: 1,
                failed: u64::from(!matches!(outcome, Outcome::Returned(_))),
                billed_ms: u64::try_from(ran.billed.as_millis()).unwrap_or(u64::MAX),
            }));
        }
        Ok(fanout)
    }

    /// The end of an event: its result and its destination.
    async fn end(
        &self,
        fanout: &mut Fanout,
        ran: &Ran,
        condition: &'static str,
        target: Option<&lambent_core::Target>,
    ) -> crate::events::Result<()> {
        let (events, message) = (self.events(), &self.event.message);
        let response = ran.outcome.as_ref().map(|outcome| self.response(outcome));
        if message.meta.keep_result {
            let text = self.result(condition, response.as_deref());
            fanout.effects.push(events.finished(message.id, text));
        }
        let Some(target) = target else { return Ok(()) };
        let ended = Ended {
            function: self.function.name(),
            id: message.id,
            arn: format!("{}:{}", self.function.arn, self.function.version),
            condition,
            runs: if ran.outcome.is_some() { message.receives } else { message.receives.saturating_sub(1) },
            request: &message.body,
            response: response.as_deref(),
            at: events.now(),
        };
        // The chain of events goes on from here: a loop through destinations is found by its visits.
        fanout.trace = Some(self.trace.visit(self.function.name().as_str()).as_str().to_owned());
        events.tell(fanout, target, &ended).await
    }

    /// What the function answered, JSON text.
    fn response(&self, outcome: &Outcome) -> Bytes {
        match outcome {
            Outcome::Returned(result) => result.clone(),
            failed => failed.error(self.event.message.id).map(|error| error.document).unwrap_or_default(),
        }
    }

    /// What can be read about the event from now on.
    fn result(&self, condition: &str, response: Option<&[u8]>) -> String {
        use lambent_core::json::push_string;
        let message = &self.event.message;
        let mut text = String::from("{\"id\":");
        push_string(&mut text, message.id.as_str());
        text.push_str(",\"function\":");
        push_string(&mut text, self.function.name().as_str());
        let state = if condition == "Success" { "done" } else { "dead" };
        text.push_str(&format!(
            ",\"state\":\"{state}\",\"condition\":\"{condition}\",\"attempts\":{}",
            message.receives
        ));
        text.push_str(",\"finishedAt\":");
        push_string(&mut text, &self.events().now().iso8601());
        text.push_str(",\"response\":");
        push_json(&mut text, response.unwrap_or_default());
        text.push('}');
        text
    }

    /// Why the event is given up: the last error, or that it was too old or went round in circles.
    fn last_failure(&self, ran: &Ran, condition: Condition) -> Failure {
        let before = self.event.message.failure.clone();
        match (&ran.outcome, before) {
            (Some(outcome), _) => self.failure(outcome, condition.as_str()),
            (None, Some(failure)) => Failure { condition: condition.as_str().to_owned(), ..failure },
            (None, None) => {
                let text = match condition {
                    Condition::RecursiveLoop => {
                        "the event came to this function again and again, without an end"
                    }
                    _ => "the event was too old to be run",
                };
                Failure::new(self.function.name().as_str(), condition.as_str(), text).given_up(
                    condition.as_str(),
                    0,
                    self.events().now(),
                )
            }
        }
    }

    fn failure(&self, outcome: &Outcome, condition: &str) -> Failure {
        let message = &self.event.message;
        Failure::of(self.function.name().as_str(), outcome, message.id).given_up(
            condition,
            message.receives,
            self.events().now(),
        )
    }

    async fn extend(&self) {
        let events = self.events();
        let until = events.now().plus(self.hold());
        let effects = vec![Effect::Extend { receipt: self.event.receipt, until }];
        // When that fails, the lease may run out and the event is run twice: at least once is what is promised.
        drop(events.store().settle(Commit { guard: None, effects, now: events.now() }).await);
    }

    /// How long the event is held at a time.
    fn hold(&self) -> Duration {
        self.function.function.timeout.min(limits::TIMEOUT_MAX) + MARGIN
    }

    fn age(&self) -> Duration {
        self.events().now().since(self.event.message.sent)
    }

    fn events(&self) -> &Events {
        self.engine.events()
    }
}
