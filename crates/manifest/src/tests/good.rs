//! Good manifests, and the apps that they are.

use std::time::Duration;

use lambent_core::table::{StreamView, TableIndex};
use lambent_core::{BucketName, BucketSpec, PayloadFormat, Runtime, limits};

use super::{BASE, Shop};

/// The shop of the architecture, as far as this release goes, with every key once.
pub(super) const SHOP: &str = r#"
[functions.register-user]
runtime = "nodejs"
code = "functions/register-user"
handler = "index.handler"
timeout = "3s"
memory = "256MB"
environment = { TABLE = "Users", GREETING = "grüß dich" }
http = ["POST /users", { route = "GET /users/{id}", payload = "1.0", timeout = "10s" }]

[functions.report]
runtime = "python"
code = "functions/report"
handler = "report.handler"
timeout = "15m"
memory = "1GB"
tmp = "1GiB"
layers = ["layers/fonts"]
keep-alive = "0s"
build = "pip install -r requirements.txt -t ."

[functions.engine]
runtime = "provided"
code = "./code"
http = "GET /engine"

[functions.site]
runtime = "http"
code = "functions/hello"
command = "node 'the server.js' --quiet"
http = ["$default"]

[tables.Users]
key = "email"

[tables.Orders]
key = "customer"
sort = { name = "created-at", type = "number" }
ttl = "expires"
stream = "new-and-old"

[buckets.reports]

[buckets."a.b-c"]
abort-uploads-after = "1h"

[tables.Orders.indexes.by-total]
key = { name = "day", type = "binary" }
sort = { name = "total", type = "number" }
attributes = ["name"]

[tables.Orders.indexes.by-day]
key = { name = "day", type = "binary" }
attributes = "keys"
"#;

#[test]
fn the_shop() {
    let shop = Shop::new();
    let app = shop.good(SHOP);
    let names: Vec<_> = app.functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["engine", "register-user", "report", "site"]);

    let [engine, register, report, site] = &app.functions[..] else { panic!("{names:?}") };
    assert_eq!((engine.runtime, &*engine.handler, engine.memory_mib), (Runtime::Provided, "engine", 128));
    assert_eq!((engine.timeout, engine.keep_alive), (limits::TIMEOUT_DEFAULT, limits::KEEP_ALIVE_DEFAULT));
    assert_eq!(engine.code, shop.path("code").canonicalize().unwrap());

    assert_eq!((register.runtime, &*register.handler), (Runtime::Nodejs, "index.handler"));
    assert_eq!((register.memory_mib, register.tmp_mib), (256, 128));
    assert_eq!(register.environment["GREETING"], "grüß dich");
    assert_eq!((&register.build, register.layers.len()), (&None, 0));

    assert_eq!((report.memory_mib, report.tmp_mib), (1024, 1024));
    assert_eq!((report.timeout, report.keep_alive), (Duration::from_secs(900), Duration::ZERO));
    assert_eq!(report.layers, [shop.path("layers/fonts").canonicalize().unwrap()]);
    assert_eq!(report.build.as_deref(), Some("pip install -r requirements.txt -t ."));

    assert_eq!((site.runtime, &*site.handler), (Runtime::Http, ""));
    assert_eq!(site.command, ["node", "the server.js", "--quiet"]);

    let [orders, users] = &app.tables[..] else { panic!("{:?}", app.tables) };
    assert_eq!(orders.key.to_string(), "customer (string), sorted by created-at (number)");
    assert_eq!((orders.ttl.as_deref(), orders.stream), (Some("expires"), Some(StreamView::NewAndOld)));
    let index = |index: &TableIndex| format!("{}: {}, {}", index.name, index.key, index.projection);
    assert_eq!(
        orders.indexes.iter().map(index).collect::<Vec<_>>(),
        [
            "by-day: day (binary), keys only",
            "by-total: day (binary), sorted by total (number), the keys and name"
        ]
    );
    assert_eq!(users.key.to_string(), "email (string)");
    let bucket = |(name, spec): &(BucketName, BucketSpec)| format!("{name} {:?}", spec.uploads_kept);
    assert_eq!(app.buckets.iter().map(bucket).collect::<Vec<_>>(), ["a.b-c 3600s", "reports 604800s"]);
    assert_eq!((&users.indexes[..], &users.ttl, users.stream), (&[][..], &None, None));
}

#[test]
fn the_routes_of_the_shop() {
    let app = Shop::new().good(SHOP);
    let routes: Vec<_> = app
        .routes
        .iter()
        .map(|route| format!("{} -> {} {:?} {:?}", route.key, route.function, route.format, route.timeout))
        .collect();
    assert_eq!(
        routes,
        [
            "GET /engine -> engine V2 30s",
            "POST /users -> register-user V2 30s",
            "GET /users/{id} -> register-user V1 10s",
            "$default -> site V2 30s",
        ]
    );
    assert_eq!(PayloadFormat::default(), PayloadFormat::V2);
}

#[test]
fn values_may_be_written_in_several_ways() {
    let shop = Shop::new();
    let function = |line: &str| shop.good(&format!("{BASE}{line}")).functions.remove(0);
    for (text, millis) in [("500ms", 500), ("3s", 3000), ("5m", 300_000), ("0003s", 3000)] {
        let found = function(&format!("timeout = \"{text}\"")).timeout;
        assert_eq!(found, Duration::from_millis(millis), "{text}");
    }
    for (text, mib) in [("32MB", 32), ("256MiB", 256), ("1GB", 1024), ("10GiB", 10_240)] {
        assert_eq!(function(&format!("memory = \"{text}\"")).memory_mib, mib, "{text}");
    }
    assert_eq!(function("memory = \"10GB\"").tmp_mib, 512);
    assert_eq!(function("environment.TABLE = \"Users\"").environment["TABLE"], "Users");
    assert_eq!(function("[functions.a.environment]\nTZ = \"CET\"").environment["TZ"], "CET");
    assert_eq!(shop.good(&format!("{BASE}[[functions.a.http]]\nroute = \"GET /\"")).routes.len(), 1);
    let server = BASE
        .replace("nodejs", "http")
        .replace("handler = \"index.handler\"", "command = [\"sh\", \"-c\", \"\"]");
    assert_eq!(shop.good(&server).functions[0].command, ["sh", "-c", ""]);
}

#[test]
fn code_may_lie_outside_of_the_app() {
    let shop = Shop::new();
    let inner = shop.write("apps/inner/lambent.toml", BASE.replace("\"code\"", "\"../../code\""));
    let code = shop.path("code").canonicalize().unwrap();
    assert_eq!(crate::load(&inner).unwrap().functions[0].code, code);
    let absolute = BASE.replace("\"code\"", &format!("{code:?}"));
    assert_eq!(shop.good(&absolute).functions[0].code, code);
}

#[test]
fn routes_that_differ_are_not_confused() {
    let routes = r#"["GET /a/{x}", "GET /a/{x+}", "GET /a", "GET /a/", "ANY /a", "POST /a/{y}", "GET /{x}/a", "$default"]"#;
    assert_eq!(Shop::new().good(&format!("{BASE}http = {routes}")).routes.len(), 8);
}
