//! The way of a request to a function that takes events, and back.

use bytes::Bytes;
use http::Response;
use hyper::body::Incoming;
use lambent_core::Outcome;
use lambent_engine::Answer;

use crate::arrival::Arrival;
use crate::body::Body;
use crate::refusal::Refusal;
use crate::router::Found;
use crate::{event, intake, reply, stream};

/// Reads the body, lets `invoke` run the function on the event, and makes a response of its answer.
///
/// The client going away ends this and not the invocation, which is the engine's.
///
/// # Errors
/// Whatever stands in the way of a response of the function's own.
pub(crate) async fn invoke<I>(
    arrival: &Arrival<'_>,
    found: &Found<'_, '_>,
    body: Incoming,
    invoke: I,
) -> Result<Response<Body>, Refusal>
where
    I: AsyncFnOnce(Bytes) -> Answer,
{
    let body = intake::read(body).await?;
    let event = event::write(arrival, found, &body)?;
    // From here on nobody needs the body: a function can take long, and memory is for those that wait.
    drop(body);
    let answer = async {
        match invoke(event).await {
            Answer::Stream(streaming) => stream::begin(streaming).await,
            Answer::Whole(completed) => match completed.outcome {
                Outcome::Returned(payload) => reply::whole(found.target.route.format, &payload)
                    .map(|response| response.map(Body::whole))
                    .map_err(|reply::Malformed| Refusal::InternalServerError),
                Outcome::Failed(_)
                | Outcome::TimedOut { .. }
                | Outcome::Crashed(_)
                | Outcome::Throttled { .. } => Err(Refusal::InternalServerError),
            },
        }
    };
    let limit = found.target.route.timeout;
    tokio::time::timeout(limit, answer).await.unwrap_or(Err(Refusal::ServiceUnavailable))
}
