//! The event that a function gets for a request (semantics.md 6.2, 6.3), written straight into its text.
//!
//! No JSON tree is built on the way: this is the hot path.

pub(crate) mod decode;
mod fields;
mod v1;
mod v2;

use bytes::Bytes;
use lambent_core::{PayloadFormat, limits};

use crate::arrival::Arrival;
use crate::refusal::Refusal;
use crate::router::Found;

/// The event for a request, in the format that its route asks for.
///
/// # Errors
/// [`Refusal::TooLarge`] when the event is beyond [`limits::PAYLOAD_MAX`], which base64 and escapes can do to a
/// body that is not.
pub(crate) fn write(arrival: &Arrival<'_>, found: &Found<'_, '_>, body: &[u8]) -> Result<Bytes, Refusal> {
    let mut out = String::with_capacity(EXPECTED_HEAD + body.len() + body.len() / 2);
    match found.target.route.format {
        PayloadFormat::V1 => v1::write(&mut out, arrival, found, body),
        PayloadFormat::V2 => v2::write(&mut out, arrival, found, body),
    }
    if out.len() > limits::PAYLOAD_MAX {
        return Err(Refusal::TooLarge);
    }
    Ok(out.into())
}

/// Bytes that an event commonly takes without its body; it grows beyond where it must.
const EXPECTED_HEAD: usize = 2048;

#[cfg(test)]
mod tests;
