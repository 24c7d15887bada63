//! Keys with bad values: every key, each way that it can be wrong.

use lambent_core::limits;

use super::{BASE, Shop, problems};

/// A good manifest with one line more, which stands instead of the good line of the same key.
fn with_line(line: &str) -> String {
    let key = line.split('=').next().unwrap_or_default();
    let kept = BASE.lines().filter(|good| !good.starts_with(key)).chain([line]);
    kept.collect::<Vec<_>>().join("\n")
}

/// Lines, each with what is wrong with it.
fn check_lines(lines: &[(&str, &str)]) {
    let shop = Shop::new();
    for (line, expect) in lines {
        assert_eq!(problems(&shop, &with_line(line)), [*expect], "{line}");
    }
}

/// A line that has several things wrong with it.
fn check_all(line: &str, expect: &[&str]) {
    assert_eq!(problems(&Shop::new(), &with_line(line)), expect, "{line}");
}

#[test]
fn durations() {
    check_lines(&[
        (
            "timeout = 3",
            r#"5:11 functions.a.timeout: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but has no unit / write "3s""#,
        ),
        (
            "timeout = 3.5",
            r#"5:11 functions.a.timeout: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but is a float"#,
        ),
        (
            r#"timeout = "3""#,
            r#"5:11 functions.a.timeout: "3" is not a duration, as in "500ms", "3s", "5m", "1h" or "4d" / write "3s""#,
        ),
        (
            r#"timeout = "3 s""#,
            r#"5:11 functions.a.timeout: "3 s" is not a duration, as in "500ms", "3s", "5m", "1h" or "4d" / write "3s""#,
        ),
        (
            r#"timeout = "3S""#,
            r#"5:11 functions.a.timeout: "3S" is not a duration, as in "500ms", "3s", "5m", "1h" or "4d" / write "3s""#,
        ),
        (
            r#"timeout = "1.5s""#,
            r#"5:11 functions.a.timeout: "1.5s" is not a duration, as in "500ms", "3s", "5m", "1h" or "4d""#,
        ),
        (
            r#"timeout = "-3s""#,
            r#"5:11 functions.a.timeout: "-3s" is not a duration, as in "500ms", "3s", "5m", "1h" or "4d""#,
        ),
        (
            "timeout = -3",
            r#"5:11 functions.a.timeout: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but has no unit"#,
        ),
        (
            r#"timeout = """#,
            r#"5:11 functions.a.timeout: "" is not a duration, as in "500ms", "3s", "5m", "1h" or "4d""#,
        ),
        (r#"timeout = "0s""#, "5:11 functions.a.timeout: 0s is too little: at least 1ms"),
        (r#"timeout = "16m""#, "5:11 functions.a.timeout: 16m is too much: at most 15m"),
        (
            r#"timeout = "99999999999999999999s""#,
            "5:11 functions.a.timeout: 99999999999999999999s is too much: at most 15m",
        ),
        (
            r#"timeout = "999999999999999999999s""#,
            r#"5:11 functions.a.timeout: "999999999999999999999s" is not a duration, as in "500ms", "3s", "5m", "1h" or "4d""#,
        ),
        (
            "timeout = true",
            r#"5:11 functions.a.timeout: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but is a boolean"#,
        ),
        (
            "timeout = [3]",
            r#"5:11 functions.a.timeout: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but is an array"#,
        ),
        (
            "timeout = { s = 3 }",
            r#"5:11 functions.a.timeout: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but is a table"#,
        ),
        (r#"keep-alive = "25h""#, "5:14 functions.a.keep-alive: 25h is too much: at most 1d"),
        (
            "keep-alive = 600",
            r#"5:14 functions.a.keep-alive: must be a duration, as in "500ms", "3s", "5m", "1h" or "4d", but has no unit / write "600s""#,
        ),
    ]);
}

#[test]
fn sizes() {
    check_lines(&[
        (
            "memory = 256",
            r#"5:10 functions.a.memory: must be a size, as in "256MB" or "1GB", but has no unit / write "256MB""#,
        ),
        (
            r#"memory = "256""#,
            r#"5:10 functions.a.memory: "256" is not a size, as in "256MB" or "1GB" / write "256MB""#,
        ),
        (
            r#"memory = "256mb""#,
            r#"5:10 functions.a.memory: "256mb" is not a size, as in "256MB" or "1GB" / write "256MB""#,
        ),
        (
            r#"memory = "256 MB""#,
            r#"5:10 functions.a.memory: "256 MB" is not a size, as in "256MB" or "1GB" / write "256MB""#,
        ),
        (
            r#"memory = "1gib""#,
            r#"5:10 functions.a.memory: "1gib" is not a size, as in "256MB" or "1GB" / write "1GiB""#,
        ),
        (r#"memory = "256KB""#, r#"5:10 functions.a.memory: "256KB" is not a size, as in "256MB" or "1GB""#),
        (r#"memory = "31MB""#, "5:10 functions.a.memory: 31MB is too little: at least 32MB"),
        (r#"memory = "11GB""#, "5:10 functions.a.memory: 11GB is too much: at most 10GB"),
        (r#"memory = "4294967296MB""#, "5:10 functions.a.memory: 4294967296MB is too much: at most 10GB"),
        (
            r#"memory = "99999999999999999GB""#,
            "5:10 functions.a.memory: 99999999999999999GB is too much: at most 10GB",
        ),
        (
            "memory = 0x100",
            r#"5:10 functions.a.memory: must be a size, as in "256MB" or "1GB", but has no unit"#,
        ),
        (r#"tmp = "0MB""#, "5:7 functions.a.tmp: 0MB is too little: at least 1MB"),
        (
            r#"tmp = "129MB""#,
            "5:7 functions.a.tmp: 129MB is more than the function's memory of 128MB / /tmp lives in memory: raise `memory`, or make `tmp` smaller",
        ),
        (
            "memory = \"256MB\"\ntmp = \"1GB\"",
            "6:7 functions.a.tmp: 1GB is more than the function's memory of 256MB / /tmp lives in memory: raise `memory`, or make `tmp` smaller",
        ),
        (
            "tmp = 64",
            r#"5:7 functions.a.tmp: must be a size, as in "256MB" or "1GB", but has no unit / write "64MB""#,
        ),
    ]);
}

#[test]
fn handlers() {
    check_lines(&[
        (
            "handler = 3",
            r#"4:11 functions.a.handler: must be the code to load, as in "index.handler", but is an integer"#,
        ),
        (r#"handler = """#, "4:11 functions.a.handler: a handler has 1 to 128 characters"),
        (
            r#"handler = "index handler""#,
            r#"4:11 functions.a.handler: "index handler" is no handler: it has a space in it"#,
        ),
        (
            r#"handler = "index""#,
            r#"4:11 functions.a.handler: "index" is no handler for the runtime nodejs / write file.function, as in "index.handler""#,
        ),
        (
            r#"handler = ".handler""#,
            r#"4:11 functions.a.handler: ".handler" is no handler for the runtime nodejs / write file.function, as in "index.handler""#,
        ),
        (r#"handler = "index.\u0000""#, "4:11 functions.a.handler: must not hold the character U+0000"),
    ]);
}

#[test]
fn commands_of_other_runtimes() {
    check_lines(&[(
        r#"command = "node server.js""#,
        r#"5:1 functions.a.command: the runtime nodejs has no `command` / only runtime = "http" has one"#,
    )]);
}

#[test]
fn environments() {
    check_lines(&[
        (
            r#"environment = "TABLE=Users""#,
            r#"5:15 functions.a.environment: must be a table of strings, as in { TABLE = "Users" }, but is a string"#,
        ),
        (
            r#"environment = { TABLE = ["Users"] }"#,
            "5:25 functions.a.environment.TABLE: must be a string, but is an array",
        ),
        (
            r#"environment = { SIGNING_KEY = "secret:signing-key" }"#,
            r#"5:31 functions.a.environment.SIGNING_KEY: "secret:signing-key" names a secret: secrets are not supported in this release / write the value itself into `environment`, and keep the manifest where only those may read it who may know the value"#,
        ),
        (
            r#"environment = { TABLE = "a\u0000b" }"#,
            "5:25 functions.a.environment.TABLE: must not hold the character U+0000",
        ),
    ]);
}

#[test]
fn routes() {
    check_lines(&[
        (
            "http = 3",
            r#"5:8 functions.a.http: must be a route or an array of routes, as in ["POST /users"], but is an integer"#,
        ),
        ("http = []", "5:8 functions.a.http: names no route / leave `http` out of a function without routes"),
        (
            r#"http = """#,
            "5:8 functions.a.http: a route is `METHOD /path` or `$default`, as in `POST /users`",
        ),
        (
            r#"http = "/users""#,
            "5:8 functions.a.http: a route is `METHOD /path` or `$default`, as in `POST /users`",
        ),
        (
            r#"http = { route = "GET /" }"#,
            r#"5:8 functions.a.http: must be a route or an array of routes, as in ["POST /users"], but is a table"#,
        ),
        (
            r#"http = [{ payload = "1.0" }]"#,
            r#"5:9 functions.a.http: `route` is missing / write route = "POST /users""#,
        ),
        (
            r#"http = [{ route = "GET /", payload = 1.0 }]"#,
            r#"5:38 functions.a.http.payload: a payload format is "1.0" or "2.0""#,
        ),
        (
            r#"http = [{ route = "GET /", payload = "3.0" }]"#,
            r#"5:38 functions.a.http.payload: a payload format is "1.0" or "2.0""#,
        ),
        (
            r#"http = [{ route = "GET /", timeout = "31s" }]"#,
            "5:38 functions.a.http.timeout: 31s is too much: at most 30s",
        ),
        (
            r#"http = [{ route = "GET /", cors = true }]"#,
            "5:28 functions.a.http.cors: unknown key / a route has `route`, `payload`, `timeout`, `async`",
        ),
        (
            r#"http = ["GET /a", "GET /a"]"#,
            "5:19 functions.a.http: `GET /a` takes the same requests as `GET /a` of `a` at lambent.toml:5:9 / a request goes to one function: remove one of the two",
        ),
        (
            r#"http = ["GET /{a}", "GET /b", "GET /{b}"]"#,
            "5:31 functions.a.http: `GET /{b}` takes the same requests as `GET /{a}` of `a` at lambent.toml:5:9 / a request goes to one function: remove one of the two",
        ),
        (
            r#"http = ["$default", "$default"]"#,
            "5:21 functions.a.http: `$default` takes the same requests as `$default` of `a` at lambent.toml:5:9 / a request goes to one function: remove one of the two",
        ),
        (
            r#"http = ["ANY /a/{x+}", "ANY /a/{y+}"]"#,
            "5:24 functions.a.http: `ANY /a/{y+}` takes the same requests as `ANY /a/{x+}` of `a` at lambent.toml:5:9 / a request goes to one function: remove one of the two",
        ),
    ]);
}

#[test]
fn layers() {
    check_lines(&[
        (
            r#"layers = "layers/fonts""#,
            r#"5:10 functions.a.layers: must be an array of folders, as in ["layers/fonts"], but is a string"#,
        ),
        (
            r#"layers = ["code", "code", "code", "code", "code", "code"]"#,
            "5:10 functions.a.layers: a function has at most 5 layers, not 6 / copy the files of several layers into one",
        ),
    ]);
}

#[test]
fn builds() {
    check_lines(&[
        (
            r#"build = ["npm", "ci"]"#,
            r#"5:9 functions.a.build: must be a shell command, as in "npm ci", but is an array"#,
        ),
        (
            r#"build = " ""#,
            "5:9 functions.a.build: is no command / leave it out where nothing is to be built",
        ),
        (r#"build = "a\u0000""#, "5:9 functions.a.build: must not hold the character U+0000"),
    ]);
}

#[test]
fn unknown_keys() {
    check_lines(&[
        (r#"timout = "3s""#, "5:1 functions.a.timout: unknown key / did you mean `timeout`?"),
        (r#"Timeout = "3s""#, "5:1 functions.a.Timeout: unknown key / did you mean `timeout`?"),
        ("env = { }", "5:1 functions.a.env: unknown key / did you mean `environment`?"),
        ("memory_size = 128", "5:1 functions.a.memory_size: unknown key / did you mean `memory`?"),
        (
            r#"description = "x""#,
            "5:1 functions.a.description: unknown key / a function has `runtime`, `code`, `handler`, `command`, `timeout`, `memory`, `tmp`, `environment`, `http`, `sources`, `schedules`, `retry`, `dead-letter`, `on-success`, `on-failure`, `layers`, `keep-alive`, `build`",
        ),
        (
            r#""" = 1"#,
            r#"5:1 functions.a."": unknown key / a function has `runtime`, `code`, `handler`, `command`, `timeout`, `memory`, `tmp`, `environment`, `http`, `sources`, `schedules`, `retry`, `dead-letter`, `on-success`, `on-failure`, `layers`, `keep-alive`, `build`"#,
        ),
        (
            r#""ti\nme" = 1"#,
            r#"5:1 functions.a."ti\nme": unknown key / a function has `runtime`, `code`, `handler`, `command`, `timeout`, `memory`, `tmp`, `environment`, `http`, `sources`, `schedules`, `retry`, `dead-letter`, `on-success`, `on-failure`, `layers`, `keep-alive`, `build`"#,
        ),
        (
            "queue.x.y = 1",
            "5:1 functions.a.queue: unknown key / a function has `runtime`, `code`, `handler`, `command`, `timeout`, `memory`, `tmp`, `environment`, `http`, `sources`, `schedules`, `retry`, `dead-letter`, `on-success`, `on-failure`, `layers`, `keep-alive`, `build`",
        ),
        (r#"schedule = "daily""#, "5:1 functions.a.schedule: unknown key / did you mean `schedules`?"),
    ]);
}

#[test]
fn keys_of_later_releases() {
    check_lines(&[
        (
            r#"sources = [{ kafka = "orders" }]"#,
            "5:14 functions.a.sources.kafka: `kafka` is not supported in this release / let a consumer of your own send what it reads to a queue on the AWS-compatible port, and name that queue as the source",
        ),
        (
            r#"sources = [{ redis = "orders", batch = 10 }]"#,
            "5:14 functions.a.sources.redis: `redis` is not supported in this release / let a consumer of your own send what it reads to a queue on the AWS-compatible port, and name that queue as the source",
        ),
    ]);
}

#[test]
fn several_in_one_value() {
    check_all(
        "environment = { TABLE = 3, ON = true, RATIO = 0.5 }",
        &[
            r#"5:25 functions.a.environment.TABLE: must be a string, but is an integer / write "3""#,
            r#"5:33 functions.a.environment.ON: must be a string, but is a boolean / write "true""#,
            r#"5:47 functions.a.environment.RATIO: must be a string, but is a float / write "0.5""#,
        ],
    );
    check_all(
        r#"environment = { A = "1", 1A = "", "A-B" = "", _X = "", "" = "" }"#,
        &[
            r#"5:17 functions.a.environment.A: "A" is no name: a letter, then letters, digits and `_`, two or more together"#,
            r#"5:26 functions.a.environment.1A: "1A" is no name: a letter, then letters, digits and `_`, two or more together"#,
            r#"5:35 functions.a.environment.A-B: "A-B" is no name: a letter, then letters, digits and `_`, two or more together"#,
            r#"5:47 functions.a.environment._X: "_X" is no name: a letter, then letters, digits and `_`, two or more together"#,
            r#"5:56 functions.a.environment."": "" is no name: a letter, then letters, digits and `_`, two or more together"#,
        ],
    );
    check_all(
        r#"environment = { AWS_REGION = "eu-central-1", _HANDLER = "x", LAMBENT_DATA = "/" }"#,
        &[
            "5:17 functions.a.environment.AWS_REGION: `AWS_REGION` is set by the platform",
            r#"5:46 functions.a.environment._HANDLER: "_HANDLER" is no name: a letter, then letters, digits and `_`, two or more together"#,
            "5:62 functions.a.environment.LAMBENT_DATA: names that begin with `LAMBENT_` are the platform's",
        ],
    );
    check_all(
        r#"environment = { AWS_LAMBDA_EXEC_WRAPPER = "/var/task/wrap" }"#,
        &[
            "5:17 functions.a.environment.AWS_LAMBDA_EXEC_WRAPPER: wrapper scripts are not supported in this release / do what the script does in the handler's module, or use `provided`",
        ],
    );
    check_all(
        r#"http = ["post /users", "GET users", "GET /a{b}", 3]"#,
        &[
            "5:9 functions.a.http: `post` is no method: use one of GET POST PUT PATCH DELETE HEAD OPTIONS or ANY",
            "5:24 functions.a.http: the path `users` must begin with `/`",
            "5:37 functions.a.http: `a{b}` is no path segment: a variable fills a whole segment, as in `{id}` or `{proxy+}`",
            r#"5:50 functions.a.http: must be a route, as in "POST /users", but is an integer"#,
        ],
    );
    check_all(
        r#"http = [{ rout = "GET /" }]"#,
        &[
            r#"5:9 functions.a.http: `route` is missing / write route = "POST /users""#,
            "5:11 functions.a.http.rout: unknown key / did you mean `route`?",
        ],
    );
    check_all(
        r#"layers = ["layers/none", 3]"#,
        &[
            r#"5:11 functions.a.layers: there is no folder "layers/none" / paths are relative to FOLDER"#,
            r#"5:26 functions.a.layers: must be a folder, as in "functions/hello", but is an integer"#,
        ],
    );
}

#[test]
fn limits_are_kept() {
    let shop = Shop::new();
    let check = |line: String, expect: &str| {
        let found = shop.parse(&with_line(&line));
        let found = found.map_err(|problems| problems.to_string()).err().unwrap_or_default();
        assert!(found.contains(expect), "{line}\n{found}");
        assert_eq!(found.is_empty(), expect.is_empty(), "{line}\n{found}");
    };
    check(format!("handler = \"a.{}\"", "x".repeat(126)), "");
    check(format!("handler = \"a.{}\"", "x".repeat(127)), "4:11");
    let most = limits::ENVIRONMENT_MAX - "TABLE".len();
    check(format!("environment = {{ TABLE = \"{}\" }}", "x".repeat(most)), "");
    check(
        format!("environment = {{ TABLE = \"{}\" }}", "x".repeat(most + 1)),
        "have 4097 bytes: at most 4096",
    );
    let routes = |count| (0..count).map(|i| format!("\"GET /{i}\",")).collect::<String>();
    check(format!("http = [{}]", routes(limits::ROUTES_MAX)), "");
    check(format!("http = [{}]", routes(limits::ROUTES_MAX + 1)), "the app has 301 routes: at most 300");
}
