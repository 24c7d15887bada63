//! Bodies on their way in: whole or in chunks, checked while they pass.
//!
//! A body is handed on as it comes. That it is not what was declared or signed is found at its end at the latest, as an
//! error in place of the end; whoever takes it keeps nothing of a body that has none.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use lambent_core::limits;
use sha2::{Digest, Sha256};

use crate::sign::ChunkSigner;

/// Longest line between chunks, and longest trailer, in bytes.
const LINE_MAX: usize = 4096;

/// Most lines behind the last chunk.
const TRAILERS_MAX: usize = 16;

/// A body as it comes from the network.
pub(super) type Raw = UnsyncBoxBody<Bytes, Failure>;

/// Why a body has no end.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The client paused for too long.
    #[error("The body did not arrive: nothing came for {} seconds.", limits::HTTP_HEAD_TIMEOUT.as_secs())]
    Slow,
    /// The connection broke.
    #[error("The body did not arrive whole: {0}")]
    Broken(String),
    /// It is another than was declared.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    Hash,
    /// A chunk has another signature.
    #[error("The request signature we calculated does not match the signature you provided.")]
    Signature,
    /// The chunks are none.
    #[error("The body is not in the chunks that the head of the request declares: {0}.")]
    Chunks(&'static str),
}

/// What came behind a body: checksums of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Trailers(Arc<Mutex<HeaderMap>>);

impl Trailers {
    /// The value of a name, once the body has come to its end.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let trailers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(trailers.get(name)?.to_str().ok()?.to_owned())
    }

    fn set(&self, trailers: HeaderMap) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trailers;
    }
}

/// The next bytes of a body; `None` at its end.
async fn next(body: &mut Raw) -> Result<Option<Bytes>, Failure> {
    loop {
        let frame = match tokio::time::timeout(limits::HTTP_HEAD_TIMEOUT, body.frame()).await {
            Err(_) => return Err(Failure::Slow),
            Ok(None) => return Ok(None),
            Ok(Some(frame)) => frame?,
        };
        // Trailers of HTTP's own carry nothing that is read.
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => return Ok(Some(data)),
            Err(_) => {}
        }
    }
}

/// A body that comes as it is, and must have a hash where one was declared.
pub(super) struct Plain {
    pub(super) body: Raw,
    pub(super) hash: Option<(Sha256, [u8; 32])>,
}

impl Plain {
    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let data = next(&mut self.body).await?;
        let Some((hash, expect)) = &mut self.hash else { return Ok(data) };
        match &data {
            Some(data) => hash.update(data),
            None if hash.finalize_reset().as_slice() != expect => return Err(Failure::Hash),
            None => {}
        }
        Ok(data)
    }
}

/// A body in chunks: `SIZE[;chunk-signature=...]`, the bytes, and lines with trailers behind the last chunk, which is
/// empty.
pub(super) struct Chunked {
    body: Raw,
    buffer: BytesMut,
    /// Checks the signatures, where they are of a known key.
    signer: Option<ChunkSigner>,
    /// The chunk that is being read.
    chunk: Option<Chunk>,
    /// How many bytes are still to come, by the head of the request.
    left: u64,
    trailers: Trailers,
    over: bool,
}

struct Chunk {
    left: u64,
    hash: Sha256,
    signature: String,
}

impl Chunked {
    pub(super) fn new(body: Raw, signer: Option<ChunkSigner>, length: u64, trailers: Trailers) -> Self {
        Self { body, buffer: BytesMut::new(), signer, chunk: None, left: length, trailers, over: false }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if self.over {
                return Ok(None);
            }
            match self.chunk.take() {
                None => self.begin().await?,
                Some(chunk) if chunk.left == 0 => self.end(chunk).await?,
                Some(mut chunk) => {
                    if self.buffer.is_empty() {
                        self.fill().await?;
                    }
                    let length = usize::try_from(chunk.left).unwrap_or(usize::MAX).min(self.buffer.len());
                    let data = self.buffer.split_to(length).freeze();
                    chunk.left -= data.len() as u64;
                    if self.signer.is_some() {
                        chunk.hash.update(&data);
                    }
                    self.chunk = Some(chunk);
                    return Ok(Some(data));
                }
            }
        }
    }

    /// Reads the line before a chunk.
    async fn begin(&mut self) -> Result<(), Failure> {
        let line = self.line().await?;
        let (size, rest) = line.split_once(';').unwrap_or((&line, ""));
        let size = u64::from_str_radix(size, 16).map_err(|_| Failure::Chunks("a size is no number"))?;
        let signature = rest.strip_prefix("chunk-signature=").unwrap_or_default().to_owned();
        let left = self.left.checked_sub(size).ok_or(Failure::Chunks("it is longer than declared"))?;
        self.left = left;
        if size > 0 {
            self.chunk = Some(Chunk { left: size, hash: Sha256::new(), signature });
            return Ok(());
        }
        if left > 0 {
            return Err(Failure::Chunks("it is shorter than declared"));
        }
        if let Some(signer) = &mut self.signer {
            signer.chunk(Sha256::new(), &signature).map_err(|_| Failure::Signature)?;
        }
        self.trail().await
    }

    /// Reads what ends a chunk.
    async fn end(&mut self, chunk: Chunk) -> Result<(), Failure> {
        if !self.line().await?.is_empty() {
            return Err(Failure::Chunks("a chunk is longer than it says"));
        }
        if let Some(signer) = &mut self.signer {
            signer.chunk(chunk.hash, &chunk.signature).map_err(|_| Failure::Signature)?;
        }
        Ok(())
    }

    /// Reads what comes behind the last chunk.
    async fn trail(&mut self) -> Result<(), Failure> {
        let (mut trailers, mut lines) = (HeaderMap::new(), String::new());
        let mut signature: Option<String> = None;
        for _ in 0..TRAILERS_MAX {
            // Some clients leave the last empty line out.
            let line = if self.is_at_end().await? { String::new() } else { self.line().await? };
            if line.is_empty() {
                if let (Some(signer), false) = (&mut self.signer, lines.is_empty()) {
                    let signature = signature.ok_or(Failure::Signature)?;
                    signer.trailer(&lines, &signature).map_err(|_: crate::sign::Error| Failure::Signature)?;
                }
                if !self.is_at_end().await? {
                    return Err(Failure::Chunks("something comes behind its end"));
                }
                self.trailers.set(trailers);
                self.over = true;
                return Ok(());
            }
            let (name, value) = line.split_once(':').ok_or(Failure::Chunks("a trailer is none"))?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            if name == "x-amz-trailer-signature" {
                signature = Some(value.to_owned());
                continue;
            }
            lines.push_str(&format!("{name}:{value}\n"));
            let bad = Failure::Chunks("a trailer is none");
            let name = HeaderName::try_from(name).map_err(|_| bad.clone())?;
            trailers.append(name, HeaderValue::from_str(value).map_err(|_| bad)?);
        }
        Err(Failure::Chunks("it has too many trailers"))
    }

    /// Reads a line, without its end.
    async fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = self.buffer.windows(2).take(LINE_MAX).position(|two| two == b"\r\n") {
                let line = self.buffer.split_to(end + 2);
                let text =
                    std::str::from_utf8(&line[..end]).map_err(|_| Failure::Chunks("a line is no text"))?;
                return Ok(text.to_owned());
            }
            if self.buffer.len() > LINE_MAX {
                return Err(Failure::Chunks("a line is too long"));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        let data = next(&mut self.body).await?.ok_or(Failure::Chunks("it breaks off"))?;
        self.buffer.extend_from_slice(&data);
        Ok(())
    }

    async fn is_at_end(&mut self) -> Result<bool, Failure> {
        if !self.buffer.is_empty() {
            return Ok(false);
        }
        match next(&mut self.body).await? {
            None => Ok(true),
            Some(data) => {
                self.buffer.extend_from_slice(&data);
                Ok(false)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::StreamBody;

    use super::*;

    async fn read(text: &str, piece: usize, length: u64) -> Result<(String, Option<String>), Failure> {
        let frames: Vec<Result<http_body::Frame<Bytes>, Failure>> = text
            .as_bytes()
            .chunks(piece)
            .map(|piece| Ok(http_body::Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        let body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
        let trailers = Trailers::default();
        let mut chunked = Chunked::new(body, None, length, trailers.clone());
        let mut whole = Vec::new();
        while let Some(data) = chunked.next().await? {
            whole.extend_from_slice(&data);
        }
        Ok((String::from_utf8(whole).unwrap(), trailers.get("x-amz-checksum-crc32")))
    }

    #[tokio::test]
    async fn chunks_become_the_body_however_they_come() {
        let text = "3\r\nabc\r\n4;chunk-signature=00\r\ndefg\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        for piece in 1..text.len() {
            assert_eq!(read(text, piece, 7).await.unwrap(), ("abcdefg".to_owned(), Some("AAAA".to_owned())));
        }
        assert_eq!(read("0\r\n\r\n", 2, 0).await.unwrap(), (String::new(), None));
        assert_eq!(read("1\r\na\r\n0\r\n", 2, 1).await.unwrap().0, "a");
    }

    #[tokio::test]
    async fn what_is_not_in_chunks_has_no_end() {
        for (text, length) in [
            ("", 0),
            ("3\r\nabc\r\n", 3),
            ("3\r\nab", 3),
            ("3\r\nabcd\r\n0\r\n\r\n", 3),
            ("3\r\nabc\r\n0\r\n\r\n", 2),
            ("3\r\nabc\r\n0\r\n\r\n", 4),
            ("x\r\n", 1),
            ("0\r\n\r\nmore", 0),
            ("0\r\nnone\r\n\r\n", 0),
            ("ffffffffffffffffffff\r\n", 1),
        ] {
            assert!(matches!(read(text, 3, length).await, Err(Failure::Chunks(_))), "{text:?}");
        }
        assert!(matches!(
            read(&"1".repeat(10_000), 100, 1).await,
            Err(Failure::Chunks("a line is too long"))
        ));
    }
}
