"""What boto3 finds of DynamoDB on the AWS-compatible port: state_dynamodb.py ENDPOINT TEST."""

import decimal
import sys
import threading
import time

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, TEST = sys.argv[1:3]
OPTIONS = dict(
    endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
    config=Config(retries={"total_max_attempts": 1}),
)
db = boto3.client("dynamodb", **OPTIONS)
tables = boto3.resource("dynamodb", **OPTIONS)
D = decimal.Decimal


def refused(call, code, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        return error.response
    raise AssertionError(f"not refused: {answer}")


def declared():
    """The tables of the manifest are there, with all that it says of them."""
    orders = db.describe_table(TableName="Orders")["Table"]
    assert orders["KeySchema"] == [
        {"AttributeName": "user", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"},
    ], orders
    kinds = {d["AttributeName"]: d["AttributeType"] for d in orders["AttributeDefinitions"]}
    assert kinds == {"user": "S", "at": "N", "city": "S"}, kinds
    (index,) = orders["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "by-city" and index["IndexStatus"] == "ACTIVE", index
    assert index["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["total"]}, index
    assert orders["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert orders["LatestStreamArn"].startswith("arn:aws:dynamodb:us-east-1:000000000000:table/Orders/stream/")
    ttl = db.describe_time_to_live(TableName="Orders")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}, ttl
    assert db.describe_table(TableName="Blobs")["Table"]["AttributeDefinitions"] == [
        {"AttributeName": "hash", "AttributeType": "B"},
    ]


def items():
    table = tables.Table("Orders")
    item = {
        "user": "ada", "at": 1, "city": "London", "total": D("12.50"), "big": D("1234567890123456789012345678901234567.8"),
        "tags": {"a", "b"}, "numbers": {D(1), D(2)}, "deep": {"list": [1, None, True, b"\x00\xff"]}, "empty": "",
    }
    table.put_item(Item=item)
    got = table.get_item(Key={"user": "ada", "at": 1}, ConsistentRead=True)["Item"]
    assert got["tags"] == {"a", "b"} and got["big"] == item["big"] and got["empty"] == "", got
    assert bytes(got["deep"]["list"][3].value) == b"\x00\xff"
    told = table.update_item(
        Key={"user": "ada", "at": 1}, ReturnValues="UPDATED_NEW",
        UpdateExpression="SET #t = #t + :one, #d.more = if_not_exists(nothing, :one), lst = list_append(:l, :l) "
        "REMOVE big ADD numbers :three DELETE tags :a",
        ExpressionAttributeNames={"#t": "total", "#d": "deep"},
        ExpressionAttributeValues={":one": 1, ":l": [1], ":three": {D(3)}, ":a": {"a"}},
    )["Attributes"]
    assert told["total"] == D("13.50") and told["lst"] == [1, 1] and told["tags"] == {"b"}, told
    answer = refused(
        table.put_item, "ConditionalCheckFailedException", Item={"user": "ada", "at": 1},
        ConditionExpression=Attr("user").not_exists(), ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    assert answer["Item"]["city"] == {"S": "London"}, answer
    old = table.delete_item(Key={"user": "ada", "at": 1}, ReturnValues="ALL_OLD")["Attributes"]
    assert old["total"] == D("13.50")
    assert "Item" not in table.get_item(Key={"user": "ada", "at": 1})
    refused(db.get_item, "ResourceNotFoundException", TableName="None", Key={"a": {"S": "a"}})
    refused(table.get_item, "ValidationException", Key={"user": "ada"})
    refused(table.put_item, "ValidationException", Item={"user": "ada", "at": 1, "b": "x" * 400 * 1024})


def pages():
    """Query and Scan, with pages of a megabyte, filters, both directions, segments and indexes."""
    table = tables.Table("Orders")
    with table.batch_writer() as batch:
        for at in range(60):
            batch.put_item(Item={
                "user": "bob", "at": at, "city": "Paris" if at % 2 else "Rome", "total": at, "fill": "x" * 40_000,
            })
    first = table.query(KeyConditionExpression=Key("user").eq("bob"))
    assert "LastEvaluatedKey" in first and 20 < first["Count"] < 30, first["Count"]
    found, pages = [], 0
    for page in db.get_paginator("query").paginate(
        TableName="Orders", KeyConditionExpression="#u = :u AND #a BETWEEN :from AND :to", ScanIndexForward=False,
        FilterExpression="#t <> :no", ExpressionAttributeNames={"#u": "user", "#a": "at", "#t": "total"},
        ExpressionAttributeValues={
            ":u": {"S": "bob"}, ":from": {"N": "5"}, ":to": {"N": "50"}, ":no": {"N": "7"},
        },
    ):
        found += [int(item["at"]["N"]) for item in page["Items"]]
        pages += 1
    assert found == [at for at in range(50, 4, -1) if at != 7] and pages >= 2, (found, pages)
    by_city = table.query(IndexName="by-city", KeyConditionExpression=Key("city").eq("Paris") & Key("at").lt(10))
    assert [int(item["at"]) for item in by_city["Items"]] == [1, 3, 5, 7, 9]
    assert set(by_city["Items"][0]) == {"user", "at", "city", "total"}, by_city["Items"][0]
    refused(
        table.query, "ValidationException", IndexName="by-city", ConsistentRead=True,
        KeyConditionExpression=Key("city").eq("Paris"),
    )
    counted = 0
    for segment in range(3):
        for page in db.get_paginator("scan").paginate(
            TableName="Orders", Segment=segment, TotalSegments=3, Select="COUNT",
            FilterExpression="begins_with(city, :r)", ExpressionAttributeValues={":r": {"S": "R"}},
        ):
            counted += page["Count"]
    assert counted == 30, counted
    limited = table.scan(Limit=7)
    assert limited["Count"] == 7 and limited["LastEvaluatedKey"]


def batches():
    keys = [{"email": {"S": f"{n}@x"}} for n in range(25)]
    db.batch_write_item(RequestItems={"Users": [{"PutRequest": {"Item": key}} for key in keys]})
    got = db.batch_get_item(RequestItems={"Users": {"Keys": keys + [{"email": {"S": "none"}}]}})
    assert len(got["Responses"]["Users"]) == 25 and got["UnprocessedKeys"] == {}, got
    refused(db.batch_write_item, "ValidationException",
            RequestItems={"Users": [{"DeleteRequest": {"Key": keys[0]}}] * 2})
    refused(db.batch_get_item, "ValidationException", RequestItems={"Users": {"Keys": keys[:1] * 2}})
    put = lambda n, **more: {"Put": {"TableName": "Users", "Item": {"email": {"S": n}}, **more}}
    unless = {"ConditionExpression": "attribute_not_exists(email)"}
    db.transact_write_items(TransactItems=[put("t1", **unless), put("t2")], ClientRequestToken="token")
    db.transact_write_items(TransactItems=[put("t1", **unless), put("t2")], ClientRequestToken="token")
    refused(db.transact_write_items, "IdempotentParameterMismatchException",
            TransactItems=[put("t9")], ClientRequestToken="token")
    answer = refused(db.transact_write_items, "TransactionCanceledException",
                     TransactItems=[put("t3"), put("t1", **unless), {"ConditionCheck": {
                         "TableName": "Users", "Key": {"email": {"S": "t2"}},
                         "ConditionExpression": "attribute_exists(email)"}}])
    assert [reason["Code"] for reason in answer["CancellationReasons"]] == [
        "None", "ConditionalCheckFailed", "None"], answer
    got = db.transact_get_items(TransactItems=[
        {"Get": {"TableName": "Users", "Key": {"email": {"S": name}}}} for name in ("t1", "t3")])
    assert [bool(response.get("Item")) for response in got["Responses"]] == [True, False], got
    told = db.execute_statement(
        Statement='SELECT email FROM "Users" WHERE email = ?', Parameters=[{"S": "t1"}])
    assert told["Items"] == [{"email": {"S": "t1"}}]


def counters():
    """Many at once lose nothing."""
    table = tables.Table("Users")
    def count():
        mine = boto3.resource("dynamodb", **OPTIONS).Table("Users")
        for _ in range(25):
            mine.update_item(Key={"email": "counter"}, UpdateExpression="ADD n :one",
                             ExpressionAttributeValues={":one": 1})
    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert table.get_item(Key={"email": "counter"})["Item"]["n"] == 200


def own_tables():
    """A table of a client's own: made, waited for, changed, tagged, protected, removed."""
    made = tables.create_table(
        TableName="Notes", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind}
                              for name, kind in [("id", "S"), ("n", "N"), ("m", "N")]],
        LocalSecondaryIndexes=[{"IndexName": "by-m", "Projection": {"ProjectionType": "ALL"}, "KeySchema": [
            {"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "m", "KeyType": "RANGE"}]}],
    )
    made.wait_until_exists()
    refused(db.create_table, "ResourceInUseException", TableName="Notes", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    for n in range(3):
        made.put_item(Item={"id": "a", "n": n, "m": -n})
    found = made.query(IndexName="by-m", KeyConditionExpression=Key("id").eq("a"), ConsistentRead=True)
    assert [int(item["m"]) for item in found["Items"]] == [-2, -1, 0]
    arn = made.table_arn
    assert arn == "arn:aws:dynamodb:us-east-1:000000000000:table/Notes", arn
    db.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "x"}])
    assert db.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "x"}]
    db.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert db.list_tags_of_resource(ResourceArn=arn)["Tags"] == []
    db.update_table(TableName="Notes", DeletionProtectionEnabled=True)
    refused(db.delete_table, "ValidationException", TableName="Notes")
    db.update_table(TableName="Notes", DeletionProtectionEnabled=False)
    assert "Notes" in db.list_tables(Limit=100)["TableNames"]
    assert "does not support SSESpecification" in refused(
        db.update_table, "ValidationException", TableName="Notes", SSESpecification={"Enabled": True},
    )["Error"]["Message"]
    made.delete()
    made.wait_until_not_exists()
    refused(db.describe_table, "ResourceNotFoundException", TableName="Notes")


def streams():
    """Changes are read in order, those by the removal of old items among them."""
    table = tables.Table("Orders")
    reader = boto3.client("dynamodbstreams", **OPTIONS)
    arn = db.describe_table(TableName="Orders")["Table"]["LatestStreamArn"]
    assert [stream["StreamArn"] for stream in reader.list_streams(TableName="Orders")["Streams"]] == [arn]
    (shard,) = reader.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = reader.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")["ShardIterator"]
    key = {"user": "stream", "at": 1}
    table.put_item(Item={**key, "v": 1})
    table.update_item(Key=key, UpdateExpression="SET v = :two", ExpressionAttributeValues={":two": 2})
    table.put_item(Item={**key, "v": 3, "expires": int(time.time()) - 60})
    records, until = [], time.time() + 60
    while len(records) < 4 and time.time() < until:
        answer = reader.get_records(ShardIterator=iterator)
        records += answer["Records"]
        iterator = answer["NextShardIterator"]
        time.sleep(0.2)
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "MODIFY", "REMOVE"], records
    assert records[1]["dynamodb"]["OldImage"]["v"] == {"N": "1"}
    assert records[1]["dynamodb"]["NewImage"]["v"] == {"N": "2"}
    assert records[0]["awsRegion"] == "us-east-1"
    assert records[3]["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}, records[3]
    assert "Item" not in table.get_item(Key=key)


globals()[TEST]()
