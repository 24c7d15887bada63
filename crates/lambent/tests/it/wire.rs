//! HTTP/1.1 by hand: bytes as they are sent, and answers piece by piece as they come.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::harness::PATIENCE;

/// A connection.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
    framing: Framing,
}

/// The beginning of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

/// How what follows the head is framed.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Chunked,
    Length(usize),
    Close,
}

/// What comes next of an answer's body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A chunk, or what is there of a body without chunks.
    Data(Vec<u8>),
    /// The answer is complete.
    End,
    /// The connection ended before the answer did.
    Cut,
}

impl Head {
    /// The values of a header, in their order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The one value of a header.
    pub(crate) fn one(&self, name: &str) -> &str {
        match self.all(name)[..] {
            [value] => value,
            _ => panic!("{name} in {self:?}"),
        }
    }
}

impl Wire {
    pub(crate) fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream), framing: Framing::Close }
    }

    /// Sends bytes as they are; whether the other side took them.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Sends a request, and keeps the connection open.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            text += &format!("content-length: {}\r\n", body.len());
        }
        self.send([text.as_bytes(), b"\r\n", body].concat());
    }

    /// Reads the head of an answer, past those that only say to go on.
    pub(crate) fn head(&mut self) -> Head {
        self.try_head().expect("an answer")
    }

    /// The same, or `None` when the other side closes instead.
    pub(crate) fn try_head(&mut self) -> Option<Head> {
        let line = self.line()?;
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line().expect("the rest of the head");
            match line.split_once(": ") {
                Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
                None => break,
            }
        }
        if status == 100 {
            return self.try_head();
        }
        let head = Head { status, headers };
        self.framing = match (head.all("transfer-encoding").first(), head.all("content-length").first()) {
            _ if matches!(status, 204 | 304) => Framing::Length(0),
            (Some(&"chunked"), _) => Framing::Chunked,
            (_, Some(length)) => Framing::Length(length.parse().unwrap()),
            _ => Framing::Close,
        };
        Some(head)
    }

    /// Reads the next piece of the body.
    pub(crate) fn piece(&mut self) -> Piece {
        match self.framing {
            Framing::Length(0) => Piece::End,
            Framing::Length(left) => match self.stream.fill_buf() {
                Ok([]) | Err(_) => Piece::Cut,
                Ok(bytes) => {
                    let taken = bytes[..bytes.len().min(left)].to_vec();
                    self.stream.consume(taken.len());
                    self.framing = Framing::Length(left - taken.len());
                    Piece::Data(taken)
                }
            },
            Framing::Close => {
                let mut rest = Vec::new();
                self.framing = Framing::Length(0);
                self.stream.read_to_end(&mut rest).map_or(Piece::Cut, |_| Piece::Data(rest))
            }
            Framing::Chunked => self.chunk().unwrap_or(Piece::Cut),
        }
    }

    fn chunk(&mut self) -> Option<Piece> {
        let size = usize::from_str_radix(&self.line()?, 16).unwrap();
        let mut bytes = vec![0; size];
        self.stream.read_exact(&mut bytes).ok()?;
        self.line()?;
        if size == 0 {
            self.framing = Framing::Length(0);
            return Some(Piece::End);
        }
        Some(Piece::Data(bytes))
    }

    /// Reads what is left of the body; whether it ended as it should.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, bool) {
        let mut whole = Vec::new();
        loop {
            match self.piece() {
                Piece::Data(bytes) => whole.extend(bytes),
                end => return (whole, end == Piece::End),
            }
        }
    }

    /// Reads a whole answer.
    pub(crate) fn answer(&mut self) -> (Head, String) {
        let head = self.head();
        let (body, whole) = self.rest();
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(whole, "{head:?} broke off: {body}");
        (head, body)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn end(&mut self) {
        self.stream.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    /// Whether the other side has closed the connection. Waits for it.
    pub(crate) fn closed(&mut self) -> bool {
        matches!(self.stream.fill_buf(), Ok([]) | Err(_))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).ok()?;
        line.ends_with('\n').then(|| line.trim_end().to_owned())
    }
}

/// One request on a connection of its own, and its answer.
pub(crate) fn ask(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (Head, String) {
    let mut wire = Wire::open(to);
    wire.ask(method, path, headers, body);
    wire.answer()
}
