"""Celery with its SQS transport: events_celery.py ENDPOINT FILE. The tasks write what they did into the file.

The worker is a process of its own, as people run it; it finds the two in its environment.
"""

import json
import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import boto3
from celery import Celery

PATIENCE = 60

if __name__ == "__main__":
    os.environ["TEST_ENDPOINT"], os.environ["TEST_DONE"] = sys.argv[1:3]
ENDPOINT, DONE = os.environ["TEST_ENDPOINT"], os.environ["TEST_DONE"]

app = Celery("events_celery", broker=f"sqs://any:any@{urlsplit(ENDPOINT).netloc}")
app.conf.update(
    broker_transport_options={"region": "us-east-1", "is_secure": False, "wait_time_seconds": 1, "polling_interval": 0},
    task_default_queue="celery-tasks", task_acks_late=True, worker_enable_remote_control=False,
    worker_hijack_root_logger=False, broker_connection_retry_on_startup=True,
)


def done(*words):
    with open(DONE, "a") as file:
        file.write(" ".join(map(str, words)) + "\n")


@app.task
def add(a, b):
    done("add", a + b)


@app.task(bind=True, max_retries=3)
def flaky(self, name):
    done("flaky", name, self.request.retries)
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)


def main():
    command = [sys.executable, "-m", "celery", "-A", "events_celery", "worker", "--concurrency", "2"]
    command += ["--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    here = os.path.dirname(os.path.abspath(__file__))
    worker = subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        checks(worker)
    except BaseException:
        worker.kill()
        print(worker.communicate()[0])
        raise


def checks(worker):
    print("tasks run, and one that fails is run again")
    for n in range(20):
        add.delay(n, 1)
    add.apply_async((100, 1), countdown=1)
    flaky.delay("ü <&>")
    expect = sorted([f"add {n + 1}" for n in range(20)] + ["add 101"] + [f"flaky ü <&> {n}" for n in range(3)])
    eventually(worker, "all is done", lambda: lines() == expect)

    print("the worker ends when it is told to, and leaves nothing behind")
    worker.send_signal(signal.SIGTERM)
    said = worker.communicate(timeout=PATIENCE)[0]
    assert worker.returncode == 0 and "succeeded" in said and "Traceback" not in said, said
    sqs = boto3.client(
        "sqs", endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any")
    url = sqs.get_queue_url(QueueName="celery-tasks")["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    counts = {name: count for name, count in told.items() if name.startswith("ApproximateNumber")}
    assert set(counts.values()) == {"0"}, json.dumps(counts)
    assert lines() == expect, lines()


def lines():
    if not os.path.exists(DONE):
        return []
    with open(DONE) as file:
        return sorted(file.read().splitlines())


def eventually(worker, what, attempt):
    end = time.monotonic() + PATIENCE
    while not attempt():
        assert worker.poll() is None, "the worker has ended"
        assert time.monotonic() < end, f"in vain: {what}: {lines()}"
        time.sleep(0.05)


if __name__ == "__main__":
    main()
