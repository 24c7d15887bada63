//! `If-Match` and its like: whether what is there is what a request is for (RFC 9110, 13).

use lambent_engine::buckets::ObjectHead;
use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::trouble;
use super::verbs::instant;

/// What a reading request wants of the object.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) matching: Option<ETagCondition>,
    pub(super) none_matching: Option<ETagCondition>,
    pub(super) modified_since: Option<Timestamp>,
    pub(super) unmodified_since: Option<Timestamp>,
}

impl Wanted {
    /// Checks an object that is to be read.
    pub(super) fn check(&self, head: &ObjectHead) -> S3Result {
        let modified = seconds(&instant(head.modified()));
        let failed = match (&self.matching, &self.unmodified_since) {
            (Some(wanted), _) => !is_match(wanted, head),
            (None, Some(since)) => modified > seconds(since),
            (None, None) => false,
        };
        if failed {
            return Err(trouble::of(lambent_engine::buckets::Error::Condition));
        }
        let unchanged = match (&self.none_matching, &self.modified_since) {
            (Some(wanted), _) => is_match(wanted, head),
            (None, Some(since)) => modified <= seconds(since),
            (None, None) => false,
        };
        if unchanged { Err(not_modified(head)) } else { Ok(()) }
    }

    /// Checks an object that is to be copied, where not modified is no answer.
    pub(super) fn check_source(&self, head: &ObjectHead) -> S3Result {
        self.check(head).map_err(|_| trouble::of(lambent_engine::buckets::Error::Condition))
    }
}

/// What a writing request wants of the object that is there.
#[derive(Debug, Default)]
pub(super) struct Guard {
    etag: Option<String>,
    nothing: bool,
}

impl Guard {
    /// Reads the conditions of a request that writes.
    pub(super) fn of(
        matching: Option<&ETagCondition>,
        none_matching: Option<&ETagCondition>,
    ) -> S3Result<Self> {
        let nothing = match none_matching {
            None => false,
            Some(ETagCondition::Any) => true,
            Some(ETagCondition::ETag(_)) => {
                return Err(trouble::unsupported("If-None-Match with a tag on a write", "it takes `*`"));
            }
        };
        let etag = match matching {
            None => None,
            Some(ETagCondition::ETag(etag)) => Some(etag.value().to_owned()),
            Some(ETagCondition::Any) => Some("*".to_owned()),
        };
        Ok(Self { etag, nothing })
    }

    /// Whether what is there is as wanted.
    pub(super) fn holds(&self, there: Option<&ObjectHead>) -> bool {
        let matches = |etag: &String| there.is_some_and(|head| etag == "*" || head.etag == *etag);
        !(self.nothing && there.is_some()) && self.etag.as_ref().is_none_or(matches)
    }

    /// What is told when a condition does not hold: that there is nothing to match is not found.
    pub(super) fn refused(&self, error: S3Error, is_there: bool) -> S3Error {
        if self.etag.is_some() && !is_there && *error.code() == S3ErrorCode::PreconditionFailed {
            return trouble::of(lambent_engine::buckets::Error::NoObject);
        }
        error
    }
}

fn is_match(wanted: &ETagCondition, head: &ObjectHead) -> bool {
    match wanted {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == head.etag,
    }
}

fn not_modified(head: &ObjectHead) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = http::HeaderMap::new();
    if let Ok(etag) = ETag::Strong(head.etag.clone()).to_http_header() {
        headers.insert(http::header::ETAG, etag);
    }
    error.set_headers(headers);
    error
}

/// Dates in headers have seconds.
fn seconds(at: &Timestamp) -> Vec<u8> {
    // The text of a date with its zone at zero is in the order of time.
    let mut text = Vec::new();
    at.format(s3s::dto::TimestampFormat::DateTime, &mut text).ok();
    text.truncate("2026-11-22T12:00:00".len());
    text
}
