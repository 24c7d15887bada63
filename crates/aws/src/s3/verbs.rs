//! The actions, as the codec calls them. Each is in the file of its kind.

use std::sync::Arc;

use async_trait::async_trait;
use lambent_core::{BucketName, NodeIdentity, Timestamp};
use lambent_engine::Buckets;
use lambent_engine::buckets::Error;
use s3s::dto;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::trouble;

/// The actions over the buckets.
pub(super) struct Verbs {
    pub(super) buckets: Buckets,
    pub(super) node: NodeIdentity,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Verbs {
    pub(super) fn new(
        buckets: Buckets,
        node: NodeIdentity,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self { buckets, node, clock }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The bucket that a request is for, which must be of the owner that it expects.
    pub(super) fn bucket(&self, name: &str, owner: Option<&str>) -> S3Result<BucketName> {
        if owner.is_some_and(|owner| owner != self.node.account) {
            return Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied"));
        }
        BucketName::parse(name).map_err(|error| {
            S3Error::with_message(
                S3ErrorCode::InvalidBucketName,
                format!("The specified bucket is not valid: {error}"),
            )
        })
    }

    /// Runs an action on the buckets where it may wait for the disk.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        action: impl FnOnce(&Buckets) -> Result<T, Error> + Send + 'static,
    ) -> S3Result<T> {
        self.buckets.run(action).await.and_then(|done| done).map_err(trouble::of)
    }

    /// The same for what goes wrong in S3's words already.
    pub(super) async fn try_run<T: Send + 'static>(
        &self,
        action: impl FnOnce(&Buckets) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        self.buckets.run(action).await.map_err(trouble::of)?
    }
}

/// An instant as the codec has them.
pub(super) fn instant(at: Timestamp) -> dto::Timestamp {
    dto::Timestamp::from(std::time::UNIX_EPOCH + std::time::Duration::from_millis(at.as_millis()))
}

/// A method of the codec's for each action, which are all alike.
macro_rules! actions {
    ($($name:ident: $input:ident => $output:ident;)*) => {
        #[async_trait]
        impl S3 for Verbs {
            $(async fn $name(
                &self,
                request: S3Request<dto::$input>,
            ) -> S3Result<S3Response<dto::$output>> {
                Self::$name(self, request).await
            })*

            /// A form of a browser's, whose signature is in the form and not in the head.
            async fn post_object(
                &self,
                _: S3Request<dto::PostObjectInput>,
            ) -> S3Result<S3Response<dto::PostObjectOutput>> {
                Err(trouble::unsupported("PostObject", "browsers put objects with presigned addresses"))
            }
        }
    };
}

actions! {
    put_object: PutObjectInput => PutObjectOutput;
    get_object: GetObjectInput => GetObjectOutput;
    head_object: HeadObjectInput => HeadObjectOutput;
    delete_object: DeleteObjectInput => DeleteObjectOutput;
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput;
    copy_object: CopyObjectInput => CopyObjectOutput;
    list_objects: ListObjectsInput => ListObjectsOutput;
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output;
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput;
    upload_part: UploadPartInput => UploadPartOutput;
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput;
    list_parts: ListPartsInput => ListPartsOutput;
    list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput;
    create_bucket: CreateBucketInput => CreateBucketOutput;
    delete_bucket: DeleteBucketInput => DeleteBucketOutput;
    head_bucket: HeadBucketInput => HeadBucketOutput;
    list_buckets: ListBucketsInput => ListBucketsOutput;
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput;
    get_bucket_versioning: GetBucketVersioningInput => GetBucketVersioningOutput;
}
