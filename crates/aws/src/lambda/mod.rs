//! AWS Lambda, REST-JSON (semantics.md 2).

mod error;
mod event_config;
mod event_stream;
mod functions;
mod identifier;
mod invoke;
mod streaming;

use http::Method;
use lambent_core::limits;

use crate::protocol::{Protocol, Refusal};
use crate::service::{Action, KnownBy, Run, Service};

pub use error::Error;

/// AWS Lambda.
pub const SERVICE: Service = Service {
    name: "lambda",
    title: "Lambda",
    protocol: Protocol::RestJson,
    target: None,
    query: None,
    actions: ACTIONS,
};

/// Where a function's event invoke config is.
const EVENT_CONFIG: &str = "/2019-09-25/functions/{FunctionName}/event-invoke-config";

/// What Lambent has of it.
pub const ACTIONS: &[Action] = &[
    Action {
        name: "Invoke",
        known_by: KnownBy::Path(Method::POST, "/2015-03-31/functions/{FunctionName}/invocations"),
        body_max: limits::PAYLOAD_MAX,
        run: Run::Engine(|engine, call| Box::pin(invoke::run(engine, call))),
    },
    Action {
        name: "InvokeWithResponseStream",
        known_by: KnownBy::Path(
            Method::POST,
            "/2021-11-15/functions/{FunctionName}/response-streaming-invocations",
        ),
        body_max: limits::PAYLOAD_MAX,
        run: Run::Engine(|engine, call| Box::pin(streaming::run(engine, call))),
    },
    Action {
        name: "GetFunction",
        known_by: KnownBy::Path(Method::GET, "/2015-03-31/functions/{FunctionName}"),
        body_max: 0,
        run: Run::Engine(|engine, call| Box::pin(async move { functions::get(engine, &call) })),
    },
    Action {
        name: "GetFunctionConfiguration",
        known_by: KnownBy::Path(Method::GET, "/2015-03-31/functions/{FunctionName}/configuration"),
        body_max: 0,
        run: Run::Engine(|engine, call| Box::pin(async move { functions::get_configuration(engine, &call) })),
    },
    Action {
        name: "ListFunctions",
        known_by: KnownBy::Path(Method::GET, "/2015-03-31/functions"),
        body_max: 0,
        run: Run::Engine(|engine, call| Box::pin(async move { functions::list(engine, &call) })),
    },
    Action {
        name: "PutFunctionEventInvokeConfig",
        known_by: KnownBy::Path(Method::PUT, EVENT_CONFIG),
        body_max: event_config::BODY_MAX,
        run: Run::Engine(|engine, call| Box::pin(async move { event_config::put(engine, &call).await })),
    },
    Action {
        name: "UpdateFunctionEventInvokeConfig",
        known_by: KnownBy::Path(Method::POST, EVENT_CONFIG),
        body_max: event_config::BODY_MAX,
        run: Run::Engine(|engine, call| Box::pin(async move { event_config::update(engine, &call).await })),
    },
    Action {
        name: "GetFunctionEventInvokeConfig",
        known_by: KnownBy::Path(Method::GET, EVENT_CONFIG),
        body_max: 0,
        run: Run::Engine(|engine, call| Box::pin(async move { event_config::get(engine, &call) })),
    },
    Action {
        name: "DeleteFunctionEventInvokeConfig",
        known_by: KnownBy::Path(Method::DELETE, EVENT_CONFIG),
        body_max: 0,
        run: Run::Engine(|engine, call| Box::pin(async move { event_config::delete(engine, &call).await })),
    },
    Action {
        name: "ListFunctionEventInvokeConfigs",
        known_by: KnownBy::Path(Method::GET, "/2019-09-25/functions/{FunctionName}/event-invoke-config/list"),
        body_max: 0,
        run: Run::Engine(|engine, call| Box::pin(async move { event_config::list(engine, &call) })),
    },
];

/// What the caller of an action with too large a body is told. AWS names the operation `InvokeFunction`.
pub(crate) fn too_large(action: &str, max: usize) -> Refusal {
    let operation = if action == "Invoke" { "InvokeFunction" } else { action };
    Error::TooLarge { max, operation: operation.to_owned() }.into()
}

/// The account of an invocation, for tests.
#[cfg(test)]
pub(crate) fn report() -> lambent_core::report::Report {
    lambent_core::report::Report {
        id: lambent_core::RequestId::from_random(0),
        version: "$LATEST".to_owned(),
        duration: std::time::Duration::from_millis(1),
        init: None,
        memory_mib: 128,
        memory_used_mib: None,
        status: None,
    }
}
