"""A node with the key `right` and the secret `secret`."""

import datetime
import http.server
import json
import queue
import threading
import urllib.error
import urllib.request
from unittest import mock

import botocore.auth
from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from events_base import ENDPOINT, PATIENCE, check, client

CALLS = {"sqs": "list_queues", "sns": "list_topics", "events": "list_event_buses", "lambda": "list_functions"}


def refusal(service, **config):
    try:
        answer = getattr(client(service, **config), CALLS[service])()
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"not refused: {answer}")


@check
def who_has_the_key_is_served():
    for service, call in CALLS.items():
        getattr(client(service, "right", "secret"), call)()


@check
def who_has_another_key_or_none_is_not():
    for service in CALLS:
        wrong = refusal(service, key="right", secret="wrong")
        assert wrong in ("SignatureDoesNotMatch", "InvalidSignatureException"), (service, wrong)
        unknown = refusal(service, key="other", secret="secret")
        assert unknown in ("InvalidClientTokenId", "UnrecognizedClientException"), (service, unknown)
        unsigned = refusal(service, signature_version=UNSIGNED)
        assert unsigned.startswith("MissingAuthenticationToken"), (service, unsigned)


@check
def nothing_is_told_before_the_signature_is_seen():
    sqs = client("sqs", "right", "wrong")
    try:
        sqs.send_message(QueueUrl=f"{ENDPOINT}/000000000000/secret-queue", MessageBody="x")
    except ClientError as error:
        assert "secret-queue" not in str(error) and "NonExistentQueue" not in str(error), error
    else:
        raise AssertionError("taken")


def signed_at(time):
    """Signs a form by hand, at another time than now; the status and the text of the answer."""
    request = AWSRequest("POST", ENDPOINT + "/", data="Action=ListQueues&Version=2012-11-05", headers={
        "content-type": "application/x-www-form-urlencoded"})
    auth = botocore.auth.SigV4Auth(Credentials("right", "secret"), "sqs", "us-east-1")
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_: time):
        auth.add_auth(request)
    prepared = request.prepare()
    call = urllib.request.Request(prepared.url, prepared.body.encode(), dict(prepared.headers))
    try:
        with urllib.request.urlopen(call) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@check
def a_signature_of_another_time_is_refused():
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    status, text = signed_at(now)
    assert status == 200 and "<ListQueuesResponse" in text, text
    for minutes, expect in [(-20, "Signature expired"), (20, "Signature not yet current")]:
        status, text = signed_at(now + datetime.timedelta(minutes=minutes))
        assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text and expect in text, text
    assert signed_at(now - datetime.timedelta(minutes=4))[0] == 200


@check
def only_the_link_of_a_confirmation_needs_no_signature():
    asked = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sns = client("sns", "right", "secret")
    topic = sns.create_topic(Name="linked")["TopicArn"]
    endpoint = f"http://127.0.0.1:{server.server_port}/"
    subscription = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True)
    subscription = subscription["SubscriptionArn"]
    link = asked.get(timeout=PATIENCE)["SubscribeURL"]

    def pending():
        return sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]["PendingConfirmation"]

    def follow(url):
        try:
            return urllib.request.urlopen(url).status
        except urllib.error.HTTPError as error:
            return error.code

    assert follow(link[:-1] + ("0" if link[-1] != "0" else "1")) == 400 and pending() == "true"
    assert follow(link) == 200 and pending() == "false"
    sns.publish(TopicArn=topic, Message="x")
    told = asked.get(timeout=PATIENCE)
    assert follow(told["UnsubscribeURL"]) == 403, told
    assert follow(f"{ENDPOINT}/?Action=DeleteTopic&Version=2010-03-31&TopicArn={topic}&Token=x") == 403
    follow(f"{link}&Action=DeleteTopic")
    assert topic in [one["TopicArn"] for one in sns.list_topics()["Topics"]]
