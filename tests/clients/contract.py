"""What boto3 finds on the AWS-compatible port: contract.py ENDPOINT TEST."""

import base64
import io
import json
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, TEST = sys.argv[1:3]
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


def client(service, key="any", secret="any", **config):
    config = Config(retries={"total_max_attempts": 1}, **config)
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name="us-east-1", config=config,
        aws_access_key_id=key, aws_secret_access_key=secret,
    )


def refused(call, code, status, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error.response
        return error.response["Error"]["Message"]
    raise AssertionError(f"not refused: {answer}")


def invoke(lambda_, payload=b"{}", **arguments):
    answer = lambda_.invoke(FunctionName="f", Payload=payload, **arguments)
    return answer, json.loads(answer["Payload"].read())


def invocations():
    lambda_ = client("lambda")
    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    answer, told = invoke(lambda_, b'{"a": [1, "\xc3\xb6"]}', ClientContext=context, InvocationType="RequestResponse")
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer and "LogResult" not in answer, answer
    assert answer["ExecutedVersion"] == "$LATEST"
    assert told["event"] == {"a": [1, "ö"]} and told["custom"] == {"k": "v"}, told
    assert told["id"] == answer["ResponseMetadata"]["RequestId"]
    assert told["arn"] == ARN + "f"
    for name in ["f", "f:$LATEST", ARN + "f", ARN + "f:$LATEST", "000000000000:function:f"]:
        told = json.loads(lambda_.invoke(FunctionName=name)["Payload"].read())
        assert told["arn"] == ARN + "f" + (":$LATEST" if "LATEST" in name else ""), (name, told)
        assert told["event"] == {}
    told = json.loads(lambda_.invoke(FunctionName="f", Qualifier="$LATEST")["Payload"].read())
    assert told["arn"] == ARN + "f:$LATEST"

    answer = lambda_.invoke(FunctionName="f", InvocationType="DryRun", Payload=b'{"fail": true}')
    assert answer["StatusCode"] == 204 and answer["Payload"].read() == b"", answer

    answer, told = invoke(lambda_, b'{"none": true}')
    assert told is None
    answer, told = invoke(lambda_, b'{"fail": true}')
    assert answer["StatusCode"] == 200 and answer["FunctionError"] == "Unhandled"
    assert told["errorType"] == "ValueError" and told["errorMessage"] == "deliberate", told


def log_tail():
    answer, told = invoke(client("lambda"), b'{"print": 2}', LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    id = told["id"]
    assert lines[0] == f"START RequestId: {id} Version: $LATEST", lines
    assert lines[1:3] == ["line 0", "line 1"], lines
    assert lines[3] == f"END RequestId: {id}", lines
    assert lines[4].startswith(f"REPORT RequestId: {id}\tDuration: "), lines
    assert "\tMemory Size: 128 MB\t" in lines[4] and len(lines) == 5, lines
    answer, _ = invoke(client("lambda"), b'{"print": 2000}', LogType="Tail")
    tail = base64.b64decode(answer["LogResult"])
    assert len(tail) <= 4096 and b"line 1999\n" in tail and b"REPORT" in tail and b"line 0\n" not in tail, tail


def refusals():
    lambda_ = client("lambda")
    message = refused(lambda_.invoke, "ResourceNotFoundException", 404, FunctionName="g")
    assert message == f"Function not found: {ARN}g", message
    message = refused(lambda_.invoke, "ResourceNotFoundException", 404, FunctionName="f", Qualifier="7")
    assert message == f"Function not found: {ARN}f:7", message
    refused(lambda_.get_function, "ResourceNotFoundException", 404, FunctionName="g")
    message = refused(lambda_.invoke, "InvalidRequestContentException", 400, FunctionName="f", Payload=b"{no json")
    assert message.startswith("Could not parse request body into json: "), message
    message = refused(
        lambda_.invoke, "RequestTooLargeException", 413, FunctionName="f", Payload=b'"' + b"x" * 6291455 + b'"'
    )
    assert message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation", message
    whole = b'"' + b"x" * 6291454 + b'"'
    answer = lambda_.invoke(FunctionName="size", Payload=whole)
    assert answer["Payload"].read() == b"6291454"
    answer = lambda_.invoke(FunctionName="size", Payload=b'{"make": 6300000}')
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "Function.ResponseSizeTooLarge"
    for call, arguments in [
        (lambda_.list_aliases, {"FunctionName": "f"}),
        (lambda_.delete_function, {"FunctionName": "f"}),
        (client("sts").get_caller_identity, {}),
    ]:
        try:
            call(**arguments)
        except ClientError as error:
            assert "Lambent" in error.response["Error"]["Message"], error.response
            assert error.response["Error"]["Code"] in ("UnknownOperationException", "InvalidAction"), error.response
        else:
            raise AssertionError(call)


def functions():
    lambda_ = client("lambda")
    names = [f["FunctionName"] for page in lambda_.get_paginator("list_functions").paginate(
        PaginationConfig={"PageSize": 1}) for f in page["Functions"]]
    assert names == ["echo-stream", "f", "size"], names
    told = lambda_.get_function(FunctionName="f")["Configuration"]
    assert told["FunctionArn"] == ARN + "f" and told["Handler"] == "app.handler", told
    assert (told["Timeout"], told["MemorySize"], told["State"]) == (3, 128, "Active"), told
    assert lambda_.get_function_configuration(FunctionName="f")["FunctionName"] == "f"
    lambda_.get_waiter("function_active_v2").wait(FunctionName="f")


def streams():
    lambda_ = client("lambda")

    def stream(name, payload=b"{}", **arguments):
        answer = lambda_.invoke_with_response_stream(FunctionName=name, Payload=payload, **arguments)
        events = list(answer["EventStream"])
        chunks = b"".join(e["PayloadChunk"]["Payload"] for e in events if "PayloadChunk" in e)
        assert "InvokeComplete" in events[-1], events
        return answer, chunks, events[-1]["InvokeComplete"]

    answer, chunks, end = stream("echo-stream", b'{"chunks": 3}')
    kind = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-remapped-content-type"]
    assert kind == "text/plain" and answer["ExecutedVersion"] == "$LATEST", answer
    assert chunks == b"chunk 0\nchunk 1\nchunk 2\n" and "ErrorCode" not in end, (chunks, end)
    answer, chunks, end = stream("echo-stream", b'{"chunks": 1, "fail": true}')
    assert chunks == b"chunk 0\n" and end["ErrorCode"] == "Unhandled" and "deliberate" in end["ErrorDetails"], end
    answer, chunks, end = stream("echo-stream", b'{"chunks": 1, "bytes": 20000000}')
    assert len(chunks) == 20000008, len(chunks)
    answer, chunks, end = stream("f", b"1", LogType="Tail")
    assert json.loads(chunks)["event"] == 1 and b"START" in base64.b64decode(end["LogResult"]), end
    answer, chunks, end = stream("f", b'{"fail": true}')
    assert chunks == b"" and end["ErrorCode"] == "Unhandled" and "ValueError" in end["ErrorDetails"], end
    refused(lambda_.invoke_with_response_stream, "ResourceNotFoundException", 404, FunctionName="g")


def credentials():
    """The node has the key `right` with the secret `secret`."""
    assert invoke(client("lambda", "right", "secret"))[0]["StatusCode"] == 200
    table = {"TableName": "Users"}
    client("dynamodb", "right", "secret").describe_table(**table)
    for key, secret, code, coral in [
        ("right", "wrong", "SignatureDoesNotMatch", "InvalidSignatureException"),
        ("other", "secret", "UnrecognizedClientException", "UnrecognizedClientException"),
    ]:
        told = [
            refusal(client("lambda", key, secret).invoke, FunctionName="f"),
            refusal(client("dynamodb", key, secret).describe_table, **table),
        ]
        assert all(status in (400, 403) and name in (code, coral) for status, name in told), told
    unsigned = [
        refusal(client("lambda", signature_version=UNSIGNED).invoke, FunctionName="f"),
        refusal(client("dynamodb", signature_version=UNSIGNED).describe_table, **table),
    ]
    assert all("MissingAuthenticationToken" in name for _, name in unsigned), unsigned
    # A function has a key of its own, and its answer arrives.
    told = invoke(client("lambda", "right", "secret"), b'{"invoke": "size"}')[1]
    assert told["inner"] == "1", told


def refusal(call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError(f"not refused: {answer}")


def tables():
    dynamodb = boto3.resource(
        "dynamodb", endpoint_url=ENDPOINT, region_name="us-east-1",
        aws_access_key_id="any", aws_secret_access_key="any",
    )
    assert [table.name for table in dynamodb.tables.all()] == ["Orders", "Users"]
    users = dynamodb.Table("Users")
    users.load()
    assert users.table_status == "ACTIVE" and users.key_schema == [{"AttributeName": "email", "KeyType": "HASH"}]
    assert users.table_arn == "arn:aws:dynamodb:us-east-1:000000000000:table/Users", users.table_arn
    item = {
        "email": "ada@example.org", "name": "größe", "n": 12345678901234567890, "ok": True, "none": None,
        "list": [1, "two", {"three": 3}], "set": {"a", "b"}, "bytes": b"\x00\xff",
    }
    users.put_item(Item=item)
    told = users.get_item(Key={"email": "ada@example.org"}, ConsistentRead=True)["Item"]
    assert told.pop("bytes").value == item.pop("bytes") and told == item, told
    assert "Item" not in users.get_item(Key={"email": "none"})
    old = users.put_item(Item={"email": "ada@example.org"}, ReturnValues="ALL_OLD")["Attributes"]
    assert old["name"] == "größe", old
    refused(
        users.put_item, "ConditionalCheckFailedException", 400,
        Item={"email": "ada@example.org"}, ConditionExpression="attribute_not_exists(email)",
    )
    orders = dynamodb.Table("Orders")
    orders.put_item(Item={"user": "ada", "at": "1", "total": 3})
    assert orders.get_item(Key={"user": "ada", "at": "1"})["Item"]["total"] == 3
    refused(users.get_item, "ValidationException", 400, Key={"wrong": "x"})
    message = refused(dynamodb.Table("None").get_item, "ResourceNotFoundException", 400, Key={"email": "x"})
    assert "not found" in message, message


globals()[TEST]()
