//! What Lambent does not do with objects and buckets: to accept it would be to promise it.

/// Refuses members of a request by their names in the protocol.
macro_rules! refuse {
    ($input:expr, $why:literal, $($member:ident: $name:literal),+ $(,)?) => {
        $(if $input.$member.is_some() {
            return Err($crate::s3::trouble::unsupported($name, $why));
        })+
    };
}

/// Refuses what no object here has, in a request that makes one.
macro_rules! refuse_for_objects {
    ($input:expr) => {
        $crate::s3::refused::refuse!(
            $input, "there are no grants, who has a key of the node's may do everything",
            grant_full_control: "x-amz-grant-full-control", grant_read: "x-amz-grant-read",
            grant_read_acp: "x-amz-grant-read-acp", grant_write_acp: "x-amz-grant-write-acp",
        );
        $crate::s3::refused::refuse!(
            $input, "objects are not encrypted, put the data folder on an encrypted disk",
            server_side_encryption: "x-amz-server-side-encryption",
            sse_customer_algorithm: "x-amz-server-side-encryption-customer-algorithm",
            ssekms_key_id: "x-amz-server-side-encryption-aws-kms-key-id",
            bucket_key_enabled: "x-amz-server-side-encryption-bucket-key-enabled",
        );
        $crate::s3::refused::refuse!(
            $input, "objects cannot be locked",
            object_lock_legal_hold_status: "x-amz-object-lock-legal-hold",
            object_lock_mode: "x-amz-object-lock-mode",
            object_lock_retain_until_date: "x-amz-object-lock-retain-until-date",
        );
        $crate::s3::refused::refuse!($input, "objects have no tags", tagging: "x-amz-tagging");
        $crate::s3::refused::refuse!(
            $input, "buckets are no web sites",
            website_redirect_location: "x-amz-website-redirect-location",
        );
        let class = $input.storage_class.as_ref().map(|class| class.as_str());
        if class.is_some_and(|class| class != "STANDARD") {
            return Err($crate::s3::trouble::unsupported("x-amz-storage-class", "there is one class, STANDARD"));
        }
        let acl = $input.acl.as_ref().map(|acl| acl.as_str());
        if acl.is_some_and(|acl| acl != "private" && acl != "bucket-owner-full-control") {
            return Err($crate::s3::trouble::unsupported("x-amz-acl", "every object is private"));
        }
    };
}

/// Refuses another version than the only one.
macro_rules! refuse_version {
    ($version:expr) => {
        if $version.as_deref().is_some_and(|version| version != "null" && !version.is_empty()) {
            return Err($crate::s3::trouble::unsupported("versionId", "objects have one version"));
        }
    };
}

pub(super) use {refuse, refuse_for_objects, refuse_version};
