//! Payload format 2.0: what is absent is left out (semantics.md 6.2).

use std::borrow::Cow;

use http::header;
use lambent_core::json::push_string;

use super::decode;
use super::fields::{self, Items, raw, text};
use crate::arrival::Arrival;
use crate::router::Found;

/// Writes the event.
pub(super) fn write(out: &mut String, arrival: &Arrival<'_>, found: &Found<'_, '_>, body: &[u8]) {
    let uri = &arrival.head.uri;
    let query = uri.query().unwrap_or_default();
    raw(out, r#"{"version":"2.0","routeKey":"#, &found.target.key_json);
    text(out, r#","rawPath":"#, uri.path());
    text(out, r#","rawQueryString":"#, query);
    cookies(out, arrival);
    headers(out, arrival);
    query_parameters(out, query);
    if !found.parameters.is_empty() {
        out.push_str(r#","pathParameters":"#);
        let mut items = Items::open(out, ['{', '}']);
        found.parameters.iter().for_each(|(name, value)| items.member(name, value));
        items.close();
    }
    context(out, arrival, found);
    if body.is_empty() {
        out.push_str(r#","isBase64Encoded":false}"#);
    } else {
        out.push_str(r#","body":"#);
        fields::body(out, &arrival.head.headers, body, r#","isBase64Encoded":"#);
        out.push('}');
    }
}

fn cookies(out: &mut String, arrival: &Arrival<'_>) {
    let mut lines = arrival.head.headers.get_all(header::COOKIE).iter().peekable();
    if lines.peek().is_none() {
        return;
    }
    out.push_str(r#","cookies":"#);
    let mut items = Items::open(out, ['[', ']']);
    for line in lines {
        let line = fields::readable(line);
        let cookies = line.split(';').map(str::trim).filter(|cookie| !cookie.is_empty());
        cookies.for_each(|cookie| push_string(items.next(), cookie));
    }
    items.close();
}

fn headers(out: &mut String, arrival: &Arrival<'_>) {
    out.push_str(r#","headers":"#);
    let mut items = Items::open(out, ['{', '}']);
    fields::headers(arrival, |name, values| match values {
        _ if name == "cookie" => {}
        [value] => items.member(name, value),
        several => items.member(name, &several.join(",")),
    });
    items.close();
}

fn query_parameters(out: &mut String, query: &str) {
    let pairs = decode::query(query);
    if pairs.is_empty() {
        return;
    }
    out.push_str(r#","queryStringParameters":"#);
    let mut items = Items::open(out, ['{', '}']);
    for same in pairs.chunk_by(|(a, _), (b, _)| a == b) {
        match same {
            [(name, value)] => items.member(name, value),
            several => {
                let values = several.iter().map(|(_, value)| &**value).collect::<Vec<_>>();
                items.member(&several[0].0, &values.join(","));
            }
        }
    }
    items.close();
}

fn context(out: &mut String, arrival: &Arrival<'_>, found: &Found<'_, '_>) {
    let head = arrival.head;
    let agent = head.headers.get(header::USER_AGENT).map_or(Cow::Borrowed(""), fields::readable);
    text(out, r#","requestContext":{"accountId":"#, arrival.account);
    text(out, r#","apiId":"#, fields::API_ID);
    text(out, r#","domainName":"#, arrival.host);
    text(out, r#","domainPrefix":"#, fields::domain_prefix(arrival.host));
    text(out, r#","http":{"method":"#, head.method.as_str());
    text(out, r#","path":"#, head.uri.path());
    text(out, r#","protocol":"#, fields::protocol(head.version));
    text(out, r#","sourceIp":"#, &arrival.peer.ip.to_string());
    text(out, r#","userAgent":"#, &agent);
    text(out, r#"},"requestId":"#, arrival.id.as_str());
    raw(out, r#","routeKey":"#, &found.target.key_json);
    text(out, r#","stage":"$default","time":"#, &arrival.now.common_log());
    raw(out, r#","timeEpoch":"#, &arrival.now.as_millis().to_string());
    out.push('}');
}
