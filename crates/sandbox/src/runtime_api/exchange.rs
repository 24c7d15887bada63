//! The state machine of one runtime: what it may say when (semantics.md 1.3). No HTTP here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lambent_core::{FunctionError, Invocation, RequestId, Timestamp};
use tokio::sync::{Notify, mpsc};

/// An event for the runtime.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: RequestId,
    pub(super) deadline: Timestamp,
    pub(super) arn: String,
    pub(super) trace: String,
    pub(super) client_context: Option<String>,
    pub(super) payload: Bytes,
    /// Taken by whoever answers: when that one goes away, nobody is left to be heard.
    answer: Option<mpsc::Sender<Part>>,
}

/// A piece of the runtime's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It streams, with this content type.
    Start(String),
    /// A piece of the stream.
    Chunk(Bytes),
    /// The stream is complete.
    End,
    /// It answered in one piece.
    Returned(Bytes),
    /// It failed, or the stream broke.
    Failed(FunctionError),
}

/// Why the runtime may not say what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The id is not that of the current invocation.
    UnknownId,
    /// It is not the time for it: (from, to).
    Transition(&'static str, &'static str),
}

/// What passes between the node and the runtime.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    state: Mutex<State>,
    /// An event was offered.
    offered: Notify,
    /// The phase has changed.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// Offered and not yet fetched.
    offer: Option<Event>,
    /// Fetched and not yet replaced by the next.
    current: Option<Event>,
    init_error: Option<FunctionError>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Starting,
    InitError,
    Ready,
    Running,
    Answering(&'static str),
    ResponseSent,
}

impl Phase {
    /// The names that the emulator's messages use.
    fn name(self) -> &'static str {
        match self {
            Self::Starting => "Started",
            Self::InitError => "InitError",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::Answering(what) => what,
            Self::ResponseSent => "ResponseSent",
        }
    }
}

impl Event {
    pub(super) fn new(call: &Invocation, deadline: Timestamp, answer: mpsc::Sender<Part>) -> Self {
        Self {
            id: call.id,
            deadline,
            arn: call.arn.clone(),
            trace: call.trace.as_str().to_owned(),
            client_context: call.client_context.clone(),
            payload: call.payload.clone(),
            answer: Some(answer),
        }
    }
}

/// The right to answer the current invocation, given once. Where it is dropped unfinished, because the connection
/// broke, the invocation is over all the same and the node hears no more of it.
#[derive(Debug)]
pub(super) struct Answering {
    exchange: Arc<Exchange>,
    parts: mpsc::Sender<Part>,
    finished: bool,
}

impl Answering {
    /// A piece of a stream. Waits while the listener is behind.
    pub(super) async fn part(&self, part: Part) {
        // Nobody listens any more when the invocation ran into its timeout; the process is being killed then.
        drop(self.parts.send(part).await);
    }

    /// The last piece.
    pub(super) async fn finish(mut self, part: Part) {
        self.over();
        self.part(part).await;
    }

    /// The runtime may ask for the next event.
    fn over(&mut self) {
        self.finished = true;
        self.exchange.state().phase = Phase::ResponseSent;
        self.exchange.changed.notify_waiters();
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.finished {
            self.over();
        }
    }
}

impl Exchange {
    /// The node: here is an event.
    pub(super) fn offer(&self, event: Event) {
        self.state().offer = Some(event);
        self.offered.notify_one();
    }

    /// The node: waits until the runtime is initialised.
    pub(super) async fn ready(&self) -> Result<(), FunctionError> {
        self.wait_for(|state| match state.phase {
            Phase::Starting => None,
            Phase::InitError => Some(Err(state.init_error.clone().unwrap_or_else(init_error_unknown))),
            _ => Some(Ok(())),
        })
        .await
    }

    /// The node: waits until the runtime has asked for more.
    pub(super) async fn settled(&self) {
        self.wait_for(|state| (state.phase == Phase::Ready).then_some(())).await;
    }

    /// The runtime: GET next. The same event again while it is being worked on.
    pub(super) async fn next(&self) -> Result<Event, Refusal> {
        loop {
            let offered = self.offered.notified();
            if let Some(result) = self.try_next() {
                return result;
            }
            offered.await;
        }
    }

    fn try_next(&self) -> Option<Result<Event, Refusal>> {
        let mut state = self.state();
        match state.phase {
            Phase::Running => return state.current.clone().map(Ok),
            Phase::InitError | Phase::Answering(_) => {
                return Some(Err(Refusal::Transition(state.phase.name(), "Ready")));
            }
            Phase::Starting | Phase::Ready | Phase::ResponseSent => {}
        }
        if state.phase != Phase::Ready {
            state.phase = Phase::Ready;
            self.changed.notify_waiters();
        }
        let event = state.offer.take()?;
        state.phase = Phase::Running;
        state.current = Some(event.clone());
        Some(Ok(event))
    }

    /// The runtime: POST response or error for `id`. `what` is its name in a refusal.
    pub(super) fn answer(self: &Arc<Self>, id: &str, what: &'static str) -> Result<Answering, Refusal> {
        let mut state = self.state();
        let phase = state.phase;
        let current =
            state.current.as_mut().filter(|event| event.id.as_str() == id).ok_or(Refusal::UnknownId)?;
        let parts = current.answer.take_if(|_| phase == Phase::Running);
        let parts = parts.ok_or_else(|| Refusal::Transition(phase.name(), what))?;
        state.phase = Phase::Answering(what);
        Ok(Answering { exchange: Arc::clone(self), parts, finished: false })
    }

    /// The runtime: POST init/error.
    pub(super) fn init_error(&self, error: FunctionError) -> Result<(), Refusal> {
        let mut state = self.state();
        if state.phase != Phase::Starting {
            return Err(Refusal::Transition(state.phase.name(), "InitError"));
        }
        state.phase = Phase::InitError;
        state.init_error = Some(error);
        self.changed.notify_waiters();
        Ok(())
    }

    async fn wait_for<T>(&self, test: impl Fn(&State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listening before looking: a change in between is not missed.
            changed.as_mut().enable();
            if let Some(found) = test(&self.state()) {
                return found;
            }
            changed.await;
        }
    }

    /// Nothing that holds the lock can panic half-way through a change.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn init_error_unknown() -> FunctionError {
    FunctionError::new("Runtime.Unknown", "the runtime could not be initialised")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bits: u128) -> (Event, mpsc::Receiver<Part>) {
        let (answer, parts) = mpsc::channel(1);
        let event = Event {
            id: RequestId::from_random(bits),
            deadline: Timestamp::default(),
            arn: String::new(),
            trace: String::new(),
            client_context: None,
            payload: Bytes::from_static(b"{}"),
            answer: Some(answer),
        };
        (event, parts)
    }

    #[tokio::test]
    async fn an_event_is_fetched_answered_and_settled() {
        let exchange = Arc::new(Exchange::default());
        let (first, mut parts) = event(1);
        exchange.offer(first);
        let fetched = exchange.next().await.unwrap();
        let again = exchange.next().await.unwrap();
        assert_eq!(fetched.id, again.id, "next before an answer gives the same event");
        let answering = exchange.answer(fetched.id.as_str(), "InvocationResponse").unwrap();
        answering.finish(Part::End).await;
        assert_eq!(parts.recv().await, Some(Part::End));
        assert!(exchange.try_next().is_none());
        exchange.settled().await;
        assert_eq!(exchange.ready().await, Ok(()));
    }

    #[tokio::test]
    async fn an_answer_that_is_given_up_ends_the_invocation() {
        let exchange = Arc::new(Exchange::default());
        let (first, mut parts) = event(1);
        exchange.offer(first);
        let id = exchange.next().await.unwrap().id;
        drop(exchange.answer(id.as_str(), "InvocationResponse").unwrap());
        assert_eq!(parts.recv().await, None);
        assert!(exchange.answer(id.as_str(), "InvocationResponse").is_err());
        assert!(exchange.try_next().is_none(), "the runtime waits for the next event");
    }

    #[tokio::test]
    async fn what_is_out_of_turn_is_refused() {
        let exchange = Arc::new(Exchange::default());
        let foreign = RequestId::from_random(9);
        assert_eq!(exchange.answer(foreign.as_str(), "InvocationResponse").unwrap_err(), Refusal::UnknownId);
        let (first, _parts) = event(1);
        exchange.offer(first);
        let id = exchange.next().await.unwrap().id;
        assert_eq!(exchange.answer(foreign.as_str(), "InvocationResponse").unwrap_err(), Refusal::UnknownId);
        exchange.answer(id.as_str(), "InvocationResponse").unwrap().finish(Part::End).await;
        assert_eq!(
            exchange.answer(id.as_str(), "InvocationErrorResponse").unwrap_err(),
            Refusal::Transition("ResponseSent", "InvocationErrorResponse")
        );
        let error = FunctionError::new("Runtime.X", "x");
        assert_eq!(exchange.init_error(error), Err(Refusal::Transition("ResponseSent", "InitError")));
    }

    #[tokio::test]
    async fn an_init_error_ends_the_start() {
        let exchange = Arc::new(Exchange::default());
        let error = FunctionError::new("Runtime.X", "x");
        assert_eq!(exchange.init_error(error.clone()), Ok(()));
        assert_eq!(exchange.ready().await, Err(error));
        assert!(matches!(exchange.try_next(), Some(Err(Refusal::Transition("InitError", "Ready")))));
    }
}
