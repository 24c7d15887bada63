"""What a handler can log."""

import logging
import os
import sys

logger = logging.getLogger("shop")


def levels(event, context):
    root = logging.getLogger()
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(root, level)("%s of %s", level, "shop")


def set_level(event, context):
    logging.getLogger().setLevel(logging.INFO)
    logging.info("now visible")


def newlines(event, context):
    logger.warning("two\nlines\n")


def exception(event, context):
    try:
        {}["cart"]
    except KeyError:
        logger.exception("it broke", extra={"order": 5, "odd": object})


def printed(event, context):
    print("raw\nlines")
    print("to errors", file=sys.stderr)


def fails(event, context):
    raise ValueError("boom\nand more")


def basic_config(event, context):
    logging.basicConfig(format="changed")
    logger.warning("as before")


def closed(event, context):
    if event == "close":
        sys.stdout.close()
        os.close(1)
    logger.warning("to nobody")
    return event


def handlers(event, context):
    return [type(handler).__name__ for handler in logging.getLogger().handlers]
