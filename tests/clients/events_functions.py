"""Asynchronous invocations and where their results go, with boto3."""

import json

from events_base import Queue, arn, check, client, refused

lambda_ = client("lambda")
FUNCTION = arn("lambda", "function:quick:$LATEST")


def event(payload, function="quick"):
    """Invokes and does not wait; the id of the invocation."""
    answer = lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(payload).encode())
    assert answer["StatusCode"] == 202 and answer["Payload"].read() == b"", answer
    assert "FunctionError" not in answer and "ExecutedVersion" not in answer, answer
    return answer["ResponseMetadata"]["RequestId"]


def destinations(**queues):
    return {f"On{name.title()}": {"Destination": queue.arn} for name, queue in queues.items()}


@check
def what_comes_of_an_event_goes_to_its_destination():
    good, bad = Queue("good"), Queue("bad")
    put = lambda_.put_function_event_invoke_config(
        FunctionName="quick", MaximumRetryAttempts=0, MaximumEventAgeInSeconds=60,
        DestinationConfig=destinations(success=good, failure=bad),
    )
    assert put["FunctionArn"] == FUNCTION and put["MaximumRetryAttempts"] == 0, put
    assert put["DestinationConfig"] == destinations(success=good, failure=bad), put
    id = event({"n": 1})
    [record] = good.documents()
    assert record["requestContext"]["requestId"] == id and record["requestContext"]["condition"] == "Success", record
    assert record["requestContext"]["functionArn"] == FUNCTION, record
    assert (record["requestPayload"], record["responsePayload"]) == ({"n": 1}, {"saw": {"n": 1}}), record
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}, record
    id = event({"fail": True})
    [record] = bad.documents()
    context = record["requestContext"]
    assert (context["requestId"], context["condition"]) == (id, "RetriesExhausted"), record
    assert context["approximateInvokeCount"] == 1, record
    assert record["responseContext"]["functionError"] == "Unhandled", record
    assert record["responsePayload"]["errorType"] == "ValueError", record
    assert record["responsePayload"]["errorMessage"] == "deliberate", record
    good.is_empty()
    lambda_.delete_function_event_invoke_config(FunctionName="quick")


@check
def what_is_said_is_merged_and_what_is_deleted_gives_way_to_the_manifest():
    bad = Queue("merged-bad")
    # The manifest says three attempts, milliseconds apart.
    told = lambda_.get_function_event_invoke_config(FunctionName="quick")
    assert told["MaximumRetryAttempts"] == 2 and told["MaximumEventAgeInSeconds"] == 21600, told
    told = lambda_.update_function_event_invoke_config(
        FunctionName="quick", MaximumRetryAttempts=1, DestinationConfig=destinations(failure=bad))
    assert told["MaximumRetryAttempts"] == 1 and told["MaximumEventAgeInSeconds"] == 21600, told
    event({"fail": True})
    assert bad.documents()[0]["requestContext"]["approximateInvokeCount"] == 2
    told = lambda_.update_function_event_invoke_config(FunctionName="quick", MaximumEventAgeInSeconds=120)
    assert (told["MaximumRetryAttempts"], told["MaximumEventAgeInSeconds"]) == (1, 120), told
    told = lambda_.get_function_event_invoke_config(FunctionName="quick", Qualifier="$LATEST")
    assert told["DestinationConfig"]["OnFailure"] == {"Destination": bad.arn}, told
    [told] = lambda_.list_function_event_invoke_configs(FunctionName="quick")["FunctionEventInvokeConfigs"]
    assert told["FunctionArn"] == FUNCTION, told
    lambda_.delete_function_event_invoke_config(FunctionName="quick")
    told = lambda_.get_function_event_invoke_config(FunctionName="quick")
    assert told["MaximumRetryAttempts"] == 2 and not told["DestinationConfig"].get("OnFailure"), told
    refused(lambda_.delete_function_event_invoke_config, "ResourceNotFoundException", FunctionName="quick")


@check
def results_go_to_topics_buses_and_functions():
    queue = Queue("any-results")
    sns, bridge = client("sns"), client("events")
    topic = sns.create_topic(Name="any-results")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    bus = bridge.create_event_bus(Name="any-results")["EventBusArn"]
    bridge.put_rule(Name="r", EventBusName="any-results", EventPattern='{"source":["lambda"]}')
    bridge.put_targets(Rule="r", EventBusName="any-results", Targets=[{"Id": "q", "Arn": queue.arn}])

    def result(destination):
        lambda_.put_function_event_invoke_config(
            FunctionName="quick", DestinationConfig={"OnSuccess": {"Destination": destination}})
        id = event({"to": destination})
        [told] = queue.documents()
        return id, told

    id, record = result(topic)
    assert record["requestContext"]["requestId"] == id, record
    id, told = result(bus)
    assert told["detail-type"] == "Lambda Function Invocation Result - Success", told
    assert told["detail"]["requestContext"]["requestId"] == id, told
    assert told["resources"][-1] == FUNCTION, told
    lambda_.put_function_event_invoke_config(
        FunctionName="seen", DestinationConfig={"OnSuccess": {"Destination": queue.arn}})
    id, told = result(arn("lambda", "function:seen"))
    assert told["requestPayload"]["requestContext"]["requestId"] == id, told
    for function in ["quick", "seen"]:
        lambda_.delete_function_event_invoke_config(FunctionName=function)


@check
def what_cannot_be_is_refused():
    # What the client would not even send.
    bare = client("lambda", parameter_validation=False)

    def put(code, **more):
        return refused(bare.put_function_event_invoke_config, code, FunctionName="quick", **more)

    invalid = "InvalidParameterValueException"
    put(invalid)
    put("ValidationException", MaximumRetryAttempts=3)
    put("ValidationException", MaximumEventAgeInSeconds=59)
    for destination in [
        arn("sqs", "never"), arn("lambda", "function:quick"), arn("lambda", "function:never"),
        Queue("ordered-results.fifo").arn, arn("sns", "never"), "arn:aws:s3:::bucket",
    ]:
        put(invalid, DestinationConfig={"OnSuccess": {"Destination": destination}})
    refused(
        lambda_.put_function_event_invoke_config, "ResourceNotFoundException",
        FunctionName="never", MaximumRetryAttempts=1,
    )
    refused(lambda_.get_function_event_invoke_config, "ResourceNotFoundException", FunctionName="echo")
    refused(lambda_.invoke, "ResourceNotFoundException", FunctionName="never", InvocationType="Event")
    refused(
        lambda_.invoke, "InvalidRequestContentException", FunctionName="quick", InvocationType="Event", Payload=b"{",
    )
    large = b'"' + b"x" * 1048576 + b'"'
    refused(
        lambda_.invoke, "RequestTooLargeException", FunctionName="quick", InvocationType="Event", Payload=large,
    )
