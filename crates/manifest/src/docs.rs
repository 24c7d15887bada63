//! The page `docs/manifest.md`, written from the tables that manifests are read by.

use std::fmt::{self, Write as _};
use std::path::Path;

use lambent_core::limits;
use lambent_core::runtime::RUNTIMES;

use crate::environment::RESERVED;
use crate::keys::{Form, Key, Need, Section};
use crate::later::{self, Later};
use crate::source::Source;
use crate::{app, example, function, load, quantity, route, table};

/// The reference page of the manifest, in Markdown.
pub fn reference() -> String {
    let mut page = String::new();
    write(&mut page).expect("a String takes all that is written");
    page
}

fn write(page: &mut String) -> fmt::Result {
    writeln!(page, "# lambent.toml\n")?;
    writeln!(page, "<!-- Written from the tables of crates/manifest. To renew it:")?;
    writeln!(page, "     LAMBENT_BLESS=1 cargo test -p lambent-manifest -->\n")?;
    writeln!(
        page,
        "One file describes an app: its functions, their routes and their tables. Every setting is"
    )?;
    writeln!(
        page,
        "enforced; what is unknown or not supported is refused, with its place and the reason.\n"
    )?;
    writeln!(page, "```toml\n{}```\n", example())?;
    writeln!(page, "A section stands for\n")?;
    for key in app::SECTION.keys {
        writeln!(page, "- {}: `{}`", key.about, key.example)?;
    }
    writeln!(page)?;
    writeln!(
        page,
        "A manifest has at most {} bytes. Strings are quoted as TOML wants it.",
        limits::MANIFEST_MAX
    )?;

    section(page, "## `[functions.NAME]`", &function::SECTION)?;
    runtimes(page)?;
    section(page, "### Routes", &route::SECTION)?;
    writeln!(page, "\nTwo routes of an app cannot take the same requests; the names of variables make no")?;
    writeln!(page, "difference. An app has at most {} routes.", limits::ROUTES_MAX)?;
    environment(page)?;
    section(page, "## `[tables.NAME]`", &table::SECTION)?;
    units(page)?;
    not_yet(page)?;
    problem(page)
}

fn section<D>(page: &mut String, heading: &str, section: &Section<D>) -> fmt::Result {
    writeln!(page, "\n{heading}\n\n{}\n", section.about)?;
    writeln!(page, "| key | value | without it | meaning |\n|---|---|---|---|")?;
    for key in section.keys {
        let Key { name, form, example, about, .. } = key;
        writeln!(page, "| `{name}` | {form} | {} | {about} Example: `{name} = {example}` |", without(key))?;
    }
    Ok(())
}

fn without<D>(key: &Key<D>) -> String {
    match (&key.need, &key.form) {
        (Need::Required, _) => "**required**".to_owned(),
        (Need::Default, Form::Duration(bounds)) => format!("`\"{}\"`", quantity::time(bounds.default)),
        (Need::Default, Form::Size(bounds)) => format!("`\"{}\"`", quantity::mib(bounds.default)),
        (Need::Default, Form::Words(_)) => String::new(),
        (Need::Without(words), _) => (*words).to_owned(),
    }
}

fn runtimes(page: &mut String) -> fmt::Result {
    writeln!(page, "\n### Runtimes\n\n| runtime | runs |\n|---|---|")?;
    for row in RUNTIMES {
        writeln!(page, "| `{}` | {} |", row.name, row.about)?;
    }
    writeln!(
        page,
        "\nThe interpreter of the machine is used, so a runtime has no version: `nodejs20.x` and"
    )?;
    writeln!(page, "`python3.12` are written `nodejs` and `python`.")
}

fn environment(page: &mut String) -> fmt::Result {
    let max = limits::ENVIRONMENT_MAX;
    writeln!(
        page,
        "\n### Environment\n\nA name is a letter, then letters, digits and `_`, two or more together. All"
    )?;
    writeln!(
        page,
        "names and values of a function together have at most {max} bytes. Names that begin with"
    )?;
    writeln!(page, "`LAMBENT_` are the platform's, and so are these:\n")?;
    let names: Vec<_> = RESERVED.iter().map(|name| format!("`{name}`")).collect();
    writeln!(page, "{}.\n", names.join(", "))?;
    writeln!(
        page,
        "An `http` function is also given `PORT`. Values that begin with `secret:` are refused: secrets"
    )?;
    writeln!(page, "are not supported in this release.")
}

fn units(page: &mut String) -> fmt::Result {
    writeln!(
        page,
        "\n## Units\n\nA duration is a whole number and `ms`, `s`, `m` or `h`. A size is a whole number and"
    )?;
    writeln!(
        page,
        "`MB` or `GB`; a MB has 1024 * 1024 bytes, as in Lambda, and may be written `MiB`, as a GB may be"
    )?;
    writeln!(page, "written `GiB`.")
}

fn not_yet(page: &mut String) -> fmt::Result {
    writeln!(page, "\n## Not in this release\n\nThese are refused.\n\n| what | meanwhile |\n|---|---|")?;
    let mut rows = |later: &[Later], before: &str, after: &str| {
        later.iter().try_for_each(|later| {
            let Later { name, meanwhile } = later;
            writeln!(page, "| `{before}{name}{after}` | {meanwhile} |")
        })
    };
    rows(later::SECTIONS, "[", "]")?;
    rows(later::FUNCTION_KEYS, "", "")?;
    rows(later::RUNTIMES, "runtime = \"", "\"")
}

fn problem(page: &mut String) -> fmt::Result {
    writeln!(
        page,
        "\n## Problems\n\nEvery problem of a manifest is shown at once, with its place:\n\n```text"
    )?;
    let text = "[tables.Users]\nkey = \"email\"\nsrot = \"created-at\"\n";
    let source = Source::new(load::FILE_NAME, text);
    if let Err(faults) = load::read_text(text, Path::new(""), &source) {
        writeln!(page, "{}", source.problems(faults))?;
    }
    writeln!(page, "```")
}
