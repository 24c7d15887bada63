//! Objects on their way out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use lambent_core::BucketName;
use lambent_engine::Buckets;
use lambent_engine::buckets::{Object, ObjectHead};
use s3s::dto::{
    self, ChecksumType, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    StreamingBlob, Timestamp, TimestampFormat,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::conditions::Wanted;
use super::refused::{refuse, refuse_version};
use super::sums::tell;
use super::verbs::{Verbs, instant};

/// How many bytes are read of the disk at once.
const READ: usize = 256 * 1024;

/// What of an object is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Slice {
    bytes: Range<u64>,
    /// Only a part of it is sent.
    is_part: bool,
}

impl Verbs {
    pub(super) async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        refuse_version!(input.version_id);
        refuse!(input, "objects are not encrypted", sse_customer_algorithm: "x-amz-server-side-encryption-customer-algorithm");
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let wanted = Wanted {
            matching: input.if_match,
            none_matching: input.if_none_match,
            modified_since: input.if_modified_since,
            unmodified_since: input.if_unmodified_since,
        };
        let object = self.open(bucket, input.key, &wanted).await?;
        let slice = slice(&object.head, input.range.as_ref(), input.part_number)?;
        let mut head = sent(&object.head, &slice, input.part_number, input.checksum_mode.is_some());
        let overrides = [
            (&mut head.cache_control, input.response_cache_control),
            (&mut head.content_disposition, input.response_content_disposition),
            (&mut head.content_encoding, input.response_content_encoding),
            (&mut head.content_language, input.response_content_language),
            (&mut head.content_type, input.response_content_type),
        ];
        for (header, given) in overrides {
            *header = given.or_else(|| header.take());
        }
        head.expires = input.response_expires.or(head.expires);
        let status = slice.is_part.then_some(http::StatusCode::PARTIAL_CONTENT);
        head.body = Some(body(self.buckets.clone(), object, slice.bytes));
        Ok(S3Response { status, ..S3Response::new(head) })
    }

    pub(super) async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        refuse_version!(input.version_id);
        refuse!(input, "objects are not encrypted", sse_customer_algorithm: "x-amz-server-side-encryption-customer-algorithm");
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let wanted = Wanted {
            matching: input.if_match,
            none_matching: input.if_none_match,
            modified_since: input.if_modified_since,
            unmodified_since: input.if_unmodified_since,
        };
        let object = self.open(bucket, input.key, &wanted).await?;
        let slice = slice(&object.head, input.range.as_ref(), input.part_number)?;
        let head = sent(&object.head, &slice, input.part_number, input.checksum_mode.is_some());
        let status = slice.is_part.then_some(http::StatusCode::PARTIAL_CONTENT);
        let output = HeadObjectOutput {
            accept_ranges: head.accept_ranges,
            cache_control: head.cache_control,
            checksum_crc32: head.checksum_crc32,
            checksum_crc32c: head.checksum_crc32c,
            checksum_crc64nvme: head.checksum_crc64nvme,
            checksum_sha1: head.checksum_sha1,
            checksum_sha256: head.checksum_sha256,
            checksum_type: head.checksum_type,
            content_disposition: input.response_content_disposition.or(head.content_disposition),
            content_encoding: input.response_content_encoding.or(head.content_encoding),
            content_language: input.response_content_language.or(head.content_language),
            content_length: head.content_length,
            content_range: head.content_range,
            content_type: input.response_content_type.or(head.content_type),
            e_tag: head.e_tag,
            expires: input.response_expires.or(head.expires),
            last_modified: head.last_modified,
            metadata: head.metadata,
            parts_count: head.parts_count,
            ..HeadObjectOutput::default()
        };
        Ok(S3Response { status, ..S3Response::new(output) })
    }

    /// Opens an object that is as wanted.
    pub(super) async fn open(&self, bucket: BucketName, key: String, wanted: &Wanted) -> S3Result<Object> {
        let object = self.run(move |buckets| buckets.get(&bucket, &key)).await?;
        wanted.check(&object.head)?;
        Ok(object)
    }
}

/// The bytes that are asked for.
fn slice(head: &ObjectHead, range: Option<&dto::Range>, part: Option<i32>) -> S3Result<Slice> {
    match (range, part) {
        (None, None) => Ok(Slice { bytes: 0..head.size, is_part: false }),
        (Some(_), Some(_)) => Err(S3Error::with_message(
            S3ErrorCode::InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter",
        )),
        (Some(range), None) => match range.check(head.size) {
            Ok(bytes) => Ok(Slice { bytes, is_part: true }),
            Err(_) => {
                let mut error = S3Error::with_message(
                    S3ErrorCode::InvalidRange,
                    "The requested range is not satisfiable",
                );
                let mut headers = http::HeaderMap::new();
                let range = format!("bytes */{}", head.size);
                headers.insert(http::header::CONTENT_RANGE, range.parse().expect("digits and signs"));
                error.set_headers(headers);
                Err(error)
            }
        },
        (None, Some(number)) => {
            let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            let missing = || {
                let mut error = S3Error::with_message(
                    S3ErrorCode::Custom("InvalidPartNumber".into()),
                    "The requested partnumber is not satisfiable",
                );
                error.set_status_code(http::StatusCode::RANGE_NOT_SATISFIABLE);
                error
            };
            let index = index.ok_or_else(missing)?;
            if head.parts.is_empty() && index == 0 {
                return Ok(Slice { bytes: 0..head.size, is_part: true });
            }
            let length = head.parts.get(index).ok_or_else(missing)?;
            let begin: u64 = head.parts[..index].iter().sum();
            Ok(Slice { bytes: begin..begin + length, is_part: true })
        }
    }
}

/// What is said of an object that is sent.
fn sent(head: &ObjectHead, slice: &Slice, part: Option<i32>, with_checksum: bool) -> GetObjectOutput {
    let header = |name: &str| head.headers.get(name).cloned();
    let bytes = &slice.bytes;
    let range = format!("bytes {}-{}/{}", bytes.start, bytes.end.saturating_sub(1), head.size);
    let mut output = GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: header("cache-control"),
        content_disposition: header("content-disposition"),
        content_encoding: header("content-encoding"),
        content_language: header("content-language"),
        content_type: Some(header("content-type").unwrap_or_else(|| "binary/octet-stream".to_owned())),
        content_length: i64::try_from(bytes.end - bytes.start).ok(),
        content_range: (slice.is_part && bytes.end > bytes.start).then_some(range),
        e_tag: Some(ETag::Strong(head.etag.clone())),
        expires: header("expires").and_then(|text| Timestamp::parse(TimestampFormat::HttpDate, &text).ok()),
        last_modified: Some(instant(head.modified())),
        metadata: own_metadata(&head.metadata),
        parts_count: part
            .filter(|_| !head.parts.is_empty())
            .and_then(|_| i32::try_from(head.parts.len()).ok()),
        ..GetObjectOutput::default()
    };
    // The checksum is of the whole, so it would not fit a part.
    if with_checksum && !slice.is_part {
        tell!(output, &head.checksum);
        output.checksum_type = head.checksum.as_ref().map(|checksum| kind(checksum.composite));
    }
    output
}

/// What a checksum is of.
pub(super) fn kind(composite: bool) -> ChecksumType {
    let kind = if composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    ChecksumType::from_static(kind)
}

fn own_metadata(metadata: &BTreeMap<String, String>) -> Option<dto::Metadata> {
    let pairs = || metadata.iter().map(|(name, value)| (name.clone(), value.clone()));
    (!metadata.is_empty()).then(|| pairs().collect())
}

/// Reads an object from the disk as it is sent.
fn body(buckets: Buckets, object: Object, bytes: Range<u64>) -> StreamingBlob {
    let object = Arc::new(object);
    let pieces = stream::try_unfold(bytes.start, move |at| {
        let (buckets, object) = (buckets.clone(), Arc::clone(&object));
        let length = usize::try_from(bytes.end - at).unwrap_or(READ).min(READ);
        async move {
            if length == 0 {
                return Ok(None);
            }
            let read = buckets.run(move |_| object.read(at, length)).await;
            let read = read.map_err(std::io::Error::other)??;
            Ok::<_, std::io::Error>(Some((Bytes::from(read), at + length as u64)))
        }
    });
    StreamingBlob::wrap(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices() {
        let head = ObjectHead { size: 10, parts: vec![6, 4], ..ObjectHead::default() };
        let check = |range: Option<&str>, part, expect: Option<(u64, u64, bool)>| {
            let range = range.map(|text| dto::Range::parse(text).unwrap());
            let found = slice(&head, range.as_ref(), part).ok();
            assert_eq!(found.map(|s| (s.bytes.start, s.bytes.end, s.is_part)), expect, "{range:?} {part:?}");
        };
        check(None, None, Some((0, 10, false)));
        check(Some("bytes=2-3"), None, Some((2, 4, true)));
        check(Some("bytes=8-100"), None, Some((8, 10, true)));
        check(Some("bytes=-3"), None, Some((7, 10, true)));
        check(Some("bytes=10-"), None, None);
        check(None, Some(1), Some((0, 6, true)));
        check(None, Some(2), Some((6, 10, true)));
        check(None, Some(3), None);
        check(None, Some(0), None);
        check(Some("bytes=0-1"), Some(1), None);
    }
}
