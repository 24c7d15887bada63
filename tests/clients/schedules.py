"""What boto3 finds of schedules on the AWS-compatible port: schedules.py ENDPOINT."""

import json
import sys
import time

import boto3
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:tick"


def client(service):
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
    )


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        assert error.response["Error"]["Message"], error.response
    else:
        raise AssertionError(f"{arguments} is not refused as {code}")


def received(sqs, url):
    for _ in range(30):
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return message["Body"]
    raise AssertionError("nothing came")


scheduler, events, sqs = client("scheduler"), client("events"), client("sqs")
url = sqs.create_queue(QueueName="fired")["QueueUrl"]
queue = "arn:aws:sqs:us-east-1:000000000000:fired"
role = "arn:aws:iam::000000000000:role/r"

group = scheduler.create_schedule_group(Name="g")["ScheduleGroupArn"]
assert group == "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g", group
off = {"Mode": "OFF"}
made = scheduler.create_schedule(
    Name="s", GroupName="g", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow=off,
    Target={"Arn": queue, "RoleArn": role, "Input": "<aws.scheduler.schedule-arn>"},
)
assert received(sqs, url) == made["ScheduleArn"] == "arn:aws:scheduler:us-east-1:000000000000:schedule/g/s"
shown = scheduler.get_schedule(Name="s", GroupName="g")
assert shown["ScheduleExpression"] == "rate(1 hour)" and shown["State"] == "ENABLED", shown
assert shown["CreationDate"].timestamp() > time.time() - 600, shown

soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 2))
scheduler.create_schedule(
    Name="once", ScheduleExpression=f"at({soon})", FlexibleTimeWindow=off, ActionAfterCompletion="DELETE",
    Target={"Arn": queue, "RoleArn": role},
)
event = json.loads(received(sqs, url))
assert event["source"] == "aws.scheduler" and event["time"] == soon + "Z" and event["detail"] == "{}", event
for _ in range(100):
    if not scheduler.list_schedules(GroupName="default")["Schedules"]:
        break
    time.sleep(0.1)
else:
    raise AssertionError("it is not deleted after its only time")

scheduler.update_schedule(
    Name="s", GroupName="g", ScheduleExpression="cron(0 3 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin",
    FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10}, State="DISABLED",
    Target={"Arn": FUNCTION, "RoleArn": role, "Input": "{}"},
)
listed = scheduler.list_schedules(GroupName="g")["Schedules"]
assert [(one["Name"], one["State"], one["Target"]["Arn"]) for one in listed] == [("s", "DISABLED", FUNCTION)], listed
target = {"Arn": FUNCTION, "RoleArn": role}
wrong = {"Name": "x", "FlexibleTimeWindow": off, "Target": target}
refused("ValidationException", scheduler.create_schedule, ScheduleExpression="rate(5 seconds)", **wrong)
refused("ResourceNotFoundException", scheduler.get_schedule, Name="none")
refused("ConflictException", scheduler.create_schedule_group, Name="g")
scheduler.delete_schedule_group(Name="g")
refused("ResourceNotFoundException", scheduler.get_schedule_group, Name="g")

events.put_rule(Name="minutely", ScheduleExpression="rate(1 minute)")
assert events.describe_rule(Name="minutely")["ScheduleExpression"] == "rate(1 minute)"
events.put_targets(Rule="minutely", Targets=[{"Id": "1", "Arn": queue}])
refused("ValidationException", events.put_rule, Name="r", ScheduleExpression="rate(5 minute)")
events.remove_targets(Rule="minutely", Ids=["1"])
events.delete_rule(Name="minutely")
