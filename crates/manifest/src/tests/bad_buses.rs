//! Buses and their rules: every key, each way that it can be wrong.

use lambent_core::limits;

use super::{BASE, Shop, check_after, problems};

#[test]
fn buses() {
    check_after(BUSES);
}

const BUSES: &[(&str, &[&str])] = &[
    ("[[buses]]", &["5:1 buses: must be a table of buses, as in [buses.shop], but is an array"]),
    (
        r#"[buses."a b"]"#,
        &[r#"5:8 buses."a b": `a b` is no bus name: use 1 to 256 letters, digits, `.`, `-`, `_` and `/`"#],
    ),
    (
        "[buses.b]
rule = {}",
        &["6:1 buses.b.rule: unknown key / did you mean `rules`?"],
    ),
    (
        "[buses.b]
rules = []",
        &[
            "6:9 buses.b.rules: must be a table of rules, as in [buses.shop.rules.big-orders], but is an array",
        ],
    ),
    (
        r#"[buses.b.rules."a b"]
pattern = '{"source":["shop"]}'
targets = [{ to = "function:a" }]"#,
        &[
            r#"5:16 buses.b.rules."a b": `a b` is no rule name: use 1 to 64 letters, digits, `.`, `-` and `_`"#,
        ],
    ),
];

#[test]
fn rules() {
    check_after(RULES);
}

const RULES: &[(&str, &[&str])] = &[
    (
        "[buses.b.rules.r]

",
        &[
            r#"5:16 buses.b.rules.r: `pattern` is missing / write pattern = '{"detail":{"total":[{"numeric":[">",100]}]}}'"#,
            r#"5:16 buses.b.rules.r: `targets` is missing / write targets = [{ to = "queue:orders" }]"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'

"#,
        &[r#"5:16 buses.b.rules.r: `targets` is missing / write targets = [{ to = "queue:orders" }]"#],
    ),
    (
        r#"[buses.b.rules.r]
targets = [{ to = "function:a" }]
"#,
        &[
            r#"5:16 buses.b.rules.r: `pattern` is missing / write pattern = '{"detail":{"total":[{"numeric":[">",100]}]}}'"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = []
"#,
        &[
            r#"7:11 buses.b.rules.r.targets: names no target / write one as in [{ to = "queue:orders" }], or remove the rule"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = { to = "function:a" }
"#,
        &[
            r#"7:11 buses.b.rules.r.targets: must be an array of targets, as in [{ to = "queue:orders" }], but is a table"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = ["function:a"]
"#,
        &[
            r#"7:12 buses.b.rules.r.targets: must be a target, as in { to = "queue:orders" }, but is a string"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = { source = ["shop"] }
targets = [{ to = "function:a" }]
"#,
        &[
            r#"6:11 buses.b.rules.r.pattern: must be a pattern as JSON text, as in '{"source":["shop"]}', but is a table"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":"shop"}'
targets = [{ to = "function:a" }]
"#,
        &[
            r#"6:11 buses.b.rules.r.pattern: `source`: "source" must be an object or an array / put the value in a list, as in ["open"]"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = "{}"
targets = [{ to = "function:a" }]
"#,
        &[
            r#"6:11 buses.b.rules.r.pattern: Empty objects are not allowed / name a field in it, as in {"state": ["open"]}"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "function:a" }]
enabled = "no"
"#,
        &["8:11 buses.b.rules.r.enabled: must be true or false, but is a string"],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "function:a" }]
description = 3
"#,
        &["8:15 buses.b.rules.r.description: must be a string, but is an integer"],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "function:a" }]
schedule = "rate(1 minute)"
"#,
        &[
            "8:1 buses.b.rules.r.schedule: unknown key / a rule has `pattern`, `targets`, `enabled`, `description`",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "function:a" }, { to = "function:a" }, { to = "function:a" }, { to = "function:a" }, { to = "function:a" }, { to = "function:a" }]
"#,
        &[
            "7:11 buses.b.rules.r.targets: a rule has at most 5 targets, not 6 / send to a topic, and subscribe the targets to it",
        ],
    ),
];

#[test]
fn targets() {
    check_after(TARGETS);
}

const TARGETS: &[(&str, &[&str])] = &[
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ }]
[queues.q]
"#,
        &[r#"7:12 buses.b.rules.r.targets: `to` is missing / write to = "queue:orders""#],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ target = "queue:q" }]
[queues.q]
"#,
        &[
            r#"7:12 buses.b.rules.r.targets: `to` is missing / write to = "queue:orders""#,
            "7:14 buses.b.rules.r.targets.target: unknown key / a target of a rule has `to`, `id`, `input`, `input-path`, `input-template`, `group`, `retry`, `dead-letter`",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "q" }]
[queues.q]
"#,
        &[
            "7:19 buses.b.rules.r.targets.to: `q` names no target: write function:NAME, queue:NAME, topic:NAME, bus:NAME or an http(s) address",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", id = "" }]
[queues.q]
"#,
        &[r#"7:35 buses.b.rules.r.targets.id: "" is no id: use 1 to 64 letters, digits, `.`, `-` and `_`"#],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", id = "queue:q" }]
[queues.q]
"#,
        &[
            r#"7:35 buses.b.rules.r.targets.id: "queue:q" is no id: use 1 to 64 letters, digits, `.`, `-` and `_`"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q" }, { to = "queue:q" }]
[queues.q]
"#,
        &[
            "7:32 buses.b.rules.r.targets: another target of the rule has the id `queue:q` / give each an `id` of its own",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", id = "x" }, { to = "function:a", id = "x" }]
[queues.q]
"#,
        &[
            "7:68 buses.b.rules.r.targets.id: another target of the rule has the id `x` / give each an `id` of its own",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", group = "g" }]
[queues.q]
"#,
        &[
            "7:30 buses.b.rules.r.targets.group: only a queue that keeps order has message groups / remove `group`",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "function:a", group = "g" }]
[queues.q]
"#,
        &[
            "7:33 buses.b.rules.r.targets.group: only a queue that keeps order has message groups / remove `group`",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q.fifo" }]
[queues."q.fifo"]
"#,
        &[
            r#"7:12 buses.b.rules.r.targets: `group` is missing: `queue:q.fifo` keeps the order of each group / write group = "orders""#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q.fifo", group = "" }]
[queues."q.fifo"]
"#,
        &[
            r#"7:43 buses.b.rules.r.targets.group: "" is no message group: use 1 to 128 letters, digits and punctuation"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q.fifo", group = "a b" }]
[queues."q.fifo"]
"#,
        &[
            r#"7:43 buses.b.rules.r.targets.group: "a b" is no message group: use 1 to 128 letters, digits and punctuation"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", retry = 3 }]
[queues.q]
"#,
        &[
            r#"7:38 buses.b.rules.r.targets.retry: must be a table, as in { attempts = 5, first-delay = "1s" }, but is an integer"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", dead-letter = 3 }]
[queues.q]
"#,
        &["7:44 buses.b.rules.r.targets.dead-letter: must be the name of a queue, but is an integer"],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", filter = 3 }]
[queues.q]
"#,
        &[
            "7:30 buses.b.rules.r.targets.filter: unknown key / a target of a rule has `to`, `id`, `input`, `input-path`, `input-template`, `group`, `retry`, `dead-letter`",
        ],
    ),
];

#[test]
fn inputs() {
    check_after(INPUTS);
}

const INPUTS: &[(&str, &[&str])] = &[
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input = { a = 1 } }]
[queues.q]
"#,
        &[r#"7:38 buses.b.rules.r.targets.input: must be JSON text, as in '{"a":1}', but is a table"#],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input = "{a:1}" }]
[queues.q]
"#,
        &[
            r#"7:38 buses.b.rules.r.targets.input: is no JSON (key must be a string at line 1 column 2) / write it as in '{"a":1}'; a text stands in quotes of its own: '"a"'"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input = "" }]
[queues.q]
"#,
        &[
            r#"7:38 buses.b.rules.r.targets.input: is no JSON (EOF while parsing a value at line 1 column 0) / write it as in '{"a":1}'; a text stands in quotes of its own: '"a"'"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-path = "detail" }]
[queues.q]
"#,
        &[
            r#"7:43 buses.b.rules.r.targets.input-path: is no path: no `$` at character 1 / write it as in "$.detail.items[0].id" or "$.detail['a key']""#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-path = "$..id" }]
[queues.q]
"#,
        &[
            r#"7:43 buses.b.rules.r.targets.input-path: is no path: no name after the dot at character 2 / write it as in "$.detail.items[0].id" or "$.detail['a key']""#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-path = 3 }]
[queues.q]
"#,
        &[r#"7:43 buses.b.rules.r.targets.input-path: must be a path, as in "$.detail", but is an integer"#],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input = "1", input-path = "$.detail" }]
[queues.q]
"#,
        &[
            "7:43 buses.b.rules.r.targets.input-path: a target has `input` or `input-path` / remove one of the two",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-path = "$.detail", input-template = { template = "1" } }]
[queues.q]
"#,
        &[
            "7:55 buses.b.rules.r.targets.input-template: a target has `input-path` or `input-template` / remove one of the two",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = "<a>" }]
[queues.q]
"#,
        &[
            r#"7:47 buses.b.rules.r.targets.input-template: must be a table, as in { paths = { id = "$.id" }, template = '{"id":<id>}' }, but is a string"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { } }]
[queues.q]
"#,
        &[
            r#"7:30 buses.b.rules.r.targets.input-template: `template` is missing / write template = '{"total":<total>}'"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { template = "1", path = {} } }]
[queues.q]
"#,
        &["7:65 buses.b.rules.r.targets.input-template.path: unknown key / did you mean `paths`?"],
    ),
];

#[test]
fn templates() {
    check_after(TEMPLATES);
}

const TEMPLATES: &[(&str, &[&str])] = &[
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { template = '{"a":<a>}' } }]
[queues.q]
"#,
        &[
            r#"7:60 buses.b.rules.r.targets.input-template.template: `<a>` at character 6 has no path / write paths = { a = "$.detail.a" }"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { paths = { total = "$.detail.total" }, template = '{"a":<totl>,"b":"<totl> <b>"}' } }]
[queues.q]
"#,
        &[
            "7:98 buses.b.rules.r.targets.input-template.template: `<totl>` at character 6 has no path / did you mean `<total>`?",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { template = "\"<aws.events.rule-nam>\"" } }]
[queues.q]
"#,
        &[
            "7:60 buses.b.rules.r.targets.input-template.template: `<aws.events.rule-nam>` at character 2 has no path / did you mean `<aws.events.rule-name>`?",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { paths = { a = "$.a" }, template = '{"a":<a>' } }]
[queues.q]
"#,
        &[
            r#"7:83 buses.b.rules.r.targets.input-template.template: is no JSON once the values are in place (EOF while parsing an object at line 1 column 9) / write it as in '{"total":<total>}'; a text stands in quotes of its own: '"order <id>"'"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { paths = { a = "$.a" }, template = "order <a>" } }]
[queues.q]
"#,
        &[
            r#"7:83 buses.b.rules.r.targets.input-template.template: is no JSON once the values are in place (expected value at line 1 column 1) / write it as in '{"total":<total>}'; a text stands in quotes of its own: '"order <id>"'"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { template = " " } }]
[queues.q]
"#,
        &[
            r#"7:60 buses.b.rules.r.targets.input-template.template: is empty / write it as in '{"total":<total>}'"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { template = "<a.b>" } }]
[queues.q]
"#,
        &[
            "7:60 buses.b.rules.r.targets.input-template.template: `<a.b>` at character 1 has no path / use letters, digits, `-` and `_`",
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { paths = { "a b" = "$.a", "aws.x" = "$.b", c = "c", d = 3 }, template = '<a>' } }]
[queues.q]
"#,
        &[
            r#"7:59 buses.b.rules.r.targets.input-template.paths."a b": "a b" cannot stand in a template / use letters, digits, `-` and `_`"#,
            r#"7:74 buses.b.rules.r.targets.input-template.paths."aws.x": "aws.x" cannot stand in a template / use letters, digits, `-` and `_`"#,
            r#"7:95 buses.b.rules.r.targets.input-template.paths.c: is no path: no `$` at character 1 / write it as in "$.detail.items[0].id" or "$.detail['a key']""#,
            r#"7:104 buses.b.rules.r.targets.input-template.paths.d: must be a path, as in "$.detail", but is an integer"#,
        ],
    ),
    (
        r#"[buses.b.rules.r]
pattern = '{"source":["shop"]}'
targets = [{ to = "queue:q", input-template = { paths = ["$.a"], template = '<a>' } }]
[queues.q]
"#,
        &[
            r#"7:57 buses.b.rules.r.targets.input-template.paths: must be a table of paths, as in { total = "$.detail.total" }, but is an array"#,
        ],
    ),
];

#[test]
fn limits_are_kept() {
    let shop = Shop::new();
    let check = |count: usize, entry: &dyn Fn(&str) -> String, expect: &str| {
        let text = |count| {
            let (rule, pattern) = ("[buses.b.rules.r]", "pattern = '{\"source\":[\"shop\"]}'");
            format!("{BASE}{rule}\n{pattern}\n{}\n", entry(&"x".repeat(count)))
        };
        assert!(shop.parse(&text(count)).is_ok(), "{expect}");
        assert_eq!(problems(&shop, &text(count + 1)), [expect]);
    };
    let target = |key: &str| format!("targets = [{{ to = \"function:a\", {key} }}]");
    check(
        limits::INPUT_MAX - 2,
        &|x| target(&format!("input = '\"{x}\"'")),
        "7:41 buses.b.rules.r.targets.input: is longer than 8192 characters",
    );
    check(
        limits::INPUT_PATH_MAX - 2,
        &|x| target(&format!("input-path = '$.{x}'")),
        "7:46 buses.b.rules.r.targets.input-path: is longer than 256 characters",
    );
    check(
        limits::TEMPLATE_MAX - 2,
        &|x| target(&format!("input-template = {{ template = '\"{x}\"' }}")),
        "7:63 buses.b.rules.r.targets.input-template.template: the template has more than 8192 characters",
    );
    check(
        512,
        &|x| format!("{}\ndescription = \"{x}\"", target("input = '1'")),
        "8:15 buses.b.rules.r.description: a description has at most 512 characters",
    );
}
