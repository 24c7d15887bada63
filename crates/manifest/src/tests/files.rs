//! Manifests as files: missing, foreign, too large, in other encodings.

use std::path::Path;

use lambent_core::limits;

use super::{BASE, Shop};
use crate::load;

fn check(path: &Path, expect: &[&str]) {
    let text = load(path).unwrap_err().to_string();
    for part in expect {
        assert!(text.contains(part), "{text}\nlacks {part:?}");
    }
}

#[test]
fn a_folder_and_a_file_load_alike() {
    let shop = Shop::new();
    let file = shop.write("lambent.toml", BASE);
    let app = load(&shop.folder).unwrap();
    assert_eq!(load(&file), Ok(app.clone()));
    assert_eq!(app.folder, shop.folder.canonicalize().unwrap());
    let other = shop.write("other.toml", BASE);
    assert_eq!(load(&other), Ok(app));
}

#[test]
fn nothing_to_load() {
    let shop = Shop::new();
    let name = shop.folder.display().to_string();
    check(
        &shop.folder,
        &[&format!("{name}: there is no lambent.toml in this folder"), "  [functions.hello]\n"],
    );
    check(&shop.path("lambent.toml"), &["there is no lambent.toml in this folder"]);
    check(&shop.path("nowhere"), &["nowhere: there is no such file or folder"]);
    check(&shop.path("nowhere/lambent.toml"), &["lambent.toml: there is no such file or folder"]);
    shop.write("lambent.toml/inner", "");
    check(&shop.folder, &["lambent.toml: cannot be read: it is no file"]);
}

#[test]
fn sam_templates_are_refused() {
    let shop = Shop::new();
    let template = shop.write("template.yaml", "Resources: {}");
    let expect = [
        "template.yaml: SAM templates are not supported in this release",
        "lambent.toml",
        "[functions.hello]",
    ];
    check(&shop.folder, &expect);
    check(&template, &expect);
    shop.write("lambent.toml", BASE);
    assert!(load(&shop.folder).is_ok(), "a manifest stands beside the template");
}

#[test]
fn too_large() {
    let shop = Shop::new();
    let most = usize::try_from(limits::MANIFEST_MAX).unwrap();
    let text = format!("{BASE}#{}", " ".repeat(most));
    let file = shop.write("lambent.toml", &text[..most]);
    assert!(load(&file).is_ok());
    shop.write("lambent.toml", &text[..=most]);
    check(&file, &["lambent.toml: is larger than 1048576 bytes"]);
    assert!(shop.parse(&text[..=most]).is_err());
}

#[test]
fn other_encodings() {
    let shop = Shop::new();
    let file = shop.write("lambent.toml", b"[functions.a]\nruntime = \"\xff\"\n");
    check(&file, &["lambent.toml:2:12: this is not UTF-8\n   2 | runtime = \"\n     |            ^\n  save"]);
    shop.write("lambent.toml", format!("\u{feff}{}", BASE.replace('\n', "\r\n")));
    assert!(load(&file).is_ok(), "{:?}", load(&file));
}
