"""Handlers for the unmodified awslambdaric client."""

import json
import os
import signal
import time


class Boom(Exception):
    pass


count = 0


def echo(event, context):
    global count
    count += 1
    client = context.client_context
    return {
        "echo": event,
        "count": count,
        "requestId": context.aws_request_id,
        "deadline": int(context._epoch_deadline_time_in_ms),
        "arn": context.invoked_function_arn,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "traceEnv": os.environ.get("_X_AMZN_TRACE_ID"),
        "clientContext": {"custom": client.custom, "env": client.env} if client else None,
        "identity": {
            "cognitoIdentityId": context.identity.cognito_identity_id,
            "cognitoIdentityPoolId": context.identity.cognito_identity_pool_id,
        },
        "tenantId": context.tenant_id,
    }


def fail(event, context):
    raise Boom("deliberate failure")


def large(event, context):
    """A string of `bytes` letters."""
    return "x" * event["bytes"]


def stream(event, context):
    """This client cannot stream: bytes are posted as one body of type application/unknown."""
    event = event if isinstance(event, dict) else {}
    prelude = {
        "statusCode": 201,
        "headers": {"content-type": "text/plain", "x-lambent": "stream"},
        "cookies": ["a=1", "b=2"],
    }
    body = json.dumps(prelude).encode() + bytes(8)
    for i in range(event.get("chunks", 3)):
        time.sleep(event.get("delayMs", 100) / 1000)
        body += f"chunk {i}\n".encode()
    return body


def panic(event, context):
    """Python has no panic: the process dies by a signal."""
    os.kill(os.getpid(), signal.SIGKILL)


def exit(event, context):
    os._exit(7)
