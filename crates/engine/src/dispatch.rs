//! Runs asynchronous invocations: one pump for each function takes its events out of the store, in turn with the
//! pumps of the others.
//!
//! Fairness: there are [`ASYNC_AT_ONCE`] places on a node. A pump that has work asks for one place at a time and waits
//! in line with the others, so that a function with a million events gets every second place, not all of them, as long
//! as another one has work; and no function holds more than [`ASYNC_PER_FUNCTION`] of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lambent_core::limits::{ASYNC_AT_ONCE, ASYNC_PER_FUNCTION};
use lambent_core::{FunctionName, FunctionVersion, Runtime};
use lambent_store::{Lease, Leased};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::Engine;
use crate::events::{Events, Purpose, Queue};

/// Most events that a pump takes at once.
const AT_ONCE: usize = 16;

/// How much longer than the function's timeout an event is held: starting a sandbox and settling take time too.
pub(crate) const MARGIN: Duration = Duration::from_secs(60);

/// How long a pump rests when the store cannot be read, and how often it looks whether its function is there.
const REST: Duration = Duration::from_millis(500);

/// Starts a pump for each function that has a queue, also for those to come, until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let events = engine.events().clone();
    let places = Arc::new(Semaphore::new(ASYNC_AT_ONCE));
    let mut pumps: HashMap<FunctionName, ()> = HashMap::new();
    let mut added = events.added();
    loop {
        for queue in events.all_queues() {
            if let Purpose::Function(name) = queue.purpose()
                && pumps.insert(name.clone(), ()).is_none()
            {
                let pump = Pump {
                    engine: engine.clone(),
                    queue,
                    name,
                    places: Arc::clone(&places),
                    own: Arc::new(Semaphore::new(ASYNC_PER_FUNCTION)),
                };
                let stop = stop.clone();
                engine.tasks().spawn(async move { stop.run_until_cancelled(pump.run()).await });
            }
        }
        match stop.run_until_cancelled(added.changed()).await {
            Some(Ok(())) => {}
            Some(Err(_)) | None => return,
        }
    }
}

/// Takes the events of one function out of the store.
struct Pump {
    engine: Engine,
    queue: Arc<Queue>,
    name: FunctionName,
    places: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// The right to run one event.
type Place = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Pump {
    async fn run(&self) {
        loop {
            let Some(function) = self.deployed() else {
                // Its events wait until it is deployed again.
                tokio::time::sleep(REST).await;
                continue;
            };
            let Some(mut places) = self.wait_for_places().await else { return };
            match self.lease(&function, places.len()).await {
                Ok((leased, next)) if leased.is_empty() => {
                    drop(places);
                    self.wait_for_events(next).await;
                }
                Ok((leased, _)) => {
                    places.truncate(leased.len());
                    for (event, place) in leased.into_iter().zip(places) {
                        self.start(&function, event, place);
                    }
                }
                Err(error) => {
                    drop(places);
                    self.complain(&error);
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// The function, if it is there and can be given events.
    fn deployed(&self) -> Option<Arc<FunctionVersion>> {
        let function = self.engine.function(self.name.as_str())?;
        (function.function.runtime != Runtime::Http).then_some(function)
    }

    /// One place in turn with the other functions, and more if nobody wants them.
    async fn wait_for_places(&self) -> Option<Vec<Place>> {
        let own = Arc::clone(&self.own).acquire_owned().await.ok()?;
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let mut places = vec![(own, place)];
        while places.len() < AT_ONCE {
            let Ok(own) = Arc::clone(&self.own).try_acquire_owned() else { break };
            // Fails while others wait in line: a place that becomes free is theirs.
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { break };
            places.push((own, place));
        }
        Some(places)
    }

    async fn lease(
        &self,
        function: &FunctionVersion,
        max: usize,
    ) -> lambent_store::error::Result<(Vec<Leased>, Option<lambent_core::Timestamp>)> {
        let events = self.engine.events();
        let now = events.now();
        let lease = Lease {
            queue: self.queue.id,
            max: u32::try_from(max).unwrap_or(1),
            max_bytes: lambent_core::limits::PAYLOAD_MAX,
            now,
            until: now.plus(function.function.timeout + MARGIN),
            bury: None,
            attempt: None,
            own: true,
        };
        let batch = events.store().lease(lease).await?;
        Ok((batch.messages, batch.next_due))
    }

    async fn wait_for_events(&self, next: Option<lambent_core::Timestamp>) {
        let arrival = self.queue.arrived();
        match next {
            None => arrival.await,
            Some(next) => {
                let wait = next.since(self.engine.events().now()).max(Duration::from_millis(1));
                drop(tokio::time::timeout(wait, arrival).await);
            }
        }
    }

    fn start(&self, function: &Arc<FunctionVersion>, event: Leased, place: Place) {
        let (engine, function) = (self.engine.clone(), Arc::clone(function));
        self.engine.tasks().spawn(async move {
            crate::attempt::run(&engine, &function, event).await;
            drop(place);
        });
    }

    fn complain(&self, error: &lambent_store::Error) {
        Events::complain(&format!("events of {} wait", self.name), error);
    }
}
