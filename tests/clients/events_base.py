"""What all parts of events.py have in common."""

import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]

# How long anything may take before a check gives up on it, in seconds.
PATIENCE = 30

NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"

_checks = []


def check(function):
    """Marks a check; its name is the sentence that it shows to be true."""
    _checks.append(function)
    return function


def taken():
    """The checks that were marked since the last time."""
    checks = _checks[:]
    _checks.clear()
    return checks


def client(service, key="any", secret="any", **config):
    config = Config(retries={"total_max_attempts": 1}, **config)
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name="us-east-1", config=config,
        aws_access_key_id=key, aws_secret_access_key=secret,
    )


def arn(service, resource):
    return f"arn:aws:{service}:us-east-1:000000000000:{resource}"


def text(value, kind="String"):
    """A message attribute."""
    return {"DataType": kind, "StringValue": value}


def refused(call, code, **arguments):
    """Calls what must be refused with this code; the message."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response["Error"]["Message"]
    raise AssertionError(f"not refused as {code}: {answer}")


def eventually(what, attempt):
    """Tries until it gives something true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = attempt()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"in vain: {what}")


sqs = client("sqs")
sns = client("sns")


class Queue:
    """A queue that is made for a check."""

    def __init__(self, name, **attributes):
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        self.name, self.arn = name, arn("sqs", name)
        self.url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def send(self, body, **more):
        return sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def receive(self, count=10, wait=0, **more):
        """What is there, at most `count`; waits for the first."""
        return sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=count, WaitTimeSeconds=wait, AttributeNames=["All"],
            MessageAttributeNames=["All"], **more,
        ).get("Messages", [])

    def delete(self, message):
        sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def take(self, count=1):
        """Receives so many messages and deletes them. There must be no more."""
        messages = []
        end = time.monotonic() + PATIENCE
        while len(messages) < count and time.monotonic() < end:
            for message in self.receive(wait=5):
                messages.append(message)
                self.delete(message)
        assert len(messages) == count, f"{self.name}: {count} expected, got {messages}"
        self.is_empty()
        return messages

    def texts(self, count=1):
        return [message["Body"] for message in self.take(count)]

    def documents(self, count=1):
        return [json.loads(text) for text in self.texts(count)]

    def is_empty(self):
        left = self.receive()
        assert not left, f"{self.name} has more: {left}"

    def counts(self):
        """How many can be received, are being worked on, and are delayed."""
        names = ["", "NotVisible", "Delayed"]
        told = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]
        return tuple(int(told[f"ApproximateNumberOfMessages{name}"]) for name in names)


def topic(name, **attributes):
    """Makes a topic; its ARN."""
    if name.endswith(".fifo"):
        attributes["FifoTopic"] = "true"
    return sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]


def subscribe(topic, queue, **attributes):
    """Subscribes a queue; the ARN of the subscription."""
    return sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)["SubscriptionArn"]
