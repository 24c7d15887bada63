//! Whatever is written into a manifest, it becomes an app or problems that can be shown.

use super::Shop;
use super::events::EVENTS;
use super::good::SHOP;

/// Pieces that mean something in TOML or in a manifest.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "=",
    ".",
    ",",
    "\n",
    "\r\n",
    "#",
    "\\",
    "\\u0000",
    "\\u001b",
    "\0",
    "é",
    "🦀",
    "\u{feff}",
    "-",
    "1",
    "0x",
    "1e9",
    "inf",
    "1979-05-27",
    "true",
    "functions",
    "tables",
    "a.b.c",
    "http",
    "environment",
    "secret:",
    "99999999999999999999s",
    "10GB",
    "{id}",
    "{rest+}",
    "$default",
    "ANY /",
    "[functions.a]",
    "[functions.\"\"]",
    "key",
    "queue:",
    "function:a",
    "orders",
    ".fifo",
    "dead-letter",
    "<total>",
    "$.",
    "{\"a\":[1]}",
    "\t",
];

#[test]
fn nothing_panics() {
    let shop = Shop::new();
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..8000 {
        let mut text: Vec<char> = [SHOP, EVENTS][round % 2].chars().collect();
        for _ in 0..random.usize(1..8) {
            let from = random.usize(0..=text.len());
            let length = [0, 1, 30][random.usize(0..3)];
            let to = random.usize(from..=text.len().min(from + length));
            let piece = PIECES[random.usize(0..PIECES.len())];
            text.splice(from..to, piece.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(problems) = shop.parse(&text) {
            assert!(problems.iter().len() > 0, "{text}");
            shown(&problems.to_string(), &text);
        }
    }
}

#[test]
fn nothing_overflows() {
    let shop = Shop::new();
    for n in [100, 100_000] {
        let (dots, open, close) = (["a"; 100_000][..n].join("."), "[".repeat(n), "]".repeat(n));
        for text in [
            format!("{dots} = 1"),
            format!("[{dots}]"),
            format!("a = {open}{close}"),
            format!("a = {}", "{a=".repeat(n)),
        ] {
            shown(&shop.parse(&text).unwrap_err().to_string(), "deep");
        }
    }
    let wide: String = (0..60_000).map(|i| format!("a{i} = {{}},")).collect();
    let text = shop.parse(&format!("functions = {{ {wide} }}")).unwrap_err().to_string();
    assert!(text.len() < 100_000, "{}", text.len());
}

#[test]
fn unknown_names_are_not_compared_without_end() {
    let queues: String = (0..9000).map(|i| format!("[queues.queue-with-a-long-name-{i}]\n")).collect();
    let dead = |i| format!("[queues.other-{i}]\ndead-letter = \"queue-with-a-lung-name-{i}\"\n");
    let text = queues + &(0..1000).map(dead).collect::<String>();
    let problems = Shop::new().parse(&text).unwrap_err();
    assert_eq!(problems.iter().len() + problems.hidden(), 1000);
}

fn shown(problems: &str, text: &str) {
    let bad = |c: char| c.is_control() && c != '\n';
    assert!(!problems.is_empty() && !problems.contains(bad), "{text:?}\n{problems:?}");
}
