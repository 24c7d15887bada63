"""Which messages of a topic a subscription wants."""

import json

from events_base import Queue, check, refused, sns, subscribe, text, topic


@check
def filters_look_at_attributes():
    here = topic("filtered")
    cases = {
        "exact": ({"kind": ["book", "cd"]}, {"1", "2"}),
        "none": ({"kind": ["toy"]}, set()),
        "prefix": ({"kind": [{"prefix": "bo"}]}, {"1"}),
        "but": ({"kind": [{"anything-but": ["book"]}]}, {"2", "4"}),
        "number": ({"price": [{"numeric": [">", 5, "<=", 10]}]}, {"2"}),
        "absent": ({"kind": [{"exists": False}]}, {"3"}),
        "both": ({"kind": ["book"], "price": [5]}, {"1"}),
        "either": ({"$or": [{"kind": ["cd"]}, {"price": [{"numeric": ["=", 5]}]}]}, {"1", "2"}),
        "array": ({"kind": ["b"]}, {"4"}),
    }
    queues = {}
    for name, (policy, _) in cases.items():
        queues[name] = Queue(f"filtered-{name}")
        subscribe(here, queues[name], FilterPolicy=json.dumps(policy), RawMessageDelivery="true")
    for message, attributes in [
        ("1", {"kind": text("book"), "price": text("5", "Number")}),
        ("2", {"kind": text("cd"), "price": text("10", "Number")}),
        ("3", {}),
        ("4", {"kind": text('["a","b"]', "String.Array")}),
    ]:
        sns.publish(TopicArn=here, Message=message, MessageAttributes=attributes)
    for name, (_, expect) in cases.items():
        found = set(queues[name].texts(len(expect)))
        assert found == expect, (name, found)


@check
def filters_look_into_bodies():
    here = topic("inside")
    cases = {
        "deep": ({"order": {"price": [{"numeric": [">=", 10]}]}}, {'{"order":{"price":10}}'}),
        "wild": ({"name": [{"wildcard": "a*z"}]}, {'{"name":"abcz"}'}),
        "case": ({"name": [{"equals-ignore-case": "ABCZ"}]}, {'{"name":"abcz"}'}),
    }
    queues = {}
    for name, (policy, _) in cases.items():
        queues[name] = Queue(f"inside-{name}")
        subscribe(
            here, queues[name],
            FilterPolicy=json.dumps(policy), FilterPolicyScope="MessageBody", RawMessageDelivery="true",
        )
    for body in ['{"order":{"price":10}}', '{"order":{"price":9}}', '{"name":"abcz"}', "no JSON", "[1]", "null"]:
        sns.publish(TopicArn=here, Message=body)
    for name, (_, expect) in cases.items():
        assert set(queues[name].texts(len(expect))) == expect, name


@check
def a_filter_is_changed_and_a_malformed_one_changes_nothing():
    here, queue = topic("mended"), Queue("mended")
    good = json.dumps({"kind": ["book"]})
    subscription = subscribe(here, queue, FilterPolicy=good)
    attributes, body = "MessageAttributes", "MessageBody"
    for scope, policy, expect in [
        (attributes, "{", "FilterPolicy"), (attributes, "[]", "FilterPolicy"), (attributes, '{"a":[]}', "FilterPolicy"),
        (attributes, '{"a":"b"}', '"a" must be an object or an array'),
        (attributes, '{"a":[{"foo":1}]}', "Unrecognized match type foo"),
        (attributes, '{"a":{"b":["c"]}}', "does not support nested filter policy"),
        (attributes, json.dumps({f"k{n}": ["v"] for n in range(6)}), "can not have more than 5 keys"),
        (body, json.dumps({f"k{n}": [str(v) for v in range(6)] for n in range(3)}), "too complex"),
        (attributes, '{"a":[{"numeric":["<"]}]}', "FilterPolicy"), (attributes, '{"a":[{"prefix":7}]}', "prefix"),
        (attributes, '{"a":[{"exists":"yes"}]}', "exists match pattern must be either true or false"),
    ]:
        message = refused(
            sns.subscribe, "InvalidParameter", TopicArn=here, Protocol="sqs", Endpoint=Queue("unfiltered").arn,
            Attributes={"FilterPolicy": policy, "FilterPolicyScope": scope},
        )
        assert message.startswith("Invalid parameter: Attributes Reason: ") and expect in message, (policy, message)
        if scope == attributes:
            message = refused(
                sns.set_subscription_attributes, "InvalidParameter",
                SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=policy,
            )
            assert expect in message, (policy, message)
    told = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert told["FilterPolicy"] == good, told
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue="{}")
    assert "FilterPolicy" not in sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    sns.publish(TopicArn=here, Message="everything")
    assert queue.documents()[0]["Message"] == "everything"
    assert len(sns.list_subscriptions_by_topic(TopicArn=here)["Subscriptions"]) == 1
