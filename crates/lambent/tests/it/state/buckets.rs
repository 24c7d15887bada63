//! S3: boto3, the AWS CLI, and the SDK for JavaScript.

use std::fs;
use std::path::Path;

use super::{boto3, clean, javascript};
use crate::clients::{python, succeed, tests};
use crate::harness::{Folder, Node, eventually};

const MANIFEST: &str = r#"
[functions.f]
runtime = "python"
code = "code"
handler = "app.handler"
timeout = "20s"

[buckets.reports]
[buckets.listed]
[buckets.keys-of-all-kinds]

[buckets.hasty]
abort-uploads-after = "1s"
"#;

const CODE: &str = "
import boto3

def handler(event, context):
    s3 = boto3.client('s3')
    s3.put_object(Bucket='reports', Key=event['key'], Body=b'from inside')
    return s3.get_object(Bucket='reports', Key=event['key'])['Body'].read().decode()
";

fn up() -> Node {
    Node::up(MANIFEST, &[("code/app.py", CODE)])
}

macro_rules! boto3_finds {
    ($($name:ident: $test:literal;)*) => {$(
        #[test]
        fn $name() {
            boto3(&up(), "state_s3.py", $test);
        }
    )*};
}

boto3_finds! {
    objects_are_put_got_and_deleted_under_every_key: "objects";
    checksums_are_checked_and_what_is_not_there_is_refused: "checksums";
    lists_go_by_pages_and_groups: "lists";
    objects_are_copied: "copies";
    uploads_in_parts_are_completed_aborted_and_cleaned: "uploads";
    a_gigabyte_goes_in_and_out: "gigabyte";
    clients_make_buckets_of_their_own: "buckets";
}

#[test]
fn presigned_addresses_are_checked() {
    let node = Node::up_with(MANIFEST, &[("code/app.py", CODE)], |command| {
        command
            .env("LAMBENT_ACCESS_KEY_ID", "AKIDNODE")
            .env("LAMBENT_SECRET_ACCESS_KEY", "secret-of-the-node");
    });
    let mut command = clean(python().join("python"));
    command.arg(tests().join("clients/state_s3.py")).arg(format!("http://{}", node.api));
    succeed(command.args(["links", "AKIDNODE", "secret-of-the-node"]));
}

#[test]
fn the_sdk_for_javascript_uses_buckets() {
    let node = up();
    javascript(&node, "state_s3.mjs");
    let folder = node.app.path().join(".lambent/buckets/reports");
    assert_eq!(fs::read_dir(folder.join("drafts")).unwrap().count(), 0, "what was aborted leaves nothing");
    eventually("aborted uploads leave nothing", || {
        (fs::read_dir(folder.join("uploads")).unwrap().count() == 0).then_some(())
    });
}

#[test]
fn functions_use_buckets() {
    let node = up();
    let told = node.invoke("f", r#"{"key": "a/b c"}"#);
    assert!(told.to_string().contains("from inside"), "{told} {:#?}", node.logs("f"));
}

/// `aws s3 sync` there and back: what is new, what changed and what is gone.
#[test]
fn folders_are_synchronised() {
    let node = up();
    let (there, back) = (Folder::new(), Folder::new());
    let sync = |from: &str, to: &str| {
        let mut command = clean(python().join("aws"));
        command.args(["--endpoint-url", &format!("http://{}", node.api), "--region", "us-east-1"]);
        command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any");
        succeed(command.args(["s3", "sync", "--delete", "--no-progress", from, to]))
    };
    there.write("a.txt", "one");
    there.write("deep/er/b c.txt", "two");
    there.write("deep/ü.txt", "three");
    there.write("large", &"x".repeat(20 * 1024 * 1024));
    let (from, to) = (there.path().to_str().unwrap(), back.path().to_str().unwrap());
    assert_eq!(sync(from, "s3://reports/site").lines().count(), 4);
    assert_eq!(sync(from, "s3://reports/site"), "", "nothing changed");
    assert_eq!(sync("s3://reports/site", to).lines().count(), 4);
    let read = |folder: &Path, name: &str| fs::read(folder.join(name)).unwrap();
    for name in ["a.txt", "deep/er/b c.txt", "deep/ü.txt", "large"] {
        assert!(read(there.path(), name) == read(back.path(), name), "{name}");
    }
    there.write("a.txt", "another");
    fs::remove_file(there.path().join("deep/ü.txt")).unwrap();
    let told = sync(from, "s3://reports/site");
    assert!(told.contains("upload: ") && told.contains("delete: "), "{told}");
    sync("s3://reports/site", to);
    assert_eq!(read(back.path(), "a.txt"), b"another");
    assert!(!back.path().join("deep/ü.txt").exists());
}
