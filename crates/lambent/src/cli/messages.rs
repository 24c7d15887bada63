//! Messages as people look at them: in a table, or one in full.

use crate::admin::view::{Content, Failure, Message, Page};
use crate::client::{Remote, escape};
use crate::screen::text::{ago, printable, printable_lines, size, width};
use crate::screen::{Cell, Paint, facts, table_cut};

/// Messages of one page; the node cuts pages that are too large by itself.
const PAGE: u32 = 100;

/// Columns of an error that stands beside a body.
const ERROR_COLUMNS: usize = 48;

/// Reads the first messages of a place, page by page.
pub(super) async fn read(
    remote: &Remote,
    path: &str,
    fingerprint: Option<&str>,
    limit: u32,
) -> anyhow::Result<Page> {
    let mut all = Page { messages: Vec::new(), next: None };
    loop {
        let have = u32::try_from(all.messages.len()).unwrap_or(u32::MAX);
        let left = limit.saturating_sub(have).min(PAGE);
        if left == 0 {
            return Ok(all);
        }
        let mut query = format!("{path}?limit={left}");
        if let Some(after) = all.next {
            query += &format!("&after={after}");
        }
        if let Some(fingerprint) = fingerprint {
            query += &format!("&fingerprint={}", escape(fingerprint));
        }
        let page: Page = remote.get(&query).await?;
        all.messages.extend(page.messages);
        all.next = page.next;
        if page.next.is_none() {
            return Ok(all);
        }
    }
}

/// Messages of a queue.
pub(super) fn waiting(messages: &[Message]) -> String {
    let groups = messages.iter().any(|message| message.group.is_some());
    let mut header = vec!["ID", "SENT", "RECEIVED", "VISIBLE", "SIZE"];
    header.extend(groups.then_some("GROUP"));
    header.push("BODY");
    let row = |message: &Message| {
        let visible = if message.visible.ago_ms < 0 { ago(message.visible.ago_ms) } else { "now".to_owned() };
        let mut row = vec![
            Cell::new(message.sequence),
            Cell::dim(ago(message.sent.ago_ms)),
            Cell::new(message.receives),
            Cell::new(visible),
            Cell::new(size(message.size)),
        ];
        row.extend(groups.then(|| Cell::new(printable(message.group.as_deref().unwrap_or_default()))));
        row.push(Cell::new(start(&message.body)));
        row
    };
    table_cut(&header, messages.iter().map(row))
}

/// Dead letters.
pub(super) fn dead(messages: &[Message]) -> String {
    let row = |message: &Message| {
        let died = message.failure.as_ref().map_or(&message.sent, |failure| &failure.at);
        vec![
            Cell::new(message.sequence),
            Cell::dim(ago(died.ago_ms)),
            Cell::new(attempts(message)),
            Cell::bad(crate::screen::text::cut(&printable(&error(message)), ERROR_COLUMNS)),
            Cell::new(start(&message.body)),
        ]
    };
    table_cut(&["ID", "DIED", "ATTEMPTS", "ERROR", "BODY"], messages.iter().map(row))
}

/// A message with all that is known of it.
pub(super) fn whole(message: &Message) -> String {
    let paint = Paint::stdout();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let failure = message.failure.as_ref();
    let of = |fact: fn(&Failure) -> String| failure.map(fact).unwrap_or_default();
    let about = facts([
        ("letter", message.sequence.to_string()),
        ("message id", message.id.clone()),
        ("died in", text(&message.died_in)),
        ("died", of(|failure| format!("{}, {}", ago(failure.at.ago_ms), failure.at.at))),
        ("because", of(|failure| failure.condition.clone())),
        ("attempts", attempts(message).to_string()),
        ("error", error(message)),
        ("fingerprint", of(|failure| failure.fingerprint.clone())),
        ("sent", format!("{}, {}", ago(message.sent.ago_ms), message.sent.at)),
        ("group", text(&message.group)),
        ("deduplication", text(&message.deduplication)),
        ("trace", text(&message.trace)),
        ("size", size(message.size)),
    ]);
    let mut parts = vec![about];
    if !message.attributes.is_empty() {
        let attributes = message.attributes.iter().map(|(name, attribute)| {
            let value = attribute.value.as_ref().or(attribute.base64.as_ref());
            (name.as_str(), format!("{} ({})", value.cloned().unwrap_or_default(), attribute.kind))
        });
        parts.push(format!("{}\n{}", paint.strong("attributes"), facts(attributes)));
    }
    let what = match &message.body {
        Content::Text(_) => "body",
        Content::Base64(_) => "body, in base64 because it is no text",
    };
    parts.push(format!("{}\n{}", paint.strong(what), printable_lines(message.body.text())));
    parts.join("\n\n")
}

/// What went wrong, in one line.
pub(super) fn error(message: &Message) -> String {
    let attribute = |name: &str| message.attributes.get(name)?.value.clone();
    match &message.failure {
        Some(failure) => described(failure),
        // What could not be delivered says why in its attributes.
        None => match (attribute("ERROR_CODE"), attribute("ERROR_MESSAGE")) {
            (Some(code), Some(text)) => format!("{code}: {text}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => String::new(),
        },
    }
}

/// A failure in one line.
pub(super) fn described(failure: &Failure) -> String {
    match (failure.kind.is_empty(), failure.message.is_empty()) {
        (false, false) => format!("{}: {}", failure.kind, failure.message),
        (false, true) => failure.kind.clone(),
        (true, _) => failure.message.clone(),
    }
}

/// How often it was tried before it died; in its new place it is counted afresh.
fn attempts(message: &Message) -> u32 {
    message.failure.as_ref().map_or(message.receives, |failure| failure.attempt)
}

/// As much of a body as can be on a line.
fn start(body: &Content) -> String {
    const CHARACTERS: usize = 1000;
    let text = body.text();
    let short: String = text.chars().take(CHARACTERS).collect();
    // The mark of the cut is made by the table; it must not be missed where the rest is only left out here.
    if short.len() < text.len() && width(&short) < CHARACTERS { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: serde_json::Value) -> Message {
        let moment = |ago_ms: i64| serde_json::json!({ "at": "2026-02-03T10:00:00.000Z", "ago_ms": ago_ms });
        let mut whole = serde_json::json!({
            "sequence": 7, "id": "0-0", "size": 9, "sent": moment(200_000), "visible": moment(1), "receives": 2,
        });
        let given = json.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(given);
        serde_json::from_value(whole).unwrap()
    }

    fn failed() -> serde_json::Value {
        serde_json::json!({
            "body": "{\"order\":1}\n\u{1b}[2J", "died_in": "function:invoice",
            "failure": {
                "by": "invoice", "type": "TypeError", "message": "x is\nnone", "fingerprint": "0123abcd",
                "condition": "RetriesExhausted", "attempt": 3, "at": { "at": "2026", "ago_ms": 60_000 },
            },
        })
    }

    #[test]
    fn dead_letters_are_one_line_each() {
        let shown = dead(&[message(failed())]);
        let lines: Vec<&str> = shown.lines().map(str::trim).collect();
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["ID", "DIED", "ATTEMPTS", "ERROR", "BODY"]
        );
        assert!(lines[1].starts_with("7  "), "{shown}");
        for part in ["1m ago", "   3 ", r"TypeError: x is\nnone", r#"{"order":1}\n\u{1b}[2J"#] {
            assert!(lines[1].contains(part), "{part}: {shown}");
        }
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn one_letter_has_everything() {
        let shown = whole(&message(failed()));
        for part in [
            "function:invoice",
            "RetriesExhausted",
            "0123abcd",
            "3m ago, 2026-02-03",
            "{\"order\":1}\n\\u{1b}[2J",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains('\u{1b}') && !shown.contains("group"), "{shown}");
    }

    #[test]
    fn what_could_not_be_delivered_says_why_too() {
        let attributes = serde_json::json!({
            "ERROR_CODE": { "type": "String", "value": "NO_RESOURCE" },
            "ERROR_MESSAGE": { "type": "String", "value": "there is no queue:x" },
        });
        let letter = message(serde_json::json!({ "body_base64": "/w==", "attributes": attributes }));
        assert_eq!(error(&letter), "NO_RESOURCE: there is no queue:x");
        assert!(whole(&letter).contains("in base64"));
    }

    #[test]
    fn groups_have_a_column_where_there_are_any() {
        let plain = message(serde_json::json!({ "body": "x" }));
        assert!(!waiting(std::slice::from_ref(&plain)).contains("GROUP"));
        let grouped = message(serde_json::json!({ "body": "x", "group": "g" }));
        assert!(waiting(&[plain, grouped]).contains("GROUP"));
    }
}
