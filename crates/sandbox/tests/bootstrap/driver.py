"""Plays the node: starts a bootstrap with pipes as descriptors 3 (calls) and 4 (answers) and speaks frames with it."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent
BOOTSTRAPS = HERE.parents[1] / "src" / "runtimes" / "bootstrap"

INVOKE = 0x01
READY = 0x10
INIT_ERROR = 0x11
RESULT = 0x20
ERROR = 0x21
STREAM_START = 0x22
STREAM_CHUNK = 0x23
STREAM_END = 0x24
STREAM_ERROR = 0x25
FATAL = 0x26

PATIENCE_SECONDS = 20

COMMANDS = {
    "nodejs": [os.environ.get("LAMBENT_TEST_NODE", "node"), str(BOOTSTRAPS / "nodejs" / "index.cjs")],
    "python": [
        os.environ.get("LAMBENT_TEST_PYTHON", sys.executable),
        "-S",
        "-u",
        str(BOOTSTRAPS / "python" / "bootstrap.py"),
    ],
}


class Frame(namedtuple("Frame", "kind seq body")):
    @property
    def json(self):
        return json.loads(self.body)


def functions(language):
    return HERE / "functions" / language


class Sandbox:
    """One running bootstrap. Leaving the `with` block hangs up and waits for its end."""

    def __init__(self, language, handler, environment=None, stdout=None):
        calls, self._calls = os.pipe()
        self._answers, answers = os.pipe()
        self._hung_up = False
        self._stdout = stdout or tempfile.TemporaryFile()
        self._stderr = tempfile.TemporaryFile()
        self._next_seq = 1
        self.exit_code = None
        try:
            self.process = subprocess.Popen(
                COMMANDS[language],
                env={**_platform_environment(language, handler), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=self._stdout,
                stderr=self._stderr,
                pass_fds=(3, 4),
                preexec_fn=lambda: _place(calls, answers),
            )
        finally:
            os.close(calls)
            os.close(answers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._stdout.close()
        self._stderr.close()

    def until_ready(self):
        frame = self.receive()
        if frame.kind != READY:
            raise AssertionError(f"expected READY, got {frame}")
        return self

    def invoke(self, event=None, **head):
        """Sends one invocation and waits for the first frame of its answer."""
        self.send(frame_of_invoke(self.take_seq(), event, **head))
        return self.receive()

    def invoke_streaming(self, event=None, **head):
        """Sends one invocation and collects the frames of its answer."""
        frames = [self.invoke(event, **head)]
        while frames[-1].kind in (STREAM_START, STREAM_CHUNK):
            frames.append(self.receive())
        return frames

    def take_seq(self):
        self._next_seq += 1
        return self._next_seq - 1

    def send(self, data):
        data = memoryview(data)
        while data:
            data = data[os.write(self._calls, data) :]

    def receive(self):
        """The next frame; None when the process has hung up."""
        header = self._receive_exactly(9)
        if header is None:
            return None
        length = int.from_bytes(header[:4], "little")
        return Frame(header[4], int.from_bytes(header[5:], "little"), self._receive_exactly(length))

    def _receive_exactly(self, count):
        data = bytearray()
        while len(data) < count:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE_SECONDS)
            if not ready:
                raise TimeoutError("the bootstrap does not answer")
            part = os.read(self._answers, count - len(data))
            if not part:
                return None
            data += part
        return bytes(data)

    def stop(self):
        """Hangs up. The process has to end by itself."""
        if not self._hung_up:
            self._hung_up = True
            os.close(self._calls)
            os.close(self._answers)
        return self.wait()

    def wait(self):
        if self.exit_code is None:
            try:
                self.exit_code = self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.exit_code

    def lines(self):
        """What the function logged, line by line. Only the line feed ends one."""
        return self.output().split("\n")[:-1]

    def output(self):
        return self._text(self._stdout)

    def errors(self):
        return self._text(self._stderr)

    def _text(self, file):
        self.stop()
        file.seek(0)
        return file.read().decode()


def _place(calls, answers):
    # Copies first: one of the two may lie where the other has to go.
    calls, answers = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (calls, answers))
    os.dup2(calls, 3, inheritable=True)
    os.dup2(answers, 4, inheritable=True)


def _platform_environment(language, handler):
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(functions(language)),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": handler,
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shop",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/02/[7]abc",
    }


def frame_of_invoke(seq, event=None, payload=None, **head):
    fields = {
        "id": f"request-{seq}",
        "deadline": int(time.time() * 1000) + 60_000,
        "arn": "arn:aws:lambda:eu-central-1:000000000000:function:shop",
        **head,
    }
    head_bytes = json.dumps(fields).encode()
    if payload is None:
        payload = json.dumps(event).encode()
    body = len(head_bytes).to_bytes(4, "little") + head_bytes + payload
    return len(body).to_bytes(4, "little") + bytes((INVOKE,)) + seq.to_bytes(4, "little") + body


def folder_with(files):
    """A task root of its own, for layouts that would disturb the others."""
    folder = tempfile.mkdtemp()
    for name, text in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return TaskRoot(folder)


class TaskRoot(str):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self)
