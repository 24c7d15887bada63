//! The page `docs/manifest.md` says what the tables say.

use std::fs;
use std::path::Path;

use super::{BASE, Shop};
use crate::{example, function, reference, route, table};

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.md");
    if std::env::var_os("LAMBENT_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, reference()).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == reference(),
        "docs/manifest.md is not what `reference()` writes; set LAMBENT_BLESS=1 to renew it"
    );
}

#[test]
fn the_example_is_good() {
    Shop::new().good(example());
}

#[test]
fn the_example_of_every_key_is_good() {
    let shop = Shop::new();
    for key in function::SECTION.keys {
        let line = format!("{} = {}\n", key.name, key.example);
        let rest: Vec<_> = BASE.lines().filter(|base| !base.starts_with(key.name)).collect();
        let text = match key.name {
            "command" => format!("[functions.a]\nruntime = \"http\"\ncode = \"code\"\n{line}"),
            _ => format!("{}\n{line}", rest.join("\n")),
        };
        shop.good(&text);
    }
    for key in route::SECTION.keys {
        let route = if key.name == "route" { "" } else { "route = \"GET /\", " };
        shop.good(&format!("{BASE}http = [{{ {route}{} = {} }}]", key.name, key.example));
    }
    let tables: Vec<_> =
        table::SECTION.keys.iter().map(|key| format!("{} = {}", key.name, key.example)).collect();
    shop.good(&format!("{BASE}[tables.Users]\n{}", tables.join("\n")));
}
