//! Asynchronous invocations: taking them in, and what became of them.

use bytes::Bytes;
use http::StatusCode;
use hyper::body::Incoming as RequestBody;
use lambent_core::{RequestId, Runtime, limits};
use lambent_engine::events::Incoming;
use lambent_engine::{Engine, Events};
use serde_json::value::RawValue;

use super::super::asked::read;
use super::super::refusal::Refusal;
use super::super::reply::json;
use super::super::view;
use super::Answer;

/// `POST /v1/functions/NAME/events`: the body is the event.
pub(super) async fn accept(engine: &Engine, name: &str, body: RequestBody) -> Answer {
    let Some(function) = engine.function(name) else {
        let known: Vec<String> = engine.functions().iter().map(|f| f.name().to_string()).collect();
        return Err(Refusal::unknown("function", name, &known));
    };
    if function.function.runtime == Runtime::Http {
        return Err(Refusal::bad(format!("`{name}` is a web server: call its route at the gateway")));
    }
    let payload = read(body).await?;
    let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
    if payload.len() > limits::ASYNC_PAYLOAD_MAX {
        let max = limits::ASYNC_PAYLOAD_MAX;
        let message =
            format!("the event has {} bytes, and {max} are allowed when nobody waits", payload.len());
        return Err(Refusal::too_large(message));
    }
    check_json(&payload, "the event")?;
    let incoming = Incoming {
        function: function.name().clone(),
        payload,
        trace: None,
        key: None,
        arn: None,
        client_context: None,
    };
    let accepted = engine.events().accept(incoming).await?;
    Ok(json(StatusCode::ACCEPTED, &view::Accepted { id: accepted.id.to_string() }))
}

/// `GET /v1/results/ID`
pub(super) async fn result(events: &Events, id: &str) -> Answer {
    let id = RequestId::parse(id).ok_or_else(|| Refusal::bad(format!("`{id}` is no id of an invocation")))?;
    let text = events.result(id).await?.ok_or_else(|| {
        let hours = limits::RESULT_RETENTION.as_secs() / 3600;
        Refusal::missing(format!(
            "nothing is known of {id}: it is still under way, or was never accepted, or ended more than {hours} hours ago"
        ))
    })?;
    let result = RawValue::from_string(text);
    let result = result.map_err(|e| Refusal::conflict(format!("the result of {id} cannot be read: {e}")))?;
    Ok(json(StatusCode::OK, &result))
}

/// Whether bytes are JSON text.
pub(super) fn check_json(bytes: &[u8], what: &str) -> Result<(), Refusal> {
    match serde_json::from_slice::<&RawValue>(bytes) {
        Ok(_) => Ok(()),
        Err(e) => Err(Refusal::bad(format!("{what} is no JSON: {e}"))),
    }
}
