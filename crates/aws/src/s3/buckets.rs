//! The buckets themselves.

use lambent_core::BucketSpec;
use s3s::dto::{
    Bucket, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput,
    DeleteBucketOutput, GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::refused::refuse;
use super::trouble;
use super::verbs::{Verbs, instant};

/// The region whose buckets are in none, and in which a bucket can be created twice.
const FIRST_REGION: &str = "us-east-1";

impl Verbs {
    pub(super) async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let input = request.input;
        refuse!(
            input, "there are no grants, who has a key of the node's may do everything",
            grant_full_control: "x-amz-grant-full-control", grant_read: "x-amz-grant-read",
            grant_read_acp: "x-amz-grant-read-acp", grant_write: "x-amz-grant-write",
            grant_write_acp: "x-amz-grant-write-acp",
        );
        if input.object_lock_enabled_for_bucket.unwrap_or_default() {
            return Err(trouble::unsupported("x-amz-bucket-object-lock-enabled", "objects cannot be locked"));
        }
        if input.acl.as_ref().is_some_and(|acl| acl.as_str() != "private") {
            return Err(trouble::unsupported("x-amz-acl", "every bucket is private"));
        }
        let bucket = self.bucket(&input.bucket, None)?;
        let location = input.create_bucket_configuration.and_then(|settings| settings.location_constraint);
        if let Some(location) = location.filter(|location| location.as_str() != self.node.region) {
            let text = format!(
                "The {} location constraint is incompatible: this node is in {}.",
                location.as_str(),
                self.node.region
            );
            return Err(S3Error::with_message(S3ErrorCode::IllegalLocationConstraintException, text));
        }
        let (now, name) = (self.now(), bucket.clone());
        match self.run(move |buckets| buckets.create(&name, &BucketSpec::default(), now)).await {
            Err(error)
                if *error.code() == S3ErrorCode::BucketAlreadyOwnedByYou
                    && self.node.region == FIRST_REGION => {}
            done => done?,
        }
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{bucket}")) }))
    }

    pub(super) async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let bucket = self.bucket(&request.input.bucket, request.input.expected_bucket_owner.as_deref())?;
        self.run(move |buckets| buckets.delete(&bucket)).await?;
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    pub(super) async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        let bucket = self.bucket(&request.input.bucket, request.input.expected_bucket_owner.as_deref())?;
        self.run(move |buckets| buckets.about(&bucket)).await?;
        let bucket_region = Some(self.node.region.clone());
        Ok(S3Response::new(HeadBucketOutput { bucket_region, ..HeadBucketOutput::default() }))
    }

    pub(super) async fn list_buckets(
        &self,
        request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let input = request.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let other_region = input.bucket_region.is_some_and(|region| region != self.node.region);
        let (after, most) = (input.continuation_token, input.max_buckets.unwrap_or(10_000).max(1));
        let mut found = self.run(lambent_engine::Buckets::list).await?;
        found.retain(|bucket| {
            let name = bucket.name.as_str();
            !other_region && name.starts_with(&prefix) && after.as_deref().is_none_or(|after| name > after)
        });
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let next = (found.len() > most).then(|| found[most - 1].name.to_string());
        found.truncate(most);
        let bucket = |bucket: lambent_engine::buckets::Bucket| Bucket {
            bucket_region: None,
            creation_date: Some(instant(bucket.made)),
            name: Some(bucket.name.to_string()),
        };
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(found.into_iter().map(bucket).collect()),
            continuation_token: next,
            owner: Some(self.owner()),
            prefix: input.prefix,
        }))
    }

    pub(super) async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        let bucket = self.bucket(&request.input.bucket, request.input.expected_bucket_owner.as_deref())?;
        self.run(move |buckets| buckets.about(&bucket)).await?;
        let region = &self.node.region;
        let location = (region != FIRST_REGION).then(|| BucketLocationConstraint::from(region.clone()));
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: location }))
    }

    /// Buckets never had versions, which is what an empty answer says.
    pub(super) async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        let bucket = self.bucket(&request.input.bucket, request.input.expected_bucket_owner.as_deref())?;
        self.run(move |buckets| buckets.about(&bucket)).await?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }
}
