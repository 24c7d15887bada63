//! Requests of known signature: AWS's own examples, and what botocore signed (`tests/data/signed_requests.py`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Request;
use lambent_core::Clock;
use serde::Deserialize;

use super::*;
use crate::protocol::Protocol;

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A clock that stands.
#[derive(Debug)]
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn credentials(strangers: Strangers) -> Credentials {
    let pair = |key: &str, secret: &str| (key.to_owned(), Secret::new(secret.to_owned()));
    let of_s3 = pair("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    Credentials::new([pair(KEY, SECRET), of_s3], strangers)
}

/// A request, and the time at which it arrives.
struct Arrival {
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Milliseconds since the Unix epoch.
    now: u64,
}

impl Arrival {
    /// A request of AWS's documentation. `time` is also that of its arrival.
    fn example(method: &str, uri: &str, headers: &[(&str, &str)], body: &str, now: u64) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            method: method.to_owned(),
            uri: uri.to_owned(),
            headers: headers.iter().map(owned).collect(),
            body: body.as_bytes().to_vec(),
            now,
        }
    }

    fn check(&self, strangers: Strangers, service: Option<&str>) -> Result<(), Error> {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.uri);
        for (name, value) in &self.headers {
            request = request.header(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let claim = Claim::of(&head)?;
        let now = At(Timestamp::from_millis(self.now)).now();
        credentials(strangers).admit(&head, claim.as_ref(), service, now)?.check(&self.body)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// 2015-08-30T12:36:00Z, the time of the SigV4 test suite.
const SUITE: u64 = 1_440_938_160_000;
/// 2013-05-24T00:00:00Z, the time of the S3 examples.
const S3_EXAMPLES: u64 = 1_369_353_600_000;

/// A request of the SigV4 test suite.
fn of_suite(
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: &str,
    signed: &str,
    signature: &str,
) -> Arrival {
    let scope = "20150830/us-east-1/service/aws4_request";
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={signed}, Signature={signature}");
    let mut all = vec![("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
    all.extend(headers);
    all.push(("authorization", &authorization));
    Arrival::example(method, uri, &all, body, SUITE)
}

#[test]
fn the_sigv4_test_suite() {
    let check = |arrival: Arrival| {
        assert_eq!(arrival.check(Strangers::Refused, Some("service")), Ok(()), "{}", arrival.uri)
    };
    let plain = "host;x-amz-date";
    check(of_suite(
        "GET",
        "/",
        &[],
        "",
        plain,
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ));
    check(of_suite(
        "POST",
        "/",
        &[],
        "",
        plain,
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ));
    check(of_suite(
        "GET",
        "/?Param2=value2&Param1=value1",
        &[],
        "",
        plain,
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ));
    check(of_suite(
        "GET",
        "/",
        &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
        "",
        "host;my-header1;my-header2;x-amz-date",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ));
    check(of_suite(
        "POST",
        "/",
        &[("content-type", "application/x-www-form-urlencoded")],
        "Param1=value1",
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ));
}

/// The examples of "Signature calculations for the Authorization header" and "Authenticating requests: using query
/// parameters", Amazon S3 API Reference.
#[test]
fn the_examples_of_s3() {
    let check = |arrival: Arrival| {
        assert_eq!(arrival.check(Strangers::Refused, Some("s3")), Ok(()), "{}", arrival.uri)
    };
    let host = ("host", "examplebucket.s3.amazonaws.com");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    check(Arrival::example(
        "GET",
        "/test.txt",
        &[
            host,
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", empty),
            ("x-amz-date", "20130524T000000Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                 SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
                 Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
        ],
        "",
        S3_EXAMPLES,
    ));
    check(Arrival::example(
        "PUT",
        "/test$file.text",
        &[
            host,
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                 SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,\
                 Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
        ],
        "Welcome to Amazon S3.",
        S3_EXAMPLES,
    ));
    let presigned = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z\
        &X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let day = 86_400_000;
    check(Arrival::example("GET", presigned, &[host], "", S3_EXAMPLES));
    check(Arrival::example("GET", presigned, &[host], "", S3_EXAMPLES + day));
    let late = Arrival::example("GET", presigned, &[host], "", S3_EXAMPLES + day + 1000);
    assert!(matches!(late.check(Strangers::Refused, None), Err(Error::Expired { .. })));
}

/// What botocore signed at 2026-02-03T10:00:00Z.
fn of_botocore() -> Vec<(String, String, Arrival)> {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        service: String,
        method: String,
        uri: String,
        headers: Vec<(String, String)>,
        body: String,
    }
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../tests/data/signed_requests.json")).unwrap();
    let arrival = |case: Case| {
        let Case { name, service, method, uri, headers, body } = case;
        let body = BASE64.decode(body).unwrap();
        (name, service, Arrival { method, uri, headers, body, now: 1_770_112_800_000 })
    };
    cases.into_iter().map(arrival).collect()
}

/// One of them, a Lambda Invoke with the body `{"a":1}`.
fn invoke() -> Arrival {
    of_botocore().into_iter().find(|(name, ..)| name == "invoke").unwrap().2
}

#[test]
fn what_botocore_signs_is_good_and_what_is_changed_is_not() {
    for (name, service, mut arrival) in of_botocore() {
        assert_eq!(arrival.check(Strangers::Refused, Some(&service)), Ok(()), "{name}");
        assert_eq!(arrival.check(Strangers::Admitted, Some(&service)), Ok(()), "{name}");
        let uri = arrival.uri.clone();
        arrival.uri = format!("{uri}{}a=b", if uri.contains('?') { '&' } else { '?' });
        assert_eq!(arrival.check(Strangers::Admitted, Some(&service)), Err(Error::Mismatch), "{name}");
        arrival.uri = uri;
        arrival.method = "DELETE".to_owned();
        assert_eq!(arrival.check(Strangers::Admitted, Some(&service)), Err(Error::Mismatch), "{name}");
    }
}

#[test]
fn a_changed_body_is_refused() {
    let mut arrival = invoke();
    arrival.body = b"{\"a\":2}".to_vec();
    assert_eq!(arrival.check(Strangers::Refused, None), Err(Error::Mismatch));
    let declared = of_botocore().into_iter().find(|(name, ..)| name == "put-object").unwrap().2;
    let changed = Arrival { body: b"hellO".to_vec(), ..declared };
    assert_eq!(changed.check(Strangers::Refused, None), Err(Error::BodyHash));
}

#[test]
fn times_and_scopes_are_checked() {
    let check = |shift: i64, service: &str, expect: &str| {
        let arrival = invoke();
        let now = arrival.now.saturating_add_signed(shift * 1000);
        let error = Arrival { now, ..arrival }.check(Strangers::Refused, Some(service)).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    check(901, "lambda", "Signature expired: 20260203T100000Z is no longer valid at 20260203T101501Z.");
    check(
        -901,
        "lambda",
        "Signature not yet current: 20260203T100000Z is still later than 20260203T094459Z.",
    );
    check(0, "dynamodb", "Credential should be scoped to correct service: 'dynamodb'.");
    for shift in [-900, 900] {
        let arrival = invoke();
        let now = arrival.now.saturating_add_signed(shift * 1000);
        assert_eq!(Arrival { now, ..arrival }.check(Strangers::Refused, None), Ok(()));
    }
    let authorization = |from: &str, to: &str| {
        let arrival = invoke();
        let header =
            arrival.headers.iter().find(|(name, _)| name == "Authorization").unwrap().1.replace(from, to);
        arrival.with("authorization", &header).check(Strangers::Admitted, Some("lambda")).unwrap_err()
    };
    let of_day = authorization("/20260203/", "/20260204/").to_string();
    assert!(of_day.starts_with("Date in Credential scope does not match"), "{of_day}");
    assert_eq!(authorization("/eu-west-1/", "/eu-west-2/"), Error::Mismatch);
    assert_eq!(authorization("Signature=8", "Signature=9"), Error::Mismatch);
    assert_eq!(authorization("Signature=8", "Signature="), Error::Mismatch);
    assert_eq!(authorization("host;x-amz-date", "host;missing;x-amz-date"), Error::Mismatch);
    assert_eq!(authorization("host;x-amz-date", "x-amz-date;host"), Error::Mismatch);
    let unsigned = authorization("host;x-amz-date", "x-amz-date").to_string();
    assert_eq!(unsigned, "'host' must be a 'SignedHeader' in the AWS Authorization.");
}

#[test]
fn what_aws_reads_must_be_signed() {
    let smuggled = invoke().with("X-Amz-Invocation-Type", "DryRun").check(Strangers::Admitted, None);
    assert!(matches!(smuggled, Err(Error::Scope(_))), "{smuggled:?}");
    // What it does not read may be added on the way.
    assert_eq!(
        invoke().with("X-Amzn-Trace-Id", "Root=1").with("Via", "proxy").check(Strangers::Refused, None),
        Ok(())
    );
}

#[test]
fn strangers_are_admitted_where_they_may() {
    let plain = || Arrival::example("POST", "/", &[("host", "localhost")], "{}", SUITE);
    assert_eq!(plain().check(Strangers::Refused, None), Err(Error::Missing));
    assert_eq!(plain().check(Strangers::Admitted, None), Ok(()));
    let authorization = "AWS4-HMAC-SHA256 Credential=test/20100101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=x";
    let stranger = || plain().with("authorization", authorization).with("x-amz-date", "20100101T000000Z");
    assert_eq!(stranger().check(Strangers::Refused, None), Err(Error::UnknownKey));
    assert_eq!(stranger().check(Strangers::Admitted, None), Ok(()));
    // A key that is known must verify, whoever else is admitted.
    let known = stranger().with("authorization", &authorization.replace("test", KEY));
    assert!(matches!(known.check(Strangers::Admitted, None), Err(Error::Expired { .. })));
    let declared = plain().with("x-amz-content-sha256", &"0".repeat(64));
    assert_eq!(declared.check(Strangers::Admitted, None), Err(Error::BodyHash));
    let streaming = plain().with("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert!(matches!(streaming.check(Strangers::Admitted, None), Err(Error::Incomplete(_))));
    assert_eq!(
        plain().with("x-amz-content-sha256", "UNSIGNED-PAYLOAD").check(Strangers::Admitted, None),
        Ok(())
    );
}

#[test]
fn pages_in_browsers_are_kept_out() {
    let plain = || Arrival::example("POST", "/", &[("host", "localhost")], "{}", SUITE);
    for (name, value) in
        [("origin", "http://example.org"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        assert_eq!(plain().with(name, value).check(Strangers::Admitted, None), Err(Error::Page), "{name}");
    }
    // Typed into the address line.
    assert_eq!(plain().with("sec-fetch-site", "none").check(Strangers::Admitted, None), Ok(()));
    // A page can sign with a key that it made up, but with none that is known.
    let authorization =
        "AWS4-HMAC-SHA256 Credential=a/20100101/r/s/aws4_request, SignedHeaders=host, Signature=x";
    let made_up = plain().with("authorization", authorization).with("x-amz-date", "20100101T000000Z");
    assert_eq!(made_up.with("origin", "null").check(Strangers::Admitted, None), Err(Error::Page));
    assert_eq!(invoke().with("origin", "http://example.org").check(Strangers::Admitted, None), Ok(()));
}

#[test]
fn errors_are_those_of_the_protocol() {
    let check = |error: &Error, protocol, status: u16, code: &str| {
        let refusal = error.refusal(protocol);
        assert_eq!((refusal.status.as_u16(), refusal.code), (status, code));
    };
    let (rest, json, xml) = (Protocol::RestJson, Protocol::Json10, Protocol::Query(""));
    check(&Error::Missing, rest, 403, "MissingAuthenticationTokenException");
    check(&Error::Missing, json, 400, "MissingAuthenticationTokenException");
    check(&Error::Missing, xml, 403, "MissingAuthenticationToken");
    check(&Error::UnknownKey, json, 400, "UnrecognizedClientException");
    check(&Error::UnknownKey, xml, 403, "InvalidClientTokenId");
    check(&Error::Mismatch, rest, 403, "InvalidSignatureException");
    check(&Error::Mismatch, xml, 403, "SignatureDoesNotMatch");
    check(&Error::Incomplete(String::new()), json, 400, "IncompleteSignatureException");
}
