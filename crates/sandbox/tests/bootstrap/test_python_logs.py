"""What Python functions log: Lambda's text and JSON formats."""

import json
import unittest

from driver import Sandbox

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def lines_of(handler, **environment):
    with Sandbox("python", handler, environment) as sandbox:
        sandbox.until_ready().invoke()
        return sandbox.lines()


def records_of(handler, **environment):
    return [json.loads(line) for line in lines_of(handler, AWS_LAMBDA_LOG_FORMAT="JSON", **environment)]


class Text(unittest.TestCase):
    def test_the_root_logger_shows_warnings_and_above(self):
        lines = lines_of("logs.levels")
        for line, level in zip(lines, ("WARNING", "ERROR", "CRITICAL"), strict=True):
            self.assertRegex(line, rf"^\[{level}\]\t{TIME}\trequest-1\t{level.lower()} of shop$")

    def test_the_level_is_the_functions_choice(self):
        (line,) = lines_of("logs.set_level")
        self.assertRegex(line, rf"^\[INFO\]\t{TIME}\trequest-1\tnow visible$")

    def test_a_record_is_one_line(self):
        (line,) = lines_of("logs.newlines")
        self.assertTrue(line.endswith("\ttwo\rlines"), line)

    def test_an_exception_is_part_of_its_record(self):
        (line,) = lines_of("logs.exception")
        traceback = r"Traceback \(most recent call last\):\r  File .*\rKeyError: 'cart'"
        self.assertRegex(line, rf"^\[ERROR\]\t.*\tit broke\r{traceback}$")

    def test_basic_config_does_not_double_the_handler(self):
        (line,) = lines_of("logs.basic_config")
        self.assertTrue(line.endswith("\tas before"), line)

    def test_the_handler_bears_lambdas_name(self):
        with Sandbox("python", "logs.handlers") as sandbox:
            self.assertEqual(sandbox.until_ready().invoke().json, ["LambdaLoggerHandler"])

    def test_print_stays_as_it_is(self):
        with Sandbox("python", "logs.printed") as sandbox:
            sandbox.until_ready().invoke()
            self.assertEqual(sandbox.lines(), ["raw", "lines"])
            self.assertEqual(sandbox.errors(), "to errors\n")

    def test_a_failure_is_one_line(self):
        (line,) = lines_of("logs.fails")
        self.assertRegex(
            line,
            "^\\[ERROR\\] ValueError: boom\rand more\rTraceback \\(most recent call last\\):\r"
            '\u00a0\u00a0File ".*/logs.py", line \\d+, in fails\r\u00a0\u00a0\u00a0\u00a0raise ValueError\\(.*\\)$',
        )

    def test_a_load_failure(self):
        with Sandbox("python", "absent.handler") as sandbox:
            sandbox.receive()
            self.assertEqual(
                sandbox.lines(),
                [
                    "[ERROR] Runtime.ImportModuleError: Unable to import module 'absent': No module named 'absent'\r"
                    "Traceback (most recent call last):"
                ],
            )


class Json(unittest.TestCase):
    def test_records(self):
        records = records_of("logs.levels")
        self.assertEqual([record["level"] for record in records], ["WARNING", "ERROR", "CRITICAL"])
        self.assertRegex(records[0].pop("timestamp"), f"^{TIME}$")
        self.assertEqual(
            records[0], {"level": "WARNING", "message": "warning of shop", "logger": "root", "requestId": "request-1"}
        )

    def test_an_exception_and_extra_members(self):
        (record,) = records_of("logs.exception")
        self.assertEqual(record["message"], "it broke")
        self.assertEqual((record["errorType"], record["errorMessage"]), ("KeyError", "'cart'"))
        self.assertRegex(record["location"], r"/logs\.py:exception:\d+$")
        self.assertIn("in exception", record["stackTrace"][0])
        self.assertEqual((record["order"], record["odd"]), (5, "<class 'object'>"))

    def test_the_tenant_is_named(self):
        with Sandbox("python", "logs.newlines", {"AWS_LAMBDA_LOG_FORMAT": "JSON"}) as sandbox:
            sandbox.until_ready().invoke(tenant="acme")
            self.assertEqual(json.loads(sandbox.lines()[0])["tenantId"], "acme")

    def test_a_failure_is_one_record(self):
        (record,) = records_of("logs.fails")
        self.assertRegex(record.pop("timestamp"), f"^{TIME}$")
        record.pop("stackTrace")
        self.assertEqual(
            record,
            {"level": "ERROR", "errorMessage": "boom\nand more", "errorType": "ValueError", "requestId": "request-1"},
        )

    LOWEST = {"TRACE": 5, "DEBUG": 5, "INFO": 4, "WARN": 3, "ERROR": 2, "FATAL": 1, "info": 4, "nonsense": 3}

    def test_the_configured_level(self):
        for level, expected in self.LOWEST.items():
            with self.subTest(level):
                self.assertEqual(len(records_of("logs.levels", AWS_LAMBDA_LOG_LEVEL=level)), expected)


if __name__ == "__main__":
    unittest.main()
