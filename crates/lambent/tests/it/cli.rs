//! The commands, and what they say when something is wrong.

use crate::harness::{Folder, Node, lambent, run};

#[test]
fn a_port_in_use_is_named_with_the_flag_to_change_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let app = Folder::new();
    app.write("f/index.js", "exports.handler = async () => 1;");
    app.write(
        "lambent.toml",
        "[functions.f]\nruntime = \"nodejs\"\ncode = \"f\"\nhandler = \"index.handler\"\n",
    );
    for flag in ["gateway", "api", "admin"] {
        let mut command = lambent();
        command.arg("up").arg(app.path());
        for port in ["gateway", "api", "admin"] {
            let free = "127.0.0.1:0".to_owned();
            command.arg(format!("--{port}")).arg(if port == flag { address.to_string() } else { free });
        }
        let output = run(&mut command);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(text.contains(&format!("port {} is in use", address.port())), "{text}");
        assert!(text.contains(&format!("--{flag} ")), "{text}");
    }
}

#[test]
fn invoke_prints_the_result_and_fails_with_the_function() {
    let node = Node::up(
        "[functions.f]\nruntime = \"python\"\ncode = \"f\"\nhandler = \"app.handler\"\n",
        &[("f/app.py", "def handler(event, context):\n    print('line')\n    return 1 / event['by']\n")],
    );
    let good = node.command(&["invoke", "f", r#"{"by": 2}"#, "--tail"]);
    assert!(good.status.success());
    assert_eq!(String::from_utf8_lossy(&good.stdout), "0.5\n");
    assert!(String::from_utf8_lossy(&good.stderr).contains("\nline\nEND RequestId: "));
    let bad = node.command(&["invoke", "f", r#"{"by": 0}"#]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&bad.stdout).contains("ZeroDivisionError"));
    let unknown = node.command(&["invoke", "g"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no function `g`; deployed are: f"));
    let no_json = node.command(&["invoke", "f", "{"]);
    assert!(String::from_utf8_lossy(&no_json.stderr).contains("the payload is no JSON"));
}
