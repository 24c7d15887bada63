"""The private link to the node: frames over two blocking pipes, one for calls and one for answers.

A frame is its body's length (u32, little endian), a kind (u8), a sequence number (u32, little endian), the body.
"""

import os

INVOKE = 0x01
READY = 0x10
INIT_ERROR = 0x11
RESULT = 0x20
ERROR = 0x21

HEADER_BYTES = 9
READ_BYTES = 64 * 1024
# Below this size, copying header and body together is cheaper than a second system call.
JOIN_BYTES = 64 * 1024

_calls = 3
_answers = 4
# Bytes of the next frame that came together with the last one.
_ahead = b""


def keep_to_this_process():
    """Programs and forks that the handler starts must not hold the link open, nor answer on it."""
    os.set_inheritable(_calls, False)
    os.set_inheritable(_answers, False)
    os.register_at_fork(after_in_child=_close)


def _close():
    global _calls, _answers
    os.close(_calls)
    os.close(_answers)
    _calls = _answers = -1


def receive_invoke():
    """Blocks until the next invocation: its sequence number, its head (JSON) and its payload."""
    kind, seq, body = _receive()
    if kind != INVOKE:
        raise RuntimeError(f"The node sent a frame of unknown kind {kind}")
    head_end = 4 + int.from_bytes(body[:4], "little")
    return seq, body[4:head_end], body[head_end:]


def _receive():
    global _ahead
    data = _ahead or _read(READ_BYTES)
    while len(data) < HEADER_BYTES:
        data += _read(READ_BYTES)
    end = HEADER_BYTES + int.from_bytes(data[:4], "little")
    if len(data) < end:
        data = _complete(data, end)
    _ahead = data[end:]
    return data[4], int.from_bytes(data[5:HEADER_BYTES], "little"), data[HEADER_BYTES:end]


def _complete(data, end):
    whole = bytearray(end)
    whole[: len(data)] = data
    at = len(data)
    with memoryview(whole) as view:
        while at < end:
            count = os.readv(_calls, [view[at:]])
            if count == 0:
                os._exit(0)
            at += count
    return bytes(whole)


def _read(count):
    data = os.read(_calls, count)
    if not data:
        # The node has hung up: nobody waits for exit handlers or for threads either.
        os._exit(0)
    return data


def send(kind, seq, body):
    header = len(body).to_bytes(4, "little") + bytes((kind,)) + seq.to_bytes(4, "little")
    try:
        if len(body) <= JOIN_BYTES:
            _write(header + body)
        else:
            _write(header)
            _write(body)
    except BrokenPipeError:
        os._exit(0)


def _write(data):
    written = os.write(_answers, data)
    while written < len(data):
        written += os.write(_answers, memoryview(data)[written:])
