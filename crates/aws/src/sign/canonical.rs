//! The canonical request: the one text that client and server make of a request, whatever touched it on the way.

use http::HeaderValue;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::{Claim, Error};
use crate::service::query_pairs;

/// All bytes but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same without the slash, which stays in paths.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The canonical request up to the body's hash, its last line.
///
/// # Errors
/// [`Error::Mismatch`] when a signed header is missing, [`Error::Scope`] when one that must be signed is not.
pub(super) fn request(head: &Parts, claim: &Claim) -> Result<Vec<u8>, Error> {
    let signed: Vec<&str> = claim.signed_headers.split(';').collect();
    check_signed(head, &signed)?;
    let path = path(head.uri.path(), claim.service == "s3");
    let query = query(head.uri.query().unwrap_or_default(), claim.is_presigned());
    let mut out = format!("{}\n{path}\n{query}\n", head.method).into_bytes();
    for name in &signed {
        header(&mut out, head, name)?;
    }
    out.push(b'\n');
    out.extend_from_slice(claim.signed_headers.as_bytes());
    out.push(b'\n');
    Ok(out)
}

/// S3 encodes a path once. All others encode what was sent once more, without empty and dot segments.
fn path(raw: &str, s3: bool) -> String {
    if s3 {
        let decoded: Vec<u8> = percent_decode_str(raw).collect();
        return percent_encode(&decoded, RESERVED_IN_PATH).to_string();
    }
    let mut kept = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let end = if raw.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    let normal = format!("/{}{end}", kept.join("/"));
    percent_encode(normal.as_bytes(), RESERVED_IN_PATH).to_string()
}

/// The query, encoded in one way and sorted. The signature of a presigned request is not part of what it signs.
fn query(raw: &str, presigned: bool) -> String {
    let again = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encode(&decoded, RESERVED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query_pairs(raw)
        .filter(|(name, _)| !(presigned && *name == "X-Amz-Signature"))
        .map(|(name, value)| (again(name), again(value)))
        .collect();
    pairs.sort_unstable();
    let joined: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

/// `name:value`, trimmed and with runs of spaces made one; several values of a name are joined by commas.
fn header(out: &mut Vec<u8>, head: &Parts, name: &str) -> Result<(), Error> {
    let mut values: Vec<&[u8]> = head.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if values.is_empty() {
        // HTTP/2 has the host in the address.
        let authority = head.uri.authority().filter(|_| name == "host");
        values.push(authority.ok_or(Error::Mismatch)?.as_str().as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
    for (i, value) in values.into_iter().enumerate() {
        out.push(if i == 0 { b':' } else { b',' });
        let words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        out.extend_from_slice(&words.collect::<Vec<_>>().join(&b' '));
    }
    out.push(b'\n');
    Ok(())
}

/// Checks that the list of signed headers is as AWS wants it, and has all that decide what a request does: the host
/// and everything of AWS's own. A header that is left out could be changed on the way.
fn check_signed(head: &Parts, signed: &[&str]) -> Result<(), Error> {
    let lower = |name: &&str| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
    if !signed.iter().all(lower) || !signed.is_sorted_by(|a, b| a < b) {
        return Err(Error::Mismatch);
    }
    let own = head.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    match std::iter::once("host").chain(own).find(|name| !signed.contains(name)) {
        None => Ok(()),
        Some(name) => {
            Err(Error::Scope(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        // From the AWS SigV4 test suite, `normalize-path`, and the S3 examples.
        let check = |raw: &str, expect: &str, expect_s3: &str| {
            assert_eq!((path(raw, false).as_str(), path(raw, true).as_str()), (expect, expect_s3));
        };
        check("/", "/", "/");
        check("/example/..", "/", "/example/..");
        check("/example1/example2/../..", "/", "/example1/example2/../..");
        check("//", "/", "//");
        check("//example//", "/example/", "//example//");
        check("/./example", "/example", "/./example");
        check("/example%20space/", "/example%2520space/", "/example%20space/");
        check("/f/arn%3Aaws%3af/x", "/f/arn%253Aaws%253af/x", "/f/arn%3Aaws%3Af/x");
        check("/-._~0aZ", "/-._~0aZ", "/-._~0aZ");
        check("/test$file.text", "/test%24file.text", "/test%24file.text");
        check("/%E1%88%B4", "/%25E1%2588%25B4", "/%E1%88%B4");
    }

    #[test]
    fn queries() {
        let check = |raw: &str, expect: &str| assert_eq!(query(raw, true), expect);
        check("", "");
        check("Param2=value2&Param1=value1", "Param1=value1&Param2=value2");
        check("Param1=value2&Param1=Value1&Param=", "Param=&Param1=Value1&Param1=value2");
        check("acl&b=a=b", "acl=&b=a%3Db");
        check("%E1%88%B4=bar&a=%7e%2f", "%E1%88%B4=bar&a=~%2F");
        check("&&a=1", "a=1");
        check("X-Amz-Signature=ab&X-Amz-Date=1", "X-Amz-Date=1");
        assert_eq!(query("X-Amz-Signature=ab", false), "X-Amz-Signature=ab");
    }
}
