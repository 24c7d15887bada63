//! Multipart uploads.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lambent_core::{BucketName, Timestamp, limits};
use lambent_engine::Buckets;
use lambent_engine::buckets::{Draft, Object, ObjectChecksum, ObjectHead, Upload};
use s3s::crypto::Md5;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Checksum, ChecksumAlgorithm,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
    ListPartsOutput, MultipartUpload, Part, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::chunks::Trailers;
use super::conditions::Guard;
use super::copies::copy;
use super::lists::{encoder, most};
use super::objects::kind;
use super::refused::{refuse, refuse_for_objects};
use super::sums::{self, Sums, given, hex, tell};
use super::trouble;
use super::verbs::{Verbs, instant};
use super::writes::{metadata, own_headers};

impl Verbs {
    pub(super) async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let mut input = request.input;
        refuse_for_objects!(input);
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let algorithm =
            input.checksum_algorithm.as_ref().map(|name| sums::algorithm(name.as_str())).transpose()?;
        let whole = is_whole(algorithm, input.checksum_type.as_ref().map(s3s::dto::ChecksumType::as_str))?;
        let upload = Upload {
            key: input.key.clone(),
            begun: self.now().as_millis(),
            headers: own_headers!(input),
            metadata: metadata(input.metadata.take())?,
            algorithm: algorithm.map(str::to_owned),
            whole,
        };
        let id = self.run(move |buckets| buckets.begin_upload(&bucket, &upload)).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: algorithm.map(ChecksumAlgorithm::from_static),
            checksum_type: algorithm.map(|_| kind(!whole)),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let mut input = request.input;
        refuse!(input, "objects are not encrypted", sse_customer_algorithm: "x-amz-server-side-encryption-customer-algorithm");
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let number = number(input.part_number)?;
        let (name, id, key) = (bucket.clone(), input.upload_id.clone(), input.key.clone());
        let upload = self.run(move |buckets| buckets.upload(&name, &id, &key)).await?;
        let (announced, value) =
            sums::announced(&request.headers, &given!(input), input.checksum_algorithm.as_ref())?;
        // What the upload has is computed of every part, whether the client tells it or not.
        let algorithm = match &upload.algorithm {
            Some(algorithm) => Some(sums::algorithm(algorithm)?),
            None => announced,
        };
        if let (Some(announced), Some(algorithm)) = (announced, algorithm)
            && announced != algorithm
        {
            let text = format!(
                "Checksum Type mismatch occurred, expected checksum Type: {algorithm}, actual checksum Type: {announced}"
            );
            return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, text));
        }
        let trailers = request.extensions.get::<Trailers>();
        let (draft, summed) =
            self.receive(&bucket, input.body.take(), algorithm, input.content_length).await?;
        let value = value.or_else(|| sums::trailed(trailers, announced));
        summed.check(input.content_md5.as_deref(), value.as_deref())?;
        let (etag, modified) = (summed.etag(), self.now().as_millis());
        let head = ObjectHead { etag, modified, checksum: summed.checksum, ..ObjectHead::default() };
        let mut output =
            UploadPartOutput { e_tag: Some(ETag::Strong(head.etag.clone())), ..Default::default() };
        tell!(output, &head.checksum);
        self.run(move |buckets| buckets.put_part(&bucket, &input.upload_id, number, draft, head)).await?;
        Ok(S3Response::new(output))
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        refuse!(input, "objects are not encrypted", sse_customer_algorithm: "x-amz-server-side-encryption-customer-algorithm");
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let guard = Guard::of(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let wanted = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let numbers = check_order(&wanted)?;
        let given = given!(input);
        let (size, modified) = (input.mpu_object_size, self.now().as_millis());
        let (id, key) = (input.upload_id, input.key.clone());
        let head = self
            .try_run(move |buckets| {
                let upload = buckets.upload(&bucket, &id, &key).map_err(trouble::of)?;
                let parts = open_parts(buckets, &bucket, &id, &numbers, &wanted)?;
                check_sizes(&parts, size)?;
                let draft = buckets.draft(&bucket).map_err(trouble::of)?;
                let (draft, checksum) = assemble(draft, &upload, &parts)?;
                check_sum(checksum.as_ref(), &given)?;
                let head = ObjectHead {
                    size: draft.size(),
                    etag: tag(&parts)?,
                    modified,
                    headers: upload.headers,
                    metadata: upload.metadata,
                    checksum,
                    parts: parts.iter().map(|part| part.head.size).collect(),
                };
                let mut is_there = false;
                let put = buckets.put(&bucket, &key, draft, head.clone(), |there| {
                    is_there = there.is_some();
                    guard.holds(there)
                });
                put.map_err(|error| guard.refused(trouble::of(error), is_there))?;
                // The object is there; parts that stay would be stale soon, and removed then.
                buckets.end_upload(&bucket, &id).ok();
                Ok(head)
            })
            .await?;
        let mut output = CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(head.etag.clone())),
            checksum_type: head.checksum.as_ref().map(|checksum| kind(checksum.composite)),
            ..CompleteMultipartUploadOutput::default()
        };
        tell!(output, &head.checksum);
        Ok(S3Response::new(output))
    }

    pub(super) async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        refuse!(input, "uploads are aborted by their id", if_match_initiated_time: "x-amz-if-match-initiated-time");
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        self.run(move |buckets| {
            buckets.upload(&bucket, &input.upload_id, &input.key)?;
            buckets.end_upload(&bucket, &input.upload_id)
        })
        .await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    pub(super) async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let most = most(input.max_parts)?;
        let after = input.part_number_marker.unwrap_or_default();
        let (id, key) = (input.upload_id.clone(), input.key.clone());
        let (upload, parts, more) = self
            .run(move |buckets| {
                let upload = buckets.upload(&bucket, &id, &key)?;
                let mut numbers = buckets.parts(&bucket, &id)?;
                numbers.retain(|number| i64::from(*number) > i64::from(after));
                let more = numbers.len() > most;
                numbers.truncate(most);
                let mut parts = Vec::new();
                for number in numbers {
                    parts.extend(buckets.part(&bucket, &id, number)?.map(|part| (number, part.head)));
                }
                Ok((upload, parts, more))
            })
            .await?;
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let last = parts.last().map(|(last, _)| number(*last));
        let part = |(at, head): &(u32, ObjectHead)| {
            let mut part = Part {
                e_tag: Some(ETag::Strong(head.etag.clone())),
                last_modified: Some(instant(head.modified())),
                part_number: Some(number(*at)),
                size: i64::try_from(head.size).ok(),
                ..Part::default()
            };
            tell!(part, &head.checksum);
            part
        };
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            checksum_type: upload.algorithm.as_ref().map(|_| kind(!upload.whole)),
            checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
            is_truncated: Some(more),
            max_parts: i32::try_from(most).ok(),
            part_number_marker: Some(after),
            next_part_number_marker: last,
            owner: Some(self.owner()),
            parts: Some(parts.iter().map(part).collect()),
            ..ListPartsOutput::default()
        }))
    }

    pub(super) async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = request.input;
        refuse!(input, "uploads are listed one by one", delimiter: "delimiter");
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let most = most(input.max_uploads)?;
        let encode = encoder(input.encoding_type.as_ref())?;
        let mut found = self.run(move |buckets| buckets.uploads(&bucket)).await?;
        let prefix = input.prefix.clone().unwrap_or_default();
        if let Some(after) = input.key_marker.clone().filter(|marker| !marker.is_empty()) {
            // The uploads of the marker's own key go on after the other marker, which is one of them.
            let at = found
                .iter()
                .position(|(id, upload)| upload.key == after && Some(id) == input.upload_id_marker.as_ref());
            let begin =
                at.map_or_else(|| found.partition_point(|(_, upload)| upload.key <= after), |at| at + 1);
            found.drain(..begin);
        }
        found.retain(|(_, upload)| upload.key.starts_with(&prefix));
        let more = found.len() > most;
        found.truncate(most);
        let last = found.last().filter(|_| more).cloned();
        let upload = |(id, upload): (String, Upload)| MultipartUpload {
            checksum_type: upload.algorithm.as_ref().map(|_| kind(!upload.whole)),
            checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
            initiated: Some(instant(Timestamp::from_millis(upload.begun))),
            key: Some(encode(&upload.key)),
            owner: Some(self.owner()),
            upload_id: Some(id),
            ..MultipartUpload::default()
        };
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            encoding_type: input.encoding_type,
            is_truncated: Some(more),
            key_marker: input.key_marker.as_deref().map(encode),
            max_uploads: i32::try_from(most).ok(),
            next_key_marker: last.as_ref().map(|(_, upload)| encode(&upload.key)),
            next_upload_id_marker: last.map(|(id, _)| id),
            prefix: input.prefix.as_deref().map(encode),
            upload_id_marker: input.upload_id_marker,
            uploads: Some(found.into_iter().map(upload).collect()),
            ..ListMultipartUploadsOutput::default()
        }))
    }
}

/// Whether the checksum of an upload is of the whole.
fn is_whole(algorithm: Option<&str>, kind: Option<&str>) -> S3Result<bool> {
    let refused = |text: String| Err(S3Error::with_message(S3ErrorCode::InvalidRequest, text));
    match (algorithm, kind) {
        (None, None) => Ok(false),
        (None, Some(_)) => refused(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
                .to_owned(),
        ),
        (Some("CRC64NVME"), None | Some("FULL_OBJECT")) | (Some("CRC32" | "CRC32C"), Some("FULL_OBJECT")) => {
            Ok(true)
        }
        (Some(name), Some("COMPOSITE") | None) if name != "CRC64NVME" => Ok(false),
        (Some(name), kind) => {
            let kind = kind.unwrap_or_default();
            refused(format!("The {kind} checksum type cannot be used with the {name} checksum algorithm."))
        }
    }
}

/// The number of a part.
pub(super) fn number(given: i32) -> S3Result<u32> {
    u32::try_from(given).ok().filter(|number| (1..=limits::PARTS_MAX).contains(number)).ok_or_else(|| {
        let text = format!("Part number must be an integer between 1 and {}, inclusive", limits::PARTS_MAX);
        S3Error::with_message(S3ErrorCode::InvalidArgument, text)
    })
}

/// The numbers of the parts that an object is to be made of.
fn check_order(parts: &[CompletedPart]) -> S3Result<Vec<u32>> {
    if parts.is_empty() {
        let text = "You must specify at least one part";
        return Err(S3Error::with_message(S3ErrorCode::MalformedXML, text));
    }
    let numbers: Vec<u32> =
        parts.iter().map(|part| number(part.part_number.unwrap_or_default())).collect::<S3Result<_>>()?;
    if !numbers.is_sorted_by(|a, b| a < b) {
        let text = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(S3Error::with_message(S3ErrorCode::InvalidPartOrder, text));
    }
    Ok(numbers)
}

/// Opens the parts that an object is to be made of, if they are those that the client means.
fn open_parts(
    buckets: &Buckets,
    bucket: &BucketName,
    id: &str,
    numbers: &[u32],
    wanted: &[CompletedPart],
) -> S3Result<Vec<Object>> {
    let missing = || {
        let text = "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
        S3Error::with_message(S3ErrorCode::InvalidPart, text)
    };
    let mut parts = Vec::with_capacity(numbers.len());
    for (number, wanted) in numbers.iter().zip(wanted) {
        let part = buckets.part(bucket, id, *number).map_err(trouble::of)?.ok_or_else(missing)?;
        let same_tag = wanted.e_tag.as_ref().is_some_and(|etag| etag.value() == part.head.etag);
        let same_sum = part.head.checksum.as_ref().is_none_or(|checksum| {
            sums::value_of(&given!(wanted), &checksum.algorithm).is_none_or(|value| value == checksum.value)
        });
        if !same_tag || !same_sum {
            return Err(missing());
        }
        parts.push(part);
    }
    Ok(parts)
}

fn check_sizes(parts: &[Object], declared: Option<i64>) -> S3Result {
    let all_but_last = &parts[..parts.len() - 1];
    if all_but_last.iter().any(|part| part.head.size < limits::PART_MIN) {
        let text = "Your proposed upload is smaller than the minimum allowed size";
        return Err(S3Error::with_message(S3ErrorCode::EntityTooSmall, text));
    }
    let size: u64 = parts.iter().map(|part| part.head.size).sum();
    if size > limits::OBJECT_MAX {
        let text = "Your proposed upload exceeds the maximum allowed object size.";
        return Err(S3Error::with_message(S3ErrorCode::EntityTooLarge, text));
    }
    if declared.is_some_and(|declared| u64::try_from(declared) != Ok(size)) {
        let text = format!(
            "The provided 'x-amz-mp-object-size' header does not match the size of the parts, {size}."
        );
        return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, text));
    }
    Ok(())
}

/// Puts the parts one behind the other, and computes the checksum that the upload has.
fn assemble(
    mut draft: Draft,
    upload: &Upload,
    parts: &[Object],
) -> S3Result<(Draft, Option<ObjectChecksum>)> {
    let algorithm = upload.algorithm.as_deref().map(sums::algorithm).transpose()?;
    if let Some(algorithm) = algorithm.filter(|_| upload.whole) {
        let mut sums = Sums::of(Some(algorithm));
        for part in parts {
            copy(part, 0..part.head.size, &mut draft, &mut sums)?;
        }
        return Ok((draft, sums.finish().checksum));
    }
    for part in parts {
        draft.append(part).map_err(trouble::of_disk)?;
    }
    Ok((draft, algorithm.and_then(|algorithm| of_parts(algorithm, parts))))
}

/// Compares the checksum of an object with what the client says that it is. Some leave the number of parts out.
fn check_sum(checksum: Option<&ObjectChecksum>, given: &Checksum) -> S3Result {
    let Some(checksum) = checksum else { return Ok(()) };
    let Some(value) = sums::value_of(given, &checksum.algorithm) else { return Ok(()) };
    let bare = checksum.value.rsplit_once('-').map(|(bare, _)| bare).filter(|_| checksum.composite);
    if value == checksum.value || bare == Some(value.as_str()) {
        return Ok(());
    }
    Err(sums::bad_digest(&checksum.algorithm))
}

/// The tag of an object: of the tags of its parts.
fn tag(parts: &[Object]) -> S3Result<String> {
    use s3s::crypto::Checksum as _;
    let mut md5 = Md5::new();
    for part in parts {
        let digits = part.head.etag.as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        let bad = || S3Error::with_message(S3ErrorCode::InternalError, "a part has a tag that is none");
        md5.update(&bytes.ok_or_else(bad)?);
    }
    Ok(format!("{}-{}", hex(&md5.finalize()), parts.len()))
}

/// The checksum of the checksums of all parts, if all of them have one.
fn of_parts(algorithm: &'static str, parts: &[Object]) -> Option<ObjectChecksum> {
    let mut sums = Sums::of(Some(algorithm));
    for part in parts {
        let checksum = part.head.checksum.as_ref().filter(|checksum| checksum.algorithm == algorithm)?;
        sums.update(&BASE64_STANDARD.decode(&checksum.value).ok()?);
    }
    let value = sums.finish().checksum?.value;
    Some(ObjectChecksum {
        algorithm: algorithm.to_owned(),
        value: format!("{value}-{}", parts.len()),
        composite: true,
    })
}
