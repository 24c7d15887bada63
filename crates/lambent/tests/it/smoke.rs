//! The first thing that a user does.

use std::time::{Duration, Instant};

use crate::harness::{Node, eventually};

const HELLO: &str = r#"
[functions.hello]
runtime = "nodejs"
code = "hello"
handler = "index.handler"
http = ["GET /hello/{name}", "POST /hello"]
"#;

fn handler(greeting: &str) -> String {
    format!("exports.handler = async (event) => `{greeting}, ${{event.pathParameters?.name}}`;")
}

#[test]
fn a_route_runs_a_function() {
    let node = Node::up(HELLO, &[("hello/index.js", &handler("hello"))]);
    let answer = node.get("/hello/Ada");
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello, Ada"));
    assert_eq!(node.get("/hello").status, 404);
    assert_eq!(node.get("/").body, r#"{"message":"Not Found"}"#);
}

#[test]
fn a_saved_file_serves_the_next_request() {
    let node = Node::up(HELLO, &[("hello/index.js", &handler("hello"))]);
    assert_eq!(node.get("/hello/Ada").body, "hello, Ada");
    node.app.write("hello/index.js", &handler("goodbye"));
    let saved = Instant::now();
    eventually("new code answers", || (node.get("/hello/Ada").body == "goodbye, Ada").then_some(()));
    println!("from save to an answer of the new code: {:?}", saved.elapsed());
}

#[test]
fn a_broken_manifest_leaves_the_app_as_it_was() {
    let node = Node::up(HELLO, &[("hello/index.js", &handler("hello"))]);
    node.app.write("lambent.toml", "[functions.hello]\nruntime = \"cobol\"\n");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(node.get("/hello/Ada").body, "hello, Ada");
    node.app.write("lambent.toml", &HELLO.replace("/hello/{name}", "/hi/{name}"));
    eventually("the new route answers", || (node.get("/hi/Ada").body == "hello, Ada").then_some(()));
    assert_eq!(node.get("/hello/Ada").status, 404);
}

#[test]
fn requests_under_way_finish_on_the_old_code_and_at_a_stop() {
    let slow = "exports.handler = () => new Promise((r) => setTimeout(() => r('slow'), 1000));";
    let mut node = Node::up(HELLO, &[("hello/index.js", slow)]);
    assert_eq!(node.get("/hello/Ada").body, "slow");
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| node.get("/hello/Ada"));
        std::thread::sleep(Duration::from_millis(200));
        node.app.write("hello/index.js", &handler("new"));
        eventually("new code answers", || (node.get("/hello/Ada").body == "new, Ada").then_some(()));
        node.app.write("hello/index.js", slow);
        eventually("slow code answers", || (node.get("/hello/Ada").body == "slow").then_some(()));
        let second = scope.spawn(|| node.get("/hello/Ada"));
        std::thread::sleep(Duration::from_millis(200));
        node.signal("TERM");
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(first.body, "slow");
    assert_eq!(second.body, "slow");
    assert_eq!(node.ended(), Some(0));
}
