//! Bad manifests as a whole: sections, runtimes and what goes with them, and problems that come together.

use super::{BASE, Shop, check};

#[test]
fn bad_tables() {
    check(&[
        ("[tables.Users]", &[r#"1:9 tables.Users: `key` is missing / write key = "email""#]),
        (
            "[tables.Users]\nkey = 3",
            &["2:7 tables.Users.key: must be the name of an attribute, but is an integer"],
        ),
        ("[tables.Users]\nkey = \"\"", &["2:7 tables.Users.key: an attribute's name has 1 to 255 bytes"]),
        (
            "[tables.Us]\nkey = \"id\"",
            &[r#"1:9 tables.Us: "Us" is no table name: use 3 to 255 letters, digits, `_`, `-` and `.`"#],
        ),
        (
            "[tables.\"a b\"]\nkey = \"id\"",
            &[r#"1:9 tables."a b": "a b" is no table name: use 3 to 255 letters, digits, `_`, `-` and `.`"#],
        ),
        (
            "[tables.Users]\nkey = \"id\"\nsort = \"id\"",
            &[
                "3:8 tables.Users.sort: is the same attribute as `key` / name another one, or leave `sort` out",
            ],
        ),
        (
            "[tables.Users]\nkey = \"id\"\nsrot = \"x\"",
            &["3:1 tables.Users.srot: unknown key / did you mean `sort`?"],
        ),
        (
            "[tables.Users]\nkey = { name = \"id\", type = \"numbre\", x = 1 }\nttl = 3\nstream = \"both\"",
            &[
                "2:29 tables.Users.key.type: \"numbre\" is no type of a key's attribute / did you mean \"number\"?",
                "2:39 tables.Users.key.x: unknown key / an attribute has `name`, `type`",
                "3:7 tables.Users.ttl: must be the name of an attribute, but is an integer",
                "4:10 tables.Users.stream: \"both\" is no view of a stream / write one of \"new-and-old\", \"new\", \"old\", \"keys\"",
            ],
        ),
        (
            "[tables.Users]\nkey = \"id\"\n[tables.Users.indexes.by-at]\nkey = { name = \"id\", type = \"number\" }\n[tables.Users.indexes.x]\nsort = \"id\"\nattributes = [\"a\", \"a\"]",
            &[
                "3:23 tables.Users.indexes.by-at: has id (number), but elsewhere it is id (string) / give it the same `type` everywhere",
                "5:23 tables.Users.indexes.x: \"x\" is no index name: use 3 to 255 letters, digits, `_`, `-` and `.`",
                "5:23 tables.Users.indexes.x: `key` is missing / write key = \"city\"",
                "7:20 tables.Users.indexes.x.attributes: is there already / remove one of the two",
            ],
        ),
        (
            "[buckets.Reports]\n[buckets.reports]\nabort-uploads-after = \"0s\"\nx = 1",
            &[
                "1:10 buckets.Reports: a bucket's name has 3 to 63 lower-case letters, digits, `-` and `.`, begins and ends with a letter or digit, has no two dots beside each other, and is no IP address",
                "3:23 buckets.reports.abort-uploads-after: 0s is too little: at least 1s",
                "4:1 buckets.reports.x: unknown key / a bucket has `abort-uploads-after`",
            ],
        ),
        ("[tables]\nUsers = \"email\"", &["2:9 tables.Users: must be a table, but is a string"]),
        (
            "[[tables]]\nkey = \"id\"",
            &["1:1 tables: must be a table of tables, as in [tables.Users], but is an array"],
        ),
    ]);
}

#[test]
fn bad_sections() {
    check(&[
        ("[queue.orders]", &["1:2 queue: unknown key / did you mean `queues`?"]),
        (
            "[services.payments]\nurl = \"http://127.0.0.1:9000\"",
            &[
                r#"1:2 services: `services` is not supported in this release / give the address of the service to the functions in `environment`, or start it as a function with runtime = "http""#,
            ],
        ),
        (
            "[secrets]",
            &[
                "1:2 secrets: `secrets` is not supported in this release / write the value itself into `environment`, and keep the manifest where only those may read it who may know the value",
            ],
        ),
        ("[function.b]", &["1:2 function: unknown key / did you mean `functions`?"]),
        ("[table.x]", &["1:2 table: unknown key / did you mean `tables`?"]),
        (
            "[cron]",
            &[
                "1:2 cron: unknown key / a manifest has `functions`, `queues`, `topics`, `buses`, `tables`, `buckets`",
            ],
        ),
    ]);
}

#[test]
fn bad_runtimes() {
    check(&[
        (
            "[functions.a]\nruntime = \"nodejs20.x\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"2:11 functions.a.runtime: unknown runtime "nodejs20.x" / write "nodejs"; the interpreter of this machine is used"#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"python3.12\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"2:11 functions.a.runtime: unknown runtime "python3.12" / write "python"; the interpreter of this machine is used"#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"provided.al2023\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[r#"2:11 functions.a.runtime: unknown runtime "provided.al2023" / write "provided""#],
        ),
        (
            "[functions.a]\nruntime = \"go1.x\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"2:11 functions.a.runtime: unknown runtime "go1.x" / use one of nodejs, python, provided, http; "provided" runs every executable `bootstrap`"#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"ruby3.3\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"2:11 functions.a.runtime: unknown runtime "ruby3.3" / use one of nodejs, python, provided, http; "provided" runs every executable `bootstrap`"#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"node\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[r#"2:11 functions.a.runtime: unknown runtime "node" / did you mean "nodejs"?"#],
        ),
        (
            "[functions.a]\nruntime = \"Python\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[r#"2:11 functions.a.runtime: unknown runtime "Python" / did you mean "python"?"#],
        ),
        (
            "[functions.a]\nruntime = \"\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"2:11 functions.a.runtime: unknown runtime "" / use one of nodejs, python, provided, http; "provided" runs every executable `bootstrap`"#,
            ],
        ),
        (
            "[functions.a]\nruntime = 20\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &["2:11 functions.a.runtime: must be the name of a runtime, but is an integer"],
        ),
        (
            "[functions.a]\nruntime = \"nodejs\\n\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"2:11 functions.a.runtime: unknown runtime "nodejs\n" / write "nodejs"; the interpreter of this machine is used"#,
            ],
        ),
    ]);
}

#[test]
fn runtimes_of_later_releases() {
    check(&[
        (
            "[functions.a]\nruntime = \"java21\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"2:11 functions.a.runtime: the runtime "java21" is not supported in this release / write runtime = "provided" and put an executable `bootstrap` into the code that starts Java with the AWS Lambda Java runtime interface client"#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"java\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"2:11 functions.a.runtime: the runtime "java" is not supported in this release / write runtime = "provided" and put an executable `bootstrap` into the code that starts Java with the AWS Lambda Java runtime interface client"#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"wasm\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"2:11 functions.a.runtime: the runtime "wasm" is not supported in this release / write runtime = "provided" and put an executable `bootstrap` into the code that starts a WebAssembly runtime"#,
            ],
        ),
    ]);
}

#[test]
fn bad_missing() {
    check(&[
        (
            "[functions.a]\n",
            &[
                r#"1:12 functions.a: `runtime` is missing / write runtime = "nodejs""#,
                r#"1:12 functions.a: `code` is missing / write code = "functions/hello""#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"http\"\n",
            &[
                r#"1:12 functions.a: `code` is missing / write code = "functions/hello""#,
                r#"1:12 functions.a: `command` is missing: the runtime http needs it / write command = "node server.js": a web server that listens on $PORT"#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"nodejs\"\ncode = \"code\"\n",
            &[
                r#"1:12 functions.a: `handler` is missing: the runtime nodejs needs it / write handler = "index.handler": the file `index`, and what it exports as `handler`"#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\n",
            &[
                r#"1:12 functions.a: `command` is missing: the runtime http needs it / write command = "node server.js": a web server that listens on $PORT"#,
            ],
        ),
    ]);
}

#[test]
fn bad_codes() {
    check(&[
        (
            "[functions.a]\nruntime = \"nodejs\"\ncode = \"none\"\nhandler = \"index.handler\"\n",
            &[r#"3:8 functions.a.code: there is no folder "none" / paths are relative to FOLDER"#],
        ),
        (
            "[functions.a]\nruntime = \"nodejs\"\ncode = \"\"\nhandler = \"index.handler\"\n",
            &[
                "3:8 functions.a.code: names no folder; `.` is the folder of the manifest / paths are relative to FOLDER",
            ],
        ),
        (
            "[functions.a]\nruntime = \"nodejs\"\ncode = 3\nhandler = \"index.handler\"\n",
            &[r#"3:8 functions.a.code: must be a folder, as in "functions/hello", but is an integer"#],
        ),
        (
            "[functions.a]\nruntime = \"nodejs\"\ncode = \"code/index.js\"\nhandler = \"index.handler\"\n",
            &[r#"3:8 functions.a.code: there is no folder "code/index.js" / paths are relative to FOLDER"#],
        ),
        (
            "[functions.a]\nruntime = \"nodejs\"\ncode = \"a\\u0000b\"\nhandler = \"index.handler\"\n",
            &["3:8 functions.a.code: must not hold the character U+0000"],
        ),
        (
            "[functions.a]\nruntime = \"nodejs\"\ncode = [\"code\"]\nhandler = \"index.handler\"\n",
            &[r#"3:8 functions.a.code: must be a folder, as in "functions/hello", but is an array"#],
        ),
    ]);
}

#[test]
fn bad_starts() {
    check(&[
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\ncommand = \"\"",
            &[r#"4:11 functions.a.command: names no program / write it as in command = "node server.js""#],
        ),
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\ncommand = []",
            &[r#"4:11 functions.a.command: names no program / write it as in command = "node server.js""#],
        ),
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\ncommand = \"node 'server.js\"",
            &["4:11 functions.a.command: a quote is opened and not closed"],
        ),
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\ncommand = [\"node\", 3]",
            &["4:20 functions.a.command: must be a string, but is an integer"],
        ),
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\ncommand = [\"\"]",
            &[r#"4:11 functions.a.command: names no program / write it as in command = "node server.js""#],
        ),
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\ncommand = 3",
            &[
                r#"4:11 functions.a.command: must be a program and its arguments, as in "node server.js" or ["node", "server.js"], but is an integer"#,
            ],
        ),
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\ncommand = \"node\"\nhandler = \"index.handler\"",
            &["5:1 functions.a.handler: the runtime http has no `handler` / it has `command`"],
        ),
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\ncommand = \"node\"\nenvironment = { PORT = \"80\" }",
            &[
                "5:17 functions.a.environment.PORT: `PORT` is set by the platform for an http function / remove it, and let the program listen on $PORT",
            ],
        ),
        (
            "[functions.a]\nruntime = \"http\"\ncode = \"code\"\ncommand = \"node\"\nhttp = [{ route = \"GET /\", payload = \"2.0\" }]",
            &[
                "5:28 functions.a.http.payload: an http function has no `payload` / remove it: the function gets the request itself",
            ],
        ),
        (
            "[functions.a]\nruntime = \"provided\"\ncode = \"code\"\ncommand = \"./x\"\n",
            &[
                r#"4:1 functions.a.command: the runtime provided has no `command` / only runtime = "http" has one"#,
            ],
        ),
    ]);
}

#[test]
fn bad_names() {
    check(&[
        (
            "[functions.\"a b\"]\nruntime = \"nodejs\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[r#"1:12 functions."a b": `a b` is no function name: use 1 to 64 letters, digits, `-` and `_`"#],
        ),
        (
            "[functions.\"\"]\nruntime = \"nodejs\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[r#"1:12 functions."": `` is no function name: use 1 to 64 letters, digits, `-` and `_`"#],
        ),
        (
            "[functions.a.b]\nruntime = \"nodejs\"\ncode = \"code\"\nhandler = \"index.handler\"\n",
            &[
                r#"1:12 functions.a: `runtime` is missing / write runtime = "nodejs""#,
                r#"1:12 functions.a: `code` is missing / write code = "functions/hello""#,
                "1:14 functions.a.b: unknown key / a function has `runtime`, `code`, `handler`, `command`, `timeout`, `memory`, `tmp`, `environment`, `http`, `sources`, `schedules`, `retry`, `dead-letter`, `on-success`, `on-failure`, `layers`, `keep-alive`, `build`",
            ],
        ),
    ]);
}

#[test]
fn bad_empty() {
    check(&[
        ("", &["- : the manifest has no functions / write one:"]),
        ("# nothing\n", &["- : the manifest has no functions / write one:"]),
        ("[functions]\n", &["- : the manifest has no functions / write one:"]),
        ("[tables.Users]\nkey = \"id\"\n", &["- : the manifest has no functions / write one:"]),
        (
            "functions = 3\n",
            &["1:13 functions: must be a table of functions, as in [functions.hello], but is an integer"],
        ),
        (
            "functions = []\n",
            &["1:13 functions: must be a table of functions, as in [functions.hello], but is an array"],
        ),
    ]);
}

#[test]
fn bad_syntax() {
    check(&[
        ("[functions.a\n", &["1:13 : unclosed table, expected `]`"]),
        ("a = \n", &["1:5 : string values must be quoted, expected literal string"]),
        ("a = \"x\n", &[r#"1:7 : invalid basic string, expected `"`"#]),
        ("[functions.a]\n[functions.a]\n", &["2:12 : duplicate key"]),
        ("a = 1\na = 2\n", &["2:1 : duplicate key"]),
        (
            "\u{1}\n",
            &[
                "1:1 : invalid unquoted key, expected letters, numbers, `-`, `_`",
                "1:2 : key with no value, expected `=`",
            ],
        ),
    ]);
}

#[test]
fn bad_several() {
    check(&[(
        "[functions.a]\nruntime = \"nodejs\"\ncode = \"code\"\nhandler = \"index.handler\"\ntimout = \"3s\"\nmemory = 256\nqueue = 1\n\n[functions.b]\nruntime = \"python3.12\"\nhttp = [\"GET /\"]\ncommand = \"x\"\n\n[functions.c]\nruntime = \"python\"\ncode = \"code\"\nhandler = \"x.y\"\nhttp = [\"ANY /{x}\", \"GET /\"]\n\n[services.x]\n",
        &[
            "5:1 functions.a.timout: unknown key / did you mean `timeout`?",
            r#"6:10 functions.a.memory: must be a size, as in "256MB" or "1GB", but has no unit / write "256MB""#,
            "7:1 functions.a.queue: unknown key / a function has `runtime`, `code`, `handler`, `command`, `timeout`, `memory`, `tmp`, `environment`, `http`, `sources`, `schedules`, `retry`, `dead-letter`, `on-success`, `on-failure`, `layers`, `keep-alive`, `build`",
            r#"9:12 functions.b: `code` is missing / write code = "functions/hello""#,
            r#"10:11 functions.b.runtime: unknown runtime "python3.12" / write "python"; the interpreter of this machine is used"#,
            "18:21 functions.c.http: `GET /` takes the same requests as `GET /` of `b` at lambent.toml:11:9 / a request goes to one function: remove one of the two",
            "20:2 services: `services` is not supported in this release / give the address of the service to the functions in `environment`, or start it as a function with runtime = \"http\"",
        ],
    )]);
}

#[test]
fn shown_as_a_compiler_shows_it() {
    let text =
        format!("{BASE}\ttimout = \"3s\" # ü\n\n[functions.b]\nruntime = \"cobol\"\ncode = \"code\"\n");
    let problems = Shop::new().parse(&text).unwrap_err();
    assert_eq!(
        problems.to_string(),
        r#"lambent.toml:5:2: functions.a.timout: unknown key
   5 |  timout = "3s" # ü
     |  ^^^^^^
  did you mean `timeout`?

lambent.toml:8:11: functions.b.runtime: unknown runtime "cobol"
   8 | runtime = "cobol"
     |           ^^^^^^^
  use one of nodejs, python, provided, http; "provided" runs every executable `bootstrap`"#
    );
    let mut keys =
        problems.iter().map(|problem| (&*problem.key, problem.place.as_ref().map(|place| place.line)));
    assert_eq!(keys.next(), Some(("functions.a.timout", Some(5))));
}
