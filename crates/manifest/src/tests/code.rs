//! Folders of code, and links in them that a sandbox must not follow.

use std::os::unix::net::UnixListener;

use super::{BASE, Shop, short};
use crate::check_code;

fn check(links: &[(&str, &str)], expect: Option<&str>) {
    let shop = Shop::new();
    shop.write("code/src/index.js", "");
    shop.write("code/a/b/c/deep.js", "");
    for (link, target) in links {
        shop.link(&format!("code/{link}"), target);
    }
    let found = check_code(&shop.path("code")).err().map(|error| error.to_string());
    assert_eq!(found.as_deref(), expect, "{links:?}");
}

#[test]
fn links_within_the_code_are_good() {
    check(&[], None);
    check(&[("src/main.js", "index.js"), ("main", "./src/../src/index.js"), ("a/up", "../src")], None);
    check(&[("self", "self"), ("one", "two"), ("two", "one"), ("dead", "src/nowhere/../x")], None);
    check(&[("a/b/root", "../.."), ("a/through", "b/root/src/index.js")], None);
}

#[test]
fn links_out_of_the_code_are_named() {
    check(&[("out", "..")], Some("`out` is a link to `..`, which leads out of the folder"));
    check(
        &[("a/b/x", "../../../y")],
        Some("`a/b/x` is a link to `../../../y`, which leads out of the folder"),
    );
    check(
        &[("python", "/usr/bin/python3")],
        Some("`python` is a link to `/usr/bin/python3`, which leads out of the folder"),
    );
    // Word by word this stays inside; the kernel goes up from where `root` leads to.
    let links = [("a/b/c/root", "../../.."), ("a/b/c/up", "root/..")];
    check(&links, Some("`a/b/c/up` is a link to `root/..`, which leads out of the folder"));
}

#[test]
fn the_first_one_by_name_is_named() {
    check(&[("z", "/"), ("b", "/etc")], Some("`b` is a link to `/etc`, which leads out of the folder"));
}

#[test]
fn sockets_are_no_code() {
    let shop = Shop::new();
    let _listener = UnixListener::bind(shop.path("code/live")).unwrap();
    assert_eq!(
        check_code(&shop.path("code")).unwrap_err().to_string(),
        "`live` is a socket, a pipe or a device"
    );
}

#[test]
fn a_missing_folder_cannot_be_read() {
    let shop = Shop::new();
    let error = check_code(&shop.path("nowhere")).unwrap_err();
    assert!(error.to_string().contains("nowhere` cannot be read: "), "{error}");
}

#[test]
fn the_manifest_names_the_link() {
    let shop = Shop::new();
    shop.link("code/out", "../layers");
    shop.link("layers/fonts/etc", "/etc");
    let problems = shop.parse(&format!("{BASE}layers = [\"layers/fonts\"]")).unwrap_err();
    let found: Vec<_> = problems.iter().map(short).collect();
    let advice = "the sandbox sees this folder alone: copy what the link points to into it, or link within it by a relative path";
    assert_eq!(
        found,
        [
            format!(
                "3:8 functions.a.code: `out` is a link to `../layers`, which leads out of the folder / {advice}"
            ),
            format!(
                "5:11 functions.a.layers: `etc` is a link to `/etc`, which leads out of the folder / {advice}"
            ),
        ]
    );
}

#[test]
fn a_link_may_name_the_folder_itself() {
    let shop = Shop::new();
    shop.link("current", "code");
    let app = shop.good(&BASE.replace("\"code\"", "\"current\""));
    assert_eq!(app.functions[0].code, shop.path("code").canonicalize().unwrap());
}
