//! What the node can hold: how many sandboxes, and the memory that they may use together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for sandboxes and memory in MiB, handed out together. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    places: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    total_mib: u32,
}

/// A sandbox's share; it goes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    _place: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

impl Capacity {
    /// `total_mib` is the memory that sandboxes may be promised together, `places` how many there may be.
    pub(crate) fn new(total_mib: u32, places: usize) -> Self {
        let memory = Arc::new(Semaphore::new(total_mib as usize));
        Self { places: Arc::new(Semaphore::new(places)), memory, total_mib }
    }

    /// Takes a share if there is one now. A function that wants more memory than there is takes all.
    pub(crate) fn try_take(&self, mib: u32) -> Option<Share> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let memory = Arc::clone(&self.memory).try_acquire_many_owned(mib.min(self.total_mib)).ok()?;
        Some(Share { _place: place, _memory: memory })
    }
}

#[cfg(test)]
mod tests {
    use super::Capacity;

    #[test]
    fn shares_come_back() {
        let capacity = Capacity::new(256, 10);
        let first = capacity.try_take(128).unwrap();
        let _second = capacity.try_take(128).unwrap();
        assert!(capacity.try_take(1).is_none());
        drop(first);
        assert!(capacity.try_take(128).is_some());
    }

    #[test]
    fn a_function_larger_than_the_node_takes_all() {
        let capacity = Capacity::new(256, 10);
        let _all = capacity.try_take(1024).unwrap();
        assert!(capacity.try_take(1).is_none());
    }

    #[test]
    fn places_are_counted_too() {
        let capacity = Capacity::new(256, 1);
        let _only = capacity.try_take(1).unwrap();
        assert!(capacity.try_take(1).is_none());
    }
}
