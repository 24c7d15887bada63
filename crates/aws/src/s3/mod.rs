//! S3, REST-XML, over the node's buckets (docs/decisions/009).
//!
//! The codec is s3s's: it reads requests into its nouns and writes its nouns into answers. Signatures are checked before
//! it sees anything ([`door`]), by the same code as for every other service.

mod buckets;
mod chunks;
mod conditions;
mod copies;
mod door;
mod lists;
mod objects;
mod refused;
mod sums;
#[cfg(test)]
mod tests;
mod trouble;
mod uploads;
mod verbs;
mod writes;

use crate::protocol::Protocol;
use crate::service::{Action, KnownBy, Run, Service};

pub(crate) use door::{Door, is_asked, may_be_asked};

/// S3.
pub const SERVICE: Service = Service {
    name: "s3",
    title: "S3",
    protocol: Protocol::RestXml,
    target: None,
    query: None,
    actions: ACTIONS,
};

/// What Lambent has of it.
pub const ACTIONS: &[Action] = &[
    action("PutObject"),
    action("GetObject"),
    action("HeadObject"),
    action("DeleteObject"),
    action("DeleteObjects"),
    action("CopyObject"),
    action("ListObjects"),
    action("ListObjectsV2"),
    action("CreateMultipartUpload"),
    action("UploadPart"),
    action("UploadPartCopy"),
    action("CompleteMultipartUpload"),
    action("AbortMultipartUpload"),
    action("ListParts"),
    action("ListMultipartUploads"),
    action("CreateBucket"),
    action("DeleteBucket"),
    action("HeadBucket"),
    action("ListBuckets"),
    action("GetBucketLocation"),
    action("GetBucketVersioning"),
];

/// A row of [`ACTIONS`]. What it takes is limited where it is taken: an object is not held in memory.
const fn action(name: &'static str) -> Action {
    Action { name, known_by: KnownBy::Codec, body_max: 0, run: Run::Buckets }
}
