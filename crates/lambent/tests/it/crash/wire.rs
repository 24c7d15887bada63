//! A client that keeps its connection, and knows of each request whether it may have been done.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};

use crate::harness::{Answer, PATIENCE};

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Sent {
    /// It was answered.
    Answered(Answer),
    /// Nobody was there.
    Unsent,
    /// The connection ended before the answer came: it was done, or not.
    Unknown,
}

/// A connection to one port of a node, made anew when it has ended.
#[derive(Debug)]
pub(crate) struct Wire {
    to: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Wire {
    pub(crate) fn new(port: u16) -> Self {
        Self { to: SocketAddr::from(([127, 0, 0, 1], port)), stream: None }
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Sent {
        if self.stream.is_none() {
            let Ok(stream) = TcpStream::connect(self.to) else { return Sent::Unsent };
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut().unwrap();
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.to);
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n{body}", body.len());
        let answer = stream.get_mut().write_all(text.as_bytes()).and_then(|()| read(stream));
        match answer {
            Ok(answer) => Sent::Answered(answer),
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock, "no answer to {method} {path} {body}");
                self.stream = None;
                Sent::Unknown
            }
        }
    }
}

/// Reads an answer whose length is told.
fn read(stream: &mut impl BufRead) -> std::io::Result<Answer> {
    let mut line = || {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(_) if line.ends_with("\r\n") => Ok(line.trim_end().to_owned()),
            Ok(_) => Err(std::io::Error::from(ErrorKind::UnexpectedEof)),
            Err(error) => Err(error),
        }
    };
    let status = line()?.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut answer = Answer { status, headers, body: String::new() };
    let length = answer.header("content-length").expect("the length of every answer is told");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body)?;
    answer.body = String::from_utf8(body).unwrap();
    Ok(answer)
}
