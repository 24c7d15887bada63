//! Receipt handles: what a client shows to settle a message that it received.

use std::fmt;

use lambent_store::{QueueId, Receipt, Sequence};

/// A receipt and its queue, written as text with a check sum: what was cut off or made up is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The queue.
    pub queue: QueueId,
    /// The right to settle.
    pub receipt: Receipt,
}

impl Handle {
    /// Reads a handle back. `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, sum) = text.rsplit_once('-')?;
        let sum = u32::from_str_radix(sum, 16).ok()?;
        let mut numbers = body.split('-').map(|part| i64::from_str_radix(part, 16));
        let mut next = || numbers.next()?.ok();
        let handle =
            Self { queue: QueueId(next()?), receipt: Receipt { message: Sequence(next()?), token: next()? } };
        (next().is_none() && check(body) == sum).then_some(handle)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queue, receipt } = self;
        let body = format!("{:x}-{:x}-{:x}", queue.0, receipt.message.0, receipt.token);
        write!(f, "{body}-{:08x}", check(&body))
    }
}

/// FNV-1a: this is against mistakes, not against attacks; who may call the API may settle messages.
fn check(body: &str) -> u32 {
    body.bytes().fold(0x811c_9dc5, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_read_back() {
        let receipt = Receipt { message: Sequence(4711), token: (3 << 40) | 17 };
        let handle = Handle { queue: QueueId(7), receipt };
        assert_eq!(Handle::parse(&handle.to_string()), Some(handle));
    }

    #[test]
    fn other_texts_are_none() {
        let good =
            Handle { queue: QueueId(1), receipt: Receipt { message: Sequence(2), token: 3 } }.to_string();
        let cut = &good[..good.len() - 1];
        for bad in ["", "-", "1-2-3", "garbage", "1-2-3-00000000", "é-2-3-1", cut, &format!("{good}0")] {
            assert_eq!(Handle::parse(bad), None, "{bad}");
        }
    }
}
