//! The ports of `http` functions: chosen by the node, listened on by the program.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// Below those that Linux gives away by itself (`ip_local_port_range`): between the moment when a port is chosen and
/// that when the program listens on it, nobody gets it by chance.
const PORTS: Range<u16> = 20_000..32_768;

/// How many ports are tried.
const TRIES: usize = 1000;

/// How the kernel writes that a socket listens (`enum` of `tcp_states.h`).
const LISTENS: &str = "0A";

/// A port of loopback that nobody listens on now.
pub(crate) async fn free() -> io::Result<u16> {
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..TRIES {
        let port = fastrand::u16(PORTS);
        match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(_) => return Ok(port),
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// Waits until a program of this user listens on a port. What another user's program listens on is not the function.
pub(crate) async fn listening(port: u16, uid: u32) -> SocketAddr {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut pause = Duration::from_millis(2);
    // The table is long on a busy node: it is read when there is something to be found in it.
    while TcpStream::connect(address).await.is_err() || !listens(port, uid) {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    address
}

fn listens(port: u16, uid: u32) -> bool {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .any(|table| table.lines().any(|line| listener(line) == Some((port, uid))))
}

/// Port and user of a socket that listens, from a line of the kernel's table.
fn listener(line: &str) -> Option<(u16, u32)> {
    let mut fields = line.split_ascii_whitespace();
    let (_, port) = fields.nth(1)?.rsplit_once(':')?;
    let state = fields.nth(1)?;
    let uid = fields.nth(3)?.parse().ok()?;
    (state == LISTENS).then_some((u16::from_str_radix(port, 16).ok()?, uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let check = |line, expect| assert_eq!(listener(line), expect);
        check(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            None,
        );
        check(
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 34 1 0 100 0 0 10 0",
            Some((8080, 1001)),
        );
        check(
            "   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1001  0 35 1 0 20 4 30 10 -1",
            None,
        );
    }

    #[tokio::test]
    async fn only_the_right_users_program_counts() {
        let port = free().await.unwrap();
        let own = rustix::process::geteuid().as_raw();
        assert!(!listens(port, own));
        let _listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        assert!(listens(port, own));
        assert!(!listens(port, own + 1));
    }
}
