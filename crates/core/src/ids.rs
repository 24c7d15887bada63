//! Names and ids: a function's name, a request's id, and who this node says it is.

use std::fmt;
use std::sync::Arc;

use crate::limits;

/// A function's name: 1 to 64 characters of `A-Z a-z 0-9 - _`, as in Lambda.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FunctionName(Arc<str>);

/// Why a text is no function name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no function name: use 1 to {max} letters, digits, `-` and `_`",
    max = limits::FUNCTION_NAME_MAX
)]
pub struct InvalidName(String);

impl FunctionName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// When the text is empty, too long or has other characters than letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if text.is_empty() || text.len() > limits::FUNCTION_NAME_MAX || !text.bytes().all(known) {
            return Err(InvalidName(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl TryFrom<String> for FunctionName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<FunctionName> for String {
    fn from(name: FunctionName) -> Self {
        name.as_str().to_owned()
    }
}

impl std::borrow::Borrow<str> for FunctionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The id of one invocation, a version 4 UUID; the same for all attempts at one event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId([u8; 36]);

impl RequestId {
    /// Makes an id of 128 random bits.
    pub fn from_random(bits: u128) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = bits.to_be_bytes();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (i, byte) in bytes.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 0x0f)];
            at += 2;
        }
        Self(text)
    }

    /// Reads an id back from its text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 36] = text.as_bytes().try_into().ok()?;
        let hyphen = |i: usize| matches!(i, 8 | 13 | 18 | 23);
        let fits = |(i, b): (usize, &u8)| if hyphen(i) { *b == b'-' } else { b.is_ascii_hexdigit() };
        bytes.iter().enumerate().all(fits).then_some(Self(bytes))
    }

    /// The 36 characters of the id.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("made of hexadecimal digits and hyphens only")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The region and account that ARNs and SDK settings name. Lambent has neither; AWS clients want both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// As in `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Default for NodeIdentity {
    fn default() -> Self {
        Self { region: "us-east-1".to_owned(), account: "000000000000".to_owned() }
    }
}

impl NodeIdentity {
    /// The ARN of a function, unqualified.
    pub fn function_arn(&self, name: &FunctionName) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_names() {
        for good in ["a", "register-user", "A_1", &"x".repeat(64)] {
            assert!(FunctionName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "ünï", "a.b", &"x".repeat(65)] {
            assert!(FunctionName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn request_ids_are_version_4_uuids() {
        assert_eq!(RequestId::from_random(0).as_str(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(RequestId::from_random(u128::MAX).as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let id = RequestId::from_random(0x1234_5678_9abc_def0_1234_5678_9abc_def0);
        assert_eq!(RequestId::parse(id.as_str()), Some(id));
        for bad in ["", "x", "00000000-0000-4000-8000-00000000000g", "0000000000004000-8000-000000000000----"]
        {
            assert_eq!(RequestId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn arns() {
        let name = FunctionName::parse("f").unwrap();
        assert_eq!(
            NodeIdentity::default().function_arn(&name),
            "arn:aws:lambda:us-east-1:000000000000:function:f"
        );
    }
}
