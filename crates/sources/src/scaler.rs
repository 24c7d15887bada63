//! How many batches of a source run at once: as many as its depth asks for and the sandboxes bear.

use lambent_core::limits::ASYNC_PER_FUNCTION;

/// Decides how many batches run at once.
///
/// It begins with one. Full batches are the sign that there is more: as long as nothing goes wrong each of them adds
/// one, which doubles the number every round. Failures take one away; a throttle, which says that there is no room,
/// takes half; from then on it takes a whole round of full batches to add one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scaler {
    limit: usize,
    most: usize,
    careful: bool,
    /// Full batches since the last change.
    full: usize,
}

impl Scaler {
    /// At most `concurrency`, or what a function may have at once.
    pub(crate) fn new(concurrency: Option<usize>) -> Self {
        let most = concurrency.unwrap_or(ASYNC_PER_FUNCTION).max(1);
        Self { limit: 1, most, careful: false, full: 0 }
    }

    /// Batches that may run at once.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// A full batch came.
    pub(crate) fn full(&mut self) {
        self.full += 1;
        if !self.careful || self.full >= self.limit {
            self.full = 0;
            self.limit = (self.limit + 1).min(self.most);
        }
    }

    /// A batch failed.
    pub(crate) fn failed(&mut self) {
        self.shrink(self.limit - 1);
    }

    /// A batch found no sandbox.
    pub(crate) fn throttled(&mut self) {
        self.shrink(self.limit / 2);
    }

    /// There is nothing to do.
    pub(crate) fn idle(&mut self) {
        *self = Self { limit: 1, careful: false, full: 0, ..*self };
    }

    fn shrink(&mut self, limit: usize) {
        *self = Self { limit: limit.max(1), careful: true, full: 0, ..*self };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Event = fn(&mut Scaler);

    const FULL: Event = Scaler::full;
    const FAILED: Event = Scaler::failed;
    const THROTTLED: Event = Scaler::throttled;
    const IDLE: Event = Scaler::idle;

    fn check(concurrency: Option<usize>, happened: &[(Event, usize)], expect: usize) {
        let mut scaler = Scaler::new(concurrency);
        for (what, times) in happened {
            (0..*times).for_each(|_| what(&mut scaler));
        }
        assert_eq!(scaler.limit(), expect);
    }

    #[test]
    fn it_follows_the_depth_and_backs_off() {
        check(None, &[], 1);
        check(None, &[(FULL, 7)], 8);
        check(None, &[(FULL, 1000)], ASYNC_PER_FUNCTION);
        check(Some(100), &[(FULL, 1000)], 100);
        check(Some(1), &[(FULL, 1000)], 1);
        check(Some(0), &[(FULL, 1000)], 1);
        check(None, &[(FULL, 7), (FAILED, 1)], 7);
        check(None, &[(FULL, 7), (THROTTLED, 1)], 4);
        check(None, &[(THROTTLED, 9)], 1);
        check(None, &[(FAILED, 9)], 1);
        check(None, &[(FULL, 7), (THROTTLED, 1), (FULL, 3)], 4);
        check(None, &[(FULL, 7), (THROTTLED, 1), (FULL, 4)], 5);
        check(None, &[(FULL, 7), (THROTTLED, 1), (IDLE, 1)], 1);
        check(None, &[(FULL, 7), (THROTTLED, 1), (IDLE, 1), (FULL, 3)], 4);
    }
}
