//! Each rule on small files: what is found, and what must not be.

use super::{File, examine};

/// `expect` has a line for each finding: its line and rule.
fn check(path: &str, text: &str, expect: &[&str]) {
    let findings = examine(&File { path, text });
    let found: Vec<String> =
        findings.iter().map(|finding| format!("{}: {}", finding.line, finding.rule)).collect();
    assert_eq!(found, expect, "{path}: {findings:#?}");
}

#[test]
fn a_finding_says_where_and_what_instead() {
    let findings = examine(&File { path: "a.md", text: "a" });
    assert_eq!(findings[0].to_string(), "a.md:1: final newline: end the last line too");
}

#[test]
fn ends_of_lines_and_files() {
    check("a.md", "a\nb\n", &[]);
    check("a.md", "", &[]);
    check("a.md", "a \nb\t\nc\r\n", &["1: trailing blank", "2: trailing blank"]);
    check("a.md", "a\nb", &["2: final newline"]);
}

#[test]
fn machine_paths() {
    let path = concat!("/wo", "rk/");
    check("a.md", &format!("in {path}main\n"), &["1: machine path"]);
    check("a.rs", &format!("const A: &str = \"{path}a\";\n"), &["1: machine path"]);
    check("a.md", &format!("home{path}a and frame{}\n", &path[1..]), &[]);
    check("a.md", concat!("/tmp/ba", "sh_jobs.0\n"), &["1: machine path"]);
}

#[test]
fn loose_ends() {
    let word = concat!("TO", "DO");
    check("a.rs", &format!("// {word}: later\n"), &["1: loose end"]);
    check("a.rs", &format!("/// {word}S of the user\nconst A: &str = \"{word}\";\n"), &[]);
    check("a.py", &format!("# {word} later\n"), &["1: loose end"]);
    check("a.md", &format!("no {word} in the code\n"), &[]);
    check("a.sh", concat!("mktemp /tmp/a.XXX", "XXX\n"), &[]);
    check("a.rs", "fn a() {\n    todo!()\n}\n", &["2: loose end"]);
    check("a.rs", "fn a() {\n    unimplemented!(\"b\")\n}\n", &["2: loose end"]);
    check("tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n", &["2: loose end"]);
    check("a.rs", "const A: &str = \"todo!()\";\n", &[]);
}

#[test]
fn aws_words() {
    for text in ["an event source mapping\n", "EventSourceMapping\n", "event_source_mappings\n"] {
        check("crates/engine/src/a.rs", &format!("// {text}"), &["1: AWS word"]);
        check("crates/aws/src/a.rs", &format!("// {text}"), &[]);
        check("crates/manifest/src/sam/a.rs", &format!("// {text}"), &[]);
        check("docs/a.md", text, &[]);
    }
}

#[test]
fn file_length() {
    let long = "fn a() {}\n".repeat(601);
    check("a.rs", &long, &["1: file length"]);
    check("a.rs", &long["fn a() {}\n".len()..], &[]);
    check("a/tests.rs", &long, &[]);
    check("a.rs", &format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n"), &[]);
    check("a.md", &long, &[]);
}

#[test]
fn names() {
    check("a.rs", "pub(crate) struct QueueManager<T>(T);\n", &["1: name"]);
    check(
        "a.rs",
        "enum Helper {}\ntrait StoreImpl {}\ntype TaskBase = u8;\n",
        &["1: name", "2: name", "3: name"],
    );
    check("a.rs", "mod utils;\nmod http_util;\n", &["1: name", "2: name"]);
    check("a.rs", "struct Database;\nstruct Manage;\nimpl Base64 {}\nmod base64;\n", &[]);
    check("a.rs", "// the struct Manager of AWS\nconst A: &str = \"struct Manager\";\n", &[]);
}

#[test]
fn unwraps() {
    check("a.rs", "fn a() {\n    b().unwrap();\n}\n", &["2: unwrap"]);
    check(
        "a.rs",
        "/// `b.unwrap()`\nfn a() {\n    b().expect(\"it is there\");\n    c().unwrap_or(1);\n}\n",
        &[],
    );
    check("a.rs", "#[cfg(test)]\nmod tests {\n    fn a() {\n        b().unwrap();\n    }\n}\n", &[]);
    check("tests/it/a.rs", "fn a() {\n    b().unwrap();\n}\n", &[]);
}

#[test]
fn allows() {
    check("a.rs", "#[allow(dead_code)]\nfn a() {}\n", &["1: allow"]);
    check("a.rs", "#![allow(dead_code, reason = \"b\")]\n", &["1: allow"]);
    check("a.rs", "#[expect(dead_code, reason = \"b\")]\nfn a() {}\n// not `#[allow(dead_code)]`\n", &[]);
}

#[test]
fn crate_directions() {
    let with = |dependencies: &str| format!("[package]\nname = \"a\"\n\n[dependencies]\n{dependencies}\n");
    check("crates/core/Cargo.toml", &with("serde.workspace = true"), &[]);
    check("crates/core/Cargo.toml", &with("lambent-store.workspace = true"), &["5: crate direction"]);
    check("crates/store/Cargo.toml", &with("lambent-core.workspace = true"), &[]);
    check(
        "crates/store/Cargo.toml",
        &with("lambent-sandbox = { workspace = true }"),
        &["5: crate direction"],
    );
    check(
        "crates/sandbox/Cargo.toml",
        &with("lambent-store = { path = \"../store\" }"),
        &["5: crate direction"],
    );
    check(
        "crates/gateway/Cargo.toml",
        &with("lambent-engine.workspace = true\nlambent-aws.workspace = true"),
        &["6: crate direction"],
    );
    check(
        "crates/lambent/Cargo.toml",
        &with("lambent-aws.workspace = true\nlambent-core.workspace = true"),
        &[],
    );
    check("xtask/Cargo.toml", &with("lambent-core.workspace = true"), &["5: crate direction"]);
    check("crates/new/Cargo.toml", &with(""), &["1: new crate"]);
    check("tests/functions/a/Cargo.toml", &with("lambent-core.workspace = true"), &[]);
}

#[test]
fn crate_directions_of_other_dependencies() {
    for section in ["[dev-dependencies]", "[build-dependencies]", "[target.'cfg(unix)'.dependencies]"] {
        check(
            "crates/core/Cargo.toml",
            &format!("{section}\nlambent-engine.workspace = true\n"),
            &["2: crate direction"],
        );
    }
    check(
        "crates/core/Cargo.toml",
        "[dependencies.lambent-engine]\nworkspace = true\n",
        &["1: crate direction"],
    );
    check(
        "crates/core/Cargo.toml",
        "[dev-dependencies.lambent-engine]\nworkspace = true\n",
        &["1: crate direction"],
    );
    check("crates/core/Cargo.toml", "[features]\nlambent-engine = []\n", &[]);
}

#[test]
fn lock_files() {
    let lock = "{\n  \"a\": {\n    \"resolved\": \"https://a.example/a.tgz\",\n    \"link\": true\n  }\n}\n";
    check("a/package-lock.json", lock, &["3: lock file with hosts"]);
    check("a/package-lock.json", &lock.replace("https://a.example/a.tgz", "packages/a"), &[]);
    check("a/other.json", lock, &[]);
}
