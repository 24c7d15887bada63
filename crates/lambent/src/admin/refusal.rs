//! Why the admin API does not do what it was asked.

use http::{Response, StatusCode};
use lambent_engine::events::Error;
use lambent_store::Error as StoreError;

use super::reply::{Body, failure};

/// Longest name that others are compared with; no name of ours is longer.
const COMPARED_MAX: usize = 256;

/// Names that are listed when none is near.
const LISTED: usize = 10;

/// Why the admin API does not do what it was asked: a status, and a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Refusal {
    /// The request is wrong.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// What it is about is not there.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    /// It cannot be done as things stand.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, message: message.into() }
    }

    /// The body has more bytes than are taken.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, message: message.into() }
    }

    /// Nothing is called that; says what may have been meant.
    pub(super) fn unknown(what: &str, name: &str, known: &[String]) -> Self {
        let shown: String = name.chars().take(COMPARED_MAX).collect();
        let hint = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there is none at all".to_owned(),
            None => {
                let more = if known.len() > LISTED { ", ..." } else { "" };
                let listed: Vec<&str> = known.iter().take(LISTED).map(String::as_str).collect();
                format!("there are {}{more}", listed.join(", "))
            }
        };
        Self::missing(format!("there is no {what} called `{shown}`: {hint}"))
    }
}

impl From<Refusal> for Response<Body> {
    fn from(refusal: Refusal) -> Self {
        failure(refusal.status, &refusal.message)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::NoQueue(_)
            | Error::NoTopic(_)
            | Error::NoSubscription(_)
            | Error::NoBus(_)
            | Error::NoRule { .. }
            | Error::NoFunction(_)
            | Error::NoSchedule(_)
            | Error::NoGroupOfSchedules(_)
            | Error::NoRedrive(_) => StatusCode::NOT_FOUND,
            Error::QueueExists { .. }
            | Error::BusExists(_)
            | Error::RedriveRunning(_)
            | Error::KeyReused(_) => StatusCode::CONFLICT,
            Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::PurgedRecently { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::Store(StoreError::Full { .. }) => StatusCode::INSUFFICIENT_STORAGE,
            Error::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, message: error.to_string() }
    }
}

/// The one of `known` that was probably meant.
fn nearest<'k>(name: &str, known: &'k [String]) -> Option<&'k str> {
    if name.len() > COMPARED_MAX {
        return None;
    }
    let name = name.to_lowercase();
    let close = |candidate: &'k String| {
        let distance = strsim::osa_distance(&name, &candidate.to_lowercase());
        (distance <= (candidate.len() / 3).max(1) && distance < name.len()).then_some((distance, candidate))
    };
    let begins = |candidate: &&'k String| name.len() > 2 && candidate.to_lowercase().starts_with(&name);
    let by_typo = known.iter().filter_map(close).min().map(|(_, candidate)| candidate);
    by_typo.or_else(|| known.iter().find(begins)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_asked() {
        let known = ["orders", "orders-dead", "function:invoice", "x"].map(str::to_owned);
        let check = |name: &str, expect: Option<&str>| assert_eq!(nearest(name, &known), expect, "{name}");
        check("ordres", Some("orders"));
        check("Orders", Some("orders"));
        check("order-dead", Some("orders-dead"));
        check("function:invioce", Some("function:invoice"));
        check("func", Some("function:invoice"));
        check("zzz", None);
        check("", None);
        check(&"orders".repeat(1000), None);
    }

    #[test]
    fn a_refusal_says_what_there_is() {
        let known = ["a", "b"].map(str::to_owned);
        let text = Refusal::unknown("queue", "orders", &known).message;
        assert_eq!(text, "there is no queue called `orders`: there are a, b");
        let text = Refusal::unknown("queue", "orders", &[]).message;
        assert_eq!(text, "there is no queue called `orders`: there is none at all");
        let many: Vec<String> = (0..20).map(|i| format!("queue-of-{i}")).collect();
        assert!(Refusal::unknown("queue", "x", &many).message.ends_with("queue-of-9, ..."));
    }

    #[test]
    fn statuses() {
        let status = |error: Error| Refusal::from(error).status.as_u16();
        assert_eq!(status(Error::NoQueue(String::new())), 404);
        assert_eq!(status(Error::RedriveRunning(String::new())), 409);
        assert_eq!(status(Error::TooLarge { size: 2, max: 1 }), 413);
        assert_eq!(status(Error::Store(StoreError::Stopped)), 503);
        assert_eq!(status(Error::Invalid(String::new())), 400);
    }
}
