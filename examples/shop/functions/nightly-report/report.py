"""Every midnight: a table and a picture of the invoices of the day that is over, into the bucket `reports`."""

import csv
import datetime
import io
import os

import boto3

invoices = boto3.resource("dynamodb").Table(os.environ["TABLE"])
s3 = boto3.client("s3")


def handler(event, context):
    # The time that the schedule was for, however late it runs.
    due = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    day = event.get("day") or (due - datetime.timedelta(hours=1)).date().isoformat()
    rows = sorted(of_day(day), key=lambda row: row["order"])
    put(f"{day}.csv", as_csv(rows), "text/csv")
    put(f"{day}.svg", as_svg(day, rows), "image/svg+xml")
    return {"day": day, "invoices": len(rows), "total": int(sum(row["total"] for row in rows))}


def of_day(day):
    more = {}
    while more is not None:
        page = invoices.scan(**more)
        yield from (row for row in page["Items"] if row["day"] == day)
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if "LastEvaluatedKey" in page else None


def put(key, text, kind):
    s3.put_object(Bucket=os.environ["BUCKET"], Key=key, Body=text.encode(), ContentType=kind)


def as_csv(rows):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["order", "item", "quantity", "total"])
    writer.writerows([row["order"], row["item"], row["quantity"], row["total"]] for row in rows)
    return out.getvalue()


def as_svg(day, rows):
    totals = {}
    for row in rows:
        totals[row["item"]] = totals.get(row["item"], 0) + int(row["total"])
    most = max(totals.values(), default=1)
    bars = "".join(
        f'<text x="10" y="{60 + 30 * i}">{item}</text>'
        f'<rect x="90" y="{45 + 30 * i}" width="{max(1, 260 * total // most)}" height="20" fill="teal"/>'
        f'<text x="{100 + 260 * total // most}" y="{60 + 30 * i}">{total}</text>'
        for i, (item, total) in enumerate(sorted(totals.items()))
    )
    height = 60 + 30 * len(totals)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="420" height="{height}" font-family="sans-serif" font-size="14">'
        f'<text x="10" y="25" font-weight="bold">Invoices of {day}</text>{bars}</svg>'
    )
