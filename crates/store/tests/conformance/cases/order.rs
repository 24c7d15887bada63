//! Queues that keep order: groups, and attempts to receive.

use std::time::Duration;

use lambent_store::{Bury, Effected, Lease, LeasedBatch, NewMessage, QueueId, Released};

use crate::rig::{LEASE, Rig, failure, texts};

const SECOND: Duration = Duration::from_secs(1);

async fn take_some(rig: &Rig, queue: QueueId, max: u32) -> LeasedBatch {
    rig.lease(Lease { max, ..rig.wish(queue) }).await
}

async fn attempt(rig: &Rig, queue: QueueId, name: &str) -> LeasedBatch {
    rig.lease(Lease { max: 1, attempt: Some(name.to_owned()), ..rig.wish(queue) }).await
}

pub(super) async fn a_group_is_leased_in_its_order(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2"), ("a", "a3")] {
        rig.send_in(queue, group, body).await;
    }
    let taken = rig.take(queue).await;
    assert_eq!(texts(&taken), ["a1", "a2", "a3", "b1", "b2"]);
    assert_eq!(taken[0].message.group.as_deref(), Some("a"));
}

pub(super) async fn a_group_waits_for_the_message_that_is_leased(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    rig.send_in(queue, "a", "a1").await;
    rig.send_in(queue, "a", "a2").await;
    let first = take_some(rig, queue, 1).await.messages.remove(0);
    assert!(rig.take(queue).await.is_empty());
    rig.send_in(queue, "a", "a3").await;
    assert!(rig.take(queue).await.is_empty(), "a new message does not free its group");
    rig.ack(first.receipt).await;
    assert_eq!(texts(&rig.take(queue).await), ["a2", "a3"]);
}

pub(super) async fn other_groups_go_on_while_one_waits(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    rig.send_in(queue, "a", "a1").await;
    rig.send_in(queue, "a", "a2").await;
    take_some(rig, queue, 1).await;
    rig.send_in(queue, "b", "b1").await;
    assert_eq!(texts(&rig.take(queue).await), ["b1"]);
}

pub(super) async fn an_expired_lease_frees_its_group(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    rig.send_in(queue, "a", "a1").await;
    rig.send_in(queue, "a", "a2").await;
    take_some(rig, queue, 1).await;
    rig.pass(LEASE);
    assert_eq!(texts(&rig.take(queue).await), ["a1", "a2"]);
}

pub(super) async fn a_group_waits_for_the_last_message_of_a_batch(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    for body in ["1", "2", "3"] {
        rig.send_in(queue, "a", body).await;
    }
    let batch = take_some(rig, queue, 2).await.messages;
    rig.ack(batch[0].receipt).await;
    assert!(rig.take(queue).await.is_empty());
    rig.extend(batch[1].receipt, rig.after(LEASE * 2)).await;
    rig.pass(LEASE);
    assert!(rig.take(queue).await.is_empty(), "the lease was extended");
    rig.ack(batch[1].receipt).await;
    assert_eq!(texts(&rig.take(queue).await), ["3"]);
}

pub(super) async fn a_released_message_goes_first_again(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    rig.send_in(queue, "a", "1").await;
    rig.send_in(queue, "a", "2").await;
    let batch = rig.take(queue).await;
    rig.release(batch[0].receipt, rig.now, Released::Failed(None)).await;
    assert!(rig.take(queue).await.is_empty(), "the second is still leased");
    rig.release(batch[1].receipt, rig.now, Released::Failed(None)).await;
    assert_eq!(texts(&rig.take(queue).await), ["1", "2"]);
}

pub(super) async fn a_released_message_holds_its_group_back_until_its_time(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    rig.send_in(queue, "a", "1").await;
    rig.send_in(queue, "a", "2").await;
    let batch = take_some(rig, queue, 1).await.messages;
    rig.release(batch[0].receipt, rig.after(SECOND * 60), Released::Failed(None)).await;
    let nothing = rig.lease(rig.wish(queue)).await;
    assert_eq!((nothing.messages.len(), nothing.next_due), (0, Some(rig.after(SECOND * 60))));
    rig.pass(SECOND * 60);
    assert_eq!(texts(&rig.take(queue).await), ["1", "2"]);
}

pub(super) async fn burying_the_first_lets_the_group_go_on(rig: &mut Rig) {
    let (queue, dead) = (rig.fifo("orders").await, rig.fifo("dead").await);
    rig.send_in(queue, "a", "1").await;
    rig.send_in(queue, "a", "2").await;
    let first = take_some(rig, queue, 1).await.messages.remove(0);
    assert_eq!(rig.bury(first.receipt, dead, failure("f")).await, Effected::Done);
    assert_eq!(texts(&rig.take(queue).await), ["2"]);
    let letter = rig.take_one(dead).await;
    assert_eq!(letter.message.group.as_deref(), Some("a"), "it keeps its group");
}

pub(super) async fn a_message_leased_too_often_is_buried_and_its_group_goes_on(rig: &mut Rig) {
    let (queue, dead) = (rig.fifo("orders").await, rig.queue("dead").await);
    rig.send_in(queue, "a", "1").await;
    let bury = Some(Bury { to: dead, max_receives: 1 });
    rig.lease(Lease { bury, ..rig.wish(queue) }).await;
    rig.send_in(queue, "a", "2").await;
    rig.pass(LEASE);
    let batch = rig.lease(Lease { bury, ..rig.wish(queue) }).await;
    assert_eq!((texts(&batch.messages), batch.buried), (vec!["2".to_owned()], 1));
    assert_eq!(rig.take_one(dead).await.message.group, None, "that queue keeps no order");
}

pub(super) async fn next_due_of_ordered_queues_is_when_a_group_is_free(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    assert_eq!(rig.lease(rig.wish(queue)).await.next_due, None);
    rig.send_in(queue, "a", "1").await;
    rig.send_in(queue, "a", "2").await;
    let batch = take_some(rig, queue, 1).await;
    assert_eq!(batch.next_due, Some(rig.after(LEASE)), "the second waits for the first");
    rig.extend(batch.messages[0].receipt, rig.after(LEASE * 2)).await;
    assert_eq!(rig.lease(rig.wish(queue)).await.next_due, Some(rig.after(LEASE * 2)));
    let delayed = NewMessage { group: Some("b".into()), visible: rig.after(SECOND), ..rig.message("3") };
    rig.enqueue(queue, delayed).await;
    assert_eq!(rig.lease(rig.wish(queue)).await.next_due, Some(rig.after(SECOND)));
    rig.ack(batch.messages[0].receipt).await;
    let rest = take_some(rig, queue, 0).await;
    assert_eq!(rest.next_due, Some(rig.now));
}

pub(super) async fn an_attempt_gives_the_same_messages_again(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    rig.send_in(queue, "a", "a1").await;
    rig.send_in(queue, "b", "b1").await;
    let first = attempt(rig, queue, "try").await;
    rig.pass(SECOND);
    let again = attempt(rig, queue, "try").await;
    assert_eq!(again.messages, first.messages);
    assert_eq!(texts(&attempt(rig, queue, "another").await.messages), ["b1"]);
    assert_eq!(rig.browse(queue).await[0].receives, 1, "it was leased once");
    rig.reopen();
    assert_eq!(attempt(rig, queue, "try").await.messages, first.messages);
}

pub(super) async fn an_attempt_is_over_when_a_message_of_it_was_touched(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    for group in ["a", "b", "c", "d"] {
        rig.send_in(queue, group, &format!("{group}1")).await;
    }
    let first = attempt(rig, queue, "acked").await;
    rig.ack(first.messages[0].receipt).await;
    assert_eq!(texts(&attempt(rig, queue, "acked").await.messages), ["b1"]);
    let third = attempt(rig, queue, "extended").await;
    rig.extend(third.messages[0].receipt, rig.after(LEASE * 2)).await;
    assert_eq!(texts(&attempt(rig, queue, "extended").await.messages), ["d1"]);
    rig.pass(LEASE);
    let expired = attempt(rig, queue, "acked").await;
    assert_eq!((texts(&expired.messages), expired.messages[0].message.receives), (vec!["b1".to_owned()], 2));
}

pub(super) async fn an_attempt_counts_for_five_minutes(rig: &mut Rig) {
    let queue = rig.fifo("orders").await;
    rig.send_in(queue, "a", "a1").await;
    rig.send_in(queue, "b", "b1").await;
    let long = |rig: &Rig| Lease {
        max: 1,
        until: rig.after(SECOND * 3600),
        attempt: Some("try".to_owned()),
        ..rig.wish(queue)
    };
    let first = rig.lease(long(rig)).await;
    rig.pass(SECOND * 299);
    assert_eq!(rig.lease(long(rig)).await.messages, first.messages);
    rig.pass(SECOND);
    assert_eq!(texts(&rig.lease(long(rig)).await.messages), ["b1"]);
}

pub(super) async fn a_queue_without_order_takes_no_notice_of_attempts(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "a").await;
    rig.send(queue, "b").await;
    assert_eq!(texts(&attempt(rig, queue, "try").await.messages), ["a"]);
    assert_eq!(texts(&attempt(rig, queue, "try").await.messages), ["b"]);
}
