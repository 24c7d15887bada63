"""What the Node.js bootstrap promises to unmodified Lambda handlers: answers, failures, loading, streams."""

import time
import unittest

from driver import (
    ERROR,
    FATAL,
    INIT_ERROR,
    RESULT,
    STREAM_CHUNK,
    STREAM_END,
    STREAM_ERROR,
    STREAM_START,
    Sandbox,
    folder_with,
    frame_of_invoke,
)

HTTP_CONTENT_TYPE = b"application/vnd.awslambda.http-integration-response"


def node(handler, **environment):
    return Sandbox("nodejs", handler, environment)


class Answers(unittest.TestCase):
    RESULTS = {
        "answers.asyncValue": {"got": {"order": 5}},
        "answers.asyncNothing": None,
        "answers.thenable": "from a thenable",
        "answers.plainValue": {"plain": True},
        "answers.plainNothing": None,
        "answers.aFunction": None,
        "answers.nested.deep.handler": "deep",
        "answers.arrowTimer": "later",
        "answers.callback": {"timers": 1},
        "answers.callbackAtOnce": "at once",
        "answers.callbackNever": None,
        "answers.callbackByArguments": "by arguments",
        "answers.done": "done",
        "answers.succeed": "succeeded",
        "answers.twice": "first",
        "answers.callbackThenPromise": "callback",
        "answers.oldMembers": ["getRemainingTimeInMillis", "done", "succeed", "fail"],
    }

    def test_each_way_to_answer_once_and_again(self):
        for handler, expected in self.RESULTS.items():
            with self.subTest(handler), node(handler) as sandbox:
                sandbox.until_ready()
                for seq in (1, 2):
                    answer = sandbox.invoke({"order": 5})
                    self.assertEqual((answer.kind, answer.seq, answer.json), (RESULT, seq, expected))


class Failures(unittest.TestCase):
    ERRORS = {
        "failures.plainThrow": ("TypeError", "plain"),
        "failures.asyncThrow": ("CartError", "empty cart"),
        "failures.text": ("string", "just text"),
        "failures.plainUndefined": ("string", "handled"),
        "failures.asyncUndefined": ("string", "handled"),
        "failures.number": ("number", "42"),
        "failures.object": ("object", "[object Object]"),
        "failures.noPrototype": ("object", "A value that has no text form"),
        "failures.errorLike": ("Alien", "from elsewhere"),
        "failures.noStack": ("Error", "bare"),
        "failures.hostile": (
            "handled",
            "The handler failed, and its error has a message, name or stack that cannot be read",
        ),
        "failures.circularError": ("Error", "round"),
        "failures.callback": ("CartError", "by callback"),
        "failures.callbackText": ("string", "text by callback"),
        "failures.fail": ("Error", "by fail"),
        "failures.failNothing": ("string", "handled"),
        "failures.bigint": ("Runtime.JSONStringifyError", "Unable to stringify response body"),
        "failures.circularResult": ("Runtime.JSONStringifyError", "Unable to stringify response body"),
        "failures.circularByCallback": ("Runtime.JSONStringifyError", "Unable to stringify response body"),
        "failures.neverSettles": (
            "Runtime.NodeJsExit",
            "The event loop ran empty before the promise that the handler returned was settled, so it never could be.",
        ),
    }

    def test_each_way_to_fail_leaves_the_process_alive(self):
        for handler, expected in self.ERRORS.items():
            with self.subTest(handler), node(handler) as sandbox:
                sandbox.until_ready()
                for seq in (1, 2):
                    answer = sandbox.invoke()
                    self.assertEqual((answer.kind, answer.seq), (ERROR, seq))
                    self.assertEqual((answer.json["errorType"], answer.json["errorMessage"]), expected)
                    self.assertIsInstance(answer.json["trace"], list)

    def test_the_trace_is_the_stack(self):
        with node("failures.asyncThrow") as sandbox:
            trace = sandbox.until_ready().invoke().json["trace"]
        self.assertEqual(trace[0], "CartError: empty cart")
        self.assertRegex(trace[1], r"^    at .*failures\.js:\d+:\d+")

    DEATHS = {
        "deaths.rejection": (128, "Runtime.UnhandledPromiseRejection", "Error: nobody listens"),
        "deaths.rejectionOfSymbol": (128, "Runtime.UnhandledPromiseRejection", "Symbol(odd)"),
        "deaths.exception": (129, "RangeError", "in a timer"),
        "deaths.exceptionOfNothing": (129, "undefined", "undefined"),
        "deaths.exceptionWhileWaiting": (129, "Error", "before the loop was empty"),
    }

    def test_each_way_to_die_answers_first(self):
        for handler, (code, error_type, message) in self.DEATHS.items():
            with self.subTest(handler), node(handler) as sandbox:
                answer = sandbox.until_ready().invoke()
                self.assertEqual((answer.kind, answer.seq), (FATAL, 1))
                self.assertEqual((answer.json["errorType"], answer.json["errorMessage"]), (error_type, message))
                self.assertIsNone(sandbox.receive())
                self.assertEqual(sandbox.wait(), code)

    def test_process_exit_says_nothing(self):
        with node("deaths.exit") as sandbox:
            self.assertIsNone(sandbox.until_ready().invoke())
            self.assertEqual(sandbox.wait(), 7)

    def test_an_exception_after_the_answer_sends_no_second_one(self):
        with node("deaths.afterAnswer") as sandbox:
            self.assertEqual(sandbox.until_ready().invoke().json, "answered")
            self.assertIsNone(sandbox.receive())
            self.assertEqual(sandbox.wait(), 129)


class Loading(unittest.TestCase):
    FOUND = {
        "folder/inner.handler": "in a folder",
        "./folder/inner.handler": "in a folder",
        "esm-package/index.handler": "module by package.json",
        "module.handler": "module by extension",
        "module.nested.handler": "module by extension",
        "common.handler": "commonjs by extension",
    }

    def test_where_handlers_are_found(self):
        for handler, expected in self.FOUND.items():
            with self.subTest(handler), node(handler) as sandbox:
                self.assertEqual(sandbox.until_ready().invoke().json, expected)

    LAYOUTS = {
        "extensionless file": ({"index": "exports.handler = async () => 1"}, "index.handler"),
        "js before mjs": (
            {"index.js": "exports.handler = async () => 1", "index.mjs": "export const handler = async () => 2"},
            "index.handler",
        ),
        "mjs before cjs": (
            {"index.cjs": "exports.handler = async () => 2", "index.mjs": "export const handler = async () => 1"},
            "index.handler",
        ),
        "package of the function": ({"node_modules/shop/index.js": "exports.handler = async () => 1"}, "shop.handler"),
        "nearest package.json wins": (
            {
                "package.json": '{"type":"module"}',
                "old/package.json": "{}",
                "old/index.js": "exports.handler = async () => 1",
            },
            "old/index.handler",
        ),
        "node_modules end the search for a package.json": (
            {"package.json": '{"type":"module"}', "node_modules/shop.js": "exports.handler = async () => 1"},
            "node_modules/shop.handler",
        ),
        "broken package.json": (
            {"package.json": "{", "index.cjs": "exports.handler = async () => 1"},
            "index.handler",
        ),
    }

    def test_layouts(self):
        for name, (files, handler) in self.LAYOUTS.items():
            with self.subTest(name), folder_with(files) as root, node(handler, LAMBDA_TASK_ROOT=root) as sandbox:
                self.assertEqual(sandbox.until_ready().invoke().json, 1)

    def test_a_layer_is_found_through_node_path(self):
        files = {"index.js": "exports.handler = async () => require('layered')"}
        with folder_with({"layered.js": "module.exports = 'from a layer'"}) as layer, folder_with(files) as root:
            with node("index.handler", LAMBDA_TASK_ROOT=root, NODE_PATH=layer) as sandbox:
                self.assertEqual(sandbox.until_ready().invoke().json, "from a layer")

    REFUSED = {
        "no module": ({}, "index.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'index'"),
        "no dependency": (
            {"index.js": "require('absent')"},
            "index.handler",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'absent'\nRequire stack:\n- ",
        ),
        "no dependency of a module": (
            {"index.mjs": "import 'absent'"},
            "index.handler",
            "Error",
            "Cannot find package 'absent' imported from ",
        ),
        "syntax": ({"index.js": "let = ;"}, "index.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        "syntax of a module": (
            {"index.mjs": "let = ;"},
            "index.handler",
            "Runtime.UserCodeSyntaxError",
            "SyntaxError: ",
        ),
        "import in commonjs": (
            {"index.cjs": "import 'fs'"},
            "index.handler",
            "Runtime.UserCodeSyntaxError",
            "SyntaxError: Cannot use import statement outside a module",
        ),
        "no export": (
            {"index.js": ""},
            "index.handler",
            "Runtime.HandlerNotFound",
            "index.handler is undefined or not exported",
        ),
        "no nested export": (
            {"index.js": ""},
            "index.a.b",
            "Runtime.HandlerNotFound",
            "index.a.b is undefined or not exported",
        ),
        "not a function": (
            {"index.js": "exports.handler = 5"},
            "index.handler",
            "Runtime.HandlerNotFound",
            "index.handler is not a function",
        ),
        "no dot": ({}, "index", "Runtime.MalformedHandlerName", "Bad handler"),
        "empty": ({}, "", "Runtime.MalformedHandlerName", "Bad handler"),
        "upwards": (
            {},
            "../index.handler",
            "Runtime.MalformedHandlerName",
            "'../index.handler' is not a valid handler name.",
        ),
        "throws": ({"index.js": "throw new RangeError('at load')"}, "index.handler", "RangeError", "at load"),
        "throws text": ({"index.js": "throw 'text'"}, "index.handler", "string", "text"),
        "throws in a module": (
            {"index.mjs": "throw new RangeError('at load')"},
            "index.handler",
            "RangeError",
            "at load",
        ),
    }

    def test_what_cannot_be_loaded_is_reported_and_ends_the_process(self):
        for name, (files, handler, error_type, message) in self.REFUSED.items():
            with self.subTest(name), folder_with(files) as root, node(handler, LAMBDA_TASK_ROOT=root) as sandbox:
                report = sandbox.receive()
                self.assertEqual((report.kind, report.seq), (INIT_ERROR, 0))
                self.assertEqual(report.json["errorType"], error_type)
                self.assertTrue(report.json["errorMessage"].startswith(message), report.json["errorMessage"])
                self.assertIsInstance(report.json["trace"], list)
                self.assertEqual(sandbox.wait(), 129)

    def test_a_rejection_while_loading_is_an_init_error(self):
        source = "Promise.reject(new Error('at load')); exports.handler = async () => 1"
        with folder_with({"index.js": source}) as root, node("index.handler", LAMBDA_TASK_ROOT=root) as sandbox:
            report = sandbox.receive()
            self.assertEqual((report.kind, report.json["errorType"]), (INIT_ERROR, "Runtime.UnhandledPromiseRejection"))
            self.assertEqual(sandbox.wait(), 128)

    def test_a_module_that_waits_for_ever_ends_as_node_itself_would(self):
        with folder_with({"index.mjs": "await new Promise(() => {})"}) as root:
            with node("index.handler", LAMBDA_TASK_ROOT=root) as sandbox:
                self.assertIsNone(sandbox.receive())
                self.assertEqual(sandbox.wait(), 13)

    def test_exit_while_loading_says_nothing(self):
        with folder_with({"index.js": "process.exit(3)"}) as root:
            with node("index.handler", LAMBDA_TASK_ROOT=root) as sandbox:
                self.assertIsNone(sandbox.receive())
                self.assertEqual(sandbox.wait(), 3)


class Surroundings(unittest.TestCase):
    def test_context(self):
        head = {
            "id": "6f0",
            "arn": "arn:aws:lambda:x:y:function:shop:live",
            "clientContext": {"client": {"app_title": "till"}},
            "identity": {"cognitoIdentityId": "me", "cognitoIdentityPoolId": "pool"},
            "tenant": "acme",
        }
        with node("platform.context") as sandbox:
            context = sandbox.until_ready().invoke(**head).json
        self.assertTrue(50_000 < context.pop("remaining") <= 60_000)
        self.assertEqual(
            context,
            {
                "callbackWaitsForEmptyEventLoop": True,
                "functionName": "shop",
                "functionVersion": "7",
                "memoryLimitInMB": "256",
                "logGroupName": "/aws/lambda/shop",
                "logStreamName": "2026/01/02/[7]abc",
                "clientContext": {"client": {"app_title": "till"}},
                "identity": {"cognitoIdentityId": "me", "cognitoIdentityPoolId": "pool"},
                "invokedFunctionArn": "arn:aws:lambda:x:y:function:shop:live",
                "awsRequestId": "6f0",
                "tenantId": "acme",
                "hasTenant": True,
            },
        )

    def test_context_without_the_optional_parts(self):
        with node("platform.context") as sandbox:
            context = sandbox.until_ready().invoke().json
        self.assertFalse(context["hasTenant"])
        self.assertNotIn("identity", context)
        self.assertNotIn("clientContext", context)

    def test_due_timers_run_between_invocations(self):
        with node("platform.leftTimer") as sandbox:
            sandbox.until_ready()
            self.assertEqual([sandbox.invoke().json for _ in range(3)], [0, 1, 2])

    def test_a_frozen_process_runs_nothing(self):
        with node("platform.keepsRunning") as sandbox:
            sandbox.until_ready().invoke()
            before = cpu_seconds(sandbox.process.pid)
            time.sleep(0.3)
            self.assertLessEqual(cpu_seconds(sandbox.process.pid) - before, 0.02)

    def test_async_local_storage_does_not_leak_into_the_next_invocation(self):
        for handler in ("platform.leftStore", "platform.leftStoreByCallback"):
            with self.subTest(handler), node(handler) as sandbox:
                sandbox.until_ready()
                self.assertEqual([sandbox.invoke().json for _ in range(3)], ["nothing"] * 3)

    def test_user_code_may_replace_what_the_runtime_uses(self):
        with node("platform.vandal") as sandbox:
            sandbox.until_ready()
            self.assertEqual([sandbox.invoke(n).json for n in range(3)], [0, 1, 2])
            self.assertEqual(sandbox.stop(), 0)

    def test_the_global_can_be_declined(self):
        with folder_with({"index.js": "exports.handler = async () => typeof awslambda"}) as root:
            for value, expected in (("", "object"), ("1", "undefined"), ("true", "undefined")):
                environment = {"LAMBDA_TASK_ROOT": root, "AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA": value}
                with self.subTest(value), node("index.handler", **environment) as sandbox:
                    self.assertEqual(sandbox.until_ready().invoke().json, expected)


class Streams(unittest.TestCase):
    START = (STREAM_START, b"application/octet-stream")
    END = (STREAM_END, b"")
    FRAMES = {
        "streams.pieces": [
            (STREAM_START, b"text/plain"),
            (STREAM_CHUNK, b"one "),
            (STREAM_CHUNK, b"two "),
            (STREAM_CHUNK, b"three"),
            END,
        ],
        "streams.objects": [START, (STREAM_CHUNK, b'{"a":1}'), (STREAM_CHUNK, b"[2]"), END],
        "streams.http": [
            (STREAM_START, HTTP_CONTENT_TYPE),
            (STREAM_CHUNK, b'{"statusCode":201,"headers":{"x-shop":"yes"}}' + bytes(8)),
            (STREAM_CHUNK, b"created"),
            END,
        ],
        "streams.httpEmpty": [
            (STREAM_START, HTTP_CONTENT_TYPE),
            (STREAM_CHUNK, b'{"statusCode":204}' + bytes(8)),
            END,
        ],
        "streams.pipes": [START, (STREAM_CHUNK, b"a"), (STREAM_CHUNK, b"b"), (STREAM_CHUNK, b"c"), END],
        "streams.returnsEarly": [START, (STREAM_CHUNK, b"late"), END],
        "streams.worksAfterEnd": [START, (STREAM_CHUNK, b"all"), END],
        "streams.endsButNeverSettles": [START, (STREAM_CHUNK, b"all"), END],
        "streams.returnsValue": [START, (STREAM_CHUNK, b"x"), END],
    }

    def test_each_way_to_stream_once_and_again(self):
        for handler, expected in self.FRAMES.items():
            with self.subTest(handler), node(handler) as sandbox:
                sandbox.until_ready()
                for seq in (1, 2):
                    frames = sandbox.invoke_streaming()
                    self.assertEqual([(frame.kind, frame.body) for frame in frames], expected)
                    self.assertEqual({frame.seq for frame in frames}, {seq})

    BROKEN = {
        "streams.throwsFirst": (ERROR, "TypeError", "too early"),
        "streams.notAsync": (ERROR, "Error", "Streaming does not support non-async handlers."),
        "streams.throwsBetween": (STREAM_ERROR, "TypeError", "half way"),
        "streams.pipeFails": (STREAM_ERROR, "Error", "source broke"),
        "streams.destroys": (STREAM_ERROR, "Error", "given up"),
        "streams.unfinished": (STREAM_ERROR, "Error", "Response stream is not finished."),
        "streams.typeTooLate": (
            STREAM_ERROR,
            "Runtime.InvalidStreamingOperation",
            "Cannot set content-type, too late.",
        ),
    }

    def test_each_way_to_break_a_stream_leaves_the_process_alive(self):
        for handler, expected in self.BROKEN.items():
            with self.subTest(handler), node(handler) as sandbox:
                sandbox.until_ready()
                for _ in (1, 2):
                    last = sandbox.invoke_streaming()[-1]
                    self.assertEqual((last.kind, last.json["errorType"], last.json["errorMessage"]), expected)

    def test_a_large_write_is_cut_and_waits_for_a_slow_reader(self):
        size = 8 * 1024 * 1024
        with node("streams.large") as sandbox:
            sandbox.until_ready().send(frame_of_invoke(1, size))
            time.sleep(0.2)
            frames = [sandbox.receive()]
            while frames[-1].kind != STREAM_END:
                frames.append(sandbox.receive())
        chunks = [frame.body for frame in frames if frame.kind == STREAM_CHUNK]
        self.assertEqual(sum(map(len, chunks)), size)
        self.assertLessEqual(max(map(len, chunks)), 256 * 1024)

    def test_a_malformed_mark_is_refused(self):
        with node("streams.malformed") as sandbox:
            self.assertEqual(sandbox.receive().json["errorType"], "Runtime.MalformedStreamingHandler")

    def test_handlers_that_do_not_stream_answer_as_always(self):
        with node("streams.notStreaming") as sandbox:
            self.assertEqual(sandbox.until_ready().invoke(5).json, 5)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    unittest.main()
