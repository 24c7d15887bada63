//! One HTTP request on a connection of its own: enough to see that a server is up and answers what it should.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer: its status and its body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Connects to a port of this machine; `None` while nobody listens there.
///
/// # Errors
/// When connecting fails in any other way.
pub(super) fn connect(port: u16) -> anyhow::Result<Option<TcpStream>> {
    match TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
        Ok(stream) => Ok(Some(stream)),
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => Ok(None),
        Err(e) => Err(e).with_context(|| format!("cannot connect to port {port}")),
    }
}

/// Asks a server of this machine; a body is sent as JSON with POST.
///
/// # Errors
/// When there is no answer, or one that is not understood.
pub(super) fn ask(port: u16, path: &str, body: Option<&[u8]>) -> anyhow::Result<Answer> {
    let stream = connect(port)?.with_context(|| format!("nobody listens on port {port}"))?;
    talk(stream, path, body).with_context(|| format!("no good answer to {path} from port {port}"))
}

/// Asks on a connection that is open already.
///
/// # Errors
/// When there is no answer, or one that is not understood.
pub(super) fn talk(mut stream: TcpStream, path: &str, body: Option<&[u8]>) -> anyhow::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.unwrap_or_default();
    let length = body.len();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    stream.write_all(&request)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> anyhow::Result<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").context("the answer breaks off")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    if head.contains("\r\ntransfer-encoding:") {
        bail!("the answer comes in chunks: the bench's servers send their answers whole");
    }
    Ok(Answer { status, body: bytes[end + 4..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn answers_are_read() {
        let answer = parse(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, b"no".as_slice()));
        assert!(parse(b"HTTP/1.1 200 OK\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").is_err());
    }
}
