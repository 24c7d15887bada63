//! Why a request is not served, in the words of AWS where AWS has words for it.

use http::StatusCode;

use crate::protocol::{Protocol, Refusal};

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not signed.
    #[error("Request is missing Authentication Token")]
    Missing,
    /// A page in a browser sent it, and no known key signed it.
    #[error(
        "Request is missing Authentication Token. Lambent serves unknown programs of this machine, but never unknown \
         pages in a browser: sign with a key that it knows."
    )]
    Page,
    /// Its signature cannot be read.
    #[error("{0}")]
    Incomplete(String),
    /// It is signed with a key that is not known.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// It is signed for something else.
    #[error("{0}")]
    Scope(String),
    /// Its signature is too old.
    #[error("Signature expired: {signed} is no longer valid at {now}.")]
    Expired {
        /// When it was signed.
        signed: String,
        /// The time here.
        now: String,
    },
    /// Its signature is of the future.
    #[error("Signature not yet current: {signed} is still later than {now}.")]
    NotYet {
        /// When it was signed.
        signed: String,
        /// The time here.
        now: String,
    },
    /// Its signature is another than the secret gives.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// Its body is another than it declares.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    BodyHash,
}

impl Error {
    /// What the client is told. The JSON protocols with targets have one status for everything that is the client's
    /// fault, and the query protocol has names of its own.
    pub(crate) fn refusal(&self, protocol: Protocol) -> Refusal {
        if protocol == Protocol::RestXml {
            return self.refusal_of_s3();
        }
        let (json, xml) = match self {
            Self::Missing | Self::Page => {
                ("MissingAuthenticationTokenException", "MissingAuthenticationToken")
            }
            Self::Incomplete(_) => ("IncompleteSignatureException", "IncompleteSignature"),
            Self::UnknownKey => ("UnrecognizedClientException", "InvalidClientTokenId"),
            Self::Scope(_) | Self::Expired { .. } | Self::NotYet { .. } | Self::Mismatch | Self::BodyHash => {
                ("InvalidSignatureException", "SignatureDoesNotMatch")
            }
        };
        let (status, code) = match protocol {
            Protocol::Json10 | Protocol::Json11 => (StatusCode::BAD_REQUEST, json),
            Protocol::RestJson => (StatusCode::FORBIDDEN, json),
            Protocol::Query(_) | Protocol::RestXml => (StatusCode::FORBIDDEN, xml),
        };
        Refusal::new(status, code, self.to_string())
    }

    /// S3 has names of its own.
    fn refusal_of_s3(&self) -> Refusal {
        let (status, code) = match self {
            Self::Missing | Self::Page => (StatusCode::FORBIDDEN, "AccessDenied"),
            Self::Incomplete(_) | Self::Scope(_) => (StatusCode::BAD_REQUEST, "AuthorizationHeaderMalformed"),
            Self::UnknownKey => (StatusCode::FORBIDDEN, "InvalidAccessKeyId"),
            Self::Expired { .. } | Self::NotYet { .. } => (StatusCode::FORBIDDEN, "RequestTimeTooSkewed"),
            Self::Mismatch => (StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
            Self::BodyHash => (StatusCode::BAD_REQUEST, "XAmzContentSHA256Mismatch"),
        };
        Refusal::new(status, code, self.to_string())
    }
}
