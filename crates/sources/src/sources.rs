//! All sources of a node: which there are, and what each is doing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lambent_core::{SourceFrom, SourceSpec, limits};
use lambent_engine::Engine;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::function::Functions;
use crate::queue::QueueSource;
use crate::run::Shared;
use crate::source::Source;
use crate::status::{Key, SourceStatus, Status, name_of};

/// All sources of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sources {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    tasks: TaskTracker,
    stop: CancellationToken,
    driven: Mutex<BTreeMap<Key, Driven>>,
}

/// A source that is driven, or turned off.
#[derive(Debug)]
struct Driven {
    spec: SourceSpec,
    status: Arc<Status>,
    stop: CancellationToken,
}

impl Sources {
    /// Makes an empty set of sources. When `stop` is told they finish what is under way and give the rest back; their
    /// tasks are tracked by `tasks`.
    pub fn new(engine: Engine, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { inner: Arc::new(Inner { engine, tasks, stop, driven: Mutex::default() }) }
    }

    /// Replaces all sources by these. One that is as it was goes on undisturbed; one that is gone or changed polls no
    /// more, finishes what is under way and gives the rest back.
    ///
    /// # Errors
    /// When one of them is wrong: nothing is changed.
    pub fn replace(&self, specs: Vec<SourceSpec>) -> Result<()> {
        let mut wanted: BTreeMap<Key, (SourceSpec, Filter)> = BTreeMap::new();
        for spec in specs {
            check(&spec)?;
            let (key, filter) = ((spec.from.clone(), spec.function.clone()), Filter::of(&spec)?);
            if wanted.contains_key(&key) {
                return Err(Error::Twice(name_of(&spec)));
            }
            wanted.insert(key, (spec, filter));
        }
        let mut driven = self.driven();
        reconcile(&mut driven, wanted, |spec, filter| self.start(spec, filter));
        Ok(())
    }

    /// What each of them is doing.
    pub fn status(&self) -> Vec<SourceStatus> {
        self.driven().values().map(|driven| driven.status.get()).collect()
    }

    fn start(&self, spec: SourceSpec, filter: Filter) -> Driven {
        let Inner { engine, tasks, stop, .. } = &*self.inner;
        let (status, stop) = (Arc::new(Status::new(spec.clone())), stop.child_token());
        if spec.enabled {
            match &spec.from {
                SourceFrom::Queue(name) => {
                    let source = QueueSource::new(engine.events().clone(), name.clone());
                    let functions = engine.clone();
                    let (spec, status, stop) = (spec.clone(), Arc::clone(&status), stop.clone());
                    drive(Shared { source, functions, spec, filter, status, stop }, tasks);
                }
            }
        }
        Driven { spec, status, stop }
    }

    /// Nothing that holds the lock can panic half-way through a change.
    fn driven(&self) -> MutexGuard<'_, BTreeMap<Key, Driven>> {
        self.inner.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts what is new or changed, keeps what is as it was. What is gone or changed stops when it is dropped.
fn reconcile(
    driven: &mut BTreeMap<Key, Driven>,
    wanted: BTreeMap<Key, (SourceSpec, Filter)>,
    start: impl Fn(SourceSpec, Filter) -> Driven,
) {
    let mut before = std::mem::take(driven);
    for (key, (spec, filter)) in wanted {
        let same = before.remove(&key).filter(|driven| driven.spec == spec);
        driven.insert(key, same.unwrap_or_else(|| start(spec, filter)));
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn drive<S: Source, F: Functions>(shared: Shared<S, F>, tasks: &TaskTracker) {
    tasks.spawn(Driver::new(shared, tasks.clone()).drive());
}

/// Whether a source can be driven as its owner wants it (semantics.md 4.1).
fn check(spec: &SourceSpec) -> Result<()> {
    let SourceFrom::Queue(queue) = &spec.from;
    let range = |what, value, most| {
        if (1..=most).contains(&value) {
            return Ok(());
        }
        Err(Error::Range { source_name: name_of(spec), what, value, least: 1, most })
    };
    let (batch, window) = match queue.is_fifo() {
        true => (limits::BATCH_MAX, std::time::Duration::ZERO),
        false => (limits::SOURCE_BATCH_MAX, limits::SOURCE_WINDOW_MAX),
    };
    range("batch", spec.batch, batch)?;
    range("concurrency", spec.concurrency.unwrap_or(1), limits::SOURCE_CONCURRENCY_MAX)?;
    range("number of filters", spec.filters.len().max(1), limits::SOURCE_FILTERS_MAX)?;
    if spec.window > window {
        return Err(Error::Window { source_name: name_of(spec), value: spec.window, most: window });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lambent_core::{FunctionName, QueueName};

    use super::*;

    fn spec(queue: &str) -> SourceSpec {
        SourceSpec {
            function: FunctionName::parse("f").unwrap(),
            from: SourceFrom::Queue(QueueName::parse(queue).unwrap()),
            batch: 10,
            window: Duration::ZERO,
            filters: Vec::new(),
            partial_failures: false,
            concurrency: None,
            enabled: true,
        }
    }

    #[test]
    fn what_is_as_it_was_goes_on_and_what_is_gone_or_changed_stops() {
        let started = Mutex::new(Vec::new());
        let start = |spec: SourceSpec, _| {
            let (status, stop) = (Arc::new(Status::new(spec.clone())), CancellationToken::new());
            started.lock().unwrap().push(stop.clone());
            Driven { spec, status, stop }
        };
        let wanted = |specs: &[SourceSpec]| -> BTreeMap<Key, (SourceSpec, Filter)> {
            let entry = |spec: &SourceSpec| {
                ((spec.from.clone(), spec.function.clone()), (spec.clone(), Filter::of(spec).unwrap()))
            };
            specs.iter().map(entry).collect()
        };
        let mut driven = BTreeMap::new();
        reconcile(&mut driven, wanted(&[spec("same"), spec("changed"), spec("gone")]), start);
        let changed = SourceSpec { batch: 5, ..spec("changed") };
        reconcile(&mut driven, wanted(&[spec("same"), changed, spec("new")]), start);
        let stopped: Vec<bool> =
            started.lock().unwrap().iter().map(CancellationToken::is_cancelled).collect();
        // In the order of their names: changed, gone, same; then changed and new.
        assert_eq!(stopped, [true, true, false, false, false]);
        assert_eq!(driven.len(), 3);
    }

    #[test]
    fn what_cannot_be_driven_is_refused_with_the_reason() {
        let refused = |spec: SourceSpec, expect: &str| {
            let error = check(&spec).and_then(|()| Filter::of(&spec).map(drop)).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
            assert!(error.starts_with("the source `"), "{error}");
        };
        assert!(check(&spec("q")).is_ok() && check(&spec("q.fifo")).is_ok());
        assert!(check(&SourceSpec { batch: 10_000, window: Duration::from_secs(300), ..spec("q") }).is_ok());
        refused(SourceSpec { batch: 0, ..spec("q") }, "batch is 0; use 1 to 10000");
        refused(SourceSpec { batch: 10_001, ..spec("q") }, "batch is 10001");
        refused(SourceSpec { batch: 11, ..spec("q.fifo") }, "use 1 to 10");
        refused(
            SourceSpec { window: Duration::from_secs(1), ..spec("q.fifo") },
            "window is 1s; use at most 0ns",
        );
        refused(SourceSpec { window: Duration::from_secs(301), ..spec("q") }, "use at most 300s");
        refused(SourceSpec { concurrency: Some(0), ..spec("q") }, "concurrency is 0");
        refused(SourceSpec { concurrency: Some(1001), ..spec("q") }, "use 1 to 1000");
        refused(SourceSpec { filters: vec!["{}".to_owned(); 6], ..spec("q") }, "number of filters is 6");
        refused(SourceSpec { filters: vec!["{".to_owned()], ..spec("q") }, "the filter `{` is wrong: ");
    }
}
