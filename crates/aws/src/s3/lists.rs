//! Lists of objects, page by page.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use lambent_core::limits;
use lambent_engine::buckets::{Listing, ObjectHead, Page};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    ChecksumAlgorithm, CommonPrefix, ETag, EncodingType, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, Object, ObjectStorageClass, Owner,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::objects::kind;
use super::refused::refuse;
use super::trouble;
use super::verbs::{Verbs, instant};

/// What keys are written with that a client wants encoded: XML cannot hold every character.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'*');

impl Verbs {
    pub(super) async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        refuse!(input, "objects are never archived", optional_object_attributes: "x-amz-optional-object-attributes");
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let most = most(input.max_keys)?;
        let encode = encoder(input.encoding_type.as_ref())?;
        let asked = Listing {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
            after: input.marker.clone().filter(|marker| !marker.is_empty()),
            most,
        };
        let has_groups = asked.delimiter.is_some();
        let page = self.run(move |buckets| buckets.list_objects(&bucket, &asked)).await?;
        let owner = self.owner();
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(encode(&input.prefix.unwrap_or_default())),
            marker: Some(encode(&input.marker.unwrap_or_default())),
            max_keys: i32::try_from(most).ok(),
            is_truncated: Some(page.next.is_some()),
            // Without groups, the last key is where the next page begins.
            next_marker: page.next.as_deref().filter(|_| has_groups).map(encode),
            common_prefixes: groups(&page, encode),
            delimiter: input.delimiter.as_deref().map(encode),
            encoding_type: input.encoding_type,
            contents: Some(
                page.objects.iter().map(|(key, head)| object(encode(key), head, Some(&owner))).collect(),
            ),
            ..ListObjectsOutput::default()
        }))
    }

    pub(super) async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        refuse!(input, "objects are never archived", optional_object_attributes: "x-amz-optional-object-attributes");
        let bucket = self.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
        let most = most(input.max_keys)?;
        let encode = encoder(input.encoding_type.as_ref())?;
        let after = match &input.continuation_token {
            Some(token) => Some(from_token(token)?),
            None => input.start_after.clone().filter(|after| !after.is_empty()),
        };
        let asked = Listing {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
            after,
            most,
        };
        let page = self.run(move |buckets| buckets.list_objects(&bucket, &asked)).await?;
        let owner = input.fetch_owner.unwrap_or_default().then(|| self.owner());
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(encode(&input.prefix.unwrap_or_default())),
            max_keys: i32::try_from(most).ok(),
            key_count: i32::try_from(page.objects.len() + page.groups.len()).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_ref().map(|next| BASE64_URL_SAFE_NO_PAD.encode(next)),
            common_prefixes: groups(&page, encode),
            delimiter: input.delimiter.as_deref().map(encode),
            encoding_type: input.encoding_type,
            start_after: input.start_after.as_deref().map(encode),
            contents: Some(
                page.objects.iter().map(|(key, head)| object(encode(key), head, owner.as_ref())).collect(),
            ),
            ..ListObjectsV2Output::default()
        }))
    }

    /// Whom everything here is of.
    pub(super) fn owner(&self) -> Owner {
        Owner { display_name: None, id: Some(self.node.account.to_string()) }
    }
}

/// How many entries a page has.
pub(super) fn most(asked: Option<i32>) -> S3Result<usize> {
    let asked = asked.unwrap_or(1000);
    let most = usize::try_from(asked).map_err(|_| {
        let text = "Argument maxKeys must be an integer between 0 and 2147483647";
        S3Error::with_message(S3ErrorCode::InvalidArgument, text)
    })?;
    Ok(most.min(limits::OBJECTS_LISTED_MAX))
}

/// How keys are written.
pub(super) fn encoder(kind: Option<&EncodingType>) -> S3Result<fn(&str) -> String> {
    match kind.map(EncodingType::as_str) {
        None => Ok(str::to_owned),
        Some("url") => Ok(|text| utf8_percent_encode(text, ENCODED).to_string()),
        Some(other) => Err(trouble::unsupported(&format!("the encoding type {other}"), "it has `url`")),
    }
}

fn from_token(token: &str) -> S3Result<String> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| {
        S3Error::with_message(S3ErrorCode::InvalidArgument, "The continuation token provided is incorrect")
    })
}

fn groups(page: &Page, encode: fn(&str) -> String) -> Option<Vec<CommonPrefix>> {
    let group = |group: &String| CommonPrefix { prefix: Some(encode(group)) };
    (!page.groups.is_empty()).then(|| page.groups.iter().map(group).collect())
}

fn object(key: String, head: &ObjectHead, owner: Option<&Owner>) -> Object {
    let algorithm = |checksum: &lambent_engine::buckets::ObjectChecksum| {
        vec![ChecksumAlgorithm::from(checksum.algorithm.clone())]
    };
    Object {
        checksum_algorithm: head.checksum.as_ref().map(algorithm),
        checksum_type: head.checksum.as_ref().map(|checksum| kind(checksum.composite)),
        e_tag: Some(ETag::Strong(head.etag.clone())),
        key: Some(key),
        last_modified: Some(instant(head.modified())),
        owner: owner.cloned(),
        size: i64::try_from(head.size).ok(),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Object::default()
    }
}
