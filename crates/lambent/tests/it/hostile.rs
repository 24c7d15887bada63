//! Functions that hang, die, fork, flood, or answer nonsense: each harms itself alone, and works again when called again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::functions::{all_gone, failure, js, obedient_js, obedient_py, py};
use crate::harness::{Node, eventually};

/// What the gateway says of a function that failed.
const FAILED: (u16, &str) = (500, r#"{"message":"Internal Server Error"}"#);

fn pair() -> Node {
    Node::of(&[obedient_js(), obedient_py()])
}

fn short_pair() -> Node {
    Node::of(&[obedient_js().with("timeout = \"1s\""), obedient_py().with("timeout = \"1s\"")])
}

#[test]
fn a_hanging_function_is_stopped_and_keeps_its_tmp_but_not_its_memory() {
    let node = short_pair();
    for (function, hang, kept) in [
        ("js", "fs.writeFileSync('/tmp/kept', ''); undefined", "fs.existsSync('/tmp/kept')"),
        ("js", "for (;;);", "fs.existsSync('/tmp/kept')"),
        ("py", "open('/tmp/kept', 'w').close(); time.sleep(60)", "result = os.path.exists('/tmp/kept')"),
        ("py", "os.kill(os.getpid(), signal.SIGSTOP)", "result = os.path.exists('/tmp/kept')"),
    ] {
        let ran = node.call(function, &json!({ "run": hang }));
        assert_eq!(
            failure(&ran),
            ("Sandbox.Timedout".into(), "Task timed out after 1.00 seconds".into()),
            "{hang}"
        );
        assert!(ran["log"].as_str().unwrap().contains(" Task timed out after 1.00 seconds\n"), "{ran:#}");
        let next = node.call(function, &json!({}));
        assert_eq!(next["payload"], 1, "the process is a new one: {next:#}");
        assert!(next["init_ms"].as_f64().unwrap() > 0.0, "{next:#}");
        assert_eq!(node.run(function, kept), true, "{hang}");
    }
}

#[test]
fn a_hanging_function_is_an_internal_error_at_the_gateway() {
    let node = Node::of(&[js("f", "exports.handler = () => new Promise((r) => setTimeout(r, 60000));")
        .with("timeout = \"100ms\"")]);
    let answer = node.get("/f");
    assert_eq!((answer.status, answer.body.as_str()), FAILED);
}

#[test]
fn a_function_that_ends_its_process_is_an_exit_error_with_the_status_or_the_signal() {
    let node = pair();
    let check = |function: &str, code: &str, message: &str| {
        let message =
            format!("Runtime exited with{message}").replace(" error: none", "out providing a reason");
        assert_eq!(node.fails(function, code), ("Runtime.ExitError".into(), message), "{code}");
        assert_eq!(node.count(function), 1, "{code}");
    };
    check("js", "process.exit(7)", " error: exit status 7");
    check("js", "process.exit(0)", " error: none");
    check("js", "process.abort()", " error: signal: aborted");
    check("js", "process.kill(process.pid, 'SIGKILL'); undefined", " error: signal: killed");
    check("js", "process.kill(process.pid, 'SIGSEGV'); undefined", " error: signal: segmentation fault");
    check("js", "process.kill(1, 'SIGTERM'); undefined", " error: signal: terminated");
    check("py", "sys.exit(3)", " error: exit status 3");
    check("py", "os._exit(4)", " error: exit status 4");
    check("py", "os._exit(0)", " error: none");
    check("py", "os.abort()", " error: signal: aborted");
    check("py", "os.kill(os.getpid(), signal.SIGKILL)", " error: signal: killed");
    check("py", "ctypes.string_at(0)", " error: signal: segmentation fault");
}

#[test]
fn the_first_process_of_a_sandbox_cannot_be_killed_from_inside() {
    let node = pair();
    let code = "for n in (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGHUP): os.kill(1, n)";
    node.run("py", code);
    assert_eq!(node.count("py"), 2);
}

#[test]
fn a_function_that_ends_between_two_invocations_is_not_blamed() {
    let node = pair();
    // Each ends right after its answer, often when the next invocation is on its way already.
    for (function, code) in [
        ("js", "setImmediate(() => process.exit(9)); 'ok'"),
        ("py", "threading.Timer(0.05, os._exit, [9]).start(); result = 'ok'"),
    ] {
        for round in 0..15 {
            assert_eq!(node.run(function, code), "ok", "round {round}");
            if function == "py" {
                // Once the next has begun, it is its own fault.
                let python = |p: &_| crate::functions::Process::is(p, "bootstrap.py");
                eventually("it ends", || (!node.processes().iter().any(python)).then_some(()));
            }
        }
        assert_eq!(node.count(function), 1);
    }
}

#[test]
fn children_that_outlive_their_invocation_go_with_the_sandbox() {
    let node = pair();
    node.run(
        "js",
        "require('child_process').spawn('sleep', ['97531'], { detached: true, stdio: 'ignore' }).pid",
    );
    node.run("py", "subprocess.Popen(['setsid', 'sleep', '97531'], start_new_session=True)");
    let sleepers = || -> Vec<_> { node.processes().into_iter().filter(|p| p.is("sleep 97531")).collect() };
    let seen = eventually("both children run", || Some(sleepers()).filter(|seen| seen.len() == 2));
    assert_eq!(node.count("js"), 2, "a child that runs on is no obstacle");
    node.fails("js", "process.exit(1)");
    node.fails("py", "os._exit(1)");
    all_gone(&seen);
}

#[test]
fn orphans_that_end_are_reaped() {
    let node = pair();
    let code = "
for _ in range(50):
    child = os.fork()
    if child == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.waitpid(child, 0)";
    node.run("py", code);
    eventually("no zombie is left", || (!node.processes().iter().any(|p| p.zombie)).then_some(()));
}

#[test]
fn a_fork_bomb_reaches_its_limit_and_harms_nobody_else() {
    let node = Node::of(&[obedient_js(), obedient_py().with("timeout = \"20s\"\nmemory = \"2GB\"")]);
    let code = "
result = 0
try:
    reader, writer = os.pipe()
    while True:
        if os.fork() == 0:
            os.close(writer)
            os.read(reader, 1)
            while True: pass
        result += 1
except BlockingIOError: os.close(writer)";
    let forked = node.run("py", code).as_u64().unwrap();
    assert!((500..1024).contains(&forked), "{forked}");
    let begun = Instant::now();
    assert_eq!(node.count("js"), 1);
    assert_eq!(node.count("js"), 2);
    assert_eq!(node.health().status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let bombs = node.processes();
    assert_eq!(node.fails("py", "os._exit(1)").1, "Runtime exited with error: exit status 1");
    all_gone(&bombs.into_iter().filter(|p| p.is("bootstrap.py")).collect::<Vec<_>>());
    assert_eq!(node.count("py"), 1);
}

#[test]
fn a_full_tmp_is_full_for_its_function_alone() {
    let node = Node::of(&[
        obedient_py().with("tmp = \"8MB\""),
        obedient_py().named("other").with("tmp = \"16MB\""),
        obedient_js(),
    ]);
    let fill = "
result = 0
try:
    with open('/tmp/full', 'wb', 0) as file:
        while True: result += file.write(bytes(65536))
except OSError as error: assert error.errno == errno.ENOSPC";
    assert_eq!(node.run("py", fill), 8 << 20);
    assert_eq!(node.run("other", fill), 16 << 20);
    assert_eq!(
        node.run("js", "fs.writeFileSync('/tmp/free', 'x'.repeat(1 << 20)); fs.readdirSync('/tmp')"),
        json!(["free"])
    );
    assert_eq!(
        node.run("py", "os.remove('/tmp/full'); open('/tmp/a', 'w').write('x'); result = os.listdir('/tmp')"),
        json!(["a"])
    );
    assert!(!std::path::Path::new("/tmp/full").exists());
}

#[test]
fn a_function_that_eats_memory_is_killed_at_its_limit() {
    let node =
        Node::of(&[obedient_js(), obedient_py().with("memory = \"64MB\""), obedient_py().named("other")]);
    for (function, code) in [
        ("py", "eaten = b'x' * (500 << 20)"),
        ("js", "const eaten = []; for (;;) eaten.push(Buffer.alloc(1 << 20, 1));"),
    ] {
        let killed = ("Runtime.ExitError".into(), "Runtime exited with error: signal: killed".into());
        assert_eq!(node.fails(function, code), killed);
        assert_eq!(node.count(function), 1);
    }
    assert_eq!(node.count("other"), 1);
}

#[test]
fn printing_100_mb_costs_the_node_little_memory_and_keeps_the_last_lines() {
    let node = Node::of(&[obedient_js().with("timeout = \"20s\""), obedient_py().with("timeout = \"20s\"")]);
    let js = "for (let i = 0; i < 1600; i++) console.log('x'.repeat(65536)); console.log('last of js'); 1";
    let py = "line = 'y' * 1023\nfor _ in range(100 << 10): print(line)\nprint('last of py')";
    std::thread::scope(|scope| {
        let ran = [("js", js), ("py", py)].map(|(f, code)| {
            let node = &node;
            (f, scope.spawn(move || node.call(f, &json!({ "run": code }))))
        });
        eventually("both print", || node.memory_mib("VmRSS").checked_sub(10).map(drop));
        assert_eq!(node.health().status, 200);
        for (function, ran) in ran {
            let ran = ran.join().unwrap();
            assert!(ran["error"].is_null(), "{ran:#}");
            let last = format!("last of {function}");
            assert!(ran["log"].as_str().unwrap().contains(&last), "{ran:#}");
            assert!(node.logs(function).iter().any(|line| line.ends_with(&last)));
        }
    });
    assert!(node.memory_mib("VmHWM") < 200, "{} MiB", node.memory_mib("VmHWM"));
}

#[test]
fn a_line_without_end_is_cut_into_pieces() {
    let node = pair();
    node.run("py", "sys.stdout.write('z' * (1 << 20))");
    let lines = node.logs("py");
    let pieces: Vec<_> = lines.iter().filter(|line| line.starts_with('z')).map(String::len).collect();
    assert_eq!(pieces, [256 * 1024; 4]);
}

#[test]
fn a_child_that_floods_the_output_does_not_hold_up_the_answer() {
    let node = pair();
    node.run("py", "subprocess.Popen(['yes'])");
    assert_eq!(node.count("py"), 2);
    assert_eq!(node.count("js"), 1);
    assert_eq!(node.health().status, 200);
    node.fails("py", "os._exit(1)");
}

#[test]
fn only_the_first_answer_counts() {
    let node = Node::of(&[
        js(
            "callback",
            "let n = 0; exports.handler = (e, c, done) => { done(null, ++n); done(null, 'late'); done(new Error('late')); };",
        ),
        js(
            "both",
            "let n = 0; exports.handler = (e, c, done) => { done(null, ++n); throw new Error('late'); };",
        ),
        js(
            "context",
            "let n = 0; exports.handler = (e, c) => { c.succeed(++n); c.fail('late'); c.done(null, 'late'); };",
        ),
    ]);
    for function in ["callback", "both", "context"] {
        for n in 1..=3 {
            assert_eq!(node.call(function, &json!({}))["payload"], n, "{function}");
        }
    }
}

#[test]
fn whatever_is_thrown_is_an_error_and_the_process_goes_on() {
    let node = pair();
    for (n, (function, code, kind, message)) in [
        ("js", "throw 'text'", "string", "text"),
        ("js", "throw undefined", "string", "handled"),
        ("js", "throw null", "string", "handled"),
        ("js", "const o = {}; o.o = o; throw o", "object", "[object Object]"),
        ("js", "throw Object.assign(new RangeError('far'), { self: globalThis })", "RangeError", "far"),
        ("js", "throw Object.create(null)", "object", "A value that has no text form"),
        ("js", "Promise.reject(7)", "number", "7"),
        ("js", "10n", "Runtime.JSONStringifyError", "Unable to stringify response body"),
        ("js", "const o = {}; o.o = o; o", "Runtime.JSONStringifyError", "Unable to stringify response body"),
        (
            "js",
            "({ toJSON() { throw new Error() } })",
            "Runtime.JSONStringifyError",
            "Unable to stringify response body",
        ),
        ("js", "(function f() { f(); })()", "RangeError", "Maximum call stack size exceeded"),
        ("py", "raise ValueError('far')", "ValueError", "far"),
        ("py", "def f(): f()\nf()", "RecursionError", "maximum recursion depth exceeded"),
    ]
    .into_iter()
    .enumerate()
    {
        let failed = node.fails(function, code);
        assert!(failed.0 == kind && failed.1.starts_with(message), "{code}: {failed:?}");
        if n == 10 {
            assert_eq!(node.count("js"), 12, "it is still the first process");
        }
    }
    let (kind, message) = node.fails("py", "result = []; result.append(result)");
    assert_eq!(
        (kind.as_str(), message.contains("Unable to marshal response")),
        ("Runtime.MarshalError", true)
    );
    assert_eq!(node.fails("py", "result = object()").0, "Runtime.MarshalError");
    assert_eq!(node.count("py"), 5);
}

#[test]
fn a_result_that_is_too_large_leaves_the_process_alone() {
    let node = pair();
    for (function, code) in [("js", "'x'.repeat(7 << 20)"), ("py", "result = 'x' * (7 << 20)")] {
        let (kind, message) = node.fails(function, code);
        assert_eq!(kind, "Function.ResponseSizeTooLarge");
        assert_eq!(message, "Response payload size exceeded maximum allowed payload size (6291556 bytes).");
        assert_eq!(node.count(function), 2);
    }
}

#[test]
fn results_that_no_http_response_can_be_made_of_are_internal_errors() {
    let node = Node::of(&[
        py("no-json", "def handler(event, context): return b'{no json'"),
        js("status", "exports.handler = async () => ({ statusCode: 'teapot' });"),
        js("headers", "exports.handler = async () => ({ statusCode: 200, headers: ['a'] });"),
        js("newline", "exports.handler = async () => ({ statusCode: 200, headers: { a: 'b\\r\\nc: d' } });"),
        js(
            "base64",
            "exports.handler = async () => ({ statusCode: 200, isBase64Encoded: true, body: '???' });",
        ),
        js("range", "exports.handler = async () => ({ statusCode: 1000 });"),
    ]);
    for function in ["no-json", "status", "headers", "newline", "base64", "range"] {
        let answer = node.get(&format!("/{function}"));
        assert_eq!((answer.status, answer.body.as_str()), FAILED, "{function}");
    }
}

#[test]
fn a_function_that_meddles_with_its_descriptors_harms_itself_alone() {
    let node = short_pair();
    for (function, code) in [
        // Garbage where the answer belongs, and far too much of it.
        ("js", "fs.writeSync(4, 'garbage that is no frame'); 1"),
        ("py", "os.write(4, b'garbage that is no frame')"),
        ("py", "os.write(4, bytes(9)); time.sleep(5)"),
        ("py", "os.write(4, b'\\xff' * 65536); time.sleep(5)"),
        // Closed.
        ("js", "fs.closeSync(3); 1"),
        ("js", "fs.closeSync(4); 1"),
        ("py", "os.close(3)"),
        ("py", "os.close(4)"),
        ("py", "os.closerange(3, 100); time.sleep(5)"),
    ] {
        // It may fail, now or at the next call, but never for good.
        node.call(function, &json!({ "run": code }));
        node.call(function, &json!({}));
        let count = node.count(function);
        assert!(count <= 2, "{code}: {count}");
    }
    for (function, code) in
        [("js", "fs.closeSync(1); fs.closeSync(2); console.log(1); 1"), ("py", "os.close(1); os.close(2)")]
    {
        node.run(function, code);
        assert!(node.call(function, &json!({}))["payload"].is_u64(), "it answers without an output, too");
    }
}

#[test]
fn code_that_cannot_be_loaded_says_why() {
    let good = "exports.handler = async () => 1;";
    let node = Node::of(&[
        js("js-syntax", "exports.handler = async ( => 1;"),
        js("js-module", "require('no-such-module'); exports.handler = async () => 1;"),
        js("js-missing", good).handler("index.nothing"),
        js("js-no-file", good).handler("nothing.handler"),
        js("js-throws", "throw new TypeError('at load');"),
        js("js-exits", "process.exit(5);"),
        py("py-syntax", "def handler(event context):\n    return 1\n"),
        py("py-module", "import no_such_module\n"),
        py("py-missing", "x = 1\n"),
        py("py-no-file", "x = 1\n").handler("nothing.handler"),
        py("py-throws", "raise TypeError('at load')\n"),
        py("py-exits", "import os; os._exit(5)\n"),
    ]);
    for (function, kind, message) in [
        ("js-syntax", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        ("js-module", "Runtime.ImportModuleError", "Error: Cannot find module 'no-such-module'"),
        ("js-missing", "Runtime.HandlerNotFound", "index.nothing is undefined or not exported"),
        ("js-no-file", "Runtime.ImportModuleError", "Error: Cannot find module 'nothing'"),
        ("js-throws", "TypeError", "at load"),
        ("js-exits", "Runtime.ExitError", "Runtime exited with error: exit status 5"),
        ("py-syntax", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        (
            "py-module",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'no_such_module'",
        ),
        ("py-missing", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        (
            "py-no-file",
            "Runtime.ImportModuleError",
            "Unable to import module 'nothing': No module named 'nothing'",
        ),
        ("py-throws", "TypeError", "at load"),
        ("py-exits", "Runtime.ExitError", "Runtime exited with error: exit status 5"),
    ] {
        let failed = failure(&node.call(function, &json!({})));
        assert!(failed.0 == kind && failed.1.starts_with(message), "{function}: {failed:?}");
        let answer = node.get(&format!("/{function}"));
        assert_eq!((answer.status, answer.body.as_str()), FAILED, "{function}");
    }
}

#[test]
fn a_handler_without_a_dot_is_refused_or_malformed() {
    let mut command = crate::harness::lambent();
    let app = crate::harness::Folder::new();
    app.write("f/index.js", "");
    app.write("lambent.toml", &crate::functions::manifest(&[js("f", "").handler("index")]));
    let output = crate::harness::run(command.arg("up").arg(app.path()));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("handler"), "{output:?}");
}

#[test]
fn an_error_that_nobody_handles_ends_the_process_and_is_reported() {
    let node = pair();
    let reject = "Promise.reject(new Error('dropped')); undefined";
    assert_eq!(
        node.fails("js", reject),
        ("Runtime.UnhandledPromiseRejection".into(), "Error: dropped".into())
    );
    assert_eq!(node.count("js"), 1);
    let throw = "setTimeout(() => { throw new TypeError('in a timer'); }, 10); undefined";
    assert_eq!(node.fails("js", throw), ("TypeError".into(), "in a timer".into()));
    assert_eq!(node.count("js"), 1);
    // A thread's exception ends the thread alone.
    node.run("py", "threading.Thread(target=lambda: 1 / 0).start()");
    assert_eq!(node.count("py"), 2);
}

#[test]
fn a_failing_function_leaves_the_log_of_its_failure() {
    let node = pair();
    let log = |ran: Value| ran["log"].as_str().unwrap().to_owned();
    let exited = log(node.invoke("py", r#"{"run": "print('before'); os._exit(3)"}"#));
    assert!(exited.contains("\nbefore\n"), "{exited}");
    assert!(exited.contains("Status: error\tError Type: Runtime.ExitError"), "{exited}");
    let thrown = log(node.call("js", &json!({ "run": "throw new Error('why')" })));
    assert!(thrown.contains("\"errorMessage\":\"why\""), "{thrown}");
}
