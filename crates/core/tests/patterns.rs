//! AWS's own answers to event patterns. A file's name says which: `_NEG` does not match, `_EXC` is refused, and all
//! others match.

use std::fs;
use std::path::Path;

use lambent_core::pattern::Pattern;
use serde_json::Value;

#[test]
fn patterns_are_answered_as_aws_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/patterns");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the vectors") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json5") {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("text");
        let vector: Value = json5::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (event, pattern) = (&vector["Event"], &vector["EventPattern"]);
        let answer = match Pattern::parse(&pattern.to_string()) {
            Ok(pattern) if pattern.matches(event) => "matches".to_owned(),
            Ok(_) => "does not match".to_owned(),
            Err(error) => format!("is refused: {error}"),
        };
        let expect = match name.rsplit('_').next() {
            Some("NEG") => "does not match",
            Some("EXC") => "is refused",
            _ => "matches",
        };
        count += 1;
        if !answer.starts_with(expect) {
            wrong.push(format!("{name} {answer}, but AWS says: {expect}"));
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, 155);
}
