//! The lives of sandboxes and nodes: how they begin, scale, and end without leaving anything behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::functions::{
    Process, Source, all_gone, failure, groups, js, manifest, mounts, obedient_js, obedient_py, py,
};
use crate::harness::{Folder, Node, eventually, lambent, raw, run};

/// Python code that is true the first time in a sandbox.
const FIRST: &str =
    "import os, time\nfirst = not os.path.exists('/tmp/once')\nopen('/tmp/once', 'w').close()\n";
const HANDLER: &str = "def handler(event, context): return 'ready'\n";

#[test]
fn an_init_that_fails_once_is_repeated_inside_the_first_invocation() {
    let node = Node::of(&[
        js(
            "js",
            "const fs = require('fs');
            if (!fs.existsSync('/tmp/once')) { fs.writeFileSync('/tmp/once', ''); throw new Error('first'); }
            exports.handler = async () => 'ready';",
        ),
        py("py", &format!("{FIRST}if first: raise ValueError('first')\n{HANDLER}")),
        py("exits", &format!("{FIRST}if first: os._exit(1)\n{HANDLER}")),
    ]);
    for function in ["js", "py", "exits"] {
        assert_eq!(node.call(function, &json!({}))["payload"], "ready", "{function}");
    }
}

#[test]
fn an_init_may_take_longer_than_the_timeout() {
    let node =
        Node::of(&[py("f", &format!("import time; time.sleep(1.5)\n{HANDLER}")).with("timeout = \"500ms\"")]);
    let ran = node.call("f", &json!({}));
    assert_eq!(ran["payload"], "ready");
    assert!(ran["init_ms"].as_f64().unwrap() > 1500.0, "{ran:#}");
    assert!(ran["duration_ms"].as_f64().unwrap() < 500.0, "{ran:#}");
    assert!(node.call("f", &json!({}))["init_ms"].is_null());
}

#[test]
fn an_init_of_more_than_ten_seconds_is_repeated_under_the_functions_timeout() {
    let node = Node::of(&[
        py("heals", &format!("{FIRST}if first: time.sleep(60)\n{HANDLER}")),
        py("never", &format!("import time; time.sleep(60)\n{HANDLER}")).with("timeout = \"1s\""),
    ]);
    std::thread::scope(|scope| {
        let heals = scope.spawn(|| node.call("heals", &json!({})));
        let never = node.call("never", &json!({}));
        assert_eq!(failure(&never), ("Sandbox.Timedout".into(), "Task timed out after 1.00 seconds".into()));
        assert_eq!(heals.join().unwrap()["payload"], "ready");
    });
}

#[test]
fn slow_requests_at_once_scale_out() {
    let node =
        Node::of(&[js("f", "exports.handler = () => new Promise((r) => setTimeout(() => r('slow'), 300));")]);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..20).map(|_| scope.spawn(|| node.get("/f"))).collect();
        for answer in all {
            let answer = answer.join().unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (200, "slow"));
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(5), "one after the other takes 6: {:?}", begun.elapsed());
    assert!(node.sandboxes("f") > 2, "{}", node.sandboxes("f"));
}

#[test]
fn a_function_without_work_scales_to_zero() {
    let node = Node::of(&[obedient_py().with("keep-alive = \"1s\""), obedient_js()]);
    node.count("py");
    node.count("js");
    assert_eq!(node.sandboxes("py"), 1);
    eventually("it goes", || (node.sandboxes("py") == 0).then_some(()));
    eventually("its process too", || (!node.processes().iter().any(|p| p.is("bootstrap.py"))).then_some(()));
    assert_eq!(node.sandboxes("js"), 1, "the other is kept for ten minutes");
    assert_eq!(node.count("py"), 1);
}

#[test]
fn later_layers_lie_over_earlier_ones() {
    let layers = "layers = [\"layers/one\", \"layers/two\"]";
    let one = py("one", "def handler(e, c): import shared; return [shared.name, open('/opt/both').read()]");
    let sources = [
        one.with("layers = [\"layers/one\"]"),
        py("two", "def handler(e, c): import shared; return [shared.name] + [open(f'/opt/{n}').read() for n in ('both', 'one', 'two')]")
            .with(layers),
        js("js", "exports.handler = async () => [require('shared'), require('fs').readFileSync('/opt/both', 'utf8')];").with(layers),
        py("none", "import os\ndef handler(e, c): return os.listdir('/opt')"),
        py("write", "def handler(e, c): open('/opt/new', 'w')").with(layers),
    ];
    let files = [
        ("one/app.py", sources[0].code()),
        ("two/app.py", sources[1].code()),
        ("js/index.js", sources[2].code()),
        ("none/app.py", sources[3].code()),
        ("write/app.py", sources[4].code()),
        ("layers/one/both", "1"),
        ("layers/one/one", "1"),
        ("layers/one/python/shared.py", "name = 'first'"),
        ("layers/one/nodejs/node_modules/shared/index.js", "module.exports = 'first'"),
        ("layers/two/both", "2"),
        ("layers/two/two", "2"),
        ("layers/two/python/shared.py", "name = 'second'"),
        ("layers/two/nodejs/node_modules/shared/index.js", "module.exports = 'second'"),
    ];
    let node = Node::up(&manifest(&sources), &files);
    let result = |function: &str| node.call(function, &json!({}))["payload"].clone();
    assert_eq!(result("one"), json!(["first", "1"]));
    assert_eq!(result("two"), json!(["second", "2", "1", "2"]));
    assert_eq!(result("js"), json!(["second", "2"]));
    assert_eq!(result("none"), json!([]));
    assert_eq!(failure(&node.call("write", &json!({}))).0, "OSError");
}

/// A node with processes that would like to live on.
fn busy() -> (Node, Vec<Process>) {
    let node =
        Node::of(&[obedient_js(), obedient_py(), obedient_py().named("hangs").with("timeout = \"1m\"")]);
    node.run(
        "js",
        "require('child_process').spawn('sleep', ['86421'], { detached: true, stdio: 'ignore' }).pid",
    );
    node.run(
        "py",
        "
for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(n, signal.SIG_IGN)
subprocess.Popen(['setsid', 'nohup', 'sleep', '86421'], start_new_session=True)",
    );
    let processes = eventually("all run", || {
        let processes = node.processes();
        (processes.iter().filter(|p| p.is("sleep 86421")).count() == 2).then_some(processes)
    });
    (node, processes)
}

#[test]
fn a_killed_node_leaves_no_process_and_the_next_one_clears_the_rest() {
    let (mut node, processes) = busy();
    let (old, admin) = (node.pid(), node.admin);
    assert!(!groups(old).is_empty());
    std::thread::scope(|scope| {
        let hang = r#"{ "run": "while True: pass" }"#;
        let path = "/v1/functions/hangs/invocations";
        let hang = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{hang}",
            hang.len()
        );
        let hanging = scope.spawn(move || raw(admin, hang.as_bytes()));
        eventually("it hangs", || (node.processes().len() > processes.len()).then_some(()));
        let all = node.processes();
        let killed = Instant::now();
        node.signal("KILL");
        all_gone(&all);
        assert!(killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
        assert_eq!(hanging.join().unwrap(), b"", "it never had an answer");
    });
    assert_eq!(mounts(node.app.path()), [""; 0]);
    node.restart();
    assert_eq!(node.count("py"), 1);
    assert_eq!(node.count("js"), 1);
    assert_eq!(groups(old), [""; 0], "the groups of the killed node are gone");
    assert!(!groups(node.pid()).is_empty());
}

#[test]
fn a_stopped_node_leaves_nothing_behind() {
    let (mut node, processes) = busy();
    let pid = node.pid();
    node.signal("TERM");
    assert_eq!(node.ended(), Some(0));
    all_gone(&processes);
    assert_eq!(groups(pid), [""; 0]);
    assert_eq!(mounts(node.app.path()), [""; 0]);
    assert!(!node.app.path().join(".lambent/run").exists());
}

#[test]
fn a_second_node_on_the_same_folder_is_refused() {
    let node = Node::of(&[obedient_py()]);
    let text = refused(&node.app);
    assert!(text.contains("another lambent runs on") && text.contains("--data"), "{text}");
    assert_eq!(node.count("py"), 1, "the first is none the worse for it");
}

/// What `lambent up` says of an app that it does not run.
fn refused(app: &Folder) -> String {
    let mut command = lambent();
    command.arg("up").arg(app.path());
    for port in ["--gateway", "--api", "--admin"] {
        command.args([port, "127.0.0.1:0"]);
    }
    let output = run(&mut command);
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn code_that_a_function_could_not_read_is_refused_at_start() {
    let folder = |prepare: &dyn Fn(&Folder)| {
        let app = Folder::new();
        let source: Source = obedient_py().with("layers = [\"layer\"]");
        app.write("py/app.py", source.code());
        app.write("py/sub/data", "x");
        app.write("layer/data", "x");
        app.write("lambent.toml", &manifest(&[source]));
        prepare(&app);
        app
    };
    let mode = |app: &Folder, name: &str, mode| {
        fs::set_permissions(app.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (name, wrong) in [
        ("py/app.py", 0o600),
        ("py/sub/data", 0o640),
        ("py/sub", 0o700),
        ("py", 0o750),
        ("layer/data", 0o600),
    ] {
        let app = folder(&|app| mode(app, name, wrong));
        let text = refused(&app);
        let place = app.path().join(name).canonicalize().unwrap();
        for part in [
            "the function py cannot run here",
            place.to_str().unwrap(),
            &format!("has mode {wrong:04o}"),
            "chmod -R a+rX",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    for (target, good) in
        [("/etc/passwd", false), ("../../layer/data", false), ("data", true), ("../app.py", true)]
    {
        let app = folder(&|app| symlink(target, app.path().join("py/sub/link")).unwrap());
        if good {
            let node = Node::in_folder(app);
            assert_eq!(node.run("py", "result = len(open('/var/task/sub/link').read()) > 0"), true);
        } else {
            let text = refused(&app);
            for part in ["lambent.toml", "sub/link", target, "leads out of the folder"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }
}

#[test]
fn a_strict_umask_of_the_node_is_not_the_functions() {
    let app = Folder::new();
    let sources = [obedient_js(), obedient_py()];
    app.write("js/index.js", sources[0].code());
    app.write("py/app.py", sources[1].code());
    app.write("lambent.toml", &manifest(&sources));
    let node = Node::in_folder_with(app, |command| {
        use std::os::unix::process::CommandExt;
        // SAFETY: umask is safe between fork and exec.
        unsafe {
            command.pre_exec(|| {
                rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
                Ok(())
            })
        };
    });
    assert_eq!(node.count("js"), 1);
    assert_eq!(node.count("py"), 1);
    let seen: Value = node.run(
        "py",
        "result = [oct(os.stat(p).st_mode & 0o777) for p in ('/', '/etc', '/etc/passwd', '/opt')]",
    );
    assert_eq!(seen, json!(["0o755", "0o755", "0o644", "0o755"]));
}
