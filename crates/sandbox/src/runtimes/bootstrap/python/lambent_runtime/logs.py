"""What the runtime itself writes to the log, and the watch for the moment when `logging` needs its handler."""

import json
import os
import sys
import time

from . import search_path

_STDOUT = 1
_NO_BREAK_SPACE = "\u00a0"

request_id = None
tenant_id = None
is_json = False


def enter(new_request_id, new_tenant_id):
    global request_id, tenant_id
    request_id = new_request_id
    tenant_id = new_tenant_id


def prepare():
    global is_json
    is_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    sys.meta_path.insert(0, _LoggingWatch)


def write(text):
    """Writes to the file descriptor, not to sys.stdout, which user code may replace or close."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        while data:
            data = data[os.write(_STDOUT, data) :]
    except OSError:
        # A function whose output is closed still has to answer.
        pass


def write_record(text):
    """A record is a line, whatever it contains."""
    write(text.rstrip("\n").replace("\n", "\r") + "\n")


def write_error(report):
    if is_json:
        milliseconds = time.time_ns() // 1_000_000
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
        record = {"timestamp": f"{stamp}.{milliseconds % 1000:03}Z", "level": "ERROR", **report}
        write_record(json.dumps(record, ensure_ascii=False))
        return
    title = ": ".join(part for part in (report["errorType"], report["errorMessage"]) if part)
    lines = [f"[ERROR] {title}", "Traceback (most recent call last):"]
    for entry in report["stackTrace"]:
        lines.extend(_keep_indentation(line) for line in entry.splitlines())
    write_record("\n".join(lines))


def _keep_indentation(line):
    """Log viewers drop leading blanks, but not these."""
    text = line.lstrip(" ")
    return _NO_BREAK_SPACE * (len(line) - len(text)) + text


class _LoggingWatch:
    """Gives the root logger Lambda's handler as soon as `logging` is imported, and not before.

    The import takes a third of the start-up time, and many functions only print.
    """

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(cls)
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, search_path.standard_library)
        spec.loader = _LoggingLoader(spec.loader)
        return spec


class _LoggingLoader:
    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        # A function may have a `string.py` or a `queue.py` of its own, which `logging` must not meet.
        function_path = sys.path[:]
        sys.path[:] = search_path.standard_library
        try:
            self._loader.exec_module(module)
            from . import log_records
        finally:
            sys.path[:] = function_path
        log_records.attach()
