//! Objects on their way in, and out of being.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::StreamExt as _;
use lambent_core::{BucketName, limits};
use lambent_engine::buckets::{Draft, Error, ObjectHead};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    PutObjectInput, PutObjectOutput, StreamingBlob, TimestampFormat,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto};

use super::chunks::Trailers;
use super::conditions::Guard;
use super::refused::{refuse, refuse_for_objects, refuse_version};
use super::sums::{self, Summed, Sums, given, tell};
use super::trouble;
use super::verbs::Verbs;

/// How many bytes are collected before they are written.
const WRITE: usize = 1024 * 1024;

/// The headers that an object is sent with, as a request that makes it has them.
macro_rules! own_headers {
    ($input:expr) => {
        [
            ("cache-control", $input.cache_control.clone()),
            ("content-disposition", $input.content_disposition.clone()),
            ("content-encoding", $input.content_encoding.clone()),
            ("content-language", $input.content_language.clone()),
            ("content-type", $input.content_type.clone()),
            ("expires", $input.expires.as_ref().map($crate::s3::writes::http_date)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<std::collections::BTreeMap<String, String>>()
    };
}

pub(super) use own_headers;

impl Verbs {
    pub(super) async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let mut input = request.input;
        refuse_for_objects!(input);
        refuse!(input, "objects cannot be appended to", write_offset_bytes: "x-amz-write-offset-bytes");
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let guard = Guard::of(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let metadata = metadata(input.metadata.take())?;
        let headers = own_headers!(input);
        let (algorithm, value) =
            sums::announced(&request.headers, &given!(input), input.checksum_algorithm.as_ref())?;
        let trailers = request.extensions.get::<Trailers>();
        let (draft, summed) =
            self.receive(&bucket, input.body.take(), algorithm, input.content_length).await?;
        let value = value.or_else(|| sums::trailed(trailers, algorithm));
        summed.check(input.content_md5.as_deref(), value.as_deref())?;
        let head = ObjectHead {
            etag: summed.etag(),
            modified: self.now().as_millis(),
            headers,
            metadata,
            checksum: summed.checksum,
            ..ObjectHead::default()
        };
        let mut output =
            PutObjectOutput { e_tag: Some(ETag::Strong(head.etag.clone())), ..Default::default() };
        tell!(output, &head.checksum);
        self.put(bucket, input.key, draft, head, guard).await?;
        Ok(S3Response::new(output))
    }

    /// Makes a draft an object, if its guard lets it.
    pub(super) async fn put(
        &self,
        bucket: BucketName,
        key: String,
        draft: Draft,
        head: ObjectHead,
        guard: Guard,
    ) -> S3Result {
        self.try_run(move |buckets| {
            let mut is_there = false;
            let put = buckets.put(&bucket, &key, draft, head, |there| {
                is_there = there.is_some();
                guard.holds(there)
            });
            put.map_err(|error| guard.refused(trouble::of(error), is_there))
        })
        .await
    }

    /// Takes a body in, to its end.
    pub(super) async fn receive(
        &self,
        bucket: &BucketName,
        body: Option<StreamingBlob>,
        algorithm: Option<&'static str>,
        declared: Option<i64>,
    ) -> S3Result<(Draft, Summed)> {
        let most = limits::OBJECT_PUT_MAX;
        let too_large = || {
            let text = format!("Your proposed upload exceeds the maximum allowed size of {most} bytes");
            S3Error::with_message(S3ErrorCode::EntityTooLarge, text)
        };
        if declared.is_some_and(|length| u64::try_from(length).is_ok_and(|length| length > most)) {
            return Err(too_large());
        }
        let name = bucket.clone();
        let mut draft = self.run(move |buckets| buckets.draft(&name)).await?;
        let mut sums = Sums::of(algorithm);
        let Some(mut body) = body else { return Ok((draft, sums.finish())) };
        let (mut pieces, mut length): (Vec<Bytes>, usize) = (Vec::new(), 0);
        loop {
            let piece = body.next().await.transpose().map_err(|error| trouble::of_body(error.as_ref()))?;
            let is_end = piece.is_none();
            if let Some(piece) = piece {
                length += piece.len();
                pieces.push(piece);
            }
            if draft.size() + length as u64 > most {
                return Err(too_large());
            }
            if length >= WRITE || (is_end && length > 0) {
                let pieces = std::mem::take(&mut pieces);
                length = 0;
                (draft, sums) = self.try_run(move |_| write(draft, sums, &pieces)).await?;
            }
            if is_end {
                return Ok((draft, sums.finish()));
            }
        }
    }

    pub(super) async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        refuse_version!(input.version_id);
        refuse!(
            input, "objects have one version",
            mfa: "x-amz-mfa", bypass_governance_retention: "x-amz-bypass-governance-retention",
            if_match_last_modified_time: "x-amz-if-match-last-modified-time",
            if_match_size: "x-amz-if-match-size",
        );
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let guard = Guard::of(input.if_match.as_ref(), None)?;
        self.try_run(move |buckets| {
            let mut is_there = false;
            let removed = buckets.remove(&bucket, &input.key, |there| {
                is_there = there.is_some();
                guard.holds(there)
            });
            removed.map_err(|error| guard.refused(trouble::of(error), is_there))
        })
        .await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    pub(super) async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        refuse!(
            input, "objects have one version",
            mfa: "x-amz-mfa", bypass_governance_retention: "x-amz-bypass-governance-retention",
        );
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let objects = input.delete.objects;
        if objects.is_empty() || objects.len() > limits::OBJECTS_LISTED_MAX {
            let text =
                "The XML you provided was not well-formed or did not validate against our published schema";
            return Err(S3Error::with_message(S3ErrorCode::MalformedXML, text));
        }
        for object in &objects {
            refuse_version!(object.version_id);
            refuse!(object, "delete with a condition one by one", e_tag: "ETag", last_modified_time: "LastModifiedTime", size: "Size");
        }
        let quiet = input.delete.quiet.unwrap_or_default();
        let output = self
            .run(move |buckets| {
                buckets.about(&bucket)?;
                let (mut deleted, mut errors) = (Vec::new(), Vec::new());
                for object in objects {
                    match buckets.remove(&bucket, &object.key, |_| true) {
                        Ok(_) if quiet => {}
                        Ok(_) => {
                            deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
                        }
                        Err(error) => errors.push(told(object.key, error)),
                    }
                }
                let errors = (!errors.is_empty()).then_some(errors);
                Ok(DeleteObjectsOutput { deleted: Some(deleted), errors, ..DeleteObjectsOutput::default() })
            })
            .await?;
        Ok(S3Response::new(output))
    }
}

fn told(key: String, error: Error) -> dto::Error {
    let error = trouble::of(error);
    dto::Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        ..dto::Error::default()
    }
}

fn write(mut draft: Draft, mut sums: Sums, pieces: &[Bytes]) -> S3Result<(Draft, Sums)> {
    for piece in pieces {
        draft.write(piece).map_err(trouble::of_disk)?;
        sums.update(piece);
    }
    Ok((draft, sums))
}

/// An object's own metadata, if it is not too much.
pub(super) fn metadata(given: Option<dto::Metadata>) -> S3Result<BTreeMap<String, String>> {
    let metadata: BTreeMap<String, String> = given.into_iter().flatten().collect();
    if metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
        > limits::OBJECT_METADATA_MAX
    {
        let text = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(S3Error::with_message(S3ErrorCode::MetadataTooLarge, text));
    }
    Ok(metadata)
}

/// An instant as headers have them.
pub(super) fn http_date(at: &dto::Timestamp) -> String {
    let mut text = Vec::new();
    at.format(TimestampFormat::HttpDate, &mut text).ok();
    String::from_utf8_lossy(&text).into_owned()
}
