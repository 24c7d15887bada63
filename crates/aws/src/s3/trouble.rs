//! What goes wrong, in S3's words.

use lambent_engine::buckets;
use s3s::{S3Error, S3ErrorCode};

use super::chunks::Failure;

/// An error of the buckets'.
pub(super) fn of(error: buckets::Error) -> S3Error {
    let (code, text) = match &error {
        buckets::Error::NoBucket => (S3ErrorCode::NoSuchBucket, "The specified bucket does not exist"),
        buckets::Error::BucketExists => (
            S3ErrorCode::BucketAlreadyOwnedByYou,
            "Your previous request to create the named bucket succeeded and you already own it.",
        ),
        buckets::Error::NotEmpty => {
            (S3ErrorCode::BucketNotEmpty, "The bucket you tried to delete is not empty")
        }
        buckets::Error::NoObject => (S3ErrorCode::NoSuchKey, "The specified key does not exist."),
        buckets::Error::NoUpload => (
            S3ErrorCode::NoSuchUpload,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
        ),
        buckets::Error::KeyTooLong => (S3ErrorCode::KeyTooLongError, "Your key is too long"),
        buckets::Error::Condition => {
            (S3ErrorCode::PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
        }
        buckets::Error::TooManyBuckets => {
            return S3Error::with_message(S3ErrorCode::TooManyBuckets, error.to_string());
        }
        buckets::Error::Disk { .. } | buckets::Error::Stopped => {
            return S3Error::with_message(S3ErrorCode::InternalError, error.to_string());
        }
    };
    S3Error::with_message(code, text)
}

/// An error of the disk's while an object is written or read.
pub(super) fn of_disk(error: std::io::Error) -> S3Error {
    S3Error::with_message(S3ErrorCode::InternalError, format!("the object's file cannot be used: {error}"))
}

/// An error in place of a body's end.
pub(super) fn of_body(error: &(dyn std::error::Error + 'static)) -> S3Error {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            let code = match failure {
                Failure::Slow => S3ErrorCode::RequestTimeout,
                Failure::Broken(_) | Failure::Chunks(_) => S3ErrorCode::IncompleteBody,
                Failure::Hash => S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()),
                Failure::Signature => S3ErrorCode::SignatureDoesNotMatch,
            };
            let mut refused = S3Error::with_message(code, failure.to_string());
            if matches!(failure, Failure::Hash) {
                refused.set_status_code(http::StatusCode::BAD_REQUEST);
            }
            return refused;
        }
        at = error.source();
    }
    S3Error::with_message(S3ErrorCode::IncompleteBody, error.to_string())
}

/// What Lambent does not have.
pub(super) fn unsupported(name: &str, why: &str) -> S3Error {
    S3Error::with_message(
        S3ErrorCode::NotImplemented,
        format!("Lambent does not support {name}: {why}. Leave it out."),
    )
}
