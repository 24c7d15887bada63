"""The life of a sandbox: load the handler, then one invocation after the other."""

import json
import os
import sys

from . import frames, logs, search_path
from .answers import encode
from .context import LambdaContext
from .errors import Fault, describe, to_bytes
from .handler import load


def main():
    frames.keep_to_this_process()
    # First, as the imports that the next step may run can already need `logging`.
    logs.prepare()
    search_path.arrange()
    try:
        handler = load(os.environ.get("_HANDLER", ""))
    except Exception as error:
        _abandon(error)
    frames.send(frames.READY, 0, b"")
    while True:
        _serve(handler, *frames.receive_invoke())


def _abandon(error):
    report = describe(error, "")
    logs.write_error(report)
    frames.send(frames.INIT_ERROR, 0, to_bytes(report))
    # Not sys.exit: threads that the module started would hold the process back.
    os._exit(1)


def _serve(handler, seq, head_bytes, payload):
    head = json.loads(head_bytes)
    request_id = head["id"]
    logs.enter(request_id, head.get("tenant"))
    _set_trace(head.get("trace"))
    try:
        event = _decode(payload)
        result = encode(handler(event, LambdaContext(head)))
    except Exception as error:
        # What is not an Exception (sys.exit, a cancelled asyncio task) ends the process, as it does on Lambda.
        report = describe(error, request_id)
        logs.write_error(report)
        frames.send(frames.ERROR, seq, to_bytes(report))
    else:
        frames.send(frames.RESULT, seq, result)


def _decode(payload):
    try:
        return json.loads(payload)
    except Exception as error:
        raise Fault("UnmarshalError", f"Unable to unmarshal input: {error}") from None


def _set_trace(trace):
    if trace is not None:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    elif "_X_AMZN_TRACE_ID" in os.environ:
        del os.environ["_X_AMZN_TRACE_ID"]
