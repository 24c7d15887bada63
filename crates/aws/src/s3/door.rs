//! The way in: a request is checked here, and only then handed to the codec, without its signature.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use lambent_core::{BucketName, NodeIdentity, Timestamp, limits};
use lambent_engine::{Buckets, Engine};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::host::{S3Host, VirtualHost};
use s3s::service::{S3Service, S3ServiceBuilder};
use sha2::{Digest, Sha256};

use super::chunks::{Chunked, Failure, Plain, Raw, Trailers};
use super::verbs::Verbs;
use crate::body::{self, Body};
use crate::protocol::{Protocol, Refusal};
use crate::service::query_pairs;
use crate::sign::{Admission, Claim, Credentials, Error, from_hex};

/// The door to the buckets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    codec: S3Service,
    buckets: Buckets,
}

/// Whether the head of a request says that it is for S3, or for another service; `None` when it does not say. This is
/// asked of every request, so the signature is not read here: one that lies is found out when it is checked.
pub(crate) fn is_asked(head: &Parts) -> Option<bool> {
    if head.headers.contains_key("x-amz-target") {
        return Some(false);
    }
    if let Some(signature) = head.headers.get(AUTHORIZATION) {
        return Some(signature.to_str().is_ok_and(|text| text.contains("/s3/aws4_request")));
    }
    let mut pairs = query_pairs(head.uri.query().unwrap_or_default());
    if let Some((_, scope)) = pairs.find(|(name, _)| *name == "X-Amz-Credential") {
        return Some(crate::service::decoded(scope).ends_with("/s3/aws4_request"));
    }
    bucket_of_host(host(head)).map(|_| true)
}

/// The bucket that an unsigned request is for which nobody else answers.
pub(crate) fn may_be_asked(head: &Parts) -> Option<BucketName> {
    BucketName::parse(head.uri.path().split('/').nth(1)?).ok()
}

impl Door {
    /// The door to the buckets of an engine.
    pub(crate) fn of(engine: &Engine) -> Self {
        let clock = {
            let engine = engine.clone();
            Arc::new(move || engine.clock().now())
        };
        Self::new(engine.buckets().clone(), engine.node().clone(), clock)
    }

    pub(super) fn new(
        buckets: Buckets,
        node: NodeIdentity,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        let mut builder = S3ServiceBuilder::new(Verbs::new(buckets.clone(), node, clock));
        let mut config = S3Config::default();
        config.xml_max_body_size = limits::BUCKET_XML_MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        builder.set_host(Hosts);
        Self { codec: builder.build(), buckets }
    }

    /// Whether there is a bucket of this name.
    pub(crate) async fn has(&self, bucket: BucketName) -> bool {
        self.buckets.run(move |buckets| buckets.about(&bucket).is_ok()).await.unwrap_or(false)
    }

    /// Answers a request, if its signature is good.
    ///
    /// # Errors
    /// Why it is not served.
    pub(crate) async fn answer<B>(
        &self,
        credentials: &Credentials,
        now: Timestamp,
        request: Request<B>,
    ) -> Result<Response<Body>, Refusal>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let refused = |error: Error| error.refusal(Protocol::RestXml);
        let (mut head, body) = request.into_parts();
        let claim = Claim::of(&head).map_err(refused)?;
        let admission = credentials.admit(&head, claim.as_ref(), Some("s3"), now).map_err(refused)?;
        let raw: Raw = body.map_err(|error| Failure::Broken(error.to_string())).boxed_unsync();
        let trailers = Trailers::default();
        let body = match admission {
            Admission::Done => streamed(Plain { body: raw, hash: None }),
            Admission::Declared(hash) => {
                let hash = from_hex(&hash).map(|hash| (Sha256::new(), hash));
                streamed(Plain { body: raw, hash })
            }
            // The hash is not declared, so the signature can be checked only with the whole body.
            Admission::Unproven(_) => {
                let whole = body::read(raw, limits::BUCKET_XML_MAX).await;
                let whole = whole.map_err(|error| {
                    Refusal::new(
                        StatusCode::BAD_REQUEST,
                        "MissingContentLength",
                        format!("{error}: declare its hash in x-amz-content-sha256"),
                    )
                })?;
                admission.check(&whole).map_err(refused)?;
                s3s::Body::from(whole)
            }
            Admission::Chunks(signer) => {
                let length = take_length(&mut head)?;
                chunked(Chunked::new(raw, signer, length, trailers.clone()))
            }
        };
        strip(&mut head)?;
        head.extensions.insert(trailers);
        match self.codec.call(Request::from_parts(head, body)).await {
            Ok(response) => Ok(outward(response)),
            Err(error) => {
                Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", format!("{error:?}")))
            }
        }
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("buckets", &self.buckets).finish_non_exhaustive()
    }
}

fn streamed(plain: Plain) -> s3s::Body {
    let pieces = stream::unfold(Some(plain), |plain| async move {
        let mut plain = plain?;
        match plain.next().await {
            Ok(data) => Some((Ok(Frame::data(data?)), Some(plain))),
            Err(failure) => Some((Err(failure), None)),
        }
    });
    s3s::Body::http_body_unsync(StreamBody::new(pieces))
}

fn chunked(chunked: Chunked) -> s3s::Body {
    let pieces = stream::unfold(Some(chunked), |chunked| async move {
        let mut chunked = chunked?;
        match chunked.next().await {
            Ok(data) => Some((Ok(Frame::data(data?)), Some(chunked))),
            Err(failure) => Some((Err(failure), None)),
        }
    });
    s3s::Body::http_body_unsync(StreamBody::new(pieces))
}

/// The length of a body without what its chunks add, which takes the place of the one with it.
fn take_length(head: &mut Parts) -> Result<u64, Refusal> {
    let refused = |message: &str| Refusal::new(StatusCode::LENGTH_REQUIRED, "MissingContentLength", message);
    let length = head.headers.remove("x-amz-decoded-content-length");
    let length = length.ok_or_else(|| refused("x-amz-decoded-content-length is missing."))?;
    let number = length.to_str().ok().and_then(|text| text.parse().ok());
    let number = number.ok_or_else(|| refused("x-amz-decoded-content-length is no number."))?;
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(number));
    if let Some(encodings) = head.headers.remove(CONTENT_ENCODING) {
        let text = encodings.to_str().unwrap_or_default();
        let rest: Vec<_> = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty() && *name != "aws-chunked")
            .collect();
        if let Some(value) = HeaderValue::from_str(&rest.join(",")).ok().filter(|value| !value.is_empty()) {
            head.headers.insert(CONTENT_ENCODING, value);
        }
    }
    Ok(number)
}

/// Takes the signature away, from headers and query. What a presigned address says of its own (`x-amz-meta-...`) goes to
/// the headers: that is where it came from.
fn strip(head: &mut Parts) -> Result<(), Refusal> {
    for name in ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token"] {
        head.headers.remove(name);
    }
    head.headers.remove(AUTHORIZATION);
    head.headers.remove(EXPECT);
    let Some(query) = head.uri.query() else { return Ok(()) };
    let own = |name: &str| name.to_ascii_lowercase().starts_with("x-amz-");
    if !query_pairs(query).any(|(name, _)| own(name)) {
        return Ok(());
    }
    let mut kept = Vec::new();
    for (name, value) in query_pairs(query) {
        if !own(name) {
            kept.push(if value.is_empty() { name.to_owned() } else { format!("{name}={value}") });
        } else if name.starts_with("x-amz-")
            && !name.starts_with("x-amz-checksum")
            && !name.starts_with("x-amz-sdk")
        {
            let value = crate::service::decoded(value);
            let value = HeaderValue::from_bytes(value.as_bytes()).ok();
            if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
                head.headers.entry(name).or_insert(value);
            }
        }
    }
    let path = head.uri.path();
    let path = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    let mut parts = head.uri.clone().into_parts();
    let bad = |_| Refusal::new(StatusCode::BAD_REQUEST, "InvalidURI", "Couldn't parse the specified URI.");
    parts.path_and_query = Some(path.parse().map_err(bad)?);
    head.uri = Uri::from_parts(parts).map_err(|_| {
        Refusal::new(StatusCode::BAD_REQUEST, "InvalidURI", "Couldn't parse the specified URI.")
    })?;
    Ok(())
}

/// An answer of the codec's as the port's. A body that breaks ends before its declared length, which is how a client
/// learns of it.
fn outward(response: Response<s3s::Body>) -> Response<Body> {
    let (head, body) = response.into_parts();
    if let Some(whole) = body.bytes() {
        return Response::from_parts(head, body::whole(whole));
    }
    let size = http_body::Body::size_hint(&body).exact();
    let frames = body.into_data_stream().take_while(|piece| std::future::ready(piece.is_ok()));
    let frames = frames.filter_map(|piece| {
        std::future::ready(piece.ok().map(|data| Ok::<_, Infallible>(Frame::data(data))))
    });
    let body = StreamBody::new(frames).boxed_unsync();
    let mut response = Response::from_parts(head, body);
    if let (Some(size), false) = (size, response.headers().contains_key(CONTENT_LENGTH)) {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(size));
    }
    response
}

fn host(head: &Parts) -> &str {
    let header = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| head.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default()
}

/// The bucket that a host name is of: `reports.localhost` or `reports.s3.localhost`.
fn bucket_of_host(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let bucket = name.strip_suffix(".localhost")?;
    let bucket = bucket.strip_suffix(".s3").unwrap_or(bucket);
    (bucket != "s3" && !bucket.is_empty()).then_some(bucket)
}

/// Finds buckets in host names.
struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> s3s::S3Result<VirtualHost<'a>> {
        let known = VirtualHost::new(host);
        Ok(match bucket_of_host(host) {
            Some(bucket) => known.with_bucket(bucket),
            None => known,
        })
    }
}
