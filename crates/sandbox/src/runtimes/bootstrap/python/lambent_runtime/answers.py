"""From what a handler returned to the bytes of the answer, with the extras that Lambda's JSON encoder has."""

import json
import os
import sys

from .errors import Fault

# Stands for a decimal until the text is complete. It is a secret, so that no string of the function can look like one.
_PLACEHOLDER = f"decimal-{os.urandom(16).hex()}:"


def encode(result):
    if isinstance(result, bytes):
        return result
    try:
        text = _encoder.encode(result)
        if _PLACEHOLDER in text:
            text = _insert_decimals(text)
        # Lone surrogates have no UTF-8 form; what this error handler writes for them is exactly their JSON escape.
        return text.encode("utf-8", "backslashreplace")
    except Exception as error:
        raise Fault("MarshalError", f"Unable to marshal response: {error}") from None


def _encode_unknown(value):
    """What JSON does not know but Lambda accepts: decimals (as DynamoDB returns them) and nested bytes."""
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        # A float would lose digits, and the encoder can write no other number: the digits are put in afterwards.
        return f"{_PLACEHOLDER}{value}" if value.is_finite() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8")
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _insert_decimals(text):
    before, *rest = text.split(f'"{_PLACEHOLDER}')
    return before + "".join(part.replace('"', "", 1) for part in rest)


_encoder = json.JSONEncoder(default=_encode_unknown, ensure_ascii=False)
