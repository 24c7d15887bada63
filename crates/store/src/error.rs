//! What can go wrong with durable state.

/// A result of the store's.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with durable state. Whatever was asked for was not done, unless the error says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The disk is full, or so full that only work which makes room is still done.
    #[error(
        "the disk of {path} is full ({free_mib} MiB free, {reserve_mib} MiB are kept for work in progress): make room there; nothing that was accepted is lost"
    )]
    Full {
        /// The node's folder.
        path: String,
        /// What is free.
        free_mib: u64,
        /// What new messages may not use.
        reserve_mib: u64,
    },
    /// There is no such queue.
    #[error("there is no queue with the number {0}")]
    NoQueue(i64),
    /// The store could not be opened.
    #[error("cannot open the store {path}: {reason}")]
    Open {
        /// Its file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The store could not do it.
    #[error("the store could not {what}: {reason}")]
    Failed {
        /// What it was about to do.
        what: &'static str,
        /// Why it could not.
        reason: String,
    },
    /// Whether it was done is not known: the store ended in the middle.
    #[error("the store stopped: what was under way may or may not have been done")]
    Stopped,
}
