"""Every way in which a handler can fail or end the process."""

import os
import sys


class CartError(Exception):
    pass


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("no text for you")


class NotAnException(BaseException):
    pass


def value_error(event, context):
    raise ValueError("boom\nand more")


def deep(event, context):
    first(event)


def first(event):
    second(event)


def second(event):
    raise CartError("empty cart")


def endless(event, context):
    endless(event, context)


def unspeakable(event, context):
    raise Unspeakable


def no_message(event, context):
    raise CartError


def surrogate(event, context):
    raise CartError("\udc80")


def from_generated_code(event, context):
    exec(compile("\n1 / 0", "<generated>", "exec"))


def cause(event, context):
    try:
        second(event)
    except CartError as error:
        raise KeyError("cart") from error


def sys_exit(event, context):
    sys.exit(7)


def exit_builtin(event, context):
    exit(3)


def quit_builtin(event, context):
    quit(4)


def os_exit(event, context):
    os._exit(9)


def base_exception(event, context):
    raise NotAnException("out of here")


def echo(event, context):
    if event == "fail":
        raise CartError("as asked")
    return event
