//! What a request says of its signature: in the `Authorization` header, or in the query when it is presigned.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use lambent_core::Timestamp;

use super::Error;
use crate::service::{decoded, query_pairs};

/// The one algorithm that is known.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a request says of its signature. None of it is checked yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The access key's id.
    pub(super) key_id: String,
    /// The day of the scope, eight digits.
    pub(super) date: String,
    /// The region of the scope.
    pub(super) region: String,
    /// The service of the scope.
    pub(crate) service: String,
    /// The names of the headers that are signed, as listed.
    pub(super) signed_headers: String,
    /// The signature, as written.
    pub(super) signature: String,
    /// When it was signed.
    pub(super) time: Timestamp,
    /// The same, as written: `20150830T123600Z`.
    pub(super) time_text: String,
    /// How long a presigned request lives; `None` for others.
    pub(super) expires: Option<Duration>,
}

impl Claim {
    /// Reads what a request says of its signature; `None` when it says nothing.
    ///
    /// # Errors
    /// When it says something that is no signature.
    pub(crate) fn of(head: &Parts) -> Result<Option<Self>, Error> {
        let query = head.uri.query().unwrap_or_default();
        let presigned =
            query_pairs(query).any(|(name, _)| name == "X-Amz-Algorithm" || name == "X-Amz-Credential");
        let mut headers = head.headers.get_all(AUTHORIZATION).iter();
        match (headers.next(), headers.next(), presigned) {
            (None, _, false) => Ok(None),
            (None, _, true) => from_query(query).map(Some),
            (Some(header), None, false) => from_header(head, header.to_str().unwrap_or_default()).map(Some),
            _ => Err(incomplete(
                "The request is signed more than once: use either the Authorization header or the query.",
            )),
        }
    }

    /// Whether it stands in the query.
    pub(super) fn is_presigned(&self) -> bool {
        self.expires.is_some()
    }
}

/// `AWS4-HMAC-SHA256 Credential=.../scope, SignedHeaders=host;x-amz-date, Signature=...`
fn from_header(head: &Parts, text: &str) -> Result<Claim, Error> {
    let (algorithm, rest) = text.split_once(' ').unwrap_or((text, ""));
    check_algorithm(algorithm)?;
    let parameter = |name: &str| {
        rest.split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .filter(|value| !value.is_empty())
            .ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter.")))
    };
    let time = head.headers.get("x-amz-date").or_else(|| head.headers.get(http::header::DATE));
    let time = time.and_then(|value| value.to_str().ok()).ok_or_else(|| {
        incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    })?;
    claim(parameter("Credential")?, parameter("SignedHeaders")?, parameter("Signature")?, time, None)
}

/// `?X-Amz-Algorithm=...&X-Amz-Credential=...&X-Amz-Date=...&X-Amz-Expires=...&X-Amz-SignedHeaders=...&X-Amz-Signature=...`
fn from_query(query: &str) -> Result<Claim, Error> {
    let parameter = |name: &str| {
        query_pairs(query)
            .find(|(key, _)| *key == name)
            .map(|(_, value)| decoded(value))
            .filter(|value| !value.is_empty())
            .ok_or_else(|| incomplete(&format!("AWS query-string parameters must include '{name}'.")))
    };
    check_algorithm(&parameter("X-Amz-Algorithm")?)?;
    let expires = parameter("X-Amz-Expires")?;
    let expires = expires.parse().map_err(|_| incomplete("X-Amz-Expires should be a number of seconds."))?;
    claim(
        &parameter("X-Amz-Credential")?,
        &parameter("X-Amz-SignedHeaders")?,
        &parameter("X-Amz-Signature")?,
        &parameter("X-Amz-Date")?,
        Some(Duration::from_secs(expires)),
    )
}

fn claim(
    credential: &str,
    signed_headers: &str,
    signature: &str,
    time_text: &str,
    expires: Option<Duration>,
) -> Result<Claim, Error> {
    let parts: Vec<&str> = credential.split('/').collect();
    let &[key_id, date, region, service, "aws4_request"] = parts.as_slice() else {
        return Err(incomplete(&format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request, got '{credential}'."
        )));
    };
    let time = parse_basic_time(time_text).ok_or_else(|| {
        incomplete(&format!(
            "Date must be in ISO-8601 'basic format', as in 20150830T123600Z. Got '{time_text}'."
        ))
    })?;
    Ok(Claim {
        key_id: key_id.to_owned(),
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        signed_headers: signed_headers.to_owned(),
        signature: signature.to_owned(),
        time,
        time_text: time_text.to_owned(),
        expires,
    })
}

fn check_algorithm(name: &str) -> Result<(), Error> {
    if name == ALGORITHM {
        return Ok(());
    }
    Err(incomplete(&format!("Unsupported AWS 'algorithm': '{name}'. Sign with {ALGORITHM}.")))
}

fn incomplete(message: &str) -> Error {
    Error::Incomplete(message.to_owned())
}

const BASIC_TIME: &str = "%Y%m%dT%H%M%SZ";

/// Reads `20150830T123600Z`.
fn parse_basic_time(text: &str) -> Option<Timestamp> {
    // The length keeps out what the format would also take: years of fewer digits.
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    let time = DateTime::strptime(BASIC_TIME, text).ok()?.to_zoned(TimeZone::UTC).ok()?;
    u64::try_from(time.timestamp().as_millisecond()).ok().map(Timestamp::from_millis)
}

/// Writes `20150830T123600Z`.
pub(super) fn basic_time(time: Timestamp) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    time.strftime(BASIC_TIME).to_string()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(uri: &str, headers: &[(&str, &str)]) -> Result<Option<Claim>, String> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Claim::of(&request.body(()).unwrap().into_parts().0).map_err(|error| error.to_string())
    }

    const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=ab12";

    #[test]
    fn both_forms_are_read() {
        let date = ("x-amz-date", "20150830T123600Z");
        let claim = read("/", &[("authorization", AUTHORIZATION), date]).unwrap().unwrap();
        assert_eq!(
            (claim.key_id.as_str(), claim.service.as_str(), claim.region.as_str()),
            ("AKID", "lambda", "us-east-1")
        );
        assert_eq!((claim.signed_headers.as_str(), claim.signature.as_str()), ("host;x-amz-date", "ab12"));
        assert_eq!(claim.time, Timestamp::from_millis(1_440_938_160_000));
        assert_eq!(basic_time(claim.time), claim.time_text);
        // Commas need no spaces.
        let tight = AUTHORIZATION.replace(", ", ",");
        assert_eq!(read("/", &[("authorization", &tight), date]).unwrap().unwrap(), claim);
        let presigned = read(
            "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2Fus-east-1%2Flambda%2Faws4_request\
             &X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-date&X-Amz-Signature=ab12",
            &[],
        );
        assert_eq!(presigned.unwrap().unwrap(), Claim { expires: Some(Duration::from_secs(60)), ..claim });
        assert_eq!(read("/?a=b", &[]), Ok(None));
    }

    #[test]
    fn what_is_no_signature_is_told() {
        let check = |uri: &str, authorization: Option<&str>, date: &str, expect: &str| {
            let mut headers = vec![("x-amz-date", date)];
            headers.extend(authorization.map(|text| ("authorization", text)));
            let error = read(uri, &headers).unwrap_err();
            assert!(error.starts_with(expect), "{error}");
        };
        let time = "20150830T123600Z";
        check("/", Some("Bearer abc"), time, "Unsupported AWS 'algorithm': 'Bearer'");
        check("/", Some(""), time, "Unsupported AWS 'algorithm': ''");
        check(
            "/",
            Some(&AUTHORIZATION.replace("Signature", "Sig")),
            time,
            "Authorization header requires 'Signature'",
        );
        check(
            "/",
            Some(&AUTHORIZATION.replace("Credential", "C")),
            time,
            "Authorization header requires 'Credential'",
        );
        check("/", Some(&AUTHORIZATION.replace("/us-east-1", "")), time, "Credential must have exactly 5");
        check(
            "/",
            Some(&AUTHORIZATION.replace("aws4_request", "aws5")),
            time,
            "Credential must have exactly 5",
        );
        for bad in ["", "2015-08-30T12:36:00Z", "20151330T123600Z", "20150830T123600X", "15083T1236000000"] {
            check("/", Some(AUTHORIZATION), bad, "Date must be in ISO-8601 'basic format'");
        }
        check("/?X-Amz-Algorithm=x", None, time, "Unsupported AWS 'algorithm': 'x'");
        check(
            "/?X-Amz-Credential=x",
            None,
            time,
            "AWS query-string parameters must include 'X-Amz-Algorithm'",
        );
        check("/?X-Amz-Algorithm=x", Some(AUTHORIZATION), time, "The request is signed more than once");
    }
}
