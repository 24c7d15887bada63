"""The shape in which errors leave the process, for the caller and for the log."""

import json
import os

_OWN_FOLDER = os.path.dirname(__file__)
# How many identical frames are shown before the rest is only counted, as Python itself does.
_REPEATS_SHOWN = 3


class Fault(Exception):
    """An error that is the runtime's to report, with the type that Lambda gives it."""

    def __init__(self, kind, message, stack_trace=()):
        super().__init__(message)
        self.error_type = f"Runtime.{kind}"
        self.stack_trace = list(stack_trace)


def describe(error, request_id):
    """The JSON object that the caller gets."""
    if isinstance(error, Fault):
        error_type, stack_trace = error.error_type, error.stack_trace
    else:
        error_type, stack_trace = type(error).__name__, _stack_trace(error.__traceback__)
    return {
        "errorMessage": _text_of(error),
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": stack_trace,
    }


def to_bytes(report):
    return json.dumps(report).encode("ascii")


def _text_of(error):
    try:
        return str(error)
    except Exception:
        return "The error has no text form"


def _stack_trace(traceback):
    """One text a frame, from the function's own first frame on.

    Not the `traceback` module: it takes milliseconds to import, and a function may have a module of that name.
    """
    sources = {}
    entries = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if entries or not code.co_filename.startswith((_OWN_FOLDER, "<frozen importlib")):
            entries.append(_frame_text(code, traceback.tb_lineno, sources))
        traceback = traceback.tb_next
    return _fold_repeats(entries)


def _frame_text(code, line_number, sources):
    file = code.co_filename
    if file not in sources:
        sources[file] = _lines_of(file)
    lines = sources[file]
    text = f'  File "{file}", line {line_number}, in {code.co_name}\n'
    source = lines[line_number - 1].strip() if 0 < (line_number or 0) <= len(lines) else ""
    return f"{text}    {source}\n" if source else text


def _lines_of(file):
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            return source.readlines()
    except OSError:
        return []


def _fold_repeats(entries):
    folded = []
    repeats = 0
    for index, entry in enumerate(entries):
        repeats = repeats + 1 if index and entry == entries[index - 1] else 0
        if repeats < _REPEATS_SHOWN:
            folded.append(entry)
        elif index + 1 == len(entries) or entries[index + 1] != entry:
            hidden = repeats - _REPEATS_SHOWN + 1
            folded.append(f"  [Previous line repeated {hidden} more time{'s' if hidden > 1 else ''}]\n")
    return folded
