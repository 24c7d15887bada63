"""What both bootstraps promise to the node: the frame protocol, and the life of the process around it."""

import functools
import time
import unittest

from driver import ERROR, RESULT, Sandbox, frame_of_invoke

ECHO = {"nodejs": "failures.echo", "python": "answers.echo"}
LENGTH = {"nodejs": "platform.length", "python": "answers.length"}
REPEAT = {"nodejs": "platform.repeat", "python": "answers.repeat"}
SLEEP = {"nodejs": "platform.sleep", "python": "platform.sleep"}
TRACE = {"nodejs": "platform.trace", "python": "platform.trace"}
DESCRIPTORS = {"nodejs": "platform.descriptors", "python": "platform.descriptors"}
CLOSED_STDOUT = {"nodejs": "logging.closed", "python": "logs.closed"}

SIX_MEGABYTES = 6 * 1024 * 1024


def in_each(handlers):
    """Runs the test once a language, with a sandbox that is ready."""

    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for language, handler in handlers.items():
                with self.subTest(language), Sandbox(language, handler) as sandbox:
                    test(self, sandbox.until_ready())

        return run

    return decorate


class Protocol(unittest.TestCase):
    @in_each(ECHO)
    def test_an_answer_carries_the_sequence_number_of_its_invocation(self, sandbox):
        for seq in (1, 77, 0xFFFF_FFFF):
            sandbox.send(frame_of_invoke(seq, {"n": seq}))
            answer = sandbox.receive()
            self.assertEqual((answer.kind, answer.seq, answer.json), (RESULT, seq, {"n": seq}))

    @in_each(ECHO)
    def test_invocations_that_arrive_together_are_answered_in_order(self, sandbox):
        sandbox.send(b"".join(frame_of_invoke(seq, seq) for seq in range(100)))
        answers = [sandbox.receive() for _ in range(100)]
        self.assertEqual([(a.seq, a.json) for a in answers], [(n, n) for n in range(100)])

    @in_each(ECHO)
    def test_an_invocation_may_arrive_byte_by_byte(self, sandbox):
        for byte in frame_of_invoke(1, "slow"):
            sandbox.send(bytes((byte,)))
        self.assertEqual(sandbox.receive().json, "slow")

    @in_each(LENGTH)
    def test_frames_around_the_buffer_size(self, sandbox):
        for size in range(64 * 1024 - 160, 64 * 1024 + 20, 7):
            self.assertEqual(sandbox.invoke("x" * size).json, size)

    @in_each(LENGTH)
    def test_a_large_invocation_beside_small_ones(self, sandbox):
        texts = ["a", "b" * SIX_MEGABYTES, "c", "d" * 70_000, "e"]
        answers = [sandbox.invoke(text) for text in texts]
        self.assertEqual([a.json for a in answers], [len(text) for text in texts])

    @in_each(REPEAT)
    def test_answers_around_the_buffer_size_and_large_ones(self, sandbox):
        for count in (1, 21_000, 21_839, 21_840, 21_841, 21_842, 21_845, 32_000, 40_000, SIX_MEGABYTES // 3):
            self.assertEqual(sandbox.invoke(count).json, "€" * count)

    @in_each(ECHO)
    def test_an_event_that_is_not_json_is_an_error_and_no_more(self, sandbox):
        self.assertEqual(sandbox.invoke(payload=b"{").kind, ERROR)
        self.assertEqual(sandbox.invoke("next").json, "next")


class Life(unittest.TestCase):
    @in_each({"nodejs": "platform.keepsRunning", "python": "platform.keeps_running"})
    def test_hanging_up_ends_the_process_at_once(self, sandbox):
        sandbox.invoke("x")
        begin = time.monotonic()
        self.assertEqual(sandbox.stop(), 0)
        self.assertLess(time.monotonic() - begin, 5)

    @in_each(SLEEP)
    def test_hanging_up_during_an_invocation_ends_the_process_after_it(self, sandbox):
        sandbox.send(frame_of_invoke(1, 50))
        self.assertEqual(sandbox.stop(), 0)

    def test_hanging_up_in_the_middle_of_a_frame_ends_the_process(self):
        for part in (4, 20, 100_000):
            for language, handler in ECHO.items():
                with self.subTest(language, part=part), Sandbox(language, handler) as sandbox:
                    sandbox.until_ready().send(frame_of_invoke(1, "x" * 200_000)[:part])
                    self.assertEqual(sandbox.stop(), 0)

    @in_each(TRACE)
    def test_the_trace_is_in_the_environment_for_its_invocation_only(self, sandbox):
        traces = ("Root=1-a", None, "Root=1-b", None, None)
        seen = [sandbox.invoke(**({"trace": trace} if trace else {})).json for trace in traces]
        self.assertEqual(seen, ["Root=1-a", "absent", "Root=1-b", "absent", "absent"])

    @in_each(DESCRIPTORS)
    def test_programs_that_a_handler_starts_do_not_inherit_the_link(self, sandbox):
        self.assertEqual(sandbox.invoke().json, "closed")

    @in_each(CLOSED_STDOUT)
    def test_a_handler_that_closes_its_output_still_answers(self, sandbox):
        self.assertEqual(sandbox.invoke("close").json, "close")
        self.assertEqual(sandbox.invoke("again").json, "again")


if __name__ == "__main__":
    unittest.main()
