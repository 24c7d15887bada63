//! Checksums of objects and parts: computed while they pass, compared at their end.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use lambent_engine::buckets::ObjectChecksum;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumAlgorithm};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::chunks::Trailers;

/// The algorithms by their names.
const ALGORITHMS: [&str; 5] = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];

/// Computes the MD5 of what passes, and another checksum where one is wanted.
pub(super) struct Sums {
    md5: Md5,
    other: Option<(&'static str, ChecksumHasher)>,
}

/// What was computed.
pub(super) struct Summed {
    /// The MD5.
    pub(super) md5: [u8; 16],
    /// The other one.
    pub(super) checksum: Option<ObjectChecksum>,
}

impl Sums {
    /// Computes the checksum of this algorithm, too.
    pub(super) fn of(algorithm: Option<&'static str>) -> Self {
        Self { md5: Md5::new(), other: algorithm.map(|name| (name, hasher(name))) }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        if let Some((_, hasher)) = &mut self.other {
            hasher.update(bytes);
        }
    }

    pub(super) fn finish(self) -> Summed {
        let checksum = self.other.and_then(|(name, hasher)| {
            let value = value_of(&hasher.finalize(), name)?;
            Some(ObjectChecksum { algorithm: name.to_owned(), value, composite: false })
        });
        Summed { md5: self.md5.finalize(), checksum }
    }
}

impl Summed {
    /// The tag of what passed.
    pub(super) fn etag(&self) -> String {
        hex(&self.md5)
    }

    /// Compares with what the client says that it sent.
    pub(super) fn check(&self, md5: Option<&str>, value: Option<&str>) -> S3Result {
        if let Some(md5) = md5 {
            let bytes = BASE64_STANDARD.decode(md5).ok().filter(|bytes| bytes.len() == 16);
            let bytes = bytes.ok_or_else(|| {
                S3Error::with_message(
                    S3ErrorCode::InvalidDigest,
                    "The Content-MD5 you specified was invalid.",
                )
            })?;
            if bytes != self.md5 {
                return Err(bad_digest("Content-MD5"));
            }
        }
        match (value, &self.checksum) {
            (Some(value), Some(checksum)) if value != checksum.value => Err(bad_digest(&checksum.algorithm)),
            _ => Ok(()),
        }
    }
}

/// Hexadecimal digits of bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What does not match.
pub(super) fn bad_digest(name: &str) -> S3Error {
    S3Error::with_message(
        S3ErrorCode::BadDigest,
        format!("The {name} you specified did not match the calculated checksum."),
    )
}

/// What a request says of the checksum of its body: which it is, and its value, where it stands before the body.
pub(super) fn announced(
    headers: &HeaderMap,
    given: &Checksum,
    named: Option<&ChecksumAlgorithm>,
) -> S3Result<(Option<&'static str>, Option<String>)> {
    let mut values = ALGORITHMS.iter().filter_map(|name| Some((*name, value_of(given, name)?)));
    if let Some((name, value)) = values.next() {
        if values.next().is_some() {
            let text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, text));
        }
        return Ok((Some(name), Some(value)));
    }
    let trailer = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let trailer = trailer.and_then(|name| name.trim().strip_prefix("x-amz-checksum-"));
    if let Some(name) = trailer.or_else(|| named.map(ChecksumAlgorithm::as_str)) {
        return algorithm(name).map(|name| (Some(name), None));
    }
    Ok((None, None))
}

/// The value that came behind the body.
pub(super) fn trailed(trailers: Option<&Trailers>, algorithm: Option<&str>) -> Option<String> {
    trailers?.get(&format!("x-amz-checksum-{}", algorithm?.to_ascii_lowercase()))
}

/// The algorithm of a name.
pub(super) fn algorithm(name: &str) -> S3Result<&'static str> {
    let known = ALGORITHMS.iter().find(|known| known.eq_ignore_ascii_case(name));
    known.copied().ok_or_else(|| {
        let known = ALGORITHMS.join(", ");
        super::trouble::unsupported(&format!("the checksum algorithm {name}"), &format!("it has {known}"))
    })
}

/// A hasher of one algorithm.
pub(super) fn hasher(name: &str) -> ChecksumHasher {
    let mut hasher = ChecksumHasher::default();
    match name {
        "CRC32" => hasher.crc32 = Some(Crc32::new()),
        "CRC32C" => hasher.crc32c = Some(Crc32c::new()),
        "CRC64NVME" => hasher.crc64nvme = Some(Crc64Nvme::new()),
        "SHA1" => hasher.sha1 = Some(Sha1::new()),
        _ => hasher.sha256 = Some(Sha256::new()),
    }
    hasher
}

/// The value of an algorithm's.
pub(super) fn value_of(sums: &Checksum, name: &str) -> Option<String> {
    match name {
        "CRC32" => sums.checksum_crc32.clone(),
        "CRC32C" => sums.checksum_crc32c.clone(),
        "CRC64NVME" => sums.checksum_crc64nvme.clone(),
        "SHA1" => sums.checksum_sha1.clone(),
        _ => sums.checksum_sha256.clone(),
    }
}

/// The checksums that a request gives.
macro_rules! given {
    ($input:expr) => {
        s3s::dto::Checksum {
            checksum_crc32: $input.checksum_crc32.clone(),
            checksum_crc32c: $input.checksum_crc32c.clone(),
            checksum_crc64nvme: $input.checksum_crc64nvme.clone(),
            checksum_sha1: $input.checksum_sha1.clone(),
            checksum_sha256: $input.checksum_sha256.clone(),
            ..Default::default()
        }
    };
}

/// Puts a checksum into an answer.
macro_rules! tell {
    ($output:expr, $checksum:expr) => {
        if let Some(checksum) = $checksum {
            let value = Some(checksum.value.clone());
            match checksum.algorithm.as_str() {
                "CRC32" => $output.checksum_crc32 = value,
                "CRC32C" => $output.checksum_crc32c = value,
                "CRC64NVME" => $output.checksum_crc64nvme = value,
                "SHA1" => $output.checksum_sha1 = value,
                _ => $output.checksum_sha256 = value,
            }
        }
    };
}

pub(super) use {given, tell};
