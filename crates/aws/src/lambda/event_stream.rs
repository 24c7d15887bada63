//! `application/vnd.amazon.eventstream`: the frames of a streamed answer.
//!
//! A frame is, in network order: its length, the length of its headers, the CRC-32 of these two; the headers; the
//! payload; the CRC-32 of all that. Source: "Amazon Transcribe Developer Guide, event stream encoding"; the same in
//! every service.

use bytes::{BufMut, Bytes, BytesMut};

/// The type of a header's value: text with a length of two bytes.
const TEXT: u8 = 7;

/// Bytes of a frame besides headers and payload.
const AROUND: usize = 16;

/// Largest payload of one frame, in bytes: SDKs take no more than 16 MiB.
pub(super) const PAYLOAD_MAX: usize = 8 * 1024 * 1024;

/// Writes an event. `payload` has at most [`PAYLOAD_MAX`] bytes.
pub(super) fn event(kind: &str, content_type: &str, payload: &[u8]) -> Bytes {
    debug_assert!(payload.len() <= PAYLOAD_MAX, "callers split what is larger");
    let mut headers = BytesMut::new();
    for (name, value) in [(":event-type", kind), (":content-type", content_type), (":message-type", "event")]
    {
        // Names and values are the few words of this folder: one and two bytes of length are plenty.
        headers.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.put_slice(name.as_bytes());
        headers.put_u8(TEXT);
        headers.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        headers.put_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let total = AROUND + headers.len() + payload.len();
    let mut frame = BytesMut::with_capacity(total);
    frame.put_u32(length(total));
    frame.put_u32(length(headers.len()));
    frame.put_u32(crc32fast::hash(&frame));
    frame.put_slice(&headers);
    frame.put_slice(payload);
    frame.put_u32(crc32fast::hash(&frame));
    frame.freeze()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_frame_is_as_botocore_reads_it() {
        // The sums are of a frame that `botocore.eventstream` took.
        let frame = super::event("PayloadChunk", "application/octet-stream", b"hello");
        assert_eq!(frame.len(), 111);
        assert_eq!(&frame[..12], [0, 0, 0, 111, 0, 0, 0, 90, 0xf5, 0xfe, 0x87, 0x1f]);
        assert_eq!(&frame[12..26], b"\x0b:event-type\x07\x00");
        assert_eq!(&frame[frame.len() - 9..], b"hello\x29\xe7\x12\x60");
    }
}
