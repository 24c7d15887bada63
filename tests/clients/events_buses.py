"""Event buses, with boto3."""

import datetime
import json

from events_base import Queue, arn, check, client, refused, sqs

bridge = client("events")
# Sends even what the client itself would refuse.
bare = client("events", parameter_validation=False)
lambda_ = client("lambda")


class Bus:
    """A bus that is made for a check."""

    def __init__(self, name):
        self.name = name
        self.arn = bridge.create_event_bus(Name=name)["EventBusArn"]

    def rule(self, name, pattern, *targets, **more):
        """A rule with targets: queues get what the rule says they get."""
        bridge.put_rule(Name=name, EventBusName=self.name, EventPattern=json.dumps(pattern), **more)
        targets = [{"Id": str(n), **target} for n, target in enumerate(targets)]
        if targets:
            told = bridge.put_targets(Rule=name, EventBusName=self.name, Targets=targets)
            assert told["FailedEntryCount"] == 0, told

    def put(self, *details, source="shop", kind="Placed"):
        told = bridge.put_events(Entries=[entry(detail, self.name, source, kind) for detail in details])
        assert told["FailedEntryCount"] == 0, told
        return [entry["EventId"] for entry in told["Entries"]]


def entry(detail, bus="default", source="shop", kind="Placed"):
    return {"EventBusName": bus, "Source": source, "DetailType": kind, "Detail": json.dumps(detail)}


@check
def buses_and_rules_are_made_listed_and_deleted():
    bus = Bus("made")
    assert bus.arn == arn("events", "event-bus/made")
    refused(bridge.create_event_bus, "ResourceAlreadyExistsException", Name="made")
    names = [one["Name"] for one in bridge.list_event_buses()["EventBuses"]]
    assert "default" in names and "made" in names, names
    assert bridge.describe_event_bus(Name="made")["Arn"] == bus.arn
    pattern = '{"source":["shop"]}'
    made = bridge.put_rule(
        Name="r", EventBusName="made", EventPattern=pattern, Description="d", State="DISABLED",
        Tags=[{"Key": "k", "Value": "v"}],
    )["RuleArn"]
    assert made == arn("events", "rule/made/r"), made
    told = bridge.describe_rule(Name="r", EventBusName="made")
    assert (told["EventPattern"], told["State"], told["Description"]) == (pattern, "DISABLED", "d"), told
    bridge.enable_rule(Name="r", EventBusName="made")
    [told] = bridge.list_rules(EventBusName="made")["Rules"]
    assert told["State"] == "ENABLED" and told["Arn"] == made, told
    assert bridge.list_tags_for_resource(ResourceARN=made)["Tags"] == [{"Key": "k", "Value": "v"}]
    queue = Queue("made")
    bridge.put_targets(Rule="r", EventBusName=bus.arn, Targets=[{"Id": "q", "Arn": queue.arn}])
    assert bridge.list_targets_by_rule(Rule="r", EventBusName="made")["Targets"] == [{"Id": "q", "Arn": queue.arn}]
    assert bridge.list_rule_names_by_target(TargetArn=queue.arn, EventBusName="made")["RuleNames"] == ["r"]
    refused(bridge.delete_rule, "ValidationException", Name="r", EventBusName="made")
    told = bridge.remove_targets(Rule="r", EventBusName="made", Ids=["q", "never"])
    assert [failed["TargetId"] for failed in told["FailedEntries"]] == ["never"], told
    bridge.delete_rule(Name="r", EventBusName="made")
    refused(bridge.describe_rule, "ResourceNotFoundException", Name="r", EventBusName="made")
    bridge.delete_event_bus(Name="made")
    refused(bridge.describe_event_bus, "ResourceNotFoundException", Name="made")
    refused(bridge.delete_event_bus, "ValidationException", Name="default")


@check
def an_event_arrives_as_it_was_put():
    bus, queue = Bus("whole"), Queue("whole")
    bus.rule("all", {"source": ["shop"]}, {"Arn": queue.arn})
    time = datetime.datetime(2026, 2, 3, 10, 0, 7, tzinfo=datetime.timezone.utc)
    detail = '{ "n": 12345678901234567, "x": 1.50, "ü": [null, true, {"<&>": "\\u00e4"}] }'
    told = bridge.put_events(Entries=[{
        "EventBusName": bus.arn, "Source": "shop", "DetailType": "Placed", "Detail": detail, "Time": time,
        "Resources": ["arn:aws:x:::y"],
    }])
    [id] = [one["EventId"] for one in told["Entries"]]
    [event] = queue.documents()
    assert event == {
        "version": "0", "id": id, "detail-type": "Placed", "source": "shop", "account": "000000000000",
        "time": "2026-02-03T10:00:07Z", "region": "us-east-1", "resources": ["arn:aws:x:::y"],
        "detail": json.loads(detail),
    }, event


@check
def patterns_choose():
    bus = Bus("patterns")
    cases = {
        "type": ({"detail-type": ["Placed"]}, {1, 2}),
        "exact": ({"source": ["shop"], "detail": {"n": [1, 3]}}, {1, 3}),
        "numeric": ({"detail": {"n": [{"numeric": [">", 1, "<", 3]}]}}, {2}),
        "prefix": ({"detail": {"who": {"name": [{"prefix": "Ad"}]}}}, {1}),
        "suffix": ({"detail": {"who": {"name": [{"suffix": "ce"}]}}}, {2, 3}),
        "but": ({"detail": {"who": {"name": [{"anything-but": {"prefix": "A"}}]}}}, {2}),
        "exists": ({"detail": {"extra": [{"exists": True}]}}, {3}),
        "absent": ({"detail": {"extra": [{"exists": False}]}}, {1, 2}),
        "or": ({"$or": [{"detail": {"n": [1]}}, {"detail": {"extra": [None]}}]}, {1, 3}),
        "wildcard": ({"detail": {"who": {"name": [{"wildcard": "*l*e"}]}}}, {3}),
        "cidr": ({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}}, {1}),
        "off": ({"source": ["shop"]}, set()),
    }
    queues = {name: Queue(f"patterns-{name}") for name in cases}
    for name, (pattern, _) in cases.items():
        state = "DISABLED" if name == "off" else "ENABLED"
        bus.rule(name, pattern, {"Arn": queues[name].arn, "InputPath": "$.detail.n"}, State=state)
    bus.put({"n": 1, "who": {"name": "Ada"}, "ip": "10.0.0.9"}, {"n": 2, "who": {"name": "Grace"}})
    bus.put({"n": 3, "who": {"name": "Alice"}, "extra": None, "ip": "10.0.1.9"}, kind="Paid")
    for name, (pattern, expect) in cases.items():
        found = set(queues[name].documents(len(expect)))
        assert found == expect, (name, found)
    event = {"id": "i", "account": "a", "source": "shop", "time": "2026-02-03T10:00:00Z", "region": "r",
             "resources": [], "detail-type": "t", "detail": {"n": 1}}
    for pattern, expect in [({"detail": {"n": [1]}}, True), ({"detail": {"n": [2]}}, False)]:
        told = bridge.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
        assert told["Result"] is expect, (pattern, told)


@check
def targets_get_what_their_rule_says():
    bus, queue = Bus("inputs"), Queue("inputs")
    template = '{"order": <order>, "who": "<who>", "rule": "<aws.events.rule-name>", "list": <list>, "id": <id>}'
    paths = {"order": "$.detail", "who": "$.detail.who", "list": "$.detail.list", "id": "$.id"}
    cases = {
        "constant": ({"Input": '{"constant":[1]}'}, lambda id: {"constant": [1]}),
        "path": ({"InputPath": "$.detail.list[1]"}, lambda id: "b"),
        "whole": ({"InputPath": "$.detail"}, lambda id: detail),
        "template": (
            {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}},
            lambda id: {"order": detail, "who": "Ada \"A\"", "rule": "template", "list": ["a", "b"], "id": id},
        ),
        "text": (
            {"InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '"<n> was placed"'}},
            lambda id: "7 was placed",
        ),
    }
    detail = {"n": 7, "who": "Ada \"A\"", "list": ["a", "b"]}
    for name, (target, _) in cases.items():
        bus.rule(name, {"detail-type": [name]}, {"Arn": queue.arn, **target})
        told = bridge.list_targets_by_rule(Rule=name, EventBusName=bus.name)["Targets"]
        assert told == [{"Id": "0", "Arn": queue.arn, **target}], told
    for name, (_, expect) in cases.items():
        [id] = bus.put(detail, kind=name)
        [found] = queue.documents()
        assert found == expect(id), (name, found)


@check
def events_go_to_functions_topics_buses_and_queues_that_keep_order():
    bus, other = Bus("targets"), Bus("targets-other")
    results, told, there, ordered = (Queue(f"targets-{name}") for name in ["results", "told", "there", "order.fifo"])
    sns = client("sns")
    topic = sns.create_topic(Name="targets")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=told.arn, Attributes={"RawMessageDelivery": "true"})
    lambda_.put_function_event_invoke_config(
        FunctionName="echo", DestinationConfig={"OnSuccess": {"Destination": results.arn}})
    other.rule("there", {"source": ["shop"]}, {"Arn": there.arn})
    bus.rule(
        "all", {"source": ["shop"]},
        {"Arn": arn("lambda", "function:echo")}, {"Arn": topic}, {"Arn": other.arn},
        {"Arn": ordered.arn, "SqsParameters": {"MessageGroupId": "g"}},
    )
    [id] = bus.put({"n": 1})
    [record] = results.documents()
    assert record["requestPayload"]["id"] == id and record["requestPayload"]["detail"] == {"n": 1}, record
    for queue in [told, there, ordered]:
        [event] = queue.documents()
        assert event["detail"] == {"n": 1} and event["source"] == "shop", (queue.name, event)
    refused(
        bridge.put_targets, "ValidationException", Rule="all", EventBusName=bus.name,
        Targets=[{"Id": "x", "Arn": ordered.arn}],
    )


@check
def what_a_missing_target_misses_goes_to_the_dead_letters():
    bus, gone, dead = Bus("missing"), Queue("missing"), Queue("missing-dead")
    bus.rule("all", {"source": ["shop"]}, {
        "Arn": gone.arn, "DeadLetterConfig": {"Arn": dead.arn},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60},
    })
    [target] = bridge.list_targets_by_rule(Rule="all", EventBusName=bus.name)["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": dead.arn}, target
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60}, target
    sqs.delete_queue(QueueUrl=gone.url)
    [id] = bus.put({"n": 1})
    [letter] = dead.take()
    assert json.loads(letter["Body"])["id"] == id, letter
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes["RULE_ARN"] == arn("events", "rule/missing/all"), attributes
    assert attributes["TARGET_ARN"] == gone.arn and attributes["ERROR_CODE"] == "NO_RESOURCE", attributes
    # The rule can be changed still.
    other = Queue("missing-other")
    told = bridge.put_targets(Rule="all", EventBusName=bus.name, Targets=[{"Id": "1", "Arn": other.arn}])
    assert told["FailedEntryCount"] == 0, told
    bus.put({"n": 2})
    other.take()
    dead.take()


@check
def entries_succeed_and_fail_by_themselves():
    bus, queue = Bus("partly"), Queue("partly")
    bus.rule("all", {"source": ["shop"]}, {"Arn": queue.arn, "InputPath": "$.detail.n"})
    good = [entry({"n": n}, bus.name) for n in range(2)]
    told = bridge.put_events(Entries=[
        good[0], {**good[0], "Detail": "{"}, {**good[0], "Detail": "[1]"}, {**good[0], "Source": "aws.ec2"},
        {name: value for name, value in good[0].items() if name != "DetailType"}, good[1],
    ])
    assert told["FailedEntryCount"] == 4, told
    codes = [one.get("ErrorCode") for one in told["Entries"]]
    assert codes == [
        None, "MalformedDetail", "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument", None,
    ], told
    assert sorted(queue.documents(2)) == [0, 1]
    refused(bare.put_events, "ValidationException", Entries=[good[0]] * 11)
    refused(bare.put_events, "ValidationException", Entries=[])
    large = {**good[0], "Detail": json.dumps({"x": "x" * 262144})}
    refused(bare.put_events, "ValidationException", Entries=[large])
    queue.is_empty()


@check
def what_is_no_rule_or_target_is_refused():
    bus, queue = Bus("odd"), Queue("odd")

    def rule(code, **more):
        return refused(bridge.put_rule, code, Name="r", EventBusName=bus.name, **more)

    for pattern in [
        "{", "[]", "{}", '{"source":[]}', '{"source":"shop"}', '{"a":[{"foo":1}]}', '{"a":[{"numeric":["<"]}]}',
        '{"a":[{"wildcard":"a**b"}]}', '{"a":[{"exists":1}]}', '{"a":[{"prefix":"a","suffix":"b"}]}',
    ]:
        message = rule("InvalidEventPatternException", EventPattern=pattern)
        assert message.startswith("Event pattern is not valid. Reason: "), (pattern, message)
    rule("ValidationException")
    message = rule("ValidationException", ScheduleExpression="rate(1 minute)")
    assert message == "ScheduleExpression is supported only on the default event bus.", message
    refused(bridge.put_rule, "ResourceNotFoundException", Name="r", EventBusName="never", EventPattern='{"a":[1]}')
    refused(bridge.describe_rule, "ResourceNotFoundException", Name="r", EventBusName=bus.name)
    bus.rule("r", {"source": ["shop"]})

    def target(code="ValidationException", Arn=queue.arn, **more):
        return refused(
            bare.put_targets, code, Rule="r", EventBusName=bus.name, Targets=[{"Id": "t", "Arn": Arn, **more}])

    target(Arn="nonsense")
    target(Arn="arn:aws:kinesis:us-east-1:000000000000:stream/s")
    target(Arn=bus.arn)
    target(Input="{")
    target(InputPath="detail")
    target(Input="{}", InputPath="$.detail")
    target(InputTransformer={"InputTemplate": "<unknown>"})
    target(RetryPolicy={"MaximumRetryAttempts": 186})
    target(DeadLetterConfig={"Arn": arn("lambda", "function:echo")})
    assert not bridge.list_targets_by_rule(Rule="r", EventBusName=bus.name)["Targets"]
    refused(
        bridge.put_targets, "ResourceNotFoundException", Rule="never", EventBusName=bus.name,
        Targets=[{"Id": "t", "Arn": queue.arn}],
    )
