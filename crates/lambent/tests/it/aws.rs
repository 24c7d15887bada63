//! The AWS-compatible port as AWS's own clients find it: boto3, the AWS CLI, and the SDK for JavaScript. What they
//! find is asserted in `tests/clients`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::clients::{nodejs, python, succeed, tests};
use crate::custom::invoke;
use crate::harness::{Folder, Node, run};

const MANIFEST: &str = r#"
[functions.f]
runtime = "python"
code = "code"
handler = "app.handler"

[functions.size]
runtime = "python"
code = "code"
handler = "app.size"
memory = "256MB"
timeout = "20s"

[functions.echo-stream]
runtime = "nodejs"
code = "code"
handler = "index.handler"
timeout = "20s"

[tables.Users]
key = "email"

[tables.Orders]
key = "user"
sort = "at"
"#;

const PYTHON: &str = r#"
def handler(event, context):
    if isinstance(event, dict):
        if event.get("fail"):
            raise ValueError("deliberate")
        if event.get("none"):
            return None
        for i in range(event.get("print", 0)):
            print("line", i)
    inner = call(event["invoke"]) if isinstance(event, dict) and "invoke" in event else None
    client = context.client_context
    return {
        "event": event, "id": context.aws_request_id, "arn": context.invoked_function_arn,
        "custom": client.custom if client else None, "inner": inner,
    }

def call(name):
    import os, hashlib, hmac, datetime, urllib.request, urllib.parse
    # Signed by hand: the way that every SDK takes, without one.
    url = os.environ["AWS_ENDPOINT_URL"] + "/2015-03-31/functions/" + name + "/invocations"
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    host, body = urllib.parse.urlsplit(url).netloc, b'"x"'
    scope = [now[:8], os.environ["AWS_REGION"], "lambda", "aws4_request"]
    canonical = "\n".join([
        "POST", urllib.parse.urlsplit(url).path, "", f"host:{host}", f"x-amz-date:{now}", "", "host;x-amz-date",
        hashlib.sha256(body).hexdigest(),
    ])
    text = "\n".join(["AWS4-HMAC-SHA256", now, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope + [text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = "/".join([os.environ["AWS_ACCESS_KEY_ID"]] + scope)
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={key.hex()}"
    )
    headers = {"x-amz-date": now, "authorization": authorization}
    return urllib.request.urlopen(urllib.request.Request(url, body, headers)).read().decode()

def size(event, context):
    return "x" * event["make"] if isinstance(event, dict) else len(event)
"#;

const NODE: &str = r"
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType('text/plain');
  for (let i = 0; i < event.chunks; i++) stream.write(`chunk ${i}\n`);
  if (event.bytes) stream.write(Buffer.alloc(event.bytes, 'x'));
  if (event.fail) throw new Error('deliberate');
  stream.end();
});
";

const FILES: [(&str, &str); 2] = [("code/app.py", PYTHON), ("code/index.js", NODE)];

fn up() -> Node {
    Node::up(MANIFEST, &FILES)
}

/// A command that does not read the settings of whoever runs the tests.
pub(crate) fn clean(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1");
    command
}

/// Runs a test of `tests/clients/contract.py` against a node.
fn boto3(node: &Node, test: &str) {
    let mut command = clean(python().join("python"));
    succeed(command.arg(tests().join("clients/contract.py")).args([&format!("http://{}", node.api), test]));
}

#[test]
fn boto3_invokes() {
    let node = up();
    boto3(&node, "invocations");
    boto3(&node, "log_tail");
}

#[test]
fn boto3_is_refused_in_lambdas_words() {
    boto3(&up(), "refusals");
}

#[test]
fn boto3_lists_and_describes_functions() {
    boto3(&up(), "functions");
}

#[test]
fn boto3_hears_streams() {
    boto3(&up(), "streams");
}

#[test]
fn boto3_uses_tables() {
    boto3(&up(), "tables");
}

#[test]
fn only_who_has_the_key_is_served() {
    let key = |command: &mut Command| {
        command.env("LAMBENT_ACCESS_KEY_ID", "right").env("LAMBENT_SECRET_ACCESS_KEY", "secret");
    };
    let node = Node::up_with(MANIFEST, &FILES, key);
    boto3(&node, "credentials");
    // Refused before anything is run, and without a word on what there is.
    let refused = invoke(&node, "no-such-function", &[], "{}");
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(!refused.body.contains("no-such-function"), "{refused:?}");
}

#[test]
fn the_command_line_works() {
    let node = up();
    let aws = |arguments: &[&str]| -> Output {
        let mut command = clean(python().join("aws"));
        command.args(["--endpoint-url", &format!("http://{}", node.api), "--region", "us-east-1"]);
        command
            .env("AWS_ACCESS_KEY_ID", "any")
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .env("AWS_MAX_ATTEMPTS", "1");
        run(command.args(arguments))
    };
    let json = |output: &Output| -> serde_json::Value {
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    };
    let out = node.app.path().join("out.json");
    let out = out.to_str().unwrap();
    let told = aws(&["lambda", "invoke", "--function-name", "f", "--payload", r#"{"a": 1}"#, out]);
    assert_eq!(json(&told), json!({"StatusCode": 200, "ExecutedVersion": "$LATEST"}), "{told:?}");
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(out).unwrap()).unwrap();
    assert_eq!(written["event"], json!({"a": 1}));

    let told = aws(&["lambda", "invoke", "--function-name", "f", "--payload", r#"{"fail": true}"#, out]);
    assert_eq!(json(&told)["FunctionError"], "Unhandled");
    let told = aws(&["lambda", "invoke", "--function-name", "f", "--invocation-type", "Event", out]);
    assert_eq!(json(&told)["StatusCode"], 202, "{told:?}");
    let told = aws(&["lambda", "list-functions", "--query", "Functions[].FunctionName"]);
    assert_eq!(json(&told), json!(["echo-stream", "f", "size"]));

    let item = r#"{"email": {"S": "ada@example.org"}, "n": {"N": "1"}}"#;
    let told = aws(&["dynamodb", "put-item", "--table-name", "Users", "--item", item]);
    assert!(told.status.success(), "{told:?}");
    let key = r#"{"email": {"S": "ada@example.org"}}"#;
    let told = aws(&["dynamodb", "get-item", "--table-name", "Users", "--key", key]);
    assert_eq!(json(&told)["Item"]["n"], json!({"N": "1"}));
}

#[test]
fn the_sdk_for_javascript_works() {
    let node = up();
    let mut command = clean("node");
    command.arg(tests().join("clients/contract.mjs")).arg(format!("http://{}", node.api));
    succeed(command.current_dir(nodejs()));
}

/// The shop as it stands in the repository.
pub(crate) fn shop() -> Folder {
    let app = Folder::new();
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop/.");
    succeed(Command::new("cp").arg("-r").args([shop.as_path(), app.path()]));
    app
}

/// The shop as it stands in the repository: its function is written for AWS, and nothing is installed for it by hand.
#[test]
fn the_shop_registers_users() {
    let node = Node::in_folder(shop());
    let answer = node.post("/users", r#"{"email": "ada@example.org", "name": "Ada"}"#);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (201, ""),
        "{answer:?} {:#?}",
        node.logs("register-user")
    );
    let answer = node.post("/users", r#"{"name": "Ada"}"#);
    assert_eq!((answer.status, answer.body.as_str()), (400, "Email is required"));
    let mut command = clean(python().join("python"));
    let script = "import boto3, sys; print(boto3.resource('dynamodb', endpoint_url=sys.argv[1], \
        region_name='us-east-1', aws_access_key_id='a', aws_secret_access_key='a').Table('Users')\
        .get_item(Key={'email': 'ada@example.org'})['Item']['name'])";
    assert_eq!(succeed(command.args(["-c", script, &format!("http://{}", node.api)])), "Ada\n");
}

/// Functions find the SDK without bringing it, as on AWS, and the SDK finds the node.
#[test]
fn functions_use_the_sdk_that_the_node_offers() {
    let python = "import boto3\n\
        def handler(event, context):\n    \
            boto3.resource('dynamodb').Table('Users').put_item(Item={'email': 'p'})\n    \
            told = boto3.client('lambda').invoke(FunctionName='js', Payload=b'{}')\n    \
            return told['Payload'].read().decode()\n";
    let nodejs = "const { DynamoDBClient, GetItemCommand } = require('@aws-sdk/client-dynamodb');\n\
        exports.handler = async () => (await new DynamoDBClient({}).send(\
        new GetItemCommand({ TableName: 'Users', Key: { email: { S: 'p' } } }))).Item.email.S;\n";
    let node = Node::up(
        "[functions.py]\nruntime = \"python\"\ncode = \"py\"\nhandler = \"app.handler\"\ntimeout = \"20s\"\n\
         [functions.js]\nruntime = \"nodejs\"\ncode = \"js\"\nhandler = \"index.handler\"\ntimeout = \"20s\"\n\
         [tables.Users]\nkey = \"email\"\n",
        &[("py/app.py", python), ("js/index.js", nodejs)],
    );
    let answer = invoke(&node, "py", &[], "{}");
    assert_eq!(answer.body, r#""\"p\"""#, "{answer:?} {:#?} {:#?}", node.logs("py"), node.logs("js"));
}
