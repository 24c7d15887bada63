use std::sync::{Arc, Mutex};
use std::time::Duration;

use lambent_core::topic::{SubscriptionSpec, TopicSpec};
use lambent_core::{Clock, Failure, QueueName, QueueSpec, RetryPolicy, Target, Timestamp, TopicName};
use lambent_store::{Browse, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::events::catalog::{Address, Purpose};
use crate::events::{Events, Fanout, Parcel, Publication};

/// A clock that starts in 2026 and goes on by itself.
#[derive(Debug)]
struct Going(std::time::Instant);

impl Clock for Going {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_770_112_800_007).plus(self.0.elapsed())
    }
}

const FAST: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(10),
    max_delay: Duration::from_millis(10),
    max_age: Duration::from_secs(60),
};

/// Events whose outbox is at work.
struct Node {
    events: Events,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Node {
    async fn up() -> Self {
        let events = Events::in_memory(Arc::new(Going(std::time::Instant::now()))).await.unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(super::run(events.clone(), tasks.clone(), stop.clone()));
        Self { events, tasks, stop }
    }

    async fn down(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(Duration::from_secs(1), self.tasks.wait())
            .await
            .expect("it stops within a second");
    }

    /// Sends these to an address.
    async fn send(&self, address: &Address, texts: &[&str]) {
        let queue = self.events.ensure(Purpose::Address(address.clone())).await.unwrap();
        let mut fanout = Fanout::new(self.events.now(), Some("Root=1-2".to_owned()));
        for text in texts {
            let body = text.to_string().into();
            self.events.deliver(&mut fanout, &queue.key, Parcel { body, ..Parcel::default() }).await.unwrap();
        }
        self.events.commit_fanout(fanout).await.unwrap();
    }

    async fn held(&self, key: &str) -> Vec<Message> {
        let Some(queue) = self.events.queue_by_key(key) else { return Vec::new() };
        let browse = Browse { queue: queue.id, after: None, only: None, fingerprint: None, limit: 100 };
        self.events.store().browse(browse).await.unwrap_or_default()
    }

    /// Waits until a queue holds so many.
    async fn holds(&self, key: &str, count: usize) -> Vec<Message> {
        until(async || Some(self.held(key).await).filter(|held| held.len() == count)).await
    }
}

async fn until<T>(check: impl AsyncFn() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it should have happened by now")
}

fn address(url: String) -> Address {
    Address { owner: "test".to_owned(), url, retry: FAST, dead_letter: None, subscription: None }
}

/// An address that notes what it is sent, and answers what it is told; `hang` is no answer at all.
#[derive(Clone, Debug, Default)]
struct Hook {
    answers: Arc<Mutex<Vec<&'static str>>>,
    requests: Arc<Mutex<Vec<String>>>,
    url: String,
}

impl Hook {
    /// Answers these one after the other, the last of them for good.
    async fn open(answers: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?key=secret", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers.iter().rev().copied().collect()));
        let hook = Self { answers, url, ..Self::default() };
        let served = hook.clone();
        TaskTracker::new().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                TaskTracker::new().spawn(served.clone().serve(stream));
            }
        });
        hook
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        loop {
            while !whole(&read) {
                match stream.read_buf(&mut read).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
            self.requests.lock().unwrap().push(String::from_utf8(std::mem::take(&mut read)).unwrap());
            let answer = {
                let mut answers = self.answers.lock().unwrap();
                if answers.len() > 1 { answers.pop() } else { answers.last().copied() }
            };
            match answer {
                None | Some("hang") => return std::future::pending().await,
                Some("drop") => return,
                Some(status) => {
                    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\nok");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    async fn was_sent(&self, count: usize) -> Vec<String> {
        until(async || Some(self.requests()).filter(|requests| requests.len() >= count)).await
    }
}

/// Whether a request is there with its body.
fn whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    body.len() >= length.parse().unwrap()
}

#[tokio::test]
async fn what_fails_is_sent_again() {
    let (node, hook) = (Node::up().await, Hook::open(&["500", "drop", "200"]).await);
    node.send(&address(hook.url.clone()), &[r#"{"a":1}"#]).await;
    let requests = hook.was_sent(3).await;
    assert!(
        requests.iter().all(|request| request.starts_with("POST /hook?key=secret HTTP/1.1\r\n")),
        "{requests:?}"
    );
    assert!(requests[2].contains("content-type: application/json\r\n"), "{requests:?}");
    assert!(requests[2].contains("x-amzn-trace-id: Root=1-2\r\n"), "{requests:?}");
    assert!(requests[2].ends_with("\r\n\r\n{\"a\":1}"), "{requests:?}");
    node.holds("address:test", 0).await;
    assert!(node.held("dead:test").await.is_empty());
    node.down().await;
}

#[tokio::test]
async fn what_is_refused_is_given_up_at_once() {
    let node = Node::up().await;
    node.events.create_queue(&QueueName::parse("dead").unwrap(), QueueSpec::default()).await.unwrap();
    for status in ["404", "301"] {
        let hook = Hook::open(&[status]).await;
        let dead_letter = QueueName::parse("dead").ok();
        node.send(&Address { dead_letter, ..address(hook.url.clone()) }, &["x"]).await;
        let dead = node.holds("queue:dead", 1).await.remove(0);
        assert_eq!(hook.requests().len(), 1);
        let attribute = |name: &str| String::from_utf8(dead.meta.attributes[name].bytes().to_vec()).unwrap();
        assert_eq!(
            (attribute("ErrorCode").as_str(), attribute("RequestID").as_str()),
            (status, dead.id.as_str())
        );
        assert!(attribute("ErrorMessage").starts_with("the address answered"));
        let Failure { by, kind, condition, attempt, .. } = dead.failure.unwrap();
        assert_eq!((kind, condition.as_str(), attempt), (format!("Http.{status}"), "Refused", 1));
        assert!(by.ends_with("/hook"), "{by} names the address without what may be secret");
        node.events.store().purge(node.events.queue("dead").unwrap().id).await.unwrap();
    }
    node.down().await;
}

#[tokio::test]
async fn what_fails_too_often_goes_to_the_dead_letters() {
    let (node, hook) = (Node::up().await, Hook::open(&["503"]).await);
    node.send(&address(hook.url.clone()), &["x"]).await;
    let dead = node.holds("dead:test", 1).await.remove(0);
    assert_eq!((&dead.body[..], hook.requests().len()), (&b"x"[..], 3));
    let failure = dead.failure.unwrap();
    assert_eq!((failure.condition.as_str(), failure.attempt), ("RetriesExhausted", 3));
    node.down().await;
}

#[tokio::test]
async fn nobody_at_home_is_a_failure() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let node = Node::up().await;
    for scheme in ["http", "https"] {
        let owner = scheme.to_owned();
        node.send(&Address { owner, ..address(format!("{scheme}://{free}/")) }, &["x"]).await;
        let dead = node.holds(&format!("dead:{scheme}"), 1).await.remove(0);
        assert_eq!(dead.meta.attributes["ErrorCode"].bytes(), b"0");
        assert_eq!(dead.failure.unwrap().kind, "Http.Unreachable");
    }
    node.down().await;
}

#[tokio::test]
async fn who_hangs_holds_up_nobody_else() {
    let (node, stuck, quick) = (Node::up().await, Hook::open(&["hang"]).await, Hook::open(&["204"]).await);
    let texts = ["x"; 20];
    node.send(&Address { owner: "stuck".to_owned(), ..address(stuck.url.clone()) }, &texts).await;
    stuck.was_sent(1).await;
    node.send(&address(quick.url.clone()), &texts).await;
    quick.was_sent(20).await;
    node.holds("address:test", 0).await;
    assert_eq!((stuck.requests().len(), node.held("address:stuck").await.len()), (1, 20));
    node.down().await;
}

#[tokio::test(start_paused = true)]
async fn who_hangs_is_given_up_in_time_and_then_asked_one_thing_at_a_time() {
    let (node, hook) = (Node::up().await, Hook::open(&["hang"]).await);
    let begun = tokio::time::Instant::now();
    node.send(&address(hook.url.clone()), &["x"; 9]).await;
    let wait = async {
        while node.held("address:test").await.iter().all(|message| message.failure.is_none()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    wait.await;
    assert!(begun.elapsed() >= super::TIMEOUT);
    let failure = node.held("address:test").await.into_iter().find_map(|message| message.failure).unwrap();
    assert_eq!((failure.kind.as_str(), failure.condition.as_str()), ("Http.TimedOut", ""));
    node.down().await;
}

#[tokio::test]
async fn a_subscription_is_confirmed_and_then_served() {
    let (node, hook) = (Node::up().await, Hook::open(&["200"]).await);
    let topic = TopicName::parse("t").unwrap();
    node.events.create_topic(&topic, TopicSpec::default()).await.unwrap();
    let spec = SubscriptionSpec { raw: true, ..SubscriptionSpec::to(Target::parse(&hook.url).unwrap()) };
    let subscription = node.events.subscribe(&topic, spec).await.unwrap();
    let question = hook.was_sent(1).await.remove(0);
    assert!(question.contains("x-amz-sns-message-type: SubscriptionConfirmation\r\n"), "{question}");
    assert!(question.contains("content-type: text/plain; charset=UTF-8\r\n"), "{question}");
    assert!(!question.contains("rawdelivery"), "{question}");
    let (_, body) = question.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    node.events.confirm_subscription(&topic, body["Token"].as_str().unwrap()).await.unwrap();

    let message = Publication { message: "hello".to_owned(), ..Publication::default() };
    let published = node.events.publish(&topic, vec![message]).await.unwrap().remove(0).unwrap();
    let notification = hook.was_sent(2).await.remove(1);
    let arn = node.events.subscription_arn(&subscription);
    for header in [
        "x-amz-sns-message-type: Notification".to_owned(),
        format!("x-amz-sns-message-id: {}", published.id),
        "x-amz-sns-topic-arn: arn:aws:sns:us-east-1:000000000000:t".to_owned(),
        format!("x-amz-sns-subscription-arn: {arn}"),
        "x-amz-sns-rawdelivery: true".to_owned(),
    ] {
        assert!(notification.contains(&format!("{header}\r\n")), "{header} in {notification}");
    }
    assert!(notification.ends_with("\r\n\r\nhello"), "{notification}");

    // The queue of an address goes when nobody needs it any more.
    let key = format!("address:subscription:{}", subscription.id);
    assert!(node.events.queue_by_key(&key).is_some());
    node.events.unsubscribe(&topic, &subscription.id).await.unwrap();
    until(async || node.events.queue_by_key(&key).is_none().then_some(())).await;
    node.down().await;
}

#[tokio::test]
async fn what_a_node_left_behind_is_sent_by_the_next() {
    let hook = Hook::open(&["hang", "200"]).await;
    let node = Node::up().await;
    node.send(&address(hook.url.clone()), &["x"]).await;
    hook.was_sent(1).await;
    let before = Arc::clone(&node.events.inner);
    node.down().await;
    let (store, clock) = (Arc::clone(&before.store), Arc::clone(&before.clock));
    let events = Events::open(store, clock, before.identity.clone(), before.endpoint.clone()).await.unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn(super::run(events.clone(), tasks.clone(), stop.clone()));
    let node = Node { events, tasks, stop };
    hook.was_sent(2).await;
    node.holds("address:test", 0).await;
    node.down().await;
}
