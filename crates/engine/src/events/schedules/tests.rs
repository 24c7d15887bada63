use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lambent_core::schedule::Missed;
use lambent_core::{Clock, FunctionName, NodeIdentity, QueueName, QueueSpec, When};
use lambent_store::memory::MemoryStore;
use lambent_store::{Browse, Fence, Lease, Message, Store};

use super::run::Watch;
use super::*;

/// A clock that tests set.
#[derive(Debug)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A node's schedules, without anybody who runs what they fire.
struct Rig {
    events: Events,
    store: Arc<MemoryStore>,
    clock: Arc<Hand>,
    watch: Watch,
}

/// 2026-02-03T10:00:00Z.
const START: u64 = 1_770_112_800_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

impl Rig {
    async fn new() -> Self {
        Self::on(Arc::default(), START).await
    }

    async fn on(store: Arc<MemoryStore>, now: u64) -> Self {
        let clock = Arc::new(Hand(AtomicU64::new(now)));
        let (node, endpoint) = (NodeIdentity::default(), "http://127.0.0.1:4566".to_owned());
        let events =
            Events::open(Arc::clone(&store) as _, Arc::clone(&clock) as _, node, endpoint).await.unwrap();
        Self { events, store, clock, watch: Watch::default() }
    }

    /// The node ends, and starts again at another time.
    async fn restarted(self, now: u64) -> Self {
        Self::on(self.store, now).await
    }

    fn set(&self, now: u64) {
        self.clock.0.store(now, Ordering::SeqCst);
    }

    /// The worker does what there is to do. When it wants to do something again, and what it warms.
    async fn work(&mut self) -> (Option<u64>, Vec<FunctionName>) {
        let mut warm = Vec::new();
        for _ in 0..1000 {
            let step = self.events.step_schedules(&mut self.watch).await.unwrap();
            warm.extend(step.warm);
            if step.next.is_none_or(|next| next > self.events.now()) {
                return (step.next.map(Timestamp::as_millis), warm);
            }
        }
        panic!("the worker does not come to an end");
    }

    async fn work_at(&mut self, now: u64) {
        self.set(now);
        self.work().await;
    }

    async fn put(&self, spec: ScheduleSpec) {
        self.events.declare_schedules(vec![spec]).await.unwrap();
    }

    async fn held(&self, key: &str) -> Vec<Message> {
        let Some(queue) = self.events.queue_by_key(key) else { return Vec::new() };
        let browse = Browse { queue: queue.id, after: None, only: None, fingerprint: None, limit: 1000 };
        self.store.browse(browse).await.unwrap()
    }

    /// The times of the events that wait for the function.
    async fn fired(&self) -> Vec<String> {
        let time = |message: Message| {
            let event: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
            event["time"].as_str().unwrap()[11..19].to_owned()
        };
        self.held("function:f").await.into_iter().map(time).collect()
    }

    /// The function takes its events and is done with them.
    async fn run_all(&self) {
        let queue = self.events.queue_by_key("function:f").unwrap();
        let now = self.events.now();
        let lease = Lease {
            queue: queue.id,
            max: 100,
            max_bytes: usize::MAX,
            now,
            until: now.plus(Duration::from_secs(9)),
            bury: None,
            attempt: None,
            own: true,
        };
        for leased in self.store.lease(lease).await.unwrap().messages {
            let ack = lambent_store::Effect::Ack { receipt: leased.receipt, fence: Fence::Current };
            let commit = lambent_store::Commit { guard: None, effects: vec![ack], now };
            self.store.commit(commit).await.unwrap();
        }
    }

    async fn notes(&self) -> Vec<String> {
        let history = self.events.schedule_history("s").await.unwrap();
        history.into_iter().map(|firing| firing.note).collect()
    }
}

fn spec(cron: &str) -> ScheduleSpec {
    ScheduleSpec::new("s", When::Cron(cron.to_owned()), Fires::To(Target::parse("function:f").unwrap()))
}

#[tokio::test]
async fn a_time_becomes_a_scheduled_event() {
    let mut rig = Rig::new().await;
    rig.put(spec("30 10 * * *")).await;
    rig.work_at(START + 29 * MINUTE).await;
    assert!(rig.fired().await.is_empty());
    rig.work_at(START + 30 * MINUTE).await;
    let fired = rig.held("function:f").await;
    assert_eq!(
        String::from_utf8_lossy(&fired[0].body),
        format!(
            r#"{{"version":"0","id":"{}","detail-type":"Scheduled Event","source":"aws.events","account":"000000000000","time":"2026-02-03T10:30:00Z","region":"us-east-1","resources":["arn:aws:events:us-east-1:000000000000:rule/s"],"detail":{{}}}}"#,
            fired[0].id
        )
    );
    assert!(fired[0].meta.keep_result && fired[0].meta.trace.is_some());
    rig.work_at(START + 31 * MINUTE).await;
    assert_eq!(rig.fired().await.len(), 1);
    let history = rig.events.schedule_history("s").await.unwrap();
    assert_eq!((history[0].event, history[0].note.as_str()), (Some(fired[0].id), "fired"));
}

#[tokio::test]
async fn an_input_takes_the_place_of_the_event() {
    let mut rig = Rig::new().await;
    rig.put(ScheduleSpec { input: Some("{\"a\":1}".to_owned()), ..spec("30 10 * * *") }).await;
    rig.work_at(START + 30 * MINUTE).await;
    assert_eq!(rig.held("function:f").await[0].body, "{\"a\":1}");
}

#[tokio::test]
async fn what_was_missed_while_the_node_was_down_is_made_up_for_as_told() {
    for (missed, expect) in [
        (Missed::Last, vec!["14:30:00"]),
        (Missed::Skip, vec![]),
        (Missed::All(2), vec!["13:30:00", "14:30:00"]),
        (Missed::All(9), vec!["10:30:00", "11:30:00", "12:30:00", "13:30:00", "14:30:00"]),
    ] {
        let rig = Rig::new().await;
        let spec = ScheduleSpec { missed, ..spec("30 * * * *") };
        rig.put(spec.clone()).await;
        let mut rig = rig.restarted(START + 5 * HOUR).await;
        // The manifest is deployed again, which changes nothing.
        rig.put(spec).await;
        rig.work().await;
        assert_eq!(rig.fired().await, expect, "{missed:?}");
        rig.work_at(START + 5 * HOUR + 30 * MINUTE).await;
        assert_eq!(rig.fired().await.last().unwrap(), "15:30:00", "it goes on");
    }
}

#[tokio::test]
async fn ten_years_of_missed_times_cost_no_more_than_a_few() {
    let mut rig = Rig::new().await;
    rig.put(ScheduleSpec { missed: Missed::All(100), ..spec("* * * * *") }).await;
    rig.set(START + 10 * 365 * 24 * HOUR);
    rig.work().await;
    assert_eq!(rig.fired().await.len(), 100);
    assert_eq!(rig.notes().await.len(), 100);
}

#[tokio::test]
async fn two_workers_fire_a_time_once() {
    let mut rig = Rig::new().await;
    rig.put(spec("* * * * *")).await;
    rig.set(START + MINUTE);
    let seen = rig.events.schedule("s").await.unwrap();
    let due = seen.next.unwrap();
    rig.work().await;
    rig.events.turn_schedule(&seen, due, rig.events.now()).await.unwrap();
    assert_eq!(rig.fired().await, ["10:01:00"]);
}

#[tokio::test]
async fn a_run_that_is_not_over_lets_the_next_run_pass_or_wait() {
    let mut rig = Rig::new().await;
    rig.put(ScheduleSpec { overlap: Overlap::Skip, ..spec("* * * * *") }).await;
    rig.work_at(START + MINUTE).await;
    rig.work_at(START + 2 * MINUTE).await;
    assert_eq!(rig.fired().await, ["10:01:00"]);
    assert_eq!(rig.notes().await, ["skipped: the run before is not over", "fired"]);
    rig.run_all().await;
    rig.work_at(START + 3 * MINUTE).await;
    assert_eq!(rig.fired().await, ["10:03:00"]);

    rig.put(ScheduleSpec { overlap: Overlap::Queue, ..spec("* * * * *") }).await;
    rig.work_at(START + 4 * MINUTE).await;
    rig.work_at(START + 5 * MINUTE).await;
    assert_eq!(rig.fired().await, ["10:03:00"]);
    rig.run_all().await;
    rig.work_at(START + 5 * MINUTE + 1000).await;
    assert_eq!(rig.fired().await, ["10:05:00"], "of those that came in the meantime it is the last one");
    assert_eq!(rig.notes().await[0], "fired; earlier times were missed");
}

#[tokio::test]
async fn a_clock_that_is_set_forward_is_a_node_that_was_down() {
    let mut rig = Rig::new().await;
    rig.put(spec("0 * * * *")).await;
    rig.work_at(START + HOUR).await;
    rig.work_at(START + 100 * HOUR).await;
    rig.work_at(START + 100 * HOUR + 1).await;
    assert_eq!(rig.fired().await, ["11:00:00", "14:00:00"]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_fires_no_time_twice() {
    let mut rig = Rig::new().await;
    rig.put(spec("*/10 * * * *")).await;
    rig.work_at(START + 10 * MINUTE).await;
    rig.work_at(START + 20 * MINUTE).await;
    // By a little: it waits until the time has come round.
    rig.work_at(START + 5 * MINUTE).await;
    rig.work_at(START + 20 * MINUTE).await;
    assert_eq!(rig.fired().await, ["10:10:00", "10:20:00"]);
    rig.work_at(START + 30 * MINUTE).await;
    assert_eq!(rig.fired().await.len(), 3);
    // The clock was a year ahead for a while: nothing stands still for a year.
    rig.work_at(START + 365 * 24 * HOUR).await;
    assert_eq!(rig.fired().await.len(), 4);
    rig.work_at(START + 35 * MINUTE).await;
    rig.work_at(START + 40 * MINUTE).await;
    assert_eq!(rig.fired().await.last().unwrap(), "10:40:00");
    // The same across a restart.
    rig.work_at(START + 365 * 24 * HOUR + HOUR).await;
    let mut rig = rig.restarted(START + 45 * MINUTE).await;
    rig.work().await;
    rig.work_at(START + 50 * MINUTE).await;
    assert_eq!(rig.fired().await.last().unwrap(), "10:50:00");
}

#[tokio::test]
async fn a_paused_schedule_misses_nothing_and_goes_on_from_now() {
    let mut rig = Rig::new().await;
    rig.put(spec("0 * * * *")).await;
    rig.events.pause_schedule("s").await.unwrap();
    rig.work_at(START + 3 * HOUR).await;
    assert!(rig.fired().await.is_empty());
    rig.put(spec("0 * * * *")).await;
    rig.put(spec("5 * * * *")).await;
    assert!(!rig.events.schedule("s").await.unwrap().enabled, "a deployment does not resume it");
    rig.events.resume_schedule("s").await.unwrap();
    rig.work().await;
    assert!(rig.fired().await.is_empty());
    rig.work_at(START + 3 * HOUR + 5 * MINUTE).await;
    assert_eq!(rig.fired().await, ["13:05:00"]);
}

#[tokio::test]
async fn what_the_manifest_no_longer_has_is_gone_and_other_schedules_stay() {
    let rig = Rig::new().await;
    rig.put(spec("0 * * * *")).await;
    let client = ScheduleSpec { name: "default/c".to_owned(), owner: Owner::Client, ..spec("0 * * * *") };
    rig.events.put_schedule(client.clone(), true).await.unwrap();
    rig.events.declare_schedules(vec![]).await.unwrap();
    let names: Vec<_> = rig.events.schedules().await.unwrap().into_iter().map(|s| s.spec.name).collect();
    assert_eq!(names, ["default/c"]);
    let taken = ScheduleSpec { owner: Owner::Manifest, ..client };
    assert!(
        rig.events.declare_schedules(vec![taken]).await.unwrap_err().to_string().contains("another name")
    );
    rig.events.delete_schedule("default/c").await.unwrap();
    assert!(matches!(rig.events.delete_schedule("default/c").await, Err(Error::NoSchedule(_))));
}

#[tokio::test]
async fn by_hand_and_after_the_fact() {
    let mut rig = Rig::new().await;
    rig.put(spec("0 * * * *")).await;
    let id = rig.events.fire_schedule("s").await.unwrap();
    assert_eq!(rig.held("function:f").await[0].id, id);
    rig.run_all().await;
    rig.set(START + 3 * HOUR + MINUTE);
    let at = |hours: u64| Timestamp::from_millis(START + hours * HOUR);
    assert_eq!(rig.events.backfill_schedule("s", at(1), at(3)).await.unwrap(), 3);
    assert_eq!(rig.fired().await, ["11:00:00", "12:00:00", "13:00:00"]);
    assert!(rig.events.backfill_schedule("s", at(1), at(4)).await.is_err(), "that is not over");
    let long_ago = Timestamp::from_millis(START - 2000 * HOUR);
    assert!(rig.events.backfill_schedule("s", long_ago, at(3)).await.is_err(), "that is too much");
    rig.run_all().await;
    rig.work().await;
    assert_eq!(rig.fired().await, ["13:00:00"], "its own times stay");
}

#[tokio::test]
async fn once_is_once_and_may_be_the_end() {
    let mut rig = Rig::new().await;
    let when = When::At("2026-02-03T11:00".to_owned());
    rig.put(ScheduleSpec { when: when.clone(), ..spec("") }).await;
    rig.work_at(START + HOUR).await;
    rig.work_at(START + 2 * HOUR).await;
    assert_eq!(rig.fired().await, ["11:00:00"]);
    assert_eq!(rig.events.schedule("s").await.unwrap().next, None);
    let mut rig = Rig::new().await;
    rig.put(ScheduleSpec { when, delete_after: true, ..spec("") }).await;
    rig.work_at(START + HOUR).await;
    assert!(rig.events.schedules().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_sandbox_is_asked_for_once_before_the_time() {
    let mut rig = Rig::new().await;
    rig.put(spec("0 * * * *")).await;
    assert_eq!(rig.work().await, (Some(START + HOUR - 2000), vec![]));
    rig.set(START + HOUR - 1500);
    let (next, warm) = rig.work().await;
    assert_eq!((next, warm[0].as_str()), (Some(START + HOUR), "f"));
    rig.set(START + HOUR - 500);
    assert_eq!(rig.work().await.1, []);
}

#[tokio::test]
async fn other_targets_get_it_too_and_what_cannot_be_delivered_is_kept() {
    let mut rig = Rig::new().await;
    let name = QueueName::parse("q").unwrap();
    rig.events.create_queue(&name, QueueSpec::default()).await.unwrap();
    let to = |to: &str| Fires::To(Target::parse(to).unwrap());
    let spec = ScheduleSpec { fires: to("queue:q"), input: Some("hi".to_owned()), ..spec("0 * * * *") };
    rig.put(spec.clone()).await;
    rig.work_at(START + HOUR).await;
    assert_eq!(rig.held("queue:q").await[0].body, "hi");
    rig.events.delete_queue("q").await.unwrap();
    rig.work_at(START + 2 * HOUR).await;
    assert_eq!(rig.held("dead:schedule:s").await[0].body, "hi");
    let overlapping = ScheduleSpec { overlap: Overlap::Skip, ..spec };
    assert!(rig.events.declare_schedules(vec![overlapping]).await.is_err());
}

#[tokio::test]
async fn what_is_too_old_goes_to_the_dead_letters() {
    let mut rig = Rig::new().await;
    rig.put(ScheduleSpec { max_age: Some(Duration::from_secs(60)), ..spec("0 * * * *") }).await;
    rig.work_at(START + HOUR + 2 * MINUTE).await;
    assert!(rig.fired().await.is_empty());
    assert_eq!(rig.held("dead:schedule:s").await.len(), 1);
}
