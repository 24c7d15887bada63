//! What a function's answer means as an HTTP response (semantics.md 6.4).
//!
//! The answer is looked at where it lies: raw values are borrowed from it, and a body without escapes goes out
//! as a slice of it. No JSON tree is built.

mod value;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use lambent_core::PayloadFormat;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::forwarding::is_hop_by_hop;
use value::{bytes, fields, list, scalar, unquote};

/// The function's answer is no reply. The caller learns no more than that something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function's answer is no HTTP reply")]
pub(crate) struct Malformed;

/// A function's answer as it can be: only the presence of `statusCode` says that the rest is meant as a reply.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "statusCode")]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow, rename = "multiValueHeaders")]
    multi_value_headers: Option<&'a RawValue>,
    #[serde(borrow)]
    cookies: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow, rename = "isBase64Encoded")]
    is_base64: Option<&'a RawValue>,
}

/// The response that a whole answer stands for.
///
/// # Errors
/// [`Malformed`] when the answer is no JSON, has a status that no response can have, or members of wrong types.
pub(crate) fn whole(format: PayloadFormat, payload: &Bytes) -> Result<Response<Bytes>, Malformed> {
    let is_object = payload.trim_ascii_start().first() == Some(&b'{');
    let document = is_object.then(|| serde_json::from_slice::<Document<'_>>(payload)).transpose();
    match document.map_err(|_| Malformed)? {
        Some(document) if document.status.is_some() => document.response(format, payload),
        _ if format == PayloadFormat::V1 => Err(Malformed),
        _ => inferred(payload),
    }
}

/// The response that the prelude of a stream stands for, without its body.
///
/// # Errors
/// [`Malformed`], as for [`whole`]. The status may be left out and is 200 then.
pub(crate) fn prelude(prelude: &Bytes) -> Result<Response<()>, Malformed> {
    if prelude.trim_ascii_start().first() != Some(&b'{') {
        return Err(Malformed);
    }
    let document = serde_json::from_slice::<Document<'_>>(prelude).map_err(|_| Malformed)?;
    let mut response = Response::new(());
    *response.status_mut() = document.status.map_or(Ok(StatusCode::OK), status)?;
    *response.headers_mut() = headers(document.headers, document.multi_value_headers, document.cookies)?;
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

impl Document<'_> {
    fn response(&self, format: PayloadFormat, payload: &Bytes) -> Result<Response<Bytes>, Malformed> {
        let (cookies, multi) = match format {
            PayloadFormat::V1 => (None, self.multi_value_headers),
            PayloadFormat::V2 => (self.cookies, None),
        };
        let is_base64 = match self.is_base64.map(RawValue::get) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Malformed),
        };
        let body = self.body.map_or(Ok(Bytes::new()), |body| bytes(body, payload))?;
        let body = if is_base64 { BASE64.decode(&body).map_err(|_| Malformed)?.into() } else { body };
        let mut response = Response::new(body);
        *response.status_mut() = self.status.map_or(Err(Malformed), status)?;
        *response.headers_mut() = headers(self.headers, multi, cookies)?;
        let has_body = !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let headers = response.headers_mut();
        if has_body && !headers.contains_key(header::CONTENT_TYPE) {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=utf-8"));
        }
        Ok(response)
    }
}

/// The response to an answer that does not speak of HTTP: the JSON itself, a string as its text.
fn inferred(payload: &Bytes) -> Result<Response<Bytes>, Malformed> {
    let value = serde_json::from_slice::<&RawValue>(payload).map_err(|_| Malformed)?;
    let is_string = value.get().starts_with('"');
    let body = if is_string { bytes(value, payload)? } else { payload.slice_ref(value.get().as_bytes()) };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Functions pad base64 or do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A status as a number or a numeric string. An interim one (1xx) cannot be the end of an exchange.
fn status(value: &RawValue) -> Result<StatusCode, Malformed> {
    let text = match value.get() {
        quoted if quoted.starts_with('"') => unquote(quoted)?,
        number => number.into(),
    };
    let code = text.parse::<u16>().map_err(|_| Malformed)?;
    if !(200..=599).contains(&code) {
        return Err(Malformed);
    }
    StatusCode::from_u16(code).map_err(|_| Malformed)
}

/// The headers of a reply: cookies first, then single values, each replaced by the list of its name where there
/// is one.
fn headers(
    single: Option<&RawValue>,
    multi: Option<&RawValue>,
    cookies: Option<&RawValue>,
) -> Result<HeaderMap, Malformed> {
    let mut headers = HeaderMap::new();
    for cookie in list(cookies)? {
        headers.append(header::SET_COOKIE, header_value(cookie.get())?);
    }
    for (name, value) in fields(single)? {
        append(&mut headers, &name, value.get())?;
    }
    for (name, values) in fields(multi)? {
        if values.get() == "null" {
            continue;
        }
        headers.remove(&*name);
        for value in list(Some(values))? {
            append(&mut headers, &name, value.get())?;
        }
    }
    Ok(headers)
}

/// Adds a header. What frames the message is the gateway's to say, and null says nothing.
fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Malformed> {
    if value == "null" {
        return Ok(());
    }
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Malformed)?;
    if name != header::CONTENT_LENGTH && !is_hop_by_hop(&name) {
        headers.append(name, header_value(value)?);
    }
    Ok(())
}

fn header_value(value: &str) -> Result<HeaderValue, Malformed> {
    HeaderValue::from_bytes(scalar(value)?.as_bytes()).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests;
