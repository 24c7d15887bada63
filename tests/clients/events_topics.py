"""Topics."""

import json

from events_base import Queue, arn, check, client, refused, sns, sqs, subscribe, text, topic

lambda_ = client("lambda")


@check
def a_topic_is_created_once_listed_changed_and_deleted():
    made = sns.create_topic(Name="made", Attributes={"DisplayName": "Ä & <b>"}, Tags=[{"Key": "k", "Value": "v"}])
    made = made["TopicArn"]
    assert made == arn("sns", "made") and topic("made", DisplayName="Ä & <b>") == made
    told = sns.get_topic_attributes(TopicArn=made)["Attributes"]
    assert told["DisplayName"] == "Ä & <b>" and told["SubscriptionsConfirmed"] == "0", told
    sns.set_topic_attributes(TopicArn=made, AttributeName="DisplayName", AttributeValue="other")
    assert sns.get_topic_attributes(TopicArn=made)["Attributes"]["DisplayName"] == "other"
    assert {"TopicArn": made} in sns.list_topics()["Topics"]
    sns.tag_resource(ResourceArn=made, Tags=[{"Key": "l", "Value": ""}])
    sns.untag_resource(ResourceArn=made, TagKeys=["k"])
    assert sns.list_tags_for_resource(ResourceArn=made)["Tags"] == [{"Key": "l", "Value": ""}]
    sns.delete_topic(TopicArn=made)
    sns.delete_topic(TopicArn=made)
    refused(sns.get_topic_attributes, "NotFound", TopicArn=made)
    refused(sns.publish, "NotFound", TopicArn=made, Message="x")
    refused(sns.list_tags_for_resource, "ResourceNotFound", ResourceArn=made)
    for name in ["has space", "x" * 257, "order.fifo"]:
        refused(sns.create_topic, "InvalidParameter", Name=name)
    refused(sns.create_topic, "InvalidParameter", Name="odd", Attributes={"Policy": "{}"})


@check
def a_hundred_topics_are_a_page():
    arns = [topic(f"page-{n:03}") for n in range(102)]
    pages = list(sns.get_paginator("list_topics").paginate())
    assert len(pages) >= 2, pages
    listed = [one["TopicArn"] for page in pages for one in page["Topics"]]
    assert [one for one in listed if ":page-" in one] == arns, listed
    for one in arns:
        sns.delete_topic(TopicArn=one)


@check
def a_queue_gets_an_envelope():
    here, queue = topic("enveloped"), Queue("enveloped")
    subscription = subscribe(here, queue)
    assert subscription.startswith(here + ":"), subscription
    assert subscribe(here, queue) == subscription
    refused(
        sns.subscribe, "InvalidParameter",
        TopicArn=here, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"},
    )
    attributes = {"kind": text("ü"), "n": text("1", "Number"), "b": {"DataType": "Binary", "BinaryValue": b"\0\xff"}}
    id = sns.publish(TopicArn=here, Message="<&>\n", Subject="Subject", MessageAttributes=attributes)["MessageId"]
    [message] = queue.take()
    assert "MessageAttributes" not in message, message
    told = json.loads(message["Body"])
    expect = {"Type": "Notification", "MessageId": id, "TopicArn": here, "Subject": "Subject", "Message": "<&>\n"}
    assert {name: told[name] for name in expect} == expect, told
    assert told["MessageAttributes"] == {
        "kind": {"Type": "String", "Value": "ü"}, "n": {"Type": "Number", "Value": "1"},
        "b": {"Type": "Binary", "Value": "AP8="},
    }, told
    assert {"Timestamp", "SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"} <= set(told), told
    sns.publish(TopicArn=here, Message="x")
    [told] = queue.documents()
    assert "Subject" not in told and "MessageAttributes" not in told, told
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.publish(TopicArn=here, Message="x")
    queue.is_empty()
    refused(sns.get_subscription_attributes, "NotFound", SubscriptionArn=subscription)


@check
def a_raw_message_has_its_attributes():
    here, queue = topic("raw"), Queue("raw")
    subscription = subscribe(here, queue, RawMessageDelivery="true")
    sns.publish(TopicArn=here, Message="raw", MessageAttributes={"a": text("1"), "n": text("2", "Number")})
    [message] = queue.take()
    assert message["Body"] == "raw", message
    assert message["MessageAttributes"] == {"a": text("1"), "n": text("2", "Number")}, message
    told = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert told["RawMessageDelivery"] == "true" and told["Protocol"] == "sqs" and told["Endpoint"] == queue.arn, told
    assert told["PendingConfirmation"] == "false" and told["TopicArn"] == here, told
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="RawMessageDelivery", AttributeValue="false")
    sns.publish(TopicArn=here, Message="wrapped")
    assert queue.documents()[0]["Message"] == "wrapped"


@check
def a_body_for_each_protocol():
    here, queue = topic("bodies"), Queue("bodies")
    subscribe(here, queue, RawMessageDelivery="true")
    for bodies, expect in [({"default": "d", "sqs": "q"}, "q"), ({"default": "d", "http": "h"}, "d")]:
        sns.publish(TopicArn=here, Message=json.dumps(bodies), MessageStructure="json")
        assert queue.texts() == [expect]
    message = refused(sns.publish, "InvalidParameter", TopicArn=here, Message='{"sqs":"q"}', MessageStructure="json")
    assert message == "Invalid parameter: Message Structure - No default entry in JSON message body", message
    message = refused(sns.publish, "InvalidParameter", TopicArn=here, Message="{", MessageStructure="json")
    assert message.endswith("JSON message body failed to parse"), message


@check
def a_function_gets_a_record():
    here, results = topic("to-function"), Queue("to-function-results")
    lambda_.put_function_event_invoke_config(
        FunctionName="seen", DestinationConfig={"OnSuccess": {"Destination": results.arn}})
    function = arn("lambda", "function:seen")
    subscription = sns.subscribe(TopicArn=here, Protocol="lambda", Endpoint=function)["SubscriptionArn"]
    sns.publish(TopicArn=here, Message="hi", MessageAttributes={"kind": text("a")})
    [record] = results.documents()
    [told] = record["requestPayload"]["Records"]
    assert (told["EventSource"], told["EventVersion"]) == ("aws:sns", "1.0"), told
    assert told["EventSubscriptionArn"] == subscription, told
    message = told["Sns"]
    assert (message["Message"], message["Subject"], message["TopicArn"]) == ("hi", None, here), message
    assert message["MessageAttributes"] == {"kind": {"Type": "String", "Value": "a"}}, message
    assert "SigningCertUrl" in message and "UnsubscribeUrl" in message, message
    refused(
        sns.set_subscription_attributes, "InvalidParameter", SubscriptionArn=subscription,
        AttributeName="RawMessageDelivery", AttributeValue="true",
    )


@check
def a_batch_succeeds_and_fails_by_entry():
    here, queue = topic("batch"), Queue("sns-batch")
    subscribe(here, queue, RawMessageDelivery="true")
    told = sns.publish_batch(TopicArn=here, PublishBatchRequestEntries=[
        {"Id": "a", "Message": "1", "MessageAttributes": {"n": text("1", "Number")}},
        {"Id": "b", "Message": ""},
        {"Id": "c", "Message": "3", "MessageAttributes": {"n": text("x", "Number")}},
        {"Id": "d", "Message": "4"},
    ])
    assert [entry["Id"] for entry in told["Successful"]] == ["a", "d"], told
    assert all(entry["MessageId"] for entry in told["Successful"]), told
    assert [(entry["Id"], entry["SenderFault"]) for entry in told["Failed"]] == [("b", True), ("c", True)], told
    assert sorted(queue.texts(2)) == ["1", "4"]
    for code, entries in [
        ("EmptyBatchRequest", []), ("TooManyEntriesInBatchRequest", [(str(n), "x") for n in range(11)]),
        ("BatchEntryIdsNotDistinct", [("a", "1"), ("a", "2")]), ("InvalidBatchEntryId", [("a b", "1")]),
        ("BatchRequestTooLong", [("a", "x" * 262144), ("b", "x")]),
    ]:
        entries = [{"Id": id, "Message": message} for id, message in entries]
        refused(sns.publish_batch, code, TopicArn=here, PublishBatchRequestEntries=entries)
    queue.is_empty()


@check
def what_is_no_message_or_subscription_is_refused():
    here, queue = topic("refusing"), Queue("sns-refusing")
    subscribe(here, queue, RawMessageDelivery="true")

    def publish(code="InvalidParameter", Message="x", **more):
        return refused(sns.publish, code, TopicArn=here, Message=Message, **more)

    assert publish(Message="") == "Invalid parameter: Empty message"
    assert publish(Message="x" * 262145) == "Invalid parameter: Message too long"
    publish(Subject="x" * 101)
    publish(Subject="two\nlines")
    publish(MessageDeduplicationId="d")
    publish("ParameterValueInvalid", MessageAttributes={"a": text("x", "Text")})
    publish("ParameterValueInvalid", MessageAttributes={"a": text("x", "Number")})
    refused(sns.publish, "InvalidParameter", PhoneNumber="+4915112345678", Message="x")
    queue.is_empty()
    sns.publish(TopicArn=here, Message="x" * 262144)
    assert queue.texts() == ["x" * 262144]
    for protocol, endpoint in [
        ("email", "ada@example.org"), ("sms", "+4915112345678"), ("pigeon", "x"), ("sqs", "orders"),
        ("sqs", arn("sqs", "never")), ("lambda", queue.arn), ("http", "https://example.org"), ("http", "nowhere"),
    ]:
        refused(sns.subscribe, "InvalidParameter", TopicArn=here, Protocol=protocol, Endpoint=endpoint)
    refused(sns.subscribe, "NotFound", TopicArn=arn("sns", "never"), Protocol="sqs", Endpoint=queue.arn)
    refused(sns.subscribe, "InvalidParameter", TopicArn="nonsense", Protocol="sqs", Endpoint=queue.arn)


@check
def what_a_queue_that_is_gone_misses_goes_to_the_dead_letters():
    here, queue, dead = topic("lost"), Queue("lost"), Queue("lost-dead")
    policy = json.dumps({"deadLetterTargetArn": dead.arn})
    subscription = subscribe(here, queue, RedrivePolicy=policy)
    told = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]["RedrivePolicy"]
    assert json.loads(told) == {"deadLetterTargetArn": dead.arn}, told
    sqs.delete_queue(QueueUrl=queue.url)
    id = sns.publish(TopicArn=here, Message="lost", MessageAttributes={"a": text("1")})["MessageId"]
    [letter] = dead.take()
    told = json.loads(letter["Body"])
    assert (told["Message"], told["MessageId"], told["TopicArn"]) == ("lost", id, here), letter
    for policy in ["{", "[]", json.dumps({"deadLetterTargetArn": "nonsense"}),
                   json.dumps({"deadLetterTargetArn": arn("sqs", "never")})]:
        message = refused(
            sns.set_subscription_attributes, "InvalidParameter",
            SubscriptionArn=subscription, AttributeName="RedrivePolicy", AttributeValue=policy,
        )
        assert "RedrivePolicy" in message, message


@check
def a_topic_that_keeps_order_leads_to_a_queue_that_does():
    here, queue = topic("order.fifo", ContentBasedDeduplication="true"), Queue("sns-order.fifo")
    told = sns.get_topic_attributes(TopicArn=here)["Attributes"]
    assert told["FifoTopic"] == "true" and told["ContentBasedDeduplication"] == "true", told
    subscribe(here, queue, RawMessageDelivery="true")
    numbers = [
        sns.publish(TopicArn=here, Message=str(n), MessageGroupId="g")["SequenceNumber"] for n in [0, 1, 2, 1]
    ]
    assert numbers[:3] == sorted(numbers[:3]) and len(numbers[0]) == 20, numbers
    messages = queue.take(3)
    assert [message["Body"] for message in messages] == ["0", "1", "2"], messages
    assert messages[0]["Attributes"]["MessageGroupId"] == "g", messages
    message = refused(sns.publish, "InvalidParameter", TopicArn=here, Message="x")
    assert "MessageGroupId parameter is required for FIFO topics" in message, message
    bare = topic("bare.fifo")
    refused(sns.publish, "InvalidParameter", TopicArn=bare, Message="x", MessageGroupId="g")
    function = arn("lambda", "function:seen")
    refused(sns.subscribe, "InvalidParameter", TopicArn=bare, Protocol="lambda", Endpoint=function)
    refused(sns.subscribe, "InvalidParameter", TopicArn=topic("unordered"), Protocol="sqs", Endpoint=queue.arn)
