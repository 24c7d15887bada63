"""Makes an invoice of each order of a batch, and says which orders failed."""

import datetime
import json
import os

import boto3

PRICES = {"book": 12, "pen": 2}

invoices = boto3.resource("dynamodb").Table(os.environ["TABLE"])
s3 = boto3.client("s3")


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            invoice(json.loads(record["body"]))
        except Exception as error:
            # AWS reads the identifier only; Lambent keeps the error too, and shows it with the dead letters.
            failed.append(
                {
                    "itemIdentifier": record["messageId"],
                    "errorType": type(error).__name__,
                    "errorMessage": str(error),
                }
            )
    return {"batchItemFailures": failed}


def invoice(order):
    """An order that comes twice gives the same invoice again: everything goes by its id."""
    day = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    total = PRICES[order["item"]] * order["quantity"]
    text = f"Invoice {order['id']}\n\n{order['quantity']} x {order['item']}\n{total:>20} EUR\n"
    s3.put_object(Bucket=os.environ["BUCKET"], Key=f"{order['id']}.txt", Body=text.encode())
    item = {"item": order["item"], "quantity": order["quantity"], "total": total, "day": day}
    invoices.put_item(Item={"order": order["id"], **item})
