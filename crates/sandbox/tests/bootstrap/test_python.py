"""What the Python bootstrap promises to unmodified Lambda handlers: answers, failures, loading, surroundings."""

import unittest

from driver import ERROR, INIT_ERROR, RESULT, Sandbox, folder_with, functions


def python(handler, **environment):
    return Sandbox("python", handler, environment)


def function_in(files, handler="app.handler", **environment):
    """A sandbox whose task root holds `files`."""
    root = folder_with(files)
    sandbox = python(handler, LAMBDA_TASK_ROOT=root, **environment)
    return root, sandbox


class Answers(unittest.TestCase):
    RESULTS = {
        "answers.echo": b'{"order": 5}',
        "answers.nothing": b"null",
        "answers.raw_bytes": b"\x00\xff raw",
        "answers.nested_bytes": '{"body": "grün"}'.encode(),
        "answers.decimals": b'{"price": 10.50, "count": 3, "id": 12345678901234567890.123456789, "text": "\\"1\\""}',
        "answers.infinite_decimal": b"[Infinity]",
        "answers.lone_surrogate": b'"\\udc80"',
        "answers.shop": b'"called"',
        "shop.deep.orders.handler": b'"in a package"',
        "shop/deep/orders.handler": b'"in a package"',
    }

    def test_each_way_to_answer_once_and_again(self):
        for handler, expected in self.RESULTS.items():
            with self.subTest(handler), python(handler) as sandbox:
                sandbox.until_ready()
                for seq in (1, 2):
                    answer = sandbox.invoke({"order": 5})
                    self.assertEqual((answer.kind, answer.seq, answer.body), (RESULT, seq, expected))

    UNMARSHALLABLE = {
        "answers.a_set": "Object of type set is not JSON serializable",
        "answers.a_date": "Object of type datetime is not JSON serializable",
        "answers.circular": "Circular reference detected",
        "answers.tuple_key": "keys must be str, int, float, bool or None, not tuple",
        "answers.coroutine": "Object of type coroutine is not JSON serializable",
    }

    def test_each_result_that_has_no_json_form(self):
        for handler, message in self.UNMARSHALLABLE.items():
            with self.subTest(handler), python(handler) as sandbox:
                answer = sandbox.until_ready().invoke()
                self.assertEqual(answer.kind, ERROR)
                self.assertEqual(
                    answer.json,
                    {
                        "errorMessage": f"Unable to marshal response: {message}",
                        "errorType": "Runtime.MarshalError",
                        "requestId": "request-1",
                        "stackTrace": [],
                    },
                )

    def test_an_event_that_is_not_json(self):
        with python("answers.echo") as sandbox:
            report = sandbox.until_ready().invoke(payload=b"{").json
        self.assertEqual(report["errorType"], "Runtime.UnmarshalError")
        self.assertTrue(report["errorMessage"].startswith("Unable to unmarshal input: Expecting property name"))


class Failures(unittest.TestCase):
    ERRORS = {
        "failures.value_error": ("ValueError", "boom\nand more"),
        "failures.deep": ("CartError", "empty cart"),
        "failures.unspeakable": ("Unspeakable", "The error has no text form"),
        "failures.no_message": ("CartError", ""),
        "failures.surrogate": ("CartError", "\udc80"),
        "failures.cause": ("KeyError", "'cart'"),
        "failures.from_generated_code": ("ZeroDivisionError", "division by zero"),
    }

    def test_each_way_to_fail_leaves_the_process_alive(self):
        for handler, expected in self.ERRORS.items():
            with self.subTest(handler), python(handler) as sandbox:
                sandbox.until_ready()
                for seq in (1, 2):
                    answer = sandbox.invoke()
                    self.assertEqual((answer.kind, answer.seq), (ERROR, seq))
                    self.assertEqual((answer.json["errorType"], answer.json["errorMessage"]), expected)
                    self.assertEqual(answer.json["requestId"], f"request-{seq}")

    def test_the_stack_trace_begins_in_the_function(self):
        with python("failures.deep") as sandbox:
            report = sandbox.until_ready().invoke().json
        file = functions("python") / "failures.py"
        lines = file.read_text().split("\n")

        def entry(function, source):
            number = lines.index(f"    {source}") + 1
            return f'  File "{file}", line {number}, in {function}\n    {source}\n'

        self.assertEqual(
            report["stackTrace"],
            [
                entry("deep", "first(event)"),
                entry("first", "second(event)"),
                entry("second", 'raise CartError("empty cart")'),
            ],
        )

    def test_a_stack_trace_without_source(self):
        with python("failures.from_generated_code") as sandbox:
            trace = sandbox.until_ready().invoke().json["stackTrace"]
        self.assertEqual(trace[-1], '  File "<generated>", line 2, in <module>\n')

    def test_repeated_frames_are_counted(self):
        with python("failures.endless") as sandbox:
            report = sandbox.until_ready().invoke().json
        self.assertEqual(report["errorType"], "RecursionError")
        self.assertEqual(len(report["stackTrace"]), 4)
        self.assertRegex(report["stackTrace"][3], r"^  \[Previous line repeated \d+ more times\]\n$")

    EXITS = {
        "failures.sys_exit": 7,
        "failures.exit_builtin": 3,
        "failures.quit_builtin": 4,
        "failures.os_exit": 9,
        "failures.base_exception": 1,
    }

    def test_each_way_to_end_the_process_says_nothing(self):
        for handler, code in self.EXITS.items():
            with self.subTest(handler), python(handler) as sandbox:
                self.assertIsNone(sandbox.until_ready().invoke())
                self.assertEqual(sandbox.wait(), code)

    def test_a_failure_between_successes(self):
        with python("failures.echo") as sandbox:
            sandbox.until_ready()
            kinds = [sandbox.invoke(event).kind for event in ("a", "fail", "b")]
        self.assertEqual(kinds, [RESULT, ERROR, RESULT])


class Loading(unittest.TestCase):
    REFUSED = {
        "no module": (
            {},
            "app.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'app'",
        ),
        "no dependency": (
            {"app.py": "import absent"},
            "app.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'absent'",
        ),
        "no name in a dependency": (
            {"app.py": "from json import absent"},
            "app.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': cannot import name 'absent' from 'json'",
        ),
        "no function": (
            {"app.py": ""},
            "app.handler",
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing on module 'app'",
        ),
        "no function in a folder": (
            {"folder/app.py": ""},
            "folder/app.handler",
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing on module 'folder/app'",
        ),
        "no dot": (
            {},
            "app",
            "Runtime.MalformedHandlerName",
            "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
        ),
        "syntax": ({"app.py": "def"}, "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': "),
        "built-in": (
            {},
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
        "raises": ({"app.py": "raise RuntimeError('at load')"}, "app.handler", "RuntimeError", "at load"),
    }

    def test_what_cannot_be_loaded_is_reported_and_ends_the_process(self):
        for name, (files, handler, error_type, message) in self.REFUSED.items():
            root, sandbox = function_in(files, handler)
            with self.subTest(name), root, sandbox:
                report = sandbox.receive()
                self.assertEqual((report.kind, report.seq), (INIT_ERROR, 0))
                self.assertEqual((report.json["errorType"], report.json["requestId"]), (error_type, ""))
                self.assertTrue(report.json["errorMessage"].startswith(message), report.json["errorMessage"])
                self.assertEqual(sandbox.wait(), 1)

    def test_a_failure_while_loading_shows_the_function_only(self):
        root, sandbox = function_in({"app.py": "\nraise RuntimeError('at load')"})
        with root, sandbox:
            trace = sandbox.receive().json["stackTrace"]
        self.assertEqual(trace, [f'  File "{root}/app.py", line 2, in <module>\n    raise RuntimeError(\'at load\')\n'])

    def test_a_syntax_error_shows_its_place(self):
        root, sandbox = function_in({"app.py": "\ndef"})
        with root, sandbox:
            (place,) = sandbox.receive().json["stackTrace"]
        self.assertTrue(place.startswith(f'  File "{root}/app.py" Line 2\n    def'), place)

    def test_exit_while_loading_says_nothing(self):
        root, sandbox = function_in({"app.py": "import sys; sys.exit(3)"})
        with root, sandbox:
            self.assertIsNone(sandbox.receive())
            self.assertEqual(sandbox.wait(), 3)

    def test_threads_do_not_delay_the_end_after_a_load_failure(self):
        source = "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); 1 / 0"
        root, sandbox = function_in({"app.py": source})
        with root, sandbox:
            self.assertEqual(sandbox.receive().kind, INIT_ERROR)
            self.assertEqual(sandbox.wait(), 1)

    def test_packages_may_bring_path_files(self):
        files = {
            "app.py": "from hidden import handler",
            "extra.pth": "vendor\n",
            "vendor/hidden.py": "def handler(e, c): return 1",
        }
        root, sandbox = function_in(files)
        with root, sandbox:
            self.assertEqual(sandbox.until_ready().invoke().json, 1)

    def test_modules_of_the_function_cannot_break_the_runtime(self):
        standard = ("json", "re", "traceback", "string", "weakref", "threading", "decimal", "site")
        own = ("lambent_runtime", "bootstrap")
        files = {f"{name}.py": "raise RuntimeError('imported by the runtime')" for name in standard + own}
        files["app.py"] = "import logging\ndef handler(event, context):\n    logging.warning('x')\n    1 / 0"
        root, sandbox = function_in(files)
        with root, sandbox:
            self.assertEqual(sandbox.until_ready().invoke().json["errorType"], "ZeroDivisionError")
            self.assertEqual(len(sandbox.lines()), 2)


class Surroundings(unittest.TestCase):
    def test_context(self):
        head = {
            "id": "6f0",
            "arn": "arn:aws:lambda:x:y:function:shop:live",
            "clientContext": {"client": {"app_title": "till", "unknown": 1}, "custom": {"a": 1}, "env": {"b": 2}},
            "identity": {"cognitoIdentityId": "me", "cognitoIdentityPoolId": "pool"},
            "tenant": "acme",
        }
        with python("platform.context") as sandbox:
            context = sandbox.until_ready().invoke(**head).json
        self.assertEqual(
            context["members"],
            {
                "aws_request_id": "6f0",
                "log_group_name": "/aws/lambda/shop",
                "log_stream_name": "2026/01/02/[7]abc",
                "function_name": "shop",
                "memory_limit_in_mb": "256",
                "function_version": "7",
                "invoked_function_arn": "arn:aws:lambda:x:y:function:shop:live",
                "tenant_id": "acme",
            },
        )
        self.assertTrue(50_000 < context["remaining"] <= 60_000)
        self.assertEqual(context["identity"], ["me", "pool"])
        self.assertEqual(
            context["client_context"], {"custom": {"a": 1}, "env": {"b": 2}, "client": [None, "till", None]}
        )
        self.assertTrue(context["repr"].startswith("LambdaContext([aws_request_id=6f0,log_group_name="))
        self.assertIn("identity=CognitoIdentity([cognito_identity_id=me,", context["repr"])

    def test_context_without_the_optional_parts(self):
        with python("platform.context") as sandbox:
            context = sandbox.until_ready().invoke(deadline=1).json
        self.assertEqual(context["identity"], [None, None])
        self.assertIsNone(context["client_context"])
        self.assertIsNone(context["members"]["tenant_id"])
        self.assertEqual(context["remaining"], 0)

    def test_client_context_without_a_client(self):
        with python("platform.context") as sandbox:
            context = sandbox.until_ready().invoke(clientContext={"custom": {"a": 1}}).json
        self.assertEqual(context["client_context"], {"custom": {"a": 1}, "env": None, "client": None})

    def test_context_log_writes_as_it_is(self):
        with python("platform.context_log") as sandbox:
            sandbox.until_ready().invoke()
            sandbox.stop()
            self.assertEqual(sandbox.output(), "raw, without a line feed|5")

    def test_search_path(self):
        with python("platform.search_path", PYTHONPATH="/opt/extra:/var/extra") as sandbox:
            found = sandbox.until_ready().invoke().json
        path = found["path"]
        version = "python{}.{}".format(*found["version"])
        self.assertEqual(
            path[:5],
            [
                str(functions("python")),
                f"/opt/python/lib/{version}/site-packages",
                "/opt/python",
                "/opt/extra",
                "/var/extra",
            ],
        )
        self.assertEqual(path[-1], "/var/runtime/python-sdk")
        self.assertFalse([entry for entry in path[5:] if "site-packages" in entry or "bootstrap" in entry])

    def test_a_safe_path_changes_nothing(self):
        with python("answers.echo", PYTHONSAFEPATH="1") as sandbox:
            self.assertEqual(sandbox.until_ready().invoke(1).json, 1)

    def test_what_few_functions_need_is_not_imported(self):
        with python("platform.loaded") as sandbox:
            heavy = ["logging", "traceback", "socket", "asyncio", "decimal", "site", "importlib.util", "tokenize"]
            # `subprocess` and `threading`, which the fixture imports, bring none of these.
            self.assertEqual(sandbox.until_ready().invoke(heavy).json, [])

    def test_a_forked_child_cannot_answer(self):
        with python("platform.fork") as sandbox:
            sandbox.until_ready()
            for _ in (1, 2):
                self.assertEqual(sandbox.invoke().json, "from the parent")


if __name__ == "__main__":
    unittest.main()
