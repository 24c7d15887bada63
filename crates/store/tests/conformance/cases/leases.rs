//! Which messages are leased, how many, and when.

use std::time::Duration;

use lambent_store::{Bury, Error, Lease, NewMessage, QueueId, Released};

use crate::rig::{LEASE, Rig, texts};

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn messages_come_in_the_order_in_which_they_can_be_leased(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    let late = NewMessage { visible: rig.after(SECOND), ..rig.message("late") };
    rig.enqueue(queue, late).await;
    rig.send(queue, "first").await;
    rig.send(queue, "second").await;
    rig.pass(SECOND);
    assert_eq!(texts(&rig.take(queue).await), ["first", "second", "late"]);
}

pub(super) async fn a_leased_message_is_not_leased_again(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    rig.take_one(queue).await;
    rig.pass(LEASE - Duration::from_millis(1));
    assert!(rig.take(queue).await.is_empty());
}

pub(super) async fn an_expired_lease_gives_its_message_back_without_help(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let first = rig.take_one(queue).await;
    rig.pass(LEASE);
    let second = rig.take_one(queue).await;
    assert_eq!((second.message.sequence, second.message.receives), (first.message.sequence, 2));
}

pub(super) async fn a_delayed_message_waits(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    let delayed = NewMessage { visible: rig.after(SECOND), ..rig.message("x") };
    rig.enqueue(queue, delayed).await;
    assert!(rig.take(queue).await.is_empty());
    rig.pass(SECOND);
    rig.take_one(queue).await;
}

pub(super) async fn a_lease_counts_and_remembers_the_first(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let first = rig.now;
    for receives in 1..4 {
        let leased = rig.take_one(queue).await;
        assert_eq!((leased.message.receives, leased.message.first_received), (receives, Some(first)));
        assert_eq!(leased.message.visible, rig.after(LEASE), "the message is as it is after the lease");
        assert_eq!(rig.browse(queue).await, [leased.message]);
        rig.pass(LEASE);
    }
}

pub(super) async fn no_more_than_asked_for_are_leased(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    for body in ["a", "b", "c"] {
        rig.send(queue, body).await;
    }
    let two = rig.lease(Lease { max: 2, ..rig.wish(queue) }).await;
    assert_eq!(texts(&two.messages), ["a", "b"]);
    assert_eq!(two.next_due, Some(rig.now), "there is more already");
    assert_eq!(texts(&rig.take(queue).await), ["c"]);
}

pub(super) async fn no_more_bytes_than_asked_for_are_leased_but_always_one_message(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    for body in ["12345", "12345", "12345", "1"] {
        rig.send(queue, body).await;
    }
    let ten = rig.lease(Lease { max_bytes: 10, ..rig.wish(queue) }).await;
    assert_eq!(ten.messages.len(), 2);
    assert_eq!(ten.next_due, Some(rig.now));
    let one = rig.lease(Lease { max_bytes: 1, ..rig.wish(queue) }).await;
    assert_eq!(texts(&one.messages), ["12345"]);
    assert_eq!(texts(&rig.take(queue).await), ["1"]);
}

pub(super) async fn a_message_that_was_leased_too_often_is_buried_instead(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    rig.send(queue, "x").await;
    let bury = Some(Bury { to: dead, max_receives: 2 });
    for receives in 1..=2 {
        let batch = rig.lease(Lease { bury, ..rig.wish(queue) }).await;
        assert_eq!((batch.messages[0].message.receives, batch.buried), (receives, 0));
        rig.pass(LEASE);
    }
    let batch = rig.lease(Lease { bury, ..rig.wish(queue) }).await;
    assert_eq!((batch.messages.len(), batch.buried, batch.next_due), (0, 1, None));
    let letter = rig.browse(dead).await.remove(0);
    assert_eq!((letter.origin, letter.receives, letter.visible), (Some(queue), 0, rig.now));
    assert_eq!((rig.account(queue).await.dead, rig.account(dead).await.accepted), (1, 1));
}

pub(super) async fn throttled_leases_bury_nothing(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    rig.send(queue, "x").await;
    let bury = Some(Bury { to: dead, max_receives: 1 });
    for _ in 0..3 {
        let batch = rig.lease(Lease { bury, ..rig.wish(queue) }).await;
        assert_eq!(batch.buried, 0);
        rig.release(batch.messages[0].receipt, rig.now, Released::Throttled).await;
    }
}

pub(super) async fn next_due_says_when_there_is_something_to_lease(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    assert_eq!(rig.lease(rig.wish(queue)).await.next_due, None);
    let delayed = NewMessage { visible: rig.after(SECOND * 5), ..rig.message("x") };
    rig.enqueue(queue, delayed).await;
    assert_eq!(rig.lease(rig.wish(queue)).await.next_due, Some(rig.after(SECOND * 5)));
    rig.send(queue, "y").await;
    let batch = rig.lease(rig.wish(queue)).await;
    assert_eq!(batch.next_due, Some(rig.after(SECOND * 5)));
    rig.pass(SECOND * 6);
    assert_eq!(
        rig.lease(rig.wish(queue)).await.next_due,
        Some(rig.after(LEASE - SECOND * 6)),
        "the first lease ends"
    );
}

pub(super) async fn an_unknown_queue_has_nothing_to_lease(rig: &mut Rig) {
    let refused = rig.store.lease(rig.wish(QueueId(42))).await;
    assert!(matches!(refused, Err(Error::NoQueue(42))), "{refused:?}");
}

pub(super) async fn reclaiming_gives_every_lease_back_uncounted(rig: &mut Rig) {
    let (queue, other) = (rig.queue("work").await, rig.fifo("other").await);
    for body in ["a", "b", "c"] {
        rig.send(queue, body).await;
    }
    rig.send_in(other, "g", "x").await;
    let leased = rig.lease(Lease { max: 2, ..rig.wish(queue) }).await.messages;
    rig.take_one(other).await;
    assert_eq!(rig.store.reclaim(queue, rig.now).await.unwrap(), 2);
    assert_eq!(rig.ack(leased[0].receipt).await, lambent_store::Effected::Stale);
    let messages = rig.take(queue).await;
    assert_eq!(texts(&messages), ["a", "b", "c"]);
    assert_eq!((messages[0].message.receives, messages[0].message.throttles), (1, 1));
    assert_eq!((messages[2].message.receives, messages[2].message.throttles), (1, 0));
    assert!(rig.take(other).await.is_empty(), "another queue keeps its leases");
    assert_eq!(rig.store.reclaim(other, rig.now).await.unwrap(), 1);
    rig.take_one(other).await;
}

pub(super) async fn reclaiming_leaves_clients_what_they_leased(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.lease(Lease { own: false, ..rig.wish(queue) }).await.messages;
    assert_eq!(rig.store.reclaim(queue, rig.now).await.unwrap(), 0);
    assert_eq!(rig.ack(leased[0].receipt).await, lambent_store::Effected::Done);
}

pub(super) async fn tokens_are_new_at_every_lease(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let mut tokens = std::collections::HashSet::new();
    for turn in 0..6 {
        let leased = rig.take_one(queue).await;
        assert!(tokens.insert(leased.receipt.token), "turn {turn}: the token was used before");
        match turn % 3 {
            0 => rig.pass(LEASE),
            1 => drop(rig.release(leased.receipt, rig.now, Released::Throttled).await),
            _ => {
                rig.pass(LEASE);
                rig.reopen();
            }
        }
    }
}
