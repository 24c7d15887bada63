//! What is refused before anything else is asked: requests that are too large at the head, or that two
//! servers could read in two ways (RFC 9112 sections 3.2 and 6.3).
//!
//! hyper refuses most malformed requests before they come here: bad names and values of headers, folded
//! lines, NULs, unknown transfer codings, lengths that differ. Of a request with both a length and a transfer
//! coding it drops the length and closes the connection after the answer, as the standard has it. What is
//! left is checked here.

use http::request::Parts;
use http::{HeaderMap, Version, header};
use lambent_core::limits;

use crate::refusal::Refusal;

/// Bytes of a header line beside its name and value: `: ` and the line end.
const LINE_OVERHEAD: usize = 4;

/// The host that a request is for: the `Host` header or, in HTTP/2, `:authority`. Empty where HTTP/1.0 names none.
///
/// # Errors
/// [`Refusal::HeadTooLarge`] beyond [`limits::HTTP_HEAD_MAX`], [`Refusal::BadRequest`] for what could be misread.
pub(crate) fn admit(head: &Parts) -> Result<&str, Refusal> {
    if size(head) > limits::HTTP_HEAD_MAX {
        return Err(Refusal::HeadTooLarge);
    }
    // Neither `CONNECT host:port` nor `OPTIONS *` is for a function.
    if !head.uri.path().starts_with('/') {
        return Err(Refusal::BadRequest);
    }
    check_framing(&head.headers)?;
    host(head)
}

fn size(head: &Parts) -> usize {
    let uri = &head.uri;
    let line = head.method.as_str().len() + uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let headers = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + LINE_OVERHEAD);
    line + authority + " HTTP/1.1\r\n\r\n ".len() + headers.sum::<usize>()
}

fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    let plain = coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    if plain && codings.next().is_none() && !headers.contains_key(header::CONTENT_LENGTH) {
        return Ok(());
    }
    Err(Refusal::BadRequest)
}

fn host(head: &Parts) -> Result<&str, Refusal> {
    let mut values = head.headers.get_all(header::HOST).iter();
    let (named, more) = (values.next(), values.next());
    let named = named.map(|value| value.to_str().map_err(|_| Refusal::BadRequest)).transpose()?;
    let authority = head.uri.authority().map(|authority| authority.as_str());
    let host = match (named, authority) {
        (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
            return Err(Refusal::BadRequest);
        }
        // HTTP/1.1 wants the header even if the request line has it all.
        (None, _) if head.version == Version::HTTP_11 => return Err(Refusal::BadRequest),
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => "",
    };
    if more.is_some() || !host.bytes().all(is_host_byte) {
        return Err(Refusal::BadRequest);
    }
    Ok(host)
}

/// Letters, digits and signs of a host and port; without `@`, which would make a user name of what precedes it.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(version: Version, uri: &str, headers: &[(&str, &str)], expect: Result<&str, Refusal>) {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(admit(&head), expect, "{uri} {headers:?}");
    }

    #[test]
    fn the_host_is_known_and_one() {
        const BAD: Result<&str, Refusal> = Err(Refusal::BadRequest);
        let one = Version::HTTP_11;
        check(one, "/", &[("host", "a:80")], Ok("a:80"));
        check(one, "/", &[], BAD);
        check(one, "/", &[("host", "a"), ("host", "a")], BAD);
        check(one, "/", &[("host", "a"), ("host", "b")], BAD);
        check(one, "/", &[("host", "a/b")], BAD);
        check(one, "/", &[("host", "x@a")], BAD);
        check(one, "http://a/", &[("host", "A")], Ok("A"));
        check(one, "http://a/", &[("host", "b")], BAD);
        check(one, "http://a/", &[], BAD);
        check(Version::HTTP_10, "/", &[], Ok(""));
        check(Version::HTTP_2, "http://a:1/", &[], Ok("a:1"));
        check(Version::HTTP_2, "http://a:1/", &[("host", "b")], BAD);
        check(one, "*", &[("host", "a")], BAD);
        check(one, "a:443", &[("host", "a:443")], BAD);
    }

    #[test]
    fn framing_is_plain() {
        let check = |headers: &[(&str, &str)], fine: bool| {
            let expect = if fine { Ok("a") } else { Err(Refusal::BadRequest) };
            check(Version::HTTP_11, "/", &[&[("host", "a")], headers].concat(), expect);
        };
        check(&[("transfer-encoding", "chunked")], true);
        check(&[("transfer-encoding", "Chunked")], true);
        check(&[("transfer-encoding", "gzip, chunked")], false);
        check(&[("transfer-encoding", "identity"), ("transfer-encoding", "chunked")], false);
        check(&[("transfer-encoding", "chunked"), ("content-length", "3")], false);
    }

    #[test]
    fn large_heads_are_refused() {
        let check = |length: usize, expect: Result<&str, Refusal>| {
            let value = "x".repeat(length);
            check(Version::HTTP_11, "/", &[("host", "a"), ("x", &value)], expect);
        };
        // `GET / HTTP/1.1`, `host: a`, `x: ...`, and the empty line make 16 + 9 + 5 + 2 bytes.
        let most = limits::HTTP_HEAD_MAX - 32;
        check(most, Ok("a"));
        check(most + 1, Err(Refusal::HeadTooLarge));
    }
}
