//! Signatures of the chunks that a body comes in: each covers its chunk and the signature before.
//!
//! Source: "Signature calculations for the Authorization header: Transferring payload in multiple chunks (chunked
//! upload)", Amazon S3 API Reference.

use hmac::Mac;
use sha2::{Digest, Sha256};

use super::{Claim, Error, Proof, from_hex, keyed, sha256_hex};

/// Checks the signatures of chunks, one after the other.
#[derive(Clone)]
pub(crate) struct ChunkSigner {
    key: [u8; 32],
    /// Time and scope, a line each.
    scope: String,
    /// The signature before, in hexadecimal digits.
    before: String,
}

impl ChunkSigner {
    /// The first signature before is that of the head, which was checked.
    pub(super) fn new(proof: &Proof, claim: &Claim) -> Self {
        let scope = proof.preamble.split_once('\n').map_or("", |(_, scope)| scope).to_owned();
        Self { key: proof.key, scope, before: claim.signature.to_ascii_lowercase() }
    }

    /// Checks the signature of the next chunk, whose bytes went into `hash`.
    ///
    /// # Errors
    /// When it is another.
    pub(crate) fn chunk(&mut self, hash: Sha256, signature: &str) -> Result<(), Error> {
        let rest = format!("{}\n{:x}", sha256_hex(b""), hash.finalize());
        self.check("AWS4-HMAC-SHA256-PAYLOAD", &rest, signature)
    }

    /// Checks the signature of what comes behind the last chunk, a line for each name with its value.
    ///
    /// # Errors
    /// When it is another.
    pub(crate) fn trailer(&mut self, lines: &str, signature: &str) -> Result<(), Error> {
        self.check("AWS4-HMAC-SHA256-TRAILER", &sha256_hex(lines.as_bytes()), signature)
    }

    fn check(&mut self, kind: &str, rest: &str, signature: &str) -> Result<(), Error> {
        let to_sign = format!("{kind}\n{}{}\n{rest}", self.scope, self.before);
        let bytes = from_hex(signature).ok_or(Error::Mismatch)?;
        keyed(&self.key, &to_sign).verify_slice(&bytes).map_err(|_| Error::Mismatch)?;
        self.before = signature.to_ascii_lowercase();
        Ok(())
    }
}

impl std::fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChunkSigner").field("scope", &self.scope).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use lambent_core::Secret;

    use super::*;

    /// The example of the S3 API Reference: 66560 bytes of `a` in chunks of 65536, 1024 and 0.
    #[test]
    fn the_example_of_the_reference() {
        let request = http::Request::put("/examplebucket/chunkObject.txt")
            .header("host", "s3.amazonaws.com")
            .header("x-amz-date", "20130524T000000Z")
            .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
            .header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
            .header("content-encoding", "aws-chunked")
            .header("x-amz-decoded-content-length", "66560")
            .header("content-length", "66824")
            .body(())
            .unwrap();
        let (head, ()) = request.into_parts();
        let claim = Claim::of(&head).unwrap().unwrap();
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned());
        let proof = Proof::new(&head, &claim, &secret).unwrap();
        proof.check("STREAMING-AWS4-HMAC-SHA256-PAYLOAD").unwrap();
        let mut signer = ChunkSigner::new(&proof, &claim);
        let hash = |length: usize| Sha256::new().chain_update(vec![b'a'; length]);
        let chunks = [
            (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ];
        assert_eq!(signer.clone().chunk(hash(65535), chunks[0].1), Err(Error::Mismatch));
        for (length, signature) in chunks {
            signer.chunk(hash(length), signature).unwrap();
        }
    }
}
