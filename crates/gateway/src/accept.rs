//! Asynchronous routes: the answer is 202 once the event is on disk, and the function runs later.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming as RequestBody;
use lambent_core::limits;
use lambent_engine::events::{Error, Events, Incoming, Key};

use crate::arrival::Arrival;
use crate::body::Body;
use crate::refusal::Refusal;
use crate::router::Found;
use crate::{event, intake};

/// Stores the event of a request. The same `Idempotency-Key` with the same request gives the same invocation again.
///
/// # Errors
/// [`Refusal::ServiceUnavailable`] when it could not be stored: nothing was accepted.
pub(crate) async fn accept(
    events: &Events,
    arrival: &Arrival<'_>,
    found: &Found<'_, '_>,
    body: RequestBody,
) -> Result<Response<Body>, Refusal> {
    let key = idempotency_key(&arrival.head.headers)?;
    let body = intake::read(body).await?;
    let event = event::write(arrival, found, &body)?;
    if event.len() > limits::ASYNC_PAYLOAD_MAX {
        return Err(Refusal::TooLarge);
    }
    // The event itself differs from one request to the next: it has the time and the request's id in it.
    let uri = arrival.head.uri.to_string();
    let same = [arrival.head.method.as_str().as_bytes(), uri.as_bytes(), &body[..]];
    let incoming = Incoming {
        function: found.target.route.function.clone(),
        payload: event,
        trace: Some(arrival.trace.clone()),
        key: key.map(|key| Key::new(key, &same)),
        arn: None,
        client_context: None,
    };
    let accepted = events.accept(incoming).await.map_err(|error| match error {
        Error::KeyReused(_) => Refusal::KeyReused,
        _ => Refusal::ServiceUnavailable,
    })?;
    let text = format!("{{\"invocationId\":\"{}\"}}", accepted.id);
    let mut response = Response::new(Body::whole(text.into()));
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if accepted.repeated {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// What the client calls the request, so that it can send it again without harm (IETF draft
/// `httpapi-idempotency-key-header`).
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Refusal::BadKey)?.trim();
    let fits = (1..=limits::IDEMPOTENCY_KEY_MAX).contains(&text.len());
    if fits { Ok(Some(text.to_owned())) } else { Err(Refusal::BadKey) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_text_of_some_length() {
        let key = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("idempotency-key", HeaderValue::from_bytes(value).unwrap());
            idempotency_key(&headers)
        };
        assert_eq!(idempotency_key(&HeaderMap::new()), Ok(None));
        assert_eq!(key(b" order-17 "), Ok(Some("order-17".to_owned())));
        for bad in [&b""[..], b" ", b"\xff", &[b'x'; 256]] {
            assert_eq!(key(bad), Err(Refusal::BadKey));
        }
    }
}
