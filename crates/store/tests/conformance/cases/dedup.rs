//! Deduplication keys.

use std::time::Duration;

use lambent_store::{Dedup, Effect, Effected, Enqueued, NewMessage};

use crate::rig::{Rig, accepted};

const WINDOW: Duration = Duration::from_secs(300);

pub(super) async fn a_second_message_with_a_key_is_not_stored(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    let sequence = accepted(rig.send_once(queue, "k", None).await);
    let id = rig.browse(queue).await[0].id;
    assert_eq!(rig.send_once(queue, "k", None).await, Enqueued::Duplicate { id, sequence });
    assert_eq!((rig.bodies(queue).await.len(), rig.account(queue).await.accepted), (1, 1));
    accepted(rig.send_once(queue, "another", None).await);
}

pub(super) async fn a_key_counts_after_its_message_is_gone(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    accepted(rig.send_once(queue, "k", None).await);
    let leased = rig.take_one(queue).await;
    rig.ack(leased.receipt).await;
    let again = rig.send_once(queue, "k", None).await;
    assert_eq!(again, Enqueued::Duplicate { id: leased.message.id, sequence: leased.message.sequence });
}

pub(super) async fn a_key_counts_until_its_time(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    accepted(rig.send_once(queue, "k", Some(1)).await);
    rig.pass(WINDOW - Duration::from_millis(1));
    assert!(matches!(rig.send_once(queue, "k", Some(1)).await, Enqueued::Duplicate { .. }));
    rig.pass(Duration::from_millis(1));
    let second = accepted(rig.send_once(queue, "k", Some(2)).await);
    let Enqueued::Duplicate { sequence, .. } = rig.send_once(queue, "k", Some(2)).await else {
        panic!("the key counts anew")
    };
    assert_eq!(sequence, second);
}

pub(super) async fn keys_are_those_of_a_queue(rig: &mut Rig) {
    let (a, b) = (rig.queue("a").await, rig.queue("b").await);
    accepted(rig.send_once(a, "k", None).await);
    accepted(rig.send_once(b, "k", None).await);
}

pub(super) async fn a_key_with_another_digest_is_a_mismatch(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    accepted(rig.send_once(queue, "k", Some(u64::MAX)).await);
    assert_eq!(rig.send_once(queue, "k", Some(2)).await, Enqueued::Mismatch);
    assert!(matches!(rig.send_once(queue, "k", Some(u64::MAX)).await, Enqueued::Duplicate { .. }));
    assert_eq!(rig.account(queue).await.accepted, 1);
}

pub(super) async fn digests_count_only_when_both_have_one(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    accepted(rig.send_once(queue, "with", Some(1)).await);
    accepted(rig.send_once(queue, "without", None).await);
    assert!(matches!(rig.send_once(queue, "with", None).await, Enqueued::Duplicate { .. }));
    assert!(matches!(rig.send_once(queue, "without", Some(1)).await, Enqueued::Duplicate { .. }));
}

pub(super) async fn a_key_survives_a_restart(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    accepted(rig.send_once(queue, "k", None).await);
    rig.reopen();
    assert!(matches!(rig.send_once(queue, "k", None).await, Enqueued::Duplicate { .. }));
}

pub(super) async fn a_duplicate_within_one_commit_is_found(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    let dedup = Some(Dedup { key: "k".to_owned(), until: rig.after(WINDOW), digest: None });
    let first = NewMessage { dedup: dedup.clone(), ..rig.message("1") };
    let second = NewMessage { dedup, ..rig.message("2") };
    let effects =
        vec![Effect::Enqueue { queue, message: first.clone() }, Effect::Enqueue { queue, message: second }];
    let made = rig.commit(None, effects).await;
    let Effected::Enqueued(Enqueued::Accepted(sequence)) = made[0] else { panic!("{made:?}") };
    assert_eq!(made[1], Effected::Enqueued(Enqueued::Duplicate { id: first.id, sequence }));
}
