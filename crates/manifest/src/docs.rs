//! The page `docs/manifest.md`, written from the tables that manifests are read by.

use std::fmt::{self, Write as _};
use std::path::Path;

use lambent_core::limits;
use lambent_core::runtime::RUNTIMES;

use crate::environment::RESERVED;
use crate::keys::{Form, Key, Need, Section};
use crate::later::{self, Later};
use crate::source::Source;
use crate::{
    app, attribute, bucket, bus, example, feeds, function, index, input, load, quantity, queue, retry, route,
    rule, rule_target, schedule, subscription, table, topic,
};

const EVENTS_BEGIN: &str = "\
A function can be run for events that nobody waits for. They come from routes with `async = true`, from queues,
from topics and buses, from schedules, and from callers who ask for it. Such an event is stored before it is accepted, is tried again
when the function fails, and is kept as a dead letter when it is given up.";

/// A shop: what is ordered is put down at once, told to all who want to know, and worked on later.
pub(crate) const EVENTS_EXAMPLE: &str = r#"[functions.order]
runtime = "nodejs"
code = "functions/order"
handler = "index.handler"
http = [{ route = "POST /orders", async = true }]   # answered with 202 at once
retry = { attempts = 5, first-delay = "1s" }
on-success = "topic:order-placed"

[topics.order-placed]                               # everybody who is subscribed gets every message
subscriptions = [{ queue = "invoices" }, { function = "audit" }]

[queues.invoices]                                   # a message waits here until it has been worked on
visibility = "1m"
dead-letter = "invoices-dead"                       # after five failures it goes there
max-receives = 5

[queues.invoices-dead]
retention = "14d"

[functions.invoice]
runtime = "python"
code = "functions/invoice"
handler = "invoice.handler"
timeout = "30s"
sources = [{ queue = "invoices", batch = 10, partial-failures = true }]

[functions.audit]
runtime = "nodejs"
code = "functions/audit"
handler = "index.handler"
"#;

const EVENTS_END: &str = "\
Whatever is named must be in the manifest. The manifest is also refused when events would go round in circles: when
dead letters of queues lead back to where they came from, when functions start each other without end by `on-success`,
or when what a function makes of a queue's messages goes to the same queue.";

/// Rules of a bus, with each form of input.
pub(crate) const BUS_EXAMPLE: &str = r#"[buses.shop.rules.big-orders]
pattern = '{"detail":{"total":[{"numeric":[">",100]}]}}'
targets = [
  { to = "function:audit", input-path = "$.detail" },
  { to = "https://example.com/hook", input-template = { paths = { total = "$.detail.total" }, template = '{"total":<total>}' } },
]
"#;

const TARGETS_BEGIN: &str = "The value of `on-success`, `on-failure` and of `to` in a rule:";

/// What a target can be.
const TARGETS: &[(&str, &str)] = &[
    ("function:NAME", "the function runs, with its own `retry`; not an `http` function"),
    ("queue:NAME", "the queue gets a message; a `.fifo` queue only from a rule, with a `group`"),
    ("topic:NAME", "it is published to the topic, which is no `.fifo` topic"),
    ("bus:NAME", "the rules of the bus look at it; `bus:default` is always there"),
    ("https://example.com/hook", "the address gets a POST; `http://` works too"),
];

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
        "One file describes an app: its functions, where their events come from, its tables and buckets. Every setting"
    )?;
    writeln!(
        page,
        "is enforced; what is unknown or not supported is refused, with its place and the reason.\n"
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
    events(page)?;
    section(page, "## `[tables.NAME]`", &table::SECTION)?;
    section(page, "### Attributes", &attribute::SECTION)?;
    section(page, "### `[tables.NAME.indexes.NAME]`", &index::SECTION)?;
    section(page, "## `[buckets.NAME]`", &bucket::SECTION)?;
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
        (Need::Default, Form::Bytes(bounds)) => format!("`\"{}\"`", quantity::data(bounds.default)),
        (Need::Default, Form::Whole(bounds)) => format!("`{}`", bounds.default),
        (Need::Default, Form::Truth(default)) => format!("`{default}`"),
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

/// Events: an example first, then the keys of all that takes part.
fn events(page: &mut String) -> fmt::Result {
    writeln!(page, "\n## Events\n\n{EVENTS_BEGIN}\n\n```toml\n{EVENTS_EXAMPLE}```\n\n{EVENTS_END}")?;
    section(page, "### Sources", &feeds::SECTION)?;
    section(page, "### Schedules", &schedule::SECTION)?;
    section(page, "### Retry", &retry::SECTION)?;
    writeln!(page, "\n### Targets\n\n{TARGETS_BEGIN}\n\n| target | what happens there |\n|---|---|")?;
    for (target, about) in TARGETS {
        writeln!(page, "| `{target}` | {about} |")?;
    }
    section(page, "## `[queues.NAME]`", &queue::SECTION)?;
    section(page, "## `[topics.NAME]`", &topic::SECTION)?;
    section(page, "### Subscriptions", &subscription::SECTION)?;
    section(page, "## `[buses.NAME]`", &bus::SECTION)?;
    writeln!(page, "\n```toml\n{BUS_EXAMPLE}```")?;
    section(page, "### `[buses.NAME.rules.NAME]`", &rule::SECTION)?;
    writeln!(page, "\nA bus has at most {} rules.", limits::RULES_MAX)?;
    section(page, "### Targets of a rule", &rule_target::SECTION)?;
    section(page, "### Templates", &input::SECTION)?;
    let names: Vec<_> = input::RESERVED.iter().map(|name| format!("`<{name}>`")).collect();
    writeln!(page, "\nThese names are always there: {}.", names.join(", "))
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
    writeln!(page, "\n## Units\n\nA duration is a whole number and `ms`, `s`, `m` (minutes), `h` or")?;
    writeln!(
        page,
        "`d` (days). A size is a whole number and a unit: `MB` or `GB` of memory, `B`, `KB` or `MB` of messages."
    )?;
    writeln!(
        page,
        "A KB has 1024 bytes, a MB 1024 KB and a GB 1024 MB, as in Lambda; they may be written `KiB`, `MiB`"
    )?;
    writeln!(page, "and `GiB`.")
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
    rows(later::SOURCES, "sources = [{ ", " = ... }]")?;
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
