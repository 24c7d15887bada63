//! What both formats of an event write in the same way.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Version, header};
use lambent_core::json::push_string;

use crate::arrival::Arrival;
use crate::forwarding::{PROTO, forwarded_for, is_hop_by_hop};

/// The name of the API. Lambent has one; AWS has many and tells them apart by this.
pub(super) const API_ID: &str = "lambent";

/// Writes `lead`, which is JSON text up to a value, and the value as a string.
pub(super) fn text(out: &mut String, lead: &str, value: &str) {
    out.push_str(lead);
    push_string(out, value);
}

/// Writes `lead`, which is JSON text up to a value, and the value as it is: a number, or JSON text made before.
pub(super) fn raw(out: &mut String, lead: &str, value: &str) {
    out.push_str(lead);
    out.push_str(value);
}

/// Writes an object, or a list in other brackets, item by item.
pub(super) struct Items<'a> {
    out: &'a mut String,
    close: char,
    empty: bool,
}

impl<'a> Items<'a> {
    /// Opens `brackets`: `{}` or `[]`.
    pub(super) fn open(out: &'a mut String, brackets: [char; 2]) -> Self {
        out.push(brackets[0]);
        Self { out, close: brackets[1], empty: true }
    }

    /// The place for the next item.
    pub(super) fn next(&mut self) -> &mut String {
        if !std::mem::take(&mut self.empty) {
            self.out.push(',');
        }
        self.out
    }

    /// Writes a member.
    pub(super) fn member(&mut self, name: &str, value: &str) {
        let out = self.next();
        push_string(out, name);
        out.push(':');
        push_string(out, value);
    }

    /// Closes the bracket.
    pub(super) fn close(self) {
        self.out.push(self.close);
    }
}

/// Calls `each` with every header that the function is to see and all its values: those of the request without
/// what concerns the connection, and those that the gateway sets.
pub(super) fn headers(arrival: &Arrival<'_>, mut each: impl FnMut(&str, &[Cow<'_, str>])) {
    let mut lines = arrival.head.headers.iter().peekable();
    let mut values = Vec::with_capacity(1);
    while let Some((name, value)) = lines.next() {
        values.clear();
        values.push(readable(value));
        while let Some((_, value)) = lines.next_if(|(next, _)| *next == name) {
            values.push(readable(value));
        }
        if !is_hop_by_hop(name) && !is_ours(name.as_str()) {
            each(name.as_str(), &values);
        }
    }
    if !arrival.host.is_empty() {
        each("host", &[arrival.host.into()]);
    }
    each("x-amzn-trace-id", &[arrival.trace.as_str().into()]);
    each("x-forwarded-for", &[forwarded_for(&arrival.head.headers, arrival.peer).into()]);
    each("x-forwarded-port", &[arrival.peer.local_port.to_string().into()]);
    each("x-forwarded-proto", &[PROTO.into()]);
}

/// Whether the gateway writes this header, whatever the client sent.
fn is_ours(name: &str) -> bool {
    matches!(name, "host" | "x-amzn-trace-id" | "x-forwarded-for" | "x-forwarded-port" | "x-forwarded-proto")
}

/// A header's value as text. HTTP has no encoding for it: UTF-8 where it is that, else Latin-1.
pub(super) fn readable(value: &HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.into(),
        Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

/// Writes the body's value and then `flag` and whether it is base64. The caller has written what leads to the value.
pub(super) fn body(out: &mut String, headers: &HeaderMap, body: &[u8], flag: &str) {
    let readable = if is_text(headers) { std::str::from_utf8(body).ok() } else { None };
    if let Some(readable) = readable {
        push_string(out, readable);
        raw(out, flag, "false");
    } else {
        out.push('"');
        STANDARD.encode_string(body, out);
        out.push('"');
        raw(out, flag, "true");
    }
}

/// Whether a body of this content type is text to API Gateway: these types and no others (semantics.md 6.2).
fn is_text(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return false };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let is = |known: &str| essence.eq_ignore_ascii_case(known.as_bytes());
    essence.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"text/"))
        || is("application/json")
        || is("application/xml")
        || is("application/javascript")
}

/// The first label of the host's name, which is where AWS has the id of an API; the whole of an address.
pub(super) fn domain_prefix(host: &str) -> &str {
    let is_address =
        host.starts_with('[') || host.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b':');
    let ends: &[char] = if is_address { &[] } else { &['.', ':'] };
    host.split(ends).next().unwrap_or_default()
}

/// As in `HTTP/1.1`.
pub(super) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}
