//! What a hop adds to a request, and what it must not pass on (RFC 9110 section 7.6).

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName};

use crate::server::Peer;

/// The scheme that clients use: TLS is ended in front of Lambent, and who ends it is not to be believed unasked.
pub(crate) const PROTO: &str = "http";

/// Whether a header concerns one connection only.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// `X-Forwarded-For`: what the client sent, and its address at the end, where nobody can forge it.
pub(crate) fn forwarded_for(headers: &HeaderMap, peer: Peer) -> String {
    let mut path = String::with_capacity(40);
    for value in headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()) {
        path.push_str(value.trim());
        path.push_str(", ");
    }
    write!(path, "{}", peer.ip).expect("writing to a string succeeds");
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_address_stands_last() {
        let peer = Peer { ip: [203, 0, 113, 9].into(), local_port: 80 };
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_for(&headers, peer), "203.0.113.9");
        headers.append("x-forwarded-for", "1.1.1.1".parse().unwrap());
        headers.append("x-forwarded-for", " 2.2.2.2, 3.3.3.3".parse().unwrap());
        assert_eq!(forwarded_for(&headers, peer), "1.1.1.1, 2.2.2.2, 3.3.3.3, 203.0.113.9");
    }
}
