//! Looking at queues and tidying them up.

use std::time::Duration;

use bytes::Bytes;
use lambent_store::{Browse, Effect, Effected, Finished, Lease, NewMessage, Sequence, Stats, Swept};

use crate::rig::{LEASE, Rig, everything, failure, texts};

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn stats_tell_ready_leased_and_delayed_apart(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    assert_eq!(rig.stats(queue).await, Stats::default());
    let oldest = rig.now;
    rig.send(queue, "a").await;
    rig.pass(SECOND);
    rig.send(queue, "b").await;
    let delayed = NewMessage { visible: rig.after(SECOND * 300), ..rig.message("c") };
    rig.enqueue(queue, delayed).await;
    rig.lease(Lease { max: 1, ..rig.wish(queue) }).await;
    assert_eq!(rig.stats(queue).await, Stats { ready: 1, leased: 1, delayed: 1, oldest: Some(oldest) });
    rig.pass(LEASE);
    assert_eq!(rig.stats(queue).await, Stats { ready: 2, leased: 0, delayed: 1, oldest: Some(oldest) });
}

pub(super) async fn browsing_pages_and_filters_and_leaves_all_as_it_is(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    for body in ["a", "b", "c"] {
        rig.kill(queue, dead, body, if body == "b" { "f2" } else { "f1" }).await;
    }
    let all = rig.browse(dead).await;
    let bodies = |messages: Vec<lambent_store::Message>| -> Vec<String> {
        messages.iter().map(|message| crate::rig::text(&message.body)).collect()
    };
    let page = Browse { limit: 2, ..everything(dead) };
    assert_eq!(bodies(rig.store.browse(page.clone()).await.unwrap()), ["a", "b"]);
    let next = Browse { after: Some(all[1].sequence), ..page };
    assert_eq!(bodies(rig.store.browse(next).await.unwrap()), ["c"]);
    let only = Browse { only: Some(all[1].sequence), ..everything(dead) };
    assert_eq!(bodies(rig.store.browse(only).await.unwrap()), ["b"]);
    let alike = Browse { fingerprint: Some("f1".into()), ..everything(dead) };
    assert_eq!(bodies(rig.store.browse(alike).await.unwrap()), ["a", "c"]);
    assert_eq!(rig.browse(dead).await, all);
}

pub(super) async fn groups_count_failures_of_a_kind(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    for fingerprint in ["rare", "frequent", "frequent", "middling", "frequent", "middling"] {
        rig.kill(queue, dead, "x", fingerprint).await;
    }
    rig.send(dead, "did not fail").await;
    let groups = rig.store.groups(dead, 10).await.unwrap();
    let counts: Vec<(&str, u64)> = groups.iter().map(|g| (g.fingerprint.as_str(), g.count)).collect();
    assert_eq!(counts, [("frequent", 3), ("middling", 2), ("rare", 1)]);
    assert_eq!(groups[0].example, failure("frequent"));
    assert_eq!(rig.store.groups(dead, 1).await.unwrap().len(), 1);
}

pub(super) async fn a_message_can_be_edited_while_nobody_has_leased_it(rig: &mut Rig) {
    let (queue, other) = (rig.queue("work").await, rig.queue("other").await);
    let sequence = rig.send(queue, "old").await;
    let body = || Bytes::from_static(b"new");
    assert!(!rig.store.edit(other, sequence, body(), rig.now).await.unwrap(), "it is in another queue");
    assert!(!rig.store.edit(queue, Sequence(sequence.0 + 9), body(), rig.now).await.unwrap());
    rig.take_one(queue).await;
    assert!(!rig.store.edit(queue, sequence, body(), rig.now).await.unwrap(), "it is leased");
    rig.pass(LEASE);
    assert!(rig.store.edit(queue, sequence, body(), rig.now).await.unwrap());
    assert_eq!(texts(&rig.take(queue).await), ["new"]);
}

pub(super) async fn a_message_can_be_discarded_while_nobody_has_leased_it(rig: &mut Rig) {
    let (queue, other) = (rig.queue("work").await, rig.queue("other").await);
    let sequence = rig.send(queue, "x").await;
    assert!(!rig.store.discard(other, sequence, rig.now).await.unwrap(), "it is in another queue");
    rig.take_one(queue).await;
    assert!(!rig.store.discard(queue, sequence, rig.now).await.unwrap(), "it is leased");
    rig.pass(LEASE);
    assert!(rig.store.discard(queue, sequence, rig.now).await.unwrap());
    assert!(!rig.store.discard(queue, sequence, rig.now).await.unwrap(), "it is gone");
    assert_eq!((rig.bodies(queue).await.len(), rig.account(queue).await.dropped), (0, 1));
}

pub(super) async fn purging_removes_leased_messages_too(rig: &mut Rig) {
    let (queue, other) = (rig.fifo("orders").await, rig.queue("other").await);
    rig.send(other, "stays").await;
    for group in ["a", "b", "c"] {
        rig.send_in(queue, group, group).await;
    }
    let leased = rig.lease(Lease { max: 1, ..rig.wish(queue) }).await.messages.remove(0);
    assert_eq!(rig.store.purge(queue).await.unwrap(), 3);
    assert_eq!(rig.ack(leased.receipt).await, Effected::NotFound);
    assert_eq!(rig.account(queue).await.dropped, 3);
    rig.send_in(queue, "a", "fresh").await;
    assert_eq!(texts(&rig.take(queue).await), ["fresh"], "no group is held back by what is gone");
    assert_eq!(rig.bodies(other).await, ["stays"]);
}

pub(super) async fn expiring_removes_the_oldest_first(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    for body in ["a", "b", "c", "d"] {
        rig.send(queue, body).await;
        rig.pass(SECOND);
    }
    let before = rig.after(Duration::ZERO);
    assert_eq!(rig.store.expire(queue, crate::rig::START, 10).await.unwrap(), 0);
    assert_eq!(rig.store.expire(queue, before, 2).await.unwrap(), 2);
    assert_eq!(rig.bodies(queue).await, ["c", "d"]);
    let sent_last = rig.browse(queue).await[1].sent;
    assert_eq!(rig.store.expire(queue, sent_last, 10).await.unwrap(), 1, "what was sent then is not older");
    assert_eq!((rig.bodies(queue).await.len(), rig.account(queue).await.dropped), (1, 3));
}

pub(super) async fn sweeping_forgets_what_is_over(rig: &mut Rig) {
    let (queue, orders) = (rig.queue("work").await, rig.fifo("orders").await);
    for key in ["a", "b", "c"] {
        rig.send_once(queue, key, None).await;
    }
    rig.send_in(orders, "g", "x").await;
    rig.lease(Lease { attempt: Some("try".into()), ..rig.wish(orders) }).await;
    let id = rig.id();
    let until = rig.after(SECOND * 300);
    rig.make(Effect::Finish(Finished { id, text: "1".into(), until })).await;
    rig.pass(SECOND * 299);
    assert_eq!(rig.store.sweep(rig.now, 10).await.unwrap(), Swept::default());
    rig.pass(SECOND);
    assert_eq!(rig.store.sweep(rig.now, 2).await.unwrap(), Swept { dedups: 2, attempts: 1, results: 1 });
    assert_eq!(rig.store.sweep(rig.now, 2).await.unwrap(), Swept { dedups: 1, attempts: 0, results: 0 });
    assert_eq!(rig.store.result(id).await.unwrap(), None);
    assert_eq!(rig.bodies(queue).await.len(), 3, "messages stay");
}

pub(super) async fn accounts_add_up_after_everything(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    for body in ["1", "2", "3", "4", "5", "6"] {
        rig.send(queue, body).await;
    }
    let leased = rig.lease(Lease { max: 4, ..rig.wish(queue) }).await.messages;
    rig.ack(leased[0].receipt).await;
    rig.ack(leased[0].receipt).await;
    for dying in &leased[1..4] {
        rig.bury(dying.receipt, dead, failure("f")).await;
    }
    rig.store.discard(queue, Sequence(leased[3].message.sequence.0 + 1), rig.now).await.unwrap();
    rig.redrive("r", dead, None).await;
    rig.step("r", 1).await;
    rig.store.purge(dead).await.unwrap();
    rig.reopen();
    let (work, letters) = (rig.account(queue).await, rig.account(dead).await);
    assert_eq!((work.accepted, work.done, work.dead, work.dropped, work.pending), (6, 1, 2, 1, 2));
    let other = (letters.accepted, letters.done, letters.dead, letters.dropped, letters.pending);
    assert_eq!(other, (3, 1, 0, 2, 0));
}
