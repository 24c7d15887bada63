"""Every value that a handler can return."""

import datetime
from decimal import Decimal


def echo(event, context):
    return event


def length(event, context):
    return len(event)


def repeat(event, context):
    return "€" * event


def nothing(event, context):
    pass


def raw_bytes(event, context):
    return b"\x00\xff raw"


def nested_bytes(event, context):
    return {"body": "grün".encode()}


def decimals(event, context):
    exact = Decimal("12345678901234567890.123456789")
    return {"price": Decimal("10.50"), "count": Decimal(3), "id": exact, "text": '"1"'}


def infinite_decimal(event, context):
    return [Decimal("Infinity")]


def lone_surrogate(event, context):
    return "\udc80"


def a_set(event, context):
    return {1, 2}


def a_date(event, context):
    return {"at": datetime.datetime(2026, 1, 2)}


def circular(event, context):
    value = []
    value.append(value)
    return value


def tuple_key(event, context):
    return {(1, 2): 3}


async def coroutine(event, context):
    return 1


class Shop:
    def __call__(self, event, context):
        return "called"


shop = Shop()
