"""Writes signed_requests.json: requests that botocore signed at a fixed time, for the tests of src/sign.

Run it in an environment with boto3: python3 signed_requests.py > signed_requests.json
"""

import base64
import datetime
import json
import sys
from unittest import mock

import boto3
from botocore.auth import S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 2, 3, 10, 0, 0)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ENDPOINT = "http://127.0.0.1:4566"
# Never signed, and different on each machine and in each run.
UNSIGNED = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "content-length"}

cases = []


def case(name, service, request):
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        body = body.encode()
    headers = [[k, v.decode() if isinstance(v, bytes) else v] for k, v in request.headers.items()
               if k.lower() not in UNSIGNED]
    if not any(k.lower() == "host" for k, _ in headers):
        headers.append(["host", "127.0.0.1:4566"])
    uri = request.url.removeprefix(ENDPOINT)
    cases.append({"name": name, "service": service, "method": request.method, "uri": uri, "headers": headers,
                  "body": base64.b64encode(body).decode()})


class Raw:
    def stream(self, **_):
        yield b"{}"

    def read(self, *_):
        return b""


def by_client(name, service, act, token=None):
    """The request that a boto3 client sends."""
    client = boto3.client(service, endpoint_url=ENDPOINT, region_name="eu-west-1", aws_access_key_id=KEY,
                          aws_secret_access_key=SECRET, aws_session_token=token,
                          config=Config(retries={"max_attempts": 0}))

    def caught(request, **_):
        case(name, service, request)
        return AWSResponse(request.url, 200, {}, Raw())

    client.meta.events.register("before-send", caught)
    try:
        act(client)
    except Exception:
        pass  # The made-up response need not make sense.


def by_signer(name, service, signer, method, path, headers=None, data=None, **options):
    """A request of any shape, signed alone."""
    request = AWSRequest(method=method, url=ENDPOINT + path, headers=headers or {}, data=data)
    signer(Credentials(KEY, SECRET), service, "us-east-1", **options).add_auth(request)
    case(name, service, request.prepare())


def main():
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:register-user"
    context = base64.b64encode(b'{"custom":{}}').decode()
    by_client("invoke", "lambda", lambda c: c.invoke(FunctionName="f", Payload=b'{"a":1}'))
    by_client("invoke-arn", "lambda", lambda c: c.invoke(FunctionName=arn + ":$LATEST", Payload=b"{}"))
    by_client("invoke-all", "lambda", lambda c: c.invoke(
        FunctionName="f", InvocationType="DryRun", LogType="Tail", Qualifier="$LATEST", ClientContext=context))
    by_client("list-functions", "lambda", lambda c: c.list_functions(Marker="a b/c+d~e", MaxItems=5))
    by_client("session-token", "lambda", lambda c: c.get_function(FunctionName="f"), token="a/token+with=signs")
    by_client("put-item", "dynamodb", lambda c: c.put_item(
        TableName="Users", Item={"email": {"S": "ü@example.org"}, "age": {"N": "36"}}))
    by_client("put-object", "s3", lambda c: c.put_object(
        Bucket="reports", Key="a b/ü+(1)~.txt", Body=b"hello", ChecksumAlgorithm="SHA256"))
    by_client("list-objects", "s3", lambda c: c.list_objects_v2(Bucket="reports", Prefix="a/b c", Delimiter="/"))

    by_signer("odd-path", "lambda", SigV4Auth, "GET", "/a//b/./c/../d%20e/%E1%88%B4/")
    by_signer("odd-query", "lambda", SigV4Auth, "GET", "/?b=2&a=1&a=&c&%C3%BC=%2F~")
    by_signer("spaces", "lambda", SigV4Auth, "POST", "/", {"X-Amz-Meta": "  a   b \t c  ", "My-Header": " x"}, b"body")
    by_signer("presigned", "lambda", SigV4QueryAuth, "GET", "/2015-03-31/functions/?MaxItems=1", expires=60)
    by_signer("presigned-s3", "s3", S3SigV4QueryAuth, "GET", "/reports/a%20b.txt?versionId=1", expires=604800)
    json.dump(cases, sys.stdout, indent=1, ensure_ascii=False)
    print()


with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: NOW):
    main()
