"""Queues that keep order. This part is also run by a boto3 that still speaks the query protocol."""

from events_base import Queue, check, refused, sqs


def bodies(messages):
    return [message["Body"] for message in messages]


@check
def a_queue_says_that_it_keeps_order():
    queue = Queue("said.fifo", ContentBasedDeduplication="true")
    told = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert told["FifoQueue"] == "true" and told["ContentBasedDeduplication"] == "true", told
    assert (told["DeduplicationScope"], told["FifoThroughputLimit"]) == ("queue", "perQueue"), told
    sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={
        "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})
    message = refused(
        sqs.set_queue_attributes, "InvalidAttributeName",
        QueueUrl=Queue("unordered").url, Attributes={"ContentBasedDeduplication": "true"},
    )
    assert message == "You can specify the ContentBasedDeduplication only when FifoQueue is set to true."


@check
def groups_keep_their_order_and_block_by_themselves():
    queue = Queue("groups.fifo", ContentBasedDeduplication="true")
    numbers = [
        queue.send(f"{group}{n}", MessageGroupId=group)["SequenceNumber"] for n in range(3) for group in "ab"
    ]
    assert numbers == sorted(numbers) and all(len(number) == 20 for number in numbers), numbers
    # One message of each group is worked on: nothing else of the two is given out.
    [first] = queue.receive(1)
    assert first["Body"] == "a0" and first["Attributes"]["MessageGroupId"] == "a", first
    assert first["Attributes"]["SequenceNumber"] == numbers[0], first
    others = queue.receive()
    assert bodies(others) == ["b0", "b1", "b2"], others
    queue.is_empty()
    # What comes back comes before what follows it.
    sqs.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    [again] = queue.receive(1)
    assert again["Body"] == "a0" and again["Attributes"]["ApproximateReceiveCount"] == "2", again
    queue.delete(again)
    assert bodies(queue.receive()) == ["a1", "a2"]


@check
def what_is_sent_twice_arrives_once():
    queue = Queue("twice.fifo")
    first = queue.send("x", MessageGroupId="g", MessageDeduplicationId="d")
    second = queue.send("another", MessageGroupId="g", MessageDeduplicationId="d")
    assert first["MessageId"] == second["MessageId"], (first, second)
    assert first["SequenceNumber"] == second["SequenceNumber"], (first, second)
    assert second["MD5OfMessageBody"] != first["MD5OfMessageBody"], "of what was sent"
    [message] = queue.take()
    assert message["Body"] == "x" and message["Attributes"]["MessageDeduplicationId"] == "d", message
    # Also when it is gone.
    queue.send("x", MessageGroupId="g", MessageDeduplicationId="d")
    queue.is_empty()
    message = refused(queue.send, "InvalidParameterValue", body="x", MessageGroupId="g")
    assert "ContentBasedDeduplication enabled or MessageDeduplicationId provided" in message, message
    content = Queue("content.fifo", ContentBasedDeduplication="true")
    for attribute in ["1", "2"]:
        content.send(
            "x", MessageGroupId=attribute,
            MessageAttributes={"a": {"DataType": "String", "StringValue": attribute}},
        )
    content.send("x", MessageGroupId="g", MessageDeduplicationId="own")
    assert content.texts(2) == ["x", "x"]
    scoped = Queue("scoped.fifo", ContentBasedDeduplication="true", DeduplicationScope="messageGroup")
    for group in ["1", "2", "2"]:
        scoped.send("x", MessageGroupId=group)
    assert len(scoped.take(2)) == 2


@check
def a_receive_is_tried_again_under_its_name():
    queue = Queue("tries.fifo", ContentBasedDeduplication="true")
    for n in range(3):
        queue.send(str(n), MessageGroupId="g")
    first = queue.receive(2, ReceiveRequestAttemptId="try")
    again = queue.receive(2, ReceiveRequestAttemptId="try")
    assert bodies(first) == bodies(again) == ["0", "1"], (first, again)
    assert not queue.receive(2, ReceiveRequestAttemptId="another")
    refused(Queue("no-tries").receive, "InvalidParameterValue", ReceiveRequestAttemptId="try")


@check
def what_breaks_order_is_refused():
    queue = Queue("strict.fifo", ContentBasedDeduplication="true")
    message = refused(queue.send, "MissingParameter", body="x")
    assert message == "The request must contain the parameter MessageGroupId.", message
    message = refused(queue.send, "InvalidParameterValue", body="x", MessageGroupId="g", DelaySeconds=2)
    assert message.endswith("parameter that is not valid for this queue type."), message
    refused(queue.send, "InvalidParameterValue", body="x", MessageGroupId="with space")
    refused(queue.send, "InvalidParameterValue", body="x", MessageGroupId="g", MessageDeduplicationId="x" * 129)
    told = sqs.send_message_batch(QueueUrl=queue.url, Entries=[
        {"Id": "a", "MessageBody": "1", "MessageGroupId": "g"}, {"Id": "b", "MessageBody": "2"},
        {"Id": "c", "MessageBody": "3", "MessageGroupId": "g"},
    ])
    assert [entry["Id"] for entry in told["Successful"]] == ["a", "c"], told
    assert all("SequenceNumber" in entry for entry in told["Successful"]), told
    assert [(entry["Id"], entry["Code"]) for entry in told["Failed"]] == [("b", "MissingParameter")], told
    assert queue.texts(2) == ["1", "3"]


@check
def a_receipt_that_another_has_followed_is_refused():
    queue = Queue("expired.fifo", ContentBasedDeduplication="true")
    queue.send("x", MessageGroupId="g")
    [first] = queue.receive(VisibilityTimeout=0)
    [again] = queue.receive()
    message = refused(
        sqs.delete_message, "InvalidParameterValue", QueueUrl=queue.url, ReceiptHandle=first["ReceiptHandle"]
    )
    assert message.endswith("Reason: The receipt handle has expired."), message
    queue.delete(again)


@check
def dead_letters_of_an_order_go_to_an_order():
    dead = Queue("dead.fifo")
    policy = '{"deadLetterTargetArn":"%s","maxReceiveCount":1}'
    queue = Queue("dying.fifo", ContentBasedDeduplication="true", RedrivePolicy=policy % dead.arn)
    queue.send("1", MessageGroupId="g")
    queue.send("2", MessageGroupId="g")
    queue.receive(1, VisibilityTimeout=0)
    # The first dies and no longer holds up the second.
    assert bodies(queue.receive(1)) == ["2"]
    [letter] = dead.receive()
    assert letter["Body"] == "1" and letter["Attributes"]["MessageGroupId"] == "g", letter
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == queue.arn, letter
    refused(
        sqs.create_queue, "InvalidParameterValue", QueueName="mixed.fifo",
        Attributes={"FifoQueue": "true", "RedrivePolicy": policy % Queue("standard-dead").arn},
    )
