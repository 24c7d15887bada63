"""Messages in queues. This part is also run by a boto3 that still speaks the query protocol."""

import hashlib
import struct
import threading
import time

from events_base import NO_QUEUE, Queue, check, refused, sqs, text

PROTOCOL = sqs.meta.service_model.metadata["protocol"]
print(f"messages: spoken as {PROTOCOL}")


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def md5_of(attributes):
    """The sum that clients check attributes with, as AWS documents it."""
    sum = hashlib.md5()

    def add(value):
        sum.update(struct.pack(">I", len(value)) + value)

    for name, attribute in sorted(attributes.items()):
        add(name.encode())
        add(attribute["DataType"].encode())
        if attribute["DataType"].startswith("Binary"):
            sum.update(b"\x02")
            add(attribute["BinaryValue"])
        else:
            sum.update(b"\x01")
            add(attribute["StringValue"].encode())
    return sum.hexdigest()


@check
def a_message_arrives_as_it_was_sent():
    queue = Queue("plain")
    odd = "<a href=\"&amp;\">'ü€😀'</a> ]]> %25+\t\r\n\r \u0085 end "
    attributes = {
        "text": text(odd), "number": text("-12.5e3", "Number"), "typed": text("7", "Number.int"),
        "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
        "image": {"DataType": "Binary.png", "BinaryValue": b"\x89PNG"},
    }
    trace = {"AWSTraceHeader": text("Root=1-5759e988-bd862e3fe1be46a994272793")}
    sent = queue.send(odd, MessageAttributes=attributes, MessageSystemAttributes=trace)
    assert sent["MD5OfMessageBody"] == md5(odd), sent
    assert sent["MD5OfMessageAttributes"] == md5_of(attributes), sent
    assert sent["MD5OfMessageSystemAttributes"] == md5_of(trace), sent
    assert "SequenceNumber" not in sent, sent
    [message] = queue.take()
    assert message["Body"] == odd and message["MD5OfBody"] == md5(odd), message
    assert message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"] == attributes, message
    assert message["MD5OfMessageAttributes"] == md5_of(attributes)
    system = message["Attributes"]
    assert system["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"], system
    assert system["ApproximateReceiveCount"] == "1" and system["SenderId"], system
    assert abs(int(system["SentTimestamp"]) / 1000 - time.time()) < 60, system
    assert int(system["ApproximateFirstReceiveTimestamp"]) >= int(system["SentTimestamp"]), system


@check
def only_attributes_that_are_asked_for_are_received():
    queue = Queue("asked", VisibilityTimeout="0")
    attributes = {"a.one": text("1"), "a.two": text("2"), "b": text("3")}
    sent = queue.send("x", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == md5_of(attributes)
    for asked, expect in [
        (["All"], ["a.one", "a.two", "b"]), ([".*"], ["a.one", "a.two", "b"]), (["a.*"], ["a.one", "a.two"]),
        (["b", "never"], ["b"]), ([], []),
    ]:
        told = sqs.receive_message(QueueUrl=queue.url, MessageAttributeNames=asked)["Messages"][0]
        assert sorted(told.get("MessageAttributes", {})) == expect, (asked, told)
        some = {name: attributes[name] for name in expect}
        assert told.get("MD5OfMessageAttributes") == (md5_of(some) if some else None), (asked, told)
        assert "Attributes" not in told, told
    told = sqs.receive_message(QueueUrl=queue.url, AttributeNames=["ApproximateReceiveCount"])["Messages"][0]
    assert told["Attributes"] == {"ApproximateReceiveCount": "6"}, told
    refused(sqs.receive_message, "InvalidAttributeName", QueueUrl=queue.url, AttributeNames=["Colour"])
    if PROTOCOL == "json":
        told = sqs.receive_message(QueueUrl=queue.url, MessageSystemAttributeNames=["SentTimestamp"])
        assert list(told["Messages"][0]["Attributes"]) == ["SentTimestamp"], told


@check
def an_older_receipt_deletes_and_what_is_deleted_can_be_deleted_again():
    queue = Queue("receipts", VisibilityTimeout="0")
    queue.send("x")
    [first], [second] = queue.receive(1), queue.receive(1)
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    queue.delete(first)
    queue.is_empty()
    queue.delete(first)
    queue.delete(second)
    refused(sqs.delete_message, "ReceiptHandleIsInvalid", QueueUrl=queue.url, ReceiptHandle="nonsense")
    other = Queue("receipts-other")
    refused(
        sqs.delete_message, "ReceiptHandleIsInvalid", QueueUrl=other.url, ReceiptHandle=second["ReceiptHandle"]
    )


@check
def a_message_stays_hidden_as_long_as_it_is_said():
    queue = Queue("hidden", VisibilityTimeout="600")
    queue.send("x")
    [message] = queue.receive()
    queue.is_empty()
    assert queue.counts() == (0, 1, 0), queue.counts()

    def hide(seconds, message):
        sqs.change_message_visibility(
            QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds)

    hide(0, message)
    begun = time.monotonic()
    [message] = queue.receive(VisibilityTimeout=1)
    [again] = queue.receive(wait=20)
    assert time.monotonic() - begun >= 0.9
    assert again["MessageId"] == message["MessageId"] and again["Attributes"]["ApproximateReceiveCount"] == "3"
    refused(
        sqs.change_message_visibility, "InvalidParameterValue",
        QueueUrl=queue.url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=43201,
    )
    hide(0, again)
    refused(
        sqs.change_message_visibility, "AWS.SimpleQueueService.MessageNotInflight",
        QueueUrl=queue.url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=5,
    )
    assert queue.counts() == (1, 0, 0), queue.counts()


@check
def a_delayed_message_comes_later():
    queue = Queue("delayed", DelaySeconds="600")
    begun = time.monotonic()
    queue.send("hardly", DelaySeconds=3)
    queue.send("much")
    queue.is_empty()
    assert queue.counts() == (0, 0, 2), queue.counts()
    [message] = queue.receive(wait=20)
    assert message["Body"] == "hardly" and time.monotonic() - begun >= 2.9, message
    queue.send("at once", DelaySeconds=0)
    assert [message["Body"] for message in queue.receive()] == ["at once"]
    refused(queue.send, "InvalidParameterValue", body="x", DelaySeconds=901)


@check
def who_waits_is_answered_as_soon_as_there_is_something():
    queue = Queue("waited", ReceiveMessageWaitTimeSeconds="1")
    answers = []
    begun = time.monotonic()
    waiting = threading.Thread(target=lambda: answers.extend(queue.receive(wait=20)))
    waiting.start()
    # The other waits by then, or finds the message there.
    assert "Messages" not in sqs.receive_message(QueueUrl=queue.url)
    assert time.monotonic() - begun >= 0.9, "the queue's own time"
    queue.send("x")
    waiting.join()
    assert [message["Body"] for message in answers] == ["x"] and time.monotonic() - begun < 15


@check
def entries_of_a_batch_succeed_and_fail_by_themselves():
    queue = Queue("batched", MaximumMessageSize="2048")
    told = sqs.send_message_batch(QueueUrl=queue.url, Entries=[
        {"Id": "good", "MessageBody": "1", "MessageAttributes": {"a": text("ü")}},
        {"Id": "late", "MessageBody": "2", "DelaySeconds": 901},
        {"Id": "bad", "MessageBody": "\x01"},
        {"Id": "large", "MessageBody": "x" * 2049},
        {"Id": "too-good", "MessageBody": "5"},
    ])
    assert [entry["Id"] for entry in told["Successful"]] == ["good", "too-good"], told
    assert told["Successful"][0]["MD5OfMessageBody"] == md5("1"), told
    assert told["Successful"][0]["MD5OfMessageAttributes"] == md5_of({"a": text("ü")}), told
    failed = {entry["Id"]: (entry["Code"], entry["SenderFault"]) for entry in told["Failed"]}
    assert failed == {
        "late": ("InvalidParameterValue", True), "bad": ("InvalidMessageContents", True),
        "large": ("InvalidParameterValue", True),
    }, told
    messages = queue.receive()
    assert sorted(message["Body"] for message in messages) == ["1", "5"], messages
    handles = [message["ReceiptHandle"] for message in messages]
    told = sqs.change_message_visibility_batch(QueueUrl=queue.url, Entries=[
        {"Id": "a", "ReceiptHandle": handles[0], "VisibilityTimeout": 0},
        {"Id": "b", "ReceiptHandle": "nonsense", "VisibilityTimeout": 0},
    ])
    assert [entry["Id"] for entry in told["Successful"]] == ["a"], told
    assert [(entry["Id"], entry["Code"]) for entry in told["Failed"]] == [("b", "ReceiptHandleIsInvalid")], told
    told = sqs.delete_message_batch(QueueUrl=queue.url, Entries=[
        {"Id": "a", "ReceiptHandle": handles[0]}, {"Id": "b", "ReceiptHandle": handles[1]},
        {"Id": "c", "ReceiptHandle": "nonsense"},
    ])
    assert [entry["Id"] for entry in told["Successful"]] == ["a", "b"], told
    assert [(entry["Id"], entry["Code"]) for entry in told["Failed"]] == [("c", "ReceiptHandleIsInvalid")], told
    assert queue.counts() == (0, 0, 0), queue.counts()


@check
def a_batch_that_is_none_is_refused():
    queue = Queue("no-batch")

    def send(code, entries):
        return refused(
            sqs.send_message_batch, f"AWS.SimpleQueueService.{code}",
            QueueUrl=queue.url, Entries=[{"Id": id, "MessageBody": body} for id, body in entries],
        )

    send("EmptyBatchRequest", [])
    message = send("TooManyEntriesInBatchRequest", [(str(n), "x") for n in range(11)])
    assert message == "Maximum number of entries per request are 10. You have sent 11.", message
    send("BatchEntryIdsNotDistinct", [("a", "1"), ("a", "2")])
    send("InvalidBatchEntryId", [("a b", "1")])
    send("InvalidBatchEntryId", [("x" * 81, "1")])
    message = send("BatchRequestTooLong", [("a", "x" * 1048576), ("b", "x")])
    assert message.endswith("longer than 1048576 bytes. You have sent 1048577 bytes."), message
    empty = "AWS.SimpleQueueService.EmptyBatchRequest"
    refused(sqs.delete_message_batch, empty, QueueUrl=queue.url, Entries=[])
    refused(sqs.change_message_visibility_batch, empty, QueueUrl=queue.url, Entries=[])
    queue.is_empty()


@check
def the_largest_message_fits_and_a_larger_one_is_refused():
    queue = Queue("large")
    whole = "ü" * (524288 - 3) + "&<\r\t"
    whole += "x" * (1048576 - len(whole.encode()))
    assert queue.send(whole)["MD5OfMessageBody"] == md5(whole)
    assert queue.texts() == [whole]
    message = refused(queue.send, "InvalidParameterValue", body=whole + "x")
    assert message.endswith("Reason: Message must be shorter than 1048576 bytes."), message
    # Attributes count.
    refused(queue.send, "InvalidParameterValue", body=whole, MessageAttributes={"a": text("b")})
    for n in range(3):
        queue.send("x" * 1048576)
    assert len(queue.take(3)) == 3


@check
def what_is_no_message_is_refused():
    queue = Queue("refusing")

    def send(code, body="x", **more):
        return refused(queue.send, code, body=body, **more)

    message = send("InvalidMessageContents", body="a\x08b")
    assert "'#x8' was found" in message, message
    send("InvalidMessageContents", body="\uffff")
    send("MissingParameter", body="")
    many = {f"a{n}": text("x") for n in range(1000)}
    message = send("InvalidParameterValue", MessageAttributes=many)
    assert "[1000] exceeds the allowed maximum [10]" in message, message
    queue.send("x", MessageAttributes={f"a{n}": text("x") for n in range(10)})
    for attribute in [
        text("x", "Text"), text(""), text("x", "Number"), text("x", "Binary"), {"DataType": "String"},
        {"DataType": "String", "StringListValues": ["x"]},
    ]:
        code = "AWS.SimpleQueueService.UnsupportedOperation" if "StringListValues" in attribute else None
        send(code or "InvalidParameterValue", MessageAttributes={"a": attribute})
    send("InvalidParameterValue", MessageAttributes={"AWS.a": text("x")})
    send("InvalidParameterValue", MessageDeduplicationId="d")
    send("InvalidParameterValue", MessageSystemAttributes={"Other": text("x")})
    queue.send("fair", MessageGroupId="g")

    def receive(**more):
        return refused(sqs.receive_message, "InvalidParameterValue", QueueUrl=queue.url, **more)

    message = receive(MaxNumberOfMessages=11)
    assert message.endswith("MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.")
    receive(MaxNumberOfMessages=0)
    message = receive(WaitTimeSeconds=21)
    assert message.endswith("WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."), message
    receive(VisibilityTimeout=-1)
    gone = queue.url.replace("refusing", "gone")
    refused(sqs.send_message, NO_QUEUE, QueueUrl=gone, MessageBody="x")
    message = refused(sqs.receive_message, NO_QUEUE, QueueUrl=gone)
    wsdl = " for this wsdl version" if PROTOCOL == "query" else ""
    assert message == f"The specified queue does not exist{wsdl}.", message
    refused(sqs.purge_queue, NO_QUEUE, QueueUrl=gone)
