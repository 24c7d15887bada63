//! What the effects of a commit do, and what they leave alone.

use std::time::Duration;

use lambent_core::{Attribute, Attributes, Meta};
use lambent_store::{Effect, Effected, Enqueued, Fence, NewMessage, QueueId, Receipt, Released, Sequence};

use crate::rig::{LEASE, Rig, failure, texts};

const SECOND: Duration = Duration::from_secs(1);

fn attributes(name: &str, value: &str) -> Attributes {
    Attributes::from([(name.to_owned(), Attribute::text(value))])
}

pub(super) async fn an_accepted_message_is_there_as_it_was_sent(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    let meta =
        Meta { attributes: attributes("colour", "red"), trace: Some("Root=1".into()), ..Meta::default() };
    let message = NewMessage { meta: meta.clone(), ..rig.message("hello \u{0} world") };
    let Enqueued::Accepted(sequence) = rig.enqueue(queue, message.clone()).await else { panic!("refused") };
    let stored = rig.browse(queue).await.remove(0);
    assert_eq!(
        (stored.sequence, stored.id, stored.body, stored.meta),
        (sequence, message.id, message.body, meta)
    );
    assert_eq!((stored.sent, stored.visible, stored.receives, stored.throttles), (rig.now, rig.now, 0, 0));
    assert_eq!(
        (stored.first_received, stored.origin, stored.failure, stored.group),
        (None, None, None, None)
    );
}

pub(super) async fn a_message_for_an_unknown_queue_is_not_found(rig: &mut Rig) {
    let message = rig.message("x");
    assert_eq!(rig.make(Effect::Enqueue { queue: QueueId(77), message }).await, Effected::NotFound);
}

pub(super) async fn an_acknowledged_message_is_gone(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    assert_eq!(rig.ack(leased.receipt).await, Effected::Done);
    assert!(rig.browse(queue).await.is_empty());
    assert_eq!(rig.account(queue).await.done, 1);
}

pub(super) async fn a_second_ack_finds_nothing(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    rig.ack(leased.receipt).await;
    assert_eq!(rig.ack(leased.receipt).await, Effected::NotFound);
    assert_eq!(rig.ack_any(leased.receipt).await, Effected::NotFound);
    assert_eq!(rig.account(queue).await.done, 1);
}

pub(super) async fn a_receipt_of_an_earlier_lease_is_stale(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    rig.send(queue, "x").await;
    let first = rig.take_one(queue).await;
    rig.pass(LEASE);
    let second = rig.take_one(queue).await;
    let before = rig.browse(queue).await;
    assert_eq!(rig.ack(first.receipt).await, Effected::Stale);
    assert_eq!(rig.extend(first.receipt, rig.now).await, Effected::Stale);
    assert_eq!(rig.release(first.receipt, rig.now, Released::Throttled).await, Effected::Stale);
    assert_eq!(rig.bury(first.receipt, dead, failure("f")).await, Effected::Stale);
    assert_eq!(rig.browse(queue).await, before);
    assert_eq!(rig.ack(second.receipt).await, Effected::Done);
}

pub(super) async fn any_receipt_is_good_enough_where_any_is_asked_for(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let first = rig.take_one(queue).await;
    rig.pass(LEASE);
    rig.take_one(queue).await;
    assert_eq!(rig.ack_any(first.receipt).await, Effected::Done);
    assert!(rig.browse(queue).await.is_empty());
}

pub(super) async fn a_message_that_was_never_leased_has_no_receipt(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    let message = rig.send(queue, "x").await;
    let made_up = Receipt { message, token: 1 };
    assert_eq!(rig.ack(made_up).await, Effected::Stale);
    assert_eq!(rig.ack_any(made_up).await, Effected::Stale);
    let nowhere = Receipt { message: Sequence(message.0 + 1000), token: 1 };
    assert_eq!(rig.ack(nowhere).await, Effected::NotFound);
    assert_eq!(rig.extend(nowhere, rig.now).await, Effected::NotFound);
}

pub(super) async fn a_receipt_counts_after_its_lease_ran_out_while_nobody_leased_again(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    rig.pass(LEASE * 2);
    assert_eq!(rig.ack(leased.receipt).await, Effected::Done);
}

pub(super) async fn a_receipt_whose_lease_ran_out_is_stale_where_it_must_be_held(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let receipt = rig.take_one(queue).await.receipt;
    let fence = Fence::Held;
    rig.pass(LEASE);
    assert_eq!(rig.make(Effect::Ack { receipt, fence }).await, Effected::Stale);
    let receipt = rig.take_one(queue).await.receipt;
    assert_eq!(rig.make(Effect::Ack { receipt, fence }).await, Effected::Done);
}

pub(super) async fn an_extended_lease_lasts_longer(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    assert_eq!(rig.extend(leased.receipt, rig.after(LEASE * 3)).await, Effected::Done);
    rig.pass(LEASE * 2);
    assert!(rig.take(queue).await.is_empty());
    rig.pass(LEASE);
    rig.take_one(queue).await;
}

pub(super) async fn a_lease_can_be_ended_by_extending_it_until_now(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    assert_eq!(rig.extend(leased.receipt, rig.now).await, Effected::Done);
    assert_eq!(rig.take_one(queue).await.message.receives, 2);
}

pub(super) async fn a_failed_release_keeps_the_failure_and_the_count(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    let why = Released::Failed(Some(failure("f1")));
    assert_eq!(rig.release(leased.receipt, rig.now, why).await, Effected::Done);
    let again = rig.take_one(queue).await;
    assert_eq!((again.message.receives, again.message.failure), (2, Some(failure("f1"))));
    rig.release(again.receipt, rig.now, Released::Failed(None)).await;
    assert_eq!(
        rig.take_one(queue).await.message.failure,
        Some(failure("f1")),
        "the failure is the last known"
    );
}

pub(super) async fn a_throttled_release_does_not_count(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    for throttles in 0..3 {
        let leased = rig.take_one(queue).await;
        assert_eq!((leased.message.receives, leased.message.throttles), (1, throttles));
        rig.release(leased.receipt, rig.now, Released::Throttled).await;
    }
    let message = rig.browse(queue).await.remove(0);
    assert_eq!((message.receives, message.throttles), (0, 3));
}

pub(super) async fn a_failure_ends_a_row_of_throttles(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    rig.release(leased.receipt, rig.now, Released::Throttled).await;
    let leased = rig.take_one(queue).await;
    rig.release(leased.receipt, rig.now, Released::Failed(None)).await;
    let message = rig.browse(queue).await.remove(0);
    assert_eq!((message.receives, message.throttles), (1, 0));
}

pub(super) async fn a_released_message_waits_until_its_time(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    rig.release(leased.receipt, rig.after(SECOND * 60), Released::Failed(None)).await;
    rig.pass(SECOND * 59);
    assert!(rig.take(queue).await.is_empty());
    assert_eq!(rig.stats(queue).await.delayed, 1);
    rig.pass(SECOND);
    rig.take_one(queue).await;
}

pub(super) async fn a_release_voids_its_receipt(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    rig.release(leased.receipt, rig.now, Released::Throttled).await;
    assert_eq!(rig.release(leased.receipt, rig.now, Released::Throttled).await, Effected::Stale);
    assert_eq!(rig.ack(leased.receipt).await, Effected::Stale);
    assert_eq!(rig.browse(queue).await[0].throttles, 1);
}

pub(super) async fn a_buried_message_lies_in_the_dead_letters_with_its_reason(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    let message =
        NewMessage { meta: Meta { attributes: attributes("a", "1"), ..Meta::default() }, ..rig.message("x") };
    rig.enqueue(queue, message).await;
    let leased = rig.take_one(queue).await;
    rig.pass(SECOND);
    let bury = Effect::Bury {
        receipt: leased.receipt,
        to: dead,
        failure: failure("f"),
        attributes: attributes("b", "2"),
    };
    assert_eq!(rig.make(bury).await, Effected::Done);
    assert!(rig.browse(queue).await.is_empty());
    let letter = rig.browse(dead).await.remove(0);
    assert_eq!(
        (letter.sequence, letter.id, &letter.body[..]),
        (leased.message.sequence, leased.message.id, &b"x"[..])
    );
    assert_eq!((letter.origin, letter.failure), (Some(queue), Some(failure("f"))));
    assert_eq!((letter.receives, letter.throttles, letter.first_received), (0, 0, None));
    assert_eq!((letter.sent, letter.visible), (leased.message.sent, rig.now));
    assert_eq!(letter.meta.attributes.len(), 2);
    assert_eq!((rig.account(queue).await.dead, rig.account(dead).await.accepted), (1, 1));
    assert_eq!(rig.ack(leased.receipt).await, Effected::Stale, "its receipt was one of the other queue");
}

pub(super) async fn a_stale_bury_changes_nothing(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    assert_eq!(rig.bury(leased.receipt, QueueId(99), failure("f")).await, Effected::NotFound);
    rig.release(leased.receipt, rig.now, Released::Throttled).await;
    assert_eq!(rig.bury(leased.receipt, dead, failure("f")).await, Effected::Stale);
    assert_eq!((rig.bodies(queue).await.len(), rig.bodies(dead).await.len()), (1, 0));
}

pub(super) async fn a_guard_that_is_not_met_changes_nothing_at_all(rig: &mut Rig) {
    let (queue, next) = (rig.queue("work").await, rig.queue("next").await);
    rig.send(queue, "x").await;
    let stale = rig.take_one(queue).await.receipt;
    rig.pass(LEASE);
    rig.take_one(queue).await;
    let before = rig.browse(queue).await;
    let message = rig.message("result");
    let effects = vec![
        Effect::Ack { receipt: stale, fence: Fence::Any },
        Effect::Enqueue { queue: next, message },
        Effect::Put { kind: "k", key: "a".into(), text: Some("1".into()) },
    ];
    assert_eq!(rig.commit(Some(stale), effects).await, [Effected::Guarded; 3]);
    assert_eq!(rig.browse(queue).await, before);
    assert!(rig.browse(next).await.is_empty());
    assert!(rig.store.documents("k").await.unwrap().is_empty());
    let nowhere = Receipt { message: Sequence(9999), token: 1 };
    let put = Effect::Put { kind: "k", key: "a".into(), text: Some("1".into()) };
    assert_eq!(rig.commit(Some(nowhere), vec![put]).await, [Effected::Guarded]);
}

pub(super) async fn a_guard_that_is_met_lets_all_be_made(rig: &mut Rig) {
    let (queue, next) = (rig.queue("work").await, rig.queue("next").await);
    rig.send(queue, "x").await;
    let receipt = rig.take_one(queue).await.receipt;
    let message = rig.message("result");
    let effects =
        vec![Effect::Ack { receipt, fence: Fence::Current }, Effect::Enqueue { queue: next, message }];
    let made = rig.commit(Some(receipt), effects).await;
    assert!(matches!(made[..], [Effected::Done, Effected::Enqueued(Enqueued::Accepted(_))]), "{made:?}");
    assert_eq!(rig.bodies(next).await, ["result"]);
}

pub(super) async fn one_effect_that_is_stale_does_not_stop_the_others(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let receipt = rig.take_one(queue).await.receipt;
    let stale = Receipt { token: receipt.token + 1000, ..receipt };
    let message = rig.message("y");
    let effects = vec![
        Effect::Ack { receipt: stale, fence: Fence::Current },
        Effect::Enqueue { queue, message },
        Effect::Ack { receipt, fence: Fence::Current },
    ];
    let made = rig.commit(None, effects).await;
    assert!(matches!(made[..], [Effected::Stale, Effected::Enqueued(_), Effected::Done]), "{made:?}");
    assert_eq!(rig.bodies(queue).await, ["y"]);
}

pub(super) async fn effects_are_made_in_order(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    let (a, b) = (rig.message("a"), rig.message("b"));
    let put = |text: Option<&str>| Effect::Put { kind: "k", key: "x".into(), text: text.map(str::to_owned) };
    let effects = vec![
        put(Some("1")),
        Effect::Enqueue { queue, message: a },
        put(None),
        Effect::Enqueue { queue, message: b },
        put(Some("2")),
    ];
    rig.commit(None, effects).await;
    assert_eq!(texts(&rig.take(queue).await), ["a", "b"]);
    assert_eq!(rig.store.documents("k").await.unwrap(), [("x".to_owned(), "2".to_owned())]);
}
