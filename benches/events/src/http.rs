//! HTTP/1.1 over one connection: requests that are ready to be sent, answers that are read whole.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a server of this machine. It is kept open as long as the server does so.
#[derive(Debug)]
pub(crate) struct Connection {
    to: SocketAddr,
    stream: Option<TcpStream>,
    received: Vec<u8>,
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    body: usize,
    /// Its length; without one the connection's end is its end.
    length: Option<usize>,
    /// The server closes the connection.
    closes: bool,
}

/// A POST that is ready to be sent.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

impl Connection {
    pub(crate) fn new(port: u16) -> Self {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { to, stream: None, received: Vec::with_capacity(4096) }
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        let exchange =
            tokio::time::timeout(PATIENCE, exchange(self.to, &mut self.stream, &mut self.received, request));
        let Head { status, body, closes, .. } =
            exchange.await.with_context(|| format!("{} does not answer", self.to))??;
        if closes {
            self.stream = None;
        }
        Ok(Answer { status, body: &self.received[body..] })
    }
}

async fn exchange(
    to: SocketAddr,
    stream: &mut Option<TcpStream>,
    received: &mut Vec<u8>,
    request: &[u8],
) -> anyhow::Result<Head> {
    let stream = match stream {
        Some(stream) => stream,
        None => stream.insert(open(to).await?),
    };
    stream.write_all(request).await?;
    received.clear();
    loop {
        let ended = stream.read_buf(received).await? == 0;
        let Some(head) = parse(received)? else {
            if ended {
                bail!("{to} closed the connection without an answer");
            }
            continue;
        };
        let length = received.len() - head.body;
        match head.length {
            Some(whole) if length == whole => return Ok(head),
            None if ended => return Ok(head),
            _ if ended => bail!("the answer of {to} breaks off"),
            _ => {}
        }
    }
}

async fn open(to: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The head of an answer, or `None` as long as it is not complete.
fn parse(received: &[u8]) -> anyhow::Result<Option<Head>> {
    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&received[..end]).context("the answer's head is no text")?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("the answer begins with `{first}`"))?;
    let mut head = Head { status, body: end + 4, length: None, closes: first.starts_with("HTTP/1.0") };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.length = Some(value.parse().context("the answer's length is no number")?);
        } else if name.eq_ignore_ascii_case("connection") {
            head.closes |= value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("the answer comes in chunks: the bench's servers send their answers whole");
        }
    }
    head.closes |= head.length.is_none();
    Ok(Some(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let kept = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        let expect = Head { status: 202, body: kept.len(), length: Some(0), closes: false };
        assert_eq!(parse(kept).unwrap(), Some(expect));
        assert!(
            parse(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: Close\r\n\r\n{}")
                .unwrap()
                .unwrap()
                .closes
        );
        assert!(parse(b"HTTP/1.0 200 OK\r\n\r\n{}").unwrap().unwrap().closes);
        assert_eq!(parse(&kept[..kept.len() - 1]).unwrap(), None);
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(parse(b"hello\r\n\r\n").is_err());
    }

    #[test]
    fn requests_are_written() {
        let request = post("/a", &[("x-b", "c")], b"{}");
        let expect = "POST /a HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\nx-b: c\r\n\r\n{}";
        assert_eq!(String::from_utf8(request).unwrap(), expect);
    }
}
