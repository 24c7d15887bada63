//! A bucket as its owner describes it.

use std::fmt;
use std::time::Duration;

use crate::limits;

/// The name of a bucket: 3 to 63 lower-case letters, digits, `-` and `.`, by the naming rules of S3. It is the name of a
/// folder, too, and a part of host names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(String);

/// Why a text is no name of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a bucket's name has 3 to 63 lower-case letters, digits, `-` and `.`, begins and ends with a letter or digit, has \
     no two dots beside each other, and is no IP address"
)]
pub struct NotABucketName;

/// What is set for a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketSpec {
    /// How long a multipart upload may take; what it has stored by then is removed.
    pub uploads_kept: Duration,
}

impl BucketName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, NotABucketName> {
        let outer = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        let bytes = text.as_bytes();
        let good = (3..=63).contains(&bytes.len())
            && bytes.iter().copied().all(inner)
            && outer(bytes.first())
            && outer(bytes.last())
            && !text.contains("..")
            && text.parse::<std::net::Ipv4Addr>().is_err();
        if good { Ok(Self(text.to_owned())) } else { Err(NotABucketName) }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BucketSpec {
    fn default() -> Self {
        Self { uploads_kept: limits::UPLOADS_KEPT_DEFAULT }
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["abc", "my-bucket", "a.b.c", "0-9", &"a".repeat(63)] {
            assert_eq!(BucketName::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        let bad =
            ["", "ab", "A-b", "a_b", "-ab", "ab-", ".ab", "ab.", "a..b", "../x", "a/b", "10.0.0.1", "a\0b"];
        for bad in bad.into_iter().chain([&*"a".repeat(64)]) {
            assert_eq!(BucketName::parse(bad), Err(NotABucketName), "{bad}");
        }
    }
}
