"""A web server for `runtime = "http"`, of the standard library alone."""

import hashlib
import json
import os
import signal
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Tells one process from the next: process numbers are the same in every sandbox.
INSTANCE = uuid.uuid4().hex
gate = threading.Event()
together = threading.Barrier(20, timeout=30)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        path = self.path.split("?")[0]
        if path == "/stream":
            return self.stream()
        if path == "/break":
            return self.stream(breaks=True)
        if path == "/open":
            gate.set()
        if path == "/together":
            together.wait()
        if path == "/crash":
            os._exit(3)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        told = {
            "instance": INSTANCE,
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        whole = json.dumps(told).encode()
        self.send_response(202)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(whole)))
        self.send_header("x-one", "1")
        self.send_header("set-cookie", "a=1")
        self.send_header("set-cookie", "b=2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(whole)

    def stream(self, breaks=False):
        """One piece, and the rest when the gate is opened."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.piece(b"first")
        gate.wait(30)
        gate.clear()
        if breaks:
            self.close_connection = True
            return
        self.piece(b"last")
        self.wfile.write(b"0\r\n\r\n")

    def piece(self, text):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
        self.wfile.flush()

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_PATCH = answer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def stop(*_):
    print("asked to stop", flush=True)
    os._exit(0)


signal.signal(signal.SIGTERM, stop)
print("listening", flush=True)
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
