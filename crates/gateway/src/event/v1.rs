//! Payload format 1.0: what is absent is null, and many values have maps of their own (semantics.md 6.3).

use std::borrow::Cow;

use http::header;
use lambent_core::json::push_string;

use super::decode;
use super::fields::{self, Items, raw, text};
use crate::arrival::Arrival;
use crate::router::Found;

/// Writes the event.
pub(super) fn write(out: &mut String, arrival: &Arrival<'_>, found: &Found<'_, '_>, body: &[u8]) {
    let head = arrival.head;
    raw(out, r#"{"version":"1.0","resource":"#, &found.target.path_json);
    text(out, r#","path":"#, head.uri.path());
    text(out, r#","httpMethod":"#, head.method.as_str());
    headers(out, arrival);
    query_parameters(out, head.uri.query().unwrap_or_default());
    context(out, arrival, found);
    out.push_str(r#","pathParameters":"#);
    if found.parameters.is_empty() {
        out.push_str("null");
    } else {
        let mut items = Items::open(out, ['{', '}']);
        found.parameters.iter().for_each(|(name, value)| items.member(name, value));
        items.close();
    }
    out.push_str(r#","stageVariables":null,"body":"#);
    if body.is_empty() {
        out.push_str(r#"null,"isBase64Encoded":false"#);
    } else {
        fields::body(out, &head.headers, body, r#","isBase64Encoded":"#);
    }
    out.push('}');
}

fn headers(out: &mut String, arrival: &Arrival<'_>) {
    out.push_str(r#","headers":"#);
    let mut items = Items::open(out, ['{', '}']);
    fields::headers(arrival, |name, values| {
        items.member(name, values.last().map_or("", |value| value));
    });
    items.close();
    out.push_str(r#","multiValueHeaders":"#);
    let mut items = Items::open(out, ['{', '}']);
    fields::headers(arrival, |name, values| list(&mut items, name, values.iter()));
    items.close();
}

fn query_parameters(out: &mut String, query: &str) {
    let pairs = decode::query(query);
    if pairs.is_empty() {
        out.push_str(r#","queryStringParameters":null,"multiValueQueryStringParameters":null"#);
        return;
    }
    let names = || pairs.chunk_by(|(a, _), (b, _)| a == b);
    out.push_str(r#","queryStringParameters":"#);
    let mut items = Items::open(out, ['{', '}']);
    for (name, value) in names().filter_map(<[_]>::last) {
        items.member(name, value);
    }
    items.close();
    out.push_str(r#","multiValueQueryStringParameters":"#);
    let mut items = Items::open(out, ['{', '}']);
    for same in names() {
        list(&mut items, &same[0].0, same.iter().map(|(_, value)| value));
    }
    items.close();
}

/// Writes a member that is a list of strings.
fn list<'v>(items: &mut Items<'_>, name: &str, values: impl Iterator<Item = &'v Cow<'v, str>>) {
    let out = items.next();
    push_string(out, name);
    out.push(':');
    let mut items = Items::open(out, ['[', ']']);
    values.for_each(|value| push_string(items.next(), value));
    items.close();
}

fn context(out: &mut String, arrival: &Arrival<'_>, found: &Found<'_, '_>) {
    let head = arrival.head;
    text(out, r#","requestContext":{"accountId":"#, arrival.account);
    text(out, r#","apiId":"#, fields::API_ID);
    text(out, r#","authorizer":{"claims":null,"scopes":null},"domainName":"#, arrival.host);
    text(out, r#","domainPrefix":"#, fields::domain_prefix(arrival.host));
    text(out, r#","extendedRequestId":"#, arrival.id.as_str());
    text(out, r#","httpMethod":"#, head.method.as_str());
    out.push_str(
        r#","identity":{"accessKey":null,"accountId":null,"caller":null,"clientCert":null,"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,"cognitoIdentityId":null,"cognitoIdentityPoolId":null,"principalOrgId":null"#,
    );
    text(out, r#","sourceIp":"#, &arrival.peer.ip.to_string());
    out.push_str(r#","user":null,"userAgent":"#);
    match head.headers.get(header::USER_AGENT) {
        Some(agent) => push_string(out, &fields::readable(agent)),
        None => out.push_str("null"),
    }
    text(out, r#","userArn":null},"path":"#, head.uri.path());
    text(out, r#","protocol":"#, fields::protocol(head.version));
    text(out, r#","requestId":"#, arrival.id.as_str());
    text(out, r#","requestTime":"#, &arrival.now.common_log());
    raw(out, r#","requestTimeEpoch":"#, &arrival.now.as_millis().to_string());
    raw(out, r#","resourceId":null,"resourcePath":"#, &found.target.path_json);
    out.push_str(r#","stage":"$default"}"#);
}
