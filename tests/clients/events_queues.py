"""Queues and their dead letters. This part is also run by a boto3 that still speaks the query protocol."""

import base64
import json
import time

from events_base import NO_QUEUE, Queue, arn, check, eventually, refused, sqs, text


@check
def a_queue_is_created_once_and_found_again():
    attributes = {"VisibilityTimeout": "7", "DelaySeconds": "3", "RedrivePolicy": ""}
    url = sqs.create_queue(QueueName="found", Attributes=attributes, tags={"team": "a&b"})["QueueUrl"]
    assert url.endswith("/000000000000/found"), url
    assert sqs.create_queue(QueueName="found", Attributes=attributes)["QueueUrl"] == url
    assert sqs.create_queue(QueueName="found")["QueueUrl"] == url
    message = refused(
        sqs.create_queue, "QueueAlreadyExists", QueueName="found", Attributes={"DelaySeconds": "4"}
    )
    assert message.endswith("same name and a different value for attribute DelaySeconds"), message
    assert sqs.get_queue_url(QueueName="found")["QueueUrl"] == url
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "a&b"}
    try:
        sqs.get_queue_url(QueueName="never")
    except sqs.exceptions.QueueDoesNotExist as error:
        assert error.response["Error"]["Code"] == NO_QUEUE, error.response
    refused(sqs.get_queue_url, NO_QUEUE, QueueName="found", QueueOwnerAWSAccountId="111111111111")
    sqs.delete_queue(QueueUrl=url)
    refused(sqs.get_queue_url, NO_QUEUE, QueueName="found")
    refused(sqs.delete_queue, NO_QUEUE, QueueUrl=url)


@check
def queues_are_listed_page_by_page():
    urls = [Queue(f"listed-{n}").url for n in range(5)]
    assert sqs.list_queues(QueueNamePrefix="listed-")["QueueUrls"] == urls
    pages = list(sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix="listed-", PaginationConfig={"PageSize": 2}))
    assert [page["QueueUrls"] for page in pages] == [urls[:2], urls[2:4], urls[4:]], pages
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="none-")


@check
def what_a_queue_cannot_be_is_refused():
    def create(code, name="odd", **attributes):
        return refused(sqs.create_queue, code, QueueName=name, Attributes=attributes)

    create("InvalidParameterValue", name="has space")
    create("InvalidParameterValue", name="x" * 81)
    create("InvalidParameterValue", name="odd.fifo")
    create("InvalidParameterValue", name="odd", FifoQueue="true")
    assert create("InvalidAttributeName", FifoQueue="false") == "Unknown Attribute FifoQueue."
    assert create("InvalidAttributeName", Colour="red") == "Unknown Attribute Colour."
    for name, value in [
        ("DelaySeconds", "901"), ("MaximumMessageSize", "1023"), ("MessageRetentionPeriod", "59"),
        ("ReceiveMessageWaitTimeSeconds", "21"), ("VisibilityTimeout", "43201"), ("VisibilityTimeout", "soon"),
    ]:
        message = create("InvalidAttributeValue", **{name: value})
        assert message == f"Invalid value for the parameter {name}.", message
    unsupported = "AWS.SimpleQueueService.UnsupportedOperation"
    create(unsupported, Policy="{}")
    create(unsupported, KmsMasterKeyId="alias/aws/sqs")
    refused(sqs.get_queue_url, NO_QUEUE, QueueName="odd")
    url = Queue("even").url
    refused(
        sqs.add_permission, unsupported,
        QueueUrl=url, Label="l", AWSAccountIds=["111111111111"], Actions=["SendMessage"],
    )


@check
def attributes_are_read_and_changed():
    queue = Queue("attributed", VisibilityTimeout="7", MaximumMessageSize="2048")
    told = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    expect = {
        "QueueArn": queue.arn, "VisibilityTimeout": "7", "MaximumMessageSize": "2048", "DelaySeconds": "0",
        "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0",
        "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0", "SqsManagedSseEnabled": "false",
    }
    assert {name: told.get(name) for name in expect} == expect, told
    assert abs(int(told["CreatedTimestamp"]) - time.time()) < 60, told
    assert "FifoQueue" not in told and "RedrivePolicy" not in told, told
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "9", "DelaySeconds": "1"})
    told = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["DelaySeconds", "VisibilityTimeout"])
    assert told["Attributes"] == {"DelaySeconds": "1", "VisibilityTimeout": "9"}, told
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue.url)
    # All of them are good, or nothing is changed.
    refused(
        sqs.set_queue_attributes, "InvalidAttributeValue",
        QueueUrl=queue.url, Attributes={"DelaySeconds": "2", "VisibilityTimeout": "-1"},
    )
    told = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["DelaySeconds"])
    assert told["Attributes"] == {"DelaySeconds": "1"}, told
    refused(sqs.get_queue_attributes, "InvalidAttributeName", QueueUrl=queue.url, AttributeNames=["Colour"])


@check
def tags_are_set_and_taken_away():
    queue = Queue("tagged")
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=queue.url)
    sqs.tag_queue(QueueUrl=queue.url, Tags={"a": "1", "b": "", "ü <&>": "x=y"})
    sqs.untag_queue(QueueUrl=queue.url, TagKeys=["a", "never"])
    assert sqs.list_queue_tags(QueueUrl=queue.url)["Tags"] == {"b": "", "ü <&>": "x=y"}


@check
def a_queue_is_purged_once_a_minute():
    queue = Queue("purged")
    for n in range(3):
        queue.send(str(n), DelaySeconds=n % 2)
    queue.receive(1)
    sqs.purge_queue(QueueUrl=queue.url)
    assert queue.counts() == (0, 0, 0), queue.counts()
    refused(sqs.purge_queue, "AWS.SimpleQueueService.PurgeQueueInProgress", QueueUrl=queue.url)


def dying(name, **attributes):
    """A queue, and that of its dead letters."""
    dead = Queue(f"{name}-dead")
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": "1"})
    return Queue(name, RedrivePolicy=policy, VisibilityTimeout="0", **attributes), dead


def dies(queue, dead, *bodies):
    for body in bodies:
        queue.send(body, MessageAttributes={"of": text(body)})
    eventually("they die", lambda: not queue.receive() and dead.counts()[0] == len(bodies))


@check
def what_is_received_too_often_becomes_a_dead_letter():
    queue, dead = dying("mortal")
    policy = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["RedrivePolicy"])["Attributes"]
    policy = json.loads(policy["RedrivePolicy"])
    assert policy == {"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1}, policy
    sources = sqs.list_dead_letter_source_queues(QueueUrl=dead.url)
    assert sources["queueUrls"] == [queue.url], sources
    sent = queue.send("x", MessageAttributes={"a": text("1")})
    assert len(queue.receive()) == 1
    queue.is_empty()
    [letter] = dead.receive()
    assert (letter["MessageId"], letter["Body"]) == (sent["MessageId"], "x"), letter
    assert letter["MessageAttributes"] == {"a": text("1")}, letter
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == queue.arn, letter
    refused(
        sqs.set_queue_attributes, "InvalidParameterValue", QueueUrl=queue.url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn("sqs", "none"), "maxReceiveCount": 1})},
    )
    for policy in ["{", "[]", json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 0})]:
        try:
            sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": policy})
        except sqs.exceptions.ClientError as error:
            assert error.response["Error"]["Code"].startswith("Invalid"), error.response
        else:
            raise AssertionError(f"taken: {policy}")


def tasks(dead):
    return sqs.list_message_move_tasks(SourceArn=dead.arn, MaxResults=10)["Results"]


@check
def dead_letters_are_moved_back():
    queue, dead = dying("back")
    dies(queue, dead, "1", "2", "3")
    handle = sqs.start_message_move_task(SourceArn=dead.arn)["TaskHandle"]
    assert handle
    task = eventually("they move", lambda: [task for task in tasks(dead) if task["Status"] == "COMPLETED"])[0]
    assert task["SourceArn"] == dead.arn and task["ApproximateNumberOfMessagesMoved"] == 3, task
    assert "TaskHandle" not in task and abs(task["StartedTimestamp"] / 1000 - time.time()) < 60, task
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "30"})
    messages = queue.take(3)
    assert sorted(message["Body"] for message in messages) == ["1", "2", "3"]
    assert all(message["MessageAttributes"]["of"]["StringValue"] == message["Body"] for message in messages)
    dead.is_empty()
    refused(sqs.start_message_move_task, "InvalidParameterValue", SourceArn=queue.arn)
    refused(sqs.start_message_move_task, "ResourceNotFoundException", SourceArn=arn("sqs", "none"))
    refused(
        sqs.start_message_move_task, "InvalidParameterValue",
        SourceArn=dead.arn, MaxNumberOfMessagesPerSecond=501,
    )


@check
def a_move_goes_elsewhere_and_is_cancelled():
    queue, dead = dying("elsewhere")
    other = Queue("elsewhere-else")
    dies(queue, dead, *(str(n) for n in range(20)))
    handle = sqs.start_message_move_task(
        SourceArn=dead.arn, DestinationArn=other.arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    [task] = tasks(dead)
    assert (task["Status"], task["TaskHandle"], task["DestinationArn"]) == ("RUNNING", handle, other.arn), task
    assert task["MaxNumberOfMessagesPerSecond"] == 1, task
    refused(sqs.start_message_move_task, "InvalidParameterValue", SourceArn=dead.arn)
    eventually("one moves", lambda: other.counts()[0])
    sqs.cancel_message_move_task(TaskHandle=handle)
    [task] = tasks(dead)
    assert task["Status"] == "CANCELLED", task
    moved = other.counts()[0]
    assert 1 <= moved < 20 and moved + dead.counts()[0] == 20, (moved, dead.counts())
    refused(sqs.cancel_message_move_task, "ResourceNotFoundException", TaskHandle=base64.b64encode(b"x").decode())
