//! The function at the end of a source, as the driver sees it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lambent_core::report::Report;
use lambent_core::{
    Exit, FunctionName, FunctionVersion, Origin, Outcome, RequestId, Runtime, Timestamp, TraceHeader,
};
use lambent_engine::Engine;

/// Where functions are found and run.
pub(crate) trait Functions: Send + Sync + 'static {
    /// The deployed version of a function, if it can be given events.
    fn find(&self, name: &FunctionName) -> Option<Arc<FunctionVersion>>;

    /// Runs a function to its end.
    fn call(
        &self,
        function: &Arc<FunctionVersion>,
        event: Bytes,
        trace: TraceHeader,
    ) -> impl Future<Output = Ran> + Send;

    /// The time now.
    fn now(&self) -> Timestamp;
}

/// What came of a run.
#[derive(Clone, Debug)]
pub(crate) enum Ran {
    /// It ended.
    Ended {
        /// The request.
        id: RequestId,
        /// How.
        outcome: Outcome,
        /// What it took; `None` when it never reached a sandbox.
        billed: Option<Duration>,
    },
    /// The function was removed before it could run.
    Gone,
}

impl Functions for Engine {
    fn find(&self, name: &FunctionName) -> Option<Arc<FunctionVersion>> {
        self.function(name.as_str()).filter(|version| version.function.runtime != Runtime::Http)
    }

    async fn call(&self, function: &Arc<FunctionVersion>, event: Bytes, trace: TraceHeader) -> Ran {
        let call = self.invocation(function, event, Origin::Source, Some(trace));
        let id = call.id;
        let completed = self.invoke(call).await;
        let never_ran = completed.report.is_none();
        if never_ran
            && completed.outcome == Outcome::Crashed(Exit::NotStarted)
            && self.find(function.name()).is_none()
        {
            return Ran::Gone;
        }
        Ran::Ended { id, outcome: completed.outcome, billed: completed.report.as_ref().map(Report::billed) }
    }

    fn now(&self) -> Timestamp {
        self.clock().now()
    }
}
