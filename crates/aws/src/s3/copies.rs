//! Objects and parts that are made of other objects.

use lambent_core::{BucketName, limits};
use lambent_engine::buckets::{Draft, Object, ObjectHead};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, ETag, Range,
    UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::conditions::{Guard, Wanted};
use super::objects::kind;
use super::refused::{refuse, refuse_for_objects};
use super::sums::{self, Sums, tell};
use super::trouble;
use super::verbs::{Verbs, instant};
use super::writes::{metadata, own_headers};

/// How many bytes are copied at once.
const COPY: usize = 1024 * 1024;

/// The conditions on what is copied.
macro_rules! wanted_of_source {
    ($input:expr) => {
        Wanted {
            matching: $input.copy_source_if_match.take(),
            none_matching: $input.copy_source_if_none_match.take(),
            modified_since: $input.copy_source_if_modified_since.take(),
            unmodified_since: $input.copy_source_if_unmodified_since.take(),
        }
    };
}

impl Verbs {
    pub(super) async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let mut input = request.input;
        refuse_for_objects!(input);
        refuse!(
            input, "objects are not encrypted",
            copy_source_sse_customer_algorithm: "x-amz-copy-source-server-side-encryption-customer-algorithm",
        );
        if input.tagging_directive.as_ref().is_some_and(|directive| directive.as_str() != "COPY") {
            return Err(trouble::unsupported("x-amz-tagging-directive", "objects have no tags"));
        }
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let wanted = wanted_of_source!(input);
        let replace = match input.metadata_directive.as_ref().map(s3s::dto::MetadataDirective::as_str) {
            None | Some("COPY") => false,
            Some("REPLACE") => true,
            Some(_) => {
                return Err(S3Error::with_message(
                    S3ErrorCode::InvalidArgument,
                    "Unknown metadata directive.",
                ));
            }
        };
        let (from, key) = self.source(&input.copy_source, input.expected_source_bucket_owner.as_deref())?;
        if from == bucket && key == input.key && !replace {
            let text = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
            return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, text));
        }
        let algorithm =
            input.checksum_algorithm.as_ref().map(|name| sums::algorithm(name.as_str())).transpose()?;
        let object = self.source_object(from, key, &wanted).await?;
        if object.head.size > limits::OBJECT_PUT_MAX {
            let text = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
            return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, text));
        }
        let mut head = ObjectHead { modified: self.now().as_millis(), ..object.head.clone() };
        if replace {
            head.headers = own_headers!(input);
            head.metadata = metadata(input.metadata.take())?;
        }
        let other = algorithm.filter(|name| head.checksum.as_ref().is_none_or(|sum| sum.algorithm != *name));
        let name = bucket.clone();
        let (draft, checksum) = self
            .try_run(move |buckets| {
                let mut draft = buckets.draft(&name).map_err(trouble::of)?;
                let Some(algorithm) = other else {
                    draft.append(&object).map_err(trouble::of_disk)?;
                    return Ok((draft, None));
                };
                let mut sums = Sums::of(Some(algorithm));
                let length = object.head.size;
                copy(&object, 0..length, &mut draft, &mut sums)?;
                Ok((draft, sums.finish().checksum))
            })
            .await?;
        head.checksum = checksum.or(head.checksum);
        let mut result = CopyObjectResult {
            e_tag: Some(ETag::Strong(head.etag.clone())),
            last_modified: Some(instant(head.modified())),
            checksum_type: head.checksum.as_ref().map(|checksum| kind(checksum.composite)),
            ..CopyObjectResult::default()
        };
        tell!(result, &head.checksum);
        self.put(bucket, input.key, draft, head, Guard::default()).await?;
        let copy_object_result = Some(result);
        Ok(S3Response::new(CopyObjectOutput { copy_object_result, ..CopyObjectOutput::default() }))
    }

    pub(super) async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let mut input = request.input;
        refuse!(
            input, "objects are not encrypted",
            sse_customer_algorithm: "x-amz-server-side-encryption-customer-algorithm",
            copy_source_sse_customer_algorithm: "x-amz-copy-source-server-side-encryption-customer-algorithm",
        );
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let number = super::uploads::number(input.part_number)?;
        let wanted = wanted_of_source!(input);
        let (from, key) = self.source(&input.copy_source, input.expected_source_bucket_owner.as_deref())?;
        let object = self.source_object(from, key, &wanted).await?;
        let bytes = match input.copy_source_range.as_deref() {
            None => 0..object.head.size,
            Some(text) => range(text, object.head.size)?,
        };
        if bytes.end - bytes.start > limits::OBJECT_PUT_MAX {
            let text = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
            return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, text));
        }
        let modified = self.now().as_millis();
        let head = self
            .try_run(move |buckets| {
                let upload = buckets.upload(&bucket, &input.upload_id, &input.key).map_err(trouble::of)?;
                let algorithm = upload.algorithm.as_deref().map(sums::algorithm).transpose()?;
                let mut draft = buckets.draft(&bucket).map_err(trouble::of)?;
                let mut sums = Sums::of(algorithm);
                copy(&object, bytes, &mut draft, &mut sums)?;
                let summed = sums.finish();
                let (etag, checksum) = (summed.etag(), summed.checksum);
                let head = ObjectHead { etag, modified, checksum, ..ObjectHead::default() };
                let kept = buckets.put_part(&bucket, &input.upload_id, number, draft, head.clone());
                kept.map_err(trouble::of)?;
                Ok(head)
            })
            .await?;
        let mut result = CopyPartResult {
            e_tag: Some(ETag::Strong(head.etag.clone())),
            last_modified: Some(instant(head.modified())),
            ..CopyPartResult::default()
        };
        tell!(result, &head.checksum);
        let copy_part_result = Some(result);
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result, ..UploadPartCopyOutput::default() }))
    }

    /// The bucket and the key of a copy's source.
    fn source(&self, source: &CopySource, owner: Option<&str>) -> S3Result<(BucketName, String)> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(trouble::unsupported("a copy source by access point", "name the bucket and the key"));
        };
        super::refused::refuse_version!(version_id);
        Ok((self.bucket(bucket, owner)?, key.to_string()))
    }

    async fn source_object(&self, bucket: BucketName, key: String, wanted: &Wanted) -> S3Result<Object> {
        let object = self.run(move |buckets| buckets.get(&bucket, &key)).await?;
        wanted.check_source(&object.head)?;
        Ok(object)
    }
}

/// Copies bytes of an object, and computes their checksums.
pub(super) fn copy(
    object: &Object,
    bytes: std::ops::Range<u64>,
    draft: &mut Draft,
    sums: &mut Sums,
) -> S3Result {
    let mut at = bytes.start;
    while at < bytes.end {
        let length = usize::try_from(bytes.end - at).unwrap_or(COPY).min(COPY);
        let piece = object.read(at, length).map_err(trouble::of_disk)?;
        sums.update(&piece);
        draft.write(&piece).map_err(trouble::of_disk)?;
        at += length as u64;
    }
    Ok(())
}

/// `bytes=first-last`, both of which the object must have.
fn range(text: &str, size: u64) -> S3Result<std::ops::Range<u64>> {
    let refused = || {
        let text = format!(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy, within {size} bytes"
        );
        S3Error::with_message(S3ErrorCode::InvalidArgument, text)
    };
    match Range::parse(text) {
        Ok(Range::Int { first, last: Some(last) }) if last < size => Ok(first..last + 1),
        _ => Err(refused()),
    }
}
