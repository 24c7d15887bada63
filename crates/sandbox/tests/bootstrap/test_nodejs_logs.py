"""What Node.js functions log: Lambda's text and JSON formats."""

import json
import os
import re
import threading
import unittest

from driver import RESULT, Sandbox

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def lines_of(handler, **environment):
    with Sandbox("nodejs", handler, environment) as sandbox:
        sandbox.until_ready().invoke()
        return sandbox.lines()[1:]


def records_of(handler, **environment):
    return [json.loads(line) for line in lines_of(handler, AWS_LAMBDA_LOG_FORMAT="JSON", **environment)]


class Text(unittest.TestCase):
    def test_levels(self):
        lines = lines_of("logging.levels")
        levels = ["TRACE", "DEBUG", "INFO", "INFO", "WARN", "ERROR", "FATAL"]
        words = ["trace", "debug", "info", "log", "warn", "error", "fatal"]
        for line, level, word in zip(lines, levels, words, strict=True):
            self.assertRegex(line, f"^{TIME}\trequest-1\t{level}\t{word}$")

    def test_before_the_first_invocation_there_is_no_request(self):
        with Sandbox("nodejs", "logging.levels") as sandbox:
            sandbox.until_ready()
            self.assertRegex(sandbox.lines()[0], f"^{TIME}\tundefined\tINFO\twhile loading$")

    def test_a_record_is_one_line_formatted_as_by_node(self):
        messages = [line.split("\t")[3] for line in lines_of("logging.formats")]
        self.assertEqual(messages, ["two\rlines", "cart has 3 { a: 1 }"])

    def test_a_failure_is_logged_with_all_that_the_error_carries(self):
        (line,) = lines_of("logging.fails")
        match = re.fullmatch(f"{TIME}\trequest-1\tERROR\tInvoke Error \t(.*)", line)
        record = json.loads(match[1])
        self.assertEqual(list(record), ["errorType", "errorMessage", "code", "order", "stack"])
        self.assertEqual(record["errorMessage"], "boom\nand more")
        self.assertEqual(record["stack"][0], "Error: boom")

    def test_a_failure_that_is_no_error(self):
        (line,) = lines_of("logging.failsWithText")
        self.assertIn('Invoke Error \t{"errorType":"Error","errorMessage":"text"', line)

    def test_an_unhandled_rejection(self):
        (line,) = lines_of("logging.rejects")
        match = re.fullmatch(f"{TIME}\trequest-1\tERROR\tUnhandled Promise Rejection \t(.*)", line)
        record = json.loads(match[1])
        self.assertEqual(record["errorType"], "Runtime.UnhandledPromiseRejection")
        self.assertEqual(record["reason"]["errorMessage"], "nobody listens")

    def test_a_load_failure(self):
        with Sandbox("nodejs", "absent.handler") as sandbox:
            sandbox.receive()
            (line,) = sandbox.lines()
        prefix = f"{TIME}\tundefined\tERROR\tUncaught Exception \t"
        self.assertRegex(line, f'^{prefix}{{"errorType":"Runtime.ImportModuleError"')

    def test_a_hostile_error_does_not_stop_the_answer(self):
        for handler in ("logging.hostile", "logging.untouchable"):
            for format_name in ("Text", "JSON"):
                with self.subTest(handler, format=format_name):
                    (line,) = lines_of(handler, AWS_LAMBDA_LOG_FORMAT=format_name)
                    self.assertIn("ERROR", line)


class Json(unittest.TestCase):
    def test_records(self):
        text, data, several, alone, beside, circular = records_of("logging.json")
        self.assertRegex(text.pop("timestamp"), f"^{TIME}$")
        self.assertEqual(text, {"level": "INFO", "requestId": "request-1", "message": "text"})
        self.assertEqual(data["message"], {"order": 5})
        self.assertEqual(several["message"], "several values")
        self.assertEqual((alone["message"]["errorType"], alone["message"]["errorMessage"]), ("TypeError", "alone"))
        self.assertEqual(alone["message"]["stackTrace"][0], "TypeError: alone")
        self.assertEqual(beside["level"], "ERROR")
        self.assertEqual((beside["errorType"], beside["errorMessage"]), ("TypeError", "another"))
        self.assertTrue(beside["message"].startswith("with TypeError: another"))
        self.assertEqual(circular["message"], "<ref *1> { self: [Circular *1] }")

    def test_the_tenant_is_named(self):
        with Sandbox("nodejs", "logging.levels", {"AWS_LAMBDA_LOG_FORMAT": "JSON"}) as sandbox:
            sandbox.until_ready().invoke(tenant="acme")
            self.assertEqual(json.loads(sandbox.lines()[1])["tenantId"], "acme")

    def test_a_failure_is_one_record(self):
        (record,) = records_of("logging.fails")
        self.assertEqual(record["level"], "ERROR")
        self.assertEqual((record["message"]["errorType"], record["message"]["code"]), ("Error", "E_BOOM"))

    LOWEST = {"TRACE": 7, "DEBUG": 6, "INFO": 5, "WARN": 3, "ERROR": 2, "FATAL": 1, "info": 5, "nonsense": 7}

    def test_levels_below_the_configured_one_are_dropped(self):
        for level, expected in self.LOWEST.items():
            with self.subTest(level):
                with Sandbox("nodejs", "logging.levels", {"AWS_LAMBDA_LOG_LEVEL": level}) as sandbox:
                    sandbox.until_ready().invoke()
                    lines = [line for line in sandbox.lines() if "loading" not in line]
                self.assertEqual(len(lines), expected)


class Output(unittest.TestCase):
    def test_a_full_pipe_loses_nothing(self):
        reader, writer = os.pipe()
        collected = []
        with os.fdopen(reader, "rb") as source, os.fdopen(writer, "wb") as sink:
            with Sandbox("nodejs", "logging.flood", stdout=sink) as sandbox:
                sink.close()
                sandbox.until_ready()
                # Nobody reads until the pipe has been full for a while.
                timer = threading.Timer(0.3, lambda: collected.append(source.read()))
                timer.start()
                self.assertEqual(sandbox.invoke().kind, RESULT)
                sandbox.stop()
                timer.join()
        self.assertEqual(collected[0].count(b"x" * 1024 + b"\n"), 200)


if __name__ == "__main__":
    unittest.main()
