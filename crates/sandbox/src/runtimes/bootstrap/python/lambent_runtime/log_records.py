"""Lambda's handler and formats for the `logging` module. Imported together with it."""

import json
import logging
import os
import time

from . import logs

_TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
# What every record carries; anything else was put there by the function, through `extra`.
_STANDARD_MEMBERS = frozenset(vars(logging.makeLogRecord({}))) | {"aws_request_id", "tenant_id", "message", "asctime"}


class LambdaLoggerFilter(logging.Filter):
    """Marks records with their invocation."""

    def filter(self, record):
        record.aws_request_id = logs.request_id or ""
        record.tenant_id = logs.tenant_id
        return True


class LambdaLoggerHandler(logging.Handler):
    def emit(self, record):
        try:
            logs.write_record(self.format(record))
        except Exception:
            self.handleError(record)


class JsonFormatter(logging.Formatter):
    def format(self, record):
        members = {
            "timestamp": f"{self.formatTime(record, _TIME_FORMAT)}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **self._error_members(record),
            "requestId": record.aws_request_id,
            "tenantId": record.tenant_id,
        }
        for name, value in vars(record).items():
            if name not in _STANDARD_MEMBERS:
                members.setdefault(name, value)
        known = {name: value for name, value in members.items() if value is not None}
        return json.dumps(known, ensure_ascii=False, default=str)

    def _error_members(self, record):
        if not record.exc_info or record.exc_info[0] is None:
            return {}
        from traceback import format_tb

        error_type, error, trace = record.exc_info
        return {
            "stackTrace": format_tb(trace),
            "errorType": error_type.__name__,
            "errorMessage": str(error),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}",
        }


def attach():
    logging.Formatter.converter = time.gmtime
    handler = LambdaLoggerHandler()
    handler.setFormatter(JsonFormatter() if logs.is_json else logging.Formatter(_TEXT_FORMAT, _TIME_FORMAT))
    handler.addFilter(LambdaLoggerFilter())
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    # Python has no TRACE.
    level = {"TRACE": "DEBUG"}.get(level, level)
    if level in ("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"):
        root.setLevel(level)
