//! Signature Version 4: who sent a request, and whether it arrived as it was sent.
//!
//! A check has two halves. `Credentials::admit` does all that can be done from the head of a request; what it
//! returns checks the body, once that is read and before anything looks into it.
//! Source: "AWS Signature Version 4 for API requests", AWS Identity and Access Management User Guide.

mod canonical;
mod chunks;
mod claim;
mod error;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use hmac::{Hmac, Mac};
use http::request::Parts;
use lambent_core::{Secret, Timestamp, limits};
use sha2::{Digest, Sha256};

pub(crate) use chunks::ChunkSigner;
pub(crate) use claim::Claim;
pub use error::Error;

/// The keys that requests may be signed with.
#[derive(Clone, Debug)]
pub struct Credentials {
    keys: HashMap<String, Secret<String>>,
    strangers: Strangers,
}

/// What becomes of requests that no known key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// They are served, signed or not: for a port that only this machine reaches. Browsers are kept out.
    Admitted,
    /// They are refused.
    Refused,
}

impl Credentials {
    /// The known keys, as pairs of access key id and secret, and what becomes of requests without one. A request
    /// that names a known key must be signed with its secret, whatever becomes of the others.
    pub fn new(keys: impl IntoIterator<Item = (String, Secret<String>)>, strangers: Strangers) -> Self {
        Self { keys: keys.into_iter().collect(), strangers }
    }

    /// Checks all that the head of a request tells. `claim` is what the request says of its signature, `service`
    /// the one that it goes to.
    ///
    /// # Errors
    /// Why the request is not served.
    pub(crate) fn admit(
        &self,
        head: &Parts,
        claim: Option<&Claim>,
        service: Option<&str>,
        now: Timestamp,
    ) -> Result<Admission, Error> {
        let declared = declared_hash(head, service == Some("s3"))?;
        let Some(claim) = claim else {
            self.admit_stranger(head, Error::Missing)?;
            return Ok(Admission::but_for(declared));
        };
        let Some(secret) = self.keys.get(&claim.key_id) else {
            self.admit_stranger(head, Error::UnknownKey)?;
            return Ok(Admission::but_for(declared));
        };
        check_time(claim, now)?;
        check_scope(claim, service)?;
        let proof = Proof::new(head, claim, secret)?;
        // S3 signs the address of a presigned request, never its body.
        let presigned = claim.is_presigned() && claim.service == "s3";
        match declared.or_else(|| presigned.then_some(UNSIGNED_PAYLOAD)) {
            None => Ok(Admission::Unproven(proof)),
            Some(hash) => {
                proof.check(hash)?;
                if STREAMS_SIGNED.contains(&hash) {
                    return Ok(Admission::Chunks(Some(ChunkSigner::new(&proof, claim))));
                }
                Ok(Admission::but_for(Some(hash)))
            }
        }
    }

    /// A request that nobody vouches for. A page in a browser can make the browser send one to this machine, with
    /// any signature that it likes, but cannot keep the browser from saying that a page sent it.
    fn admit_stranger(&self, head: &Parts, otherwise: Error) -> Result<(), Error> {
        if self.strangers == Strangers::Refused {
            return Err(otherwise);
        }
        let by_page = |name: &str| head.headers.get(name).is_some_and(|value| value != "none");
        if by_page("origin") || by_page("sec-fetch-site") { Err(Error::Page) } else { Ok(()) }
    }
}

/// In place of the body's hash: the signature does not cover the body.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// In place of the body's hash, for S3: the body comes in chunks, none of them signed.
const STREAM_UNSIGNED: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// In place of the body's hash, for S3: the body comes in chunks, each of them signed.
const STREAMS_SIGNED: [&str; 2] =
    ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"];

/// What is left to check when the head was good.
#[derive(Debug)]
pub(crate) enum Admission {
    /// Nothing.
    Done,
    /// The body must have this hash, in hexadecimal digits.
    Declared(String),
    /// The signature, which covers the body's hash.
    Unproven(Proof),
    /// The chunks that the body comes in, where they are signed with a known key.
    Chunks(Option<ChunkSigner>),
}

impl Admission {
    /// An admission that does not hang on a signature any more, only on the hash that the request declares.
    fn but_for(declared: Option<&str>) -> Self {
        match declared {
            None | Some(UNSIGNED_PAYLOAD) => Self::Done,
            Some(stream) if stream == STREAM_UNSIGNED || STREAMS_SIGNED.contains(&stream) => {
                Self::Chunks(None)
            }
            Some(hash) => Self::Declared(hash.to_owned()),
        }
    }

    /// Checks the body.
    ///
    /// # Errors
    /// When it is not the body that was declared or signed.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), Error> {
        match self {
            Self::Done => Ok(()),
            Self::Declared(hash) if hash.eq_ignore_ascii_case(&sha256_hex(body)) => Ok(()),
            // Chunks are checked as they come, by those who take them.
            Self::Declared(_) | Self::Chunks(_) => Err(Error::BodyHash),
            Self::Unproven(proof) => proof.check(&sha256_hex(body)),
        }
    }
}

/// A signature with all that it is checked against, but for the body's hash.
pub(crate) struct Proof {
    /// The canonical request up to the body's hash, its last line.
    canonical: Vec<u8>,
    /// The string to sign up to the canonical request's hash, its last line.
    preamble: String,
    key: [u8; 32],
    signature: [u8; 32],
}

impl Proof {
    fn new(head: &Parts, claim: &Claim, secret: &Secret<String>) -> Result<Self, Error> {
        let scope = format!("{}/{}/{}/aws4_request", claim.date, claim.region, claim.service);
        Ok(Self {
            canonical: canonical::request(head, claim)?,
            preamble: format!("AWS4-HMAC-SHA256\n{}\n{scope}\n", claim.time_text),
            key: signing_key(secret, claim),
            signature: from_hex(&claim.signature).ok_or(Error::Mismatch)?,
        })
    }

    /// Checks the signature of a request whose body's hash, or what stands in its place, is `payload`.
    fn check(&self, payload: &str) -> Result<(), Error> {
        let request = Sha256::new().chain_update(&self.canonical).chain_update(payload);
        let to_sign = format!("{}{:x}", self.preamble, request.finalize());
        // `verify_slice` takes the same time for every wrong signature.
        keyed(&self.key, &to_sign).verify_slice(&self.signature).map_err(|_| Error::Mismatch)
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof").field("preamble", &self.preamble).finish_non_exhaustive()
    }
}

/// The body's hash that a request declares, or [`UNSIGNED_PAYLOAD`].
fn declared_hash(head: &Parts, s3: bool) -> Result<Option<&str>, Error> {
    const NAME: &str = "x-amz-content-sha256";
    let text = match head.headers.get(NAME) {
        Some(value) => value.to_str().map_err(|_| Error::BodyHash)?,
        // Some presigners move the header into the query.
        None => {
            let mut pairs = crate::service::query_pairs(head.uri.query().unwrap_or_default());
            match pairs.find(|(name, _)| name.eq_ignore_ascii_case(NAME)) {
                Some((_, value)) => value,
                None => return Ok(None),
            }
        }
    };
    let stream = s3 && (text == STREAM_UNSIGNED || STREAMS_SIGNED.contains(&text));
    if text == UNSIGNED_PAYLOAD || stream || from_hex(text).is_some() {
        return Ok(Some(text));
    }
    Err(Error::Incomplete(format!(
        "x-amz-content-sha256 is `{text}`: Lambent takes the SHA-256 of the whole body in hexadecimal digits, \
         or {UNSIGNED_PAYLOAD}."
    )))
}

/// Checks that a signature is of now: not expired, and not of a clock that is off.
fn check_time(claim: &Claim, now: Timestamp) -> Result<(), Error> {
    let life = match claim.expires {
        None => limits::SIGNATURE_SKEW,
        Some(life) if life.is_zero() || life > limits::PRESIGNED_MAX => {
            return Err(Error::Incomplete(format!(
                "X-Amz-Expires must be between 1 and {} seconds.",
                limits::PRESIGNED_MAX.as_secs()
            )));
        }
        Some(life) => life,
    };
    let text = || (claim.time_text.clone(), claim::basic_time(now));
    if claim.time.plus(life) < now {
        let (signed, now) = text();
        return Err(Error::Expired { signed, now });
    }
    if claim.time > now.plus(limits::SIGNATURE_SKEW) {
        let (signed, now) = text();
        return Err(Error::NotYet { signed, now });
    }
    Ok(())
}

/// Checks that a signature is for the service that the request goes to, on the day that it names. Lambent is in no
/// region, so every region is right.
fn check_scope(claim: &Claim, service: Option<&str>) -> Result<(), Error> {
    let (day, _) = claim.time_text.split_at(8);
    if claim.date != day {
        return Err(Error::Scope(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             '{}' != '{day}', from '{}'.",
            claim.date, claim.time_text
        )));
    }
    match service {
        Some(service) if service != claim.service => {
            Err(Error::Scope(format!("Credential should be scoped to correct service: '{service}'.")))
        }
        _ => Ok(()),
    }
}

fn signing_key(secret: &Secret<String>, claim: &Claim) -> [u8; 32] {
    let first = Secret::new(format!("AWS4{}", secret.reveal()));
    let step = |key: &[u8], text: &str| <[u8; 32]>::from(keyed(key, text).finalize().into_bytes());
    let date = step(first.reveal().as_bytes(), &claim.date);
    let region = step(&date, &claim.region);
    let service = step(&region, &claim.service);
    step(&service, "aws4_request")
}

fn keyed(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.chain_update(text.as_bytes())
}

fn sha256_hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Reads 64 hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}
