"""Topics that tell addresses."""

import http.server
import json
import threading
import time
import urllib.request

from events_base import Queue, check, eventually, refused, sns, subscribe, topic


class Endpoint:
    """An address of the kind that subscribes to topics."""

    def __init__(self, confirms=True, hangs=False):
        self.requests, self.hanging, self.release = [], 0, threading.Event()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                kind = self.headers["x-amz-sns-message-type"]
                endpoint.requests.append((kind, dict(self.headers), body))
                if kind == "SubscriptionConfirmation" and confirms:
                    urllib.request.urlopen(json.loads(body)["SubscribeURL"]).read()
                elif kind == "Notification" and hangs:
                    endpoint.hanging += 1
                    endpoint.release.wait()
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=b"

    def subscribe(self, topic, **attributes):
        return sns.subscribe(
            TopicArn=topic, Protocol="http", Endpoint=self.url, Attributes=attributes, ReturnSubscriptionArn=True,
        )["SubscriptionArn"]

    def confirmed(self, subscription):
        def told():
            attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
            return attributes["PendingConfirmation"] == "false"

        eventually("the address confirms", told)

    def notifications(self):
        return [(headers, body) for kind, headers, body in self.requests if kind == "Notification"]


@check
def an_address_gets_nothing_before_it_has_confirmed():
    here, endpoint = topic("unconfirmed"), Endpoint(confirms=False)
    pending = sns.subscribe(TopicArn=here, Protocol="http", Endpoint=endpoint.url)["SubscriptionArn"]
    assert pending == "pending confirmation", pending
    [listed] = sns.list_subscriptions_by_topic(TopicArn=here)["Subscriptions"]
    assert (listed["SubscriptionArn"], listed["Endpoint"]) == ("PendingConfirmation", endpoint.url), listed
    sns.publish(TopicArn=here, Message="too early")
    eventually("it is asked", lambda: endpoint.requests)
    [(kind, headers, body)] = endpoint.requests
    body = json.loads(body)
    assert kind == body["Type"] == "SubscriptionConfirmation" and body["TopicArn"] == here, body
    refused(sns.confirm_subscription, "InvalidParameter", TopicArn=here, Token="nonsense")
    subscription = sns.confirm_subscription(TopicArn=here, Token=body["Token"])["SubscriptionArn"]
    endpoint.confirmed(subscription)
    sns.publish(TopicArn=here, Message="in time")
    eventually("it is told", endpoint.notifications)
    [(_, body)] = endpoint.notifications()
    assert json.loads(body)["Message"] == "in time", body


@check
def an_address_gets_envelopes_or_raw_messages():
    here, wrapped, raw = topic("addresses"), Endpoint(), Endpoint()
    one, other = wrapped.subscribe(here), raw.subscribe(here, RawMessageDelivery="true")
    wrapped.confirmed(one)
    raw.confirmed(other)
    id = sns.publish(TopicArn=here, Message="hi ü", Subject="s")["MessageId"]
    eventually("both are told", lambda: wrapped.notifications() and raw.notifications())
    [(headers, body)] = wrapped.notifications()
    headers = {name.lower(): value for name, value in headers.items()}
    told = json.loads(body)
    assert (told["Type"], told["MessageId"], told["Message"]) == ("Notification", id, "hi ü"), told
    assert headers["x-amz-sns-topic-arn"] == here and headers["x-amz-sns-subscription-arn"] == one, headers
    assert headers["x-amz-sns-message-id"] == id and headers["content-type"] == "text/plain; charset=UTF-8", headers
    assert "Amazon Simple Notification Service" in headers["user-agent"], headers
    [(headers, body)] = raw.notifications()
    headers = {name.lower(): value for name, value in headers.items()}
    assert body == "hi ü" and headers["x-amz-sns-rawdelivery"] == "true", (headers, body)


@check
def addresses_that_hang_hold_nobody_up():
    here, good, queue = topic("hanging"), Endpoint(), Queue("hanging")
    hanging = [Endpoint(hangs=True) for _ in range(5)]
    for endpoint in hanging:
        endpoint.confirmed(endpoint.subscribe(here))
    good.confirmed(good.subscribe(here))
    subscribe(here, queue, RawMessageDelivery="true")
    for n in range(20):
        sns.publish(TopicArn=here, Message=str(n))
    eventually("they hang", lambda: all(endpoint.hanging for endpoint in hanging))
    begun = time.monotonic()
    assert len(queue.texts(20)) == 20
    eventually("the good one is told", lambda: len(good.notifications()) == 20)
    assert time.monotonic() - begun < 14, "it waited until the node gave up on the others, after 15 s"
    for endpoint in hanging:
        endpoint.release.set()
