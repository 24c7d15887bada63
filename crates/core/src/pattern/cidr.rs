//! `cidr`: networks of IPv4 and IPv6.

use std::net::IpAddr;

/// A network: the first bits of its addresses.
#[derive(Clone, Debug)]
pub(super) struct Network {
    width: u32,
    prefix: u128,
    bits: u32,
}

impl Network {
    /// Reads `10.0.0.0/24` and `2001:db8::/32`. Bits behind the mask do not matter.
    ///
    /// # Errors
    /// What is wrong, in AWS's words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let malformed = |what: &str| format!("Malformed CIDR, {what}");
        let (address, bits) = text
            .split_once('/')
            .filter(|(_, bits)| !bits.contains('/'))
            .ok_or_else(|| malformed("one '/' required"))?;
        let bits: u32 = bits.parse().map_err(|_| malformed("mask bits must be an integer"))?;
        let (width, address) = number(address).ok_or_else(|| {
            format!("Nonstandard IP address: {}", address.chars().take(64).collect::<String>())
        })?;
        if bits > width {
            return Err(malformed(&format!("mask bits must be at most {width}")));
        }
        Ok(Self { width, prefix: head(address, width - bits), bits })
    }

    /// Whether a text is an address in the network.
    pub(super) fn contains(&self, address: &str) -> bool {
        number(address).is_some_and(|(width, address)| {
            width == self.width && head(address, self.width - self.bits) == self.prefix
        })
    }
}

/// How many bits an address has, and they.
fn number(address: &str) -> Option<(u32, u128)> {
    match address.parse().ok()? {
        IpAddr::V4(address) => Some((32, u128::from(address.to_bits()))),
        IpAddr::V6(address) => Some((128, address.to_bits())),
    }
}

/// An address without its last bits.
fn head(address: u128, last: u32) -> u128 {
    address.checked_shr(last).unwrap_or(0)
}
