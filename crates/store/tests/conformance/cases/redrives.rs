//! Dead letters on their way back.

use std::time::Duration;

use lambent_store::{Lease, QueueId, Redrive, RedriveState};

use crate::rig::{LEASE, Rig, failure, texts};

const SECOND: Duration = Duration::from_secs(1);

async fn two_dead(rig: &mut Rig) -> (QueueId, QueueId) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    rig.kill(queue, dead, "a", "f1").await;
    rig.kill(queue, dead, "b", "f2").await;
    (queue, dead)
}

pub(super) async fn dead_letters_go_back_where_they_came_from(rig: &mut Rig) {
    let (queue, dead) = two_dead(rig).await;
    rig.redrive("r", dead, None).await;
    rig.pass(SECOND);
    let done = rig.step("r", 10).await;
    assert_eq!((done.moved, done.total, done.state), (2, 2, RedriveState::Completed));
    assert!(rig.browse(dead).await.is_empty());
    let (from, to) = (rig.account(dead).await, rig.account(queue).await);
    assert_eq!((from.done, to.dead, to.accepted), (2, 0, 2), "what comes back is not dead any more");
    let back = rig.take(queue).await;
    assert_eq!(texts(&back), ["a", "b"]);
    assert_eq!((back[0].message.receives, back[0].message.origin), (1, None));
}

pub(super) async fn dead_letters_go_elsewhere(rig: &mut Rig) {
    let (queue, dead) = two_dead(rig).await;
    let elsewhere = rig.queue("elsewhere").await;
    rig.redrive("r", dead, Some(elsewhere)).await;
    assert_eq!(rig.step("r", 10).await.state, RedriveState::Completed);
    assert_eq!(rig.bodies(elsewhere).await, ["a", "b"]);
    let accounts =
        (rig.account(dead).await.done, rig.account(queue).await.dead, rig.account(elsewhere).await.accepted);
    assert_eq!(accounts, (2, 2, 2));
}

pub(super) async fn a_redrive_moves_only_what_failed_in_its_way(rig: &mut Rig) {
    let (queue, dead) = two_dead(rig).await;
    let redrive = rig.redrive_of("r", dead, None).await;
    let redrive = Redrive { fingerprint: Some("f2".to_owned()), total: 1, ..redrive };
    rig.store.put_redrive(redrive).await.unwrap();
    let done = rig.step("r", 10).await;
    assert_eq!((done.moved, done.state), (1, RedriveState::Completed));
    assert_eq!(
        (rig.bodies(queue).await, rig.bodies(dead).await),
        (vec!["b".to_owned()], vec!["a".to_owned()])
    );
}

pub(super) async fn a_redrive_moves_no_more_than_asked_for_at_once(rig: &mut Rig) {
    let (queue, dead) = two_dead(rig).await;
    rig.redrive("r", dead, None).await;
    let half = rig.step("r", 1).await;
    assert_eq!((half.moved, half.state), (1, RedriveState::Running));
    assert_eq!(rig.bodies(queue).await, ["a"]);
    rig.step("r", 1).await;
    let done = rig.step("r", 1).await;
    assert_eq!((done.moved, done.state), (2, RedriveState::Completed));
}

pub(super) async fn a_message_without_an_origin_stays(rig: &mut Rig) {
    let (_, dead) = two_dead(rig).await;
    rig.send(dead, "stranger").await;
    rig.redrive("r", dead, None).await;
    let done = rig.step("r", 10).await;
    assert_eq!((done.moved, done.state), (2, RedriveState::Completed));
    assert_eq!(rig.bodies(dead).await, ["stranger"]);
}

pub(super) async fn a_message_that_is_where_it_should_go_stays(rig: &mut Rig) {
    let (_, dead) = two_dead(rig).await;
    rig.redrive("r", dead, Some(dead)).await;
    let done = rig.step("r", 10).await;
    assert_eq!((done.moved, done.state), (0, RedriveState::Completed));
    assert_eq!(rig.account(dead).await.accepted, 2);
}

pub(super) async fn a_message_that_is_leased_stays(rig: &mut Rig) {
    let (_, dead) = two_dead(rig).await;
    rig.redrive("r", dead, None).await;
    rig.lease(Lease { max: 1, ..rig.wish(dead) }).await;
    assert_eq!(rig.step("r", 10).await.moved, 1);
    assert_eq!(rig.bodies(dead).await, ["a"]);
}

pub(super) async fn later_dead_letters_stay(rig: &mut Rig) {
    let (queue, dead) = two_dead(rig).await;
    rig.redrive("r", dead, None).await;
    rig.pass(SECOND);
    rig.kill(queue, dead, "later", "f1").await;
    assert_eq!(rig.step("r", 10).await.moved, 2);
    assert_eq!(rig.bodies(dead).await, ["later"]);
}

pub(super) async fn a_message_that_dies_later_stays_whatever_its_place(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    rig.send(queue, "early").await;
    let early = rig.take_one(queue).await;
    rig.kill(queue, dead, "dead", "f").await;
    rig.redrive("r", dead, None).await;
    rig.pass(SECOND);
    rig.bury(early.receipt, dead, failure("f")).await;
    assert_eq!(rig.step("r", 10).await.moved, 1);
    assert_eq!(rig.bodies(dead).await, ["early"]);
}

pub(super) async fn a_cancelled_redrive_moves_nothing_more(rig: &mut Rig) {
    let (_, dead) = two_dead(rig).await;
    rig.redrive("r", dead, None).await;
    let half = rig.step("r", 1).await;
    rig.store.put_redrive(Redrive { state: RedriveState::Cancelled, ..half }).await.unwrap();
    let still = rig.step("r", 10).await;
    assert_eq!((still.moved, still.state), (1, RedriveState::Cancelled));
    assert_eq!(rig.bodies(dead).await, ["b"]);
}

pub(super) async fn a_redrive_into_a_removed_queue_fails(rig: &mut Rig) {
    let (_, dead) = two_dead(rig).await;
    let elsewhere = rig.queue("elsewhere").await;
    rig.redrive("r", dead, Some(elsewhere)).await;
    rig.store.remove_queue(elsewhere).await.unwrap();
    let failed = rig.step("r", 10).await;
    assert!(matches!(failed.state, RedriveState::Failed(_)), "{failed:?}");
    assert_eq!((failed.moved, rig.bodies(dead).await.len()), (0, 2));
}

pub(super) async fn a_redrive_survives_a_restart_with_its_rate(rig: &mut Rig) {
    let (_, dead) = two_dead(rig).await;
    let redrive = Redrive { rate: Some(7), ..rig.redrive_of("r", dead, None).await };
    rig.store.put_redrive(redrive.clone()).await.unwrap();
    rig.step("r", 1).await;
    rig.reopen();
    assert_eq!(rig.store.redrives().await.unwrap(), [Redrive { moved: 1, ..redrive }]);
    assert_eq!(rig.step("r", 10).await.moved, 2);
}

pub(super) async fn an_unknown_redrive_is_none(rig: &mut Rig) {
    assert_eq!(rig.store.step_redrive("nobody", 10, rig.now).await.unwrap(), None);
}

pub(super) async fn redrives_are_listed_newest_first_and_ten_at_most(rig: &mut Rig) {
    let (dead, other) = (rig.queue("dead").await, rig.queue("other").await);
    rig.redrive("other", other, None).await;
    for number in 0..12 {
        rig.pass(SECOND);
        rig.redrive(&format!("r{number}"), dead, None).await;
        rig.step(&format!("r{number}"), 1).await;
    }
    let listed = rig.store.redrives().await.unwrap();
    let ids: Vec<&str> = listed.iter().map(|redrive| redrive.id.as_str()).collect();
    assert_eq!(ids, ["r11", "r10", "r9", "r8", "r7", "r6", "r5", "r4", "r3", "r2", "other"]);
}

pub(super) async fn moving_fits_the_group_to_the_queue(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    let orders = rig.fifo("orders").await;
    rig.kill(queue, dead, "x", "f").await;
    rig.redrive("r", dead, Some(orders)).await;
    rig.step("r", 10).await;
    let ordered = rig.take_one(orders).await;
    assert_eq!(ordered.message.group.as_deref(), Some("default"));
    rig.bury(ordered.receipt, dead, failure("f")).await;
    rig.pass(LEASE);
    assert_eq!(rig.take_one(dead).await.message.group, None);
}
