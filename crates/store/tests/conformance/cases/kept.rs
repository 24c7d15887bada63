//! Queues, documents, results and meters, and what a restart leaves of everything.

use std::time::Duration;

use lambent_store::{Effect, Effected, Enqueued, Finished, Meter, Queue};

use crate::rig::{Rig, texts};

pub(super) async fn a_queue_keeps_its_number(rig: &mut Rig) {
    let first = rig.store.put_queue("a", false, "1").await.unwrap();
    let second = rig.store.put_queue("b", true, "2").await.unwrap();
    assert_ne!(first, second);
    assert_eq!(rig.store.put_queue("a", false, "3").await.unwrap(), first);
    rig.reopen();
    let queues = [
        Queue { id: first, name: "a".into(), fifo: false, spec: "3".into() },
        Queue { id: second, name: "b".into(), fifo: true, spec: "2".into() },
    ];
    assert_eq!(rig.store.queues().await.unwrap(), queues);
}

pub(super) async fn a_queue_with_messages_does_not_change_its_kind(rig: &mut Rig) {
    let queue = rig.queue("a").await;
    assert_eq!(rig.store.put_queue("a", true, "{}").await.unwrap(), queue);
    rig.send_in(queue, "g", "x").await;
    assert!(rig.store.put_queue("a", false, "{}").await.is_err());
    assert!(rig.store.queues().await.unwrap()[0].fifo);
}

pub(super) async fn a_removed_queue_is_gone_with_all_that_was_in_it(rig: &mut Rig) {
    let (queue, other) = (rig.queue("a").await, rig.queue("b").await);
    rig.send_once(queue, "k", None).await;
    rig.send(other, "stays").await;
    let leased = rig.take_one(queue).await;
    rig.redrive("r", queue, Some(other)).await;
    assert!(rig.store.remove_queue(queue).await.unwrap());
    assert!(rig.store.redrives().await.unwrap().is_empty());
    assert!(!rig.store.remove_queue(queue).await.unwrap());
    assert_eq!(rig.ack(leased.receipt).await, Effected::NotFound);
    assert_eq!(rig.store.accounts().await.unwrap().len(), 1);
    let again = rig.queue("a").await;
    assert!(rig.browse(again).await.is_empty());
    assert!(matches!(rig.send_once(again, "k", None).await, Enqueued::Accepted(_)), "the key is gone too");
    assert_eq!(rig.bodies(other).await, ["stays"]);
}

pub(super) async fn the_number_of_a_removed_queue_is_not_used_again(rig: &mut Rig) {
    let queue = rig.queue("a").await;
    rig.store.remove_queue(queue).await.unwrap();
    rig.reopen();
    assert_ne!(rig.queue("b").await, queue);
}

pub(super) async fn documents_are_replaced_and_removed(rig: &mut Rig) {
    let put = |kind: &'static str, key: &str, text: Option<&str>| Effect::Put {
        kind,
        key: key.to_owned(),
        text: text.map(str::to_owned),
    };
    let effects =
        vec![put("rule", "b", Some("1")), put("rule", "a", Some("2")), put("topic", "a", Some("3"))];
    assert_eq!(rig.commit(None, effects).await, [Effected::Done; 3]);
    rig.make(put("rule", "b", Some("4"))).await;
    let pair = |key: &str, text: &str| (key.to_owned(), text.to_owned());
    assert_eq!(rig.store.documents("rule").await.unwrap(), [pair("a", "2"), pair("b", "4")]);
    rig.make(put("rule", "a", None)).await;
    rig.reopen();
    assert_eq!(rig.store.documents("rule").await.unwrap(), [pair("b", "4")]);
    assert_eq!(rig.store.documents("topic").await.unwrap(), [pair("a", "3")]);
    assert!(rig.store.documents("none").await.unwrap().is_empty());
}

pub(super) async fn results_are_replaced_and_kept(rig: &mut Rig) {
    let id = rig.id();
    assert_eq!(rig.store.result(id).await.unwrap(), None);
    for text in ["first", "second"] {
        let until = rig.after(Duration::from_secs(60));
        let finish = Effect::Finish(Finished { id, text: text.to_owned(), until });
        assert_eq!(rig.make(finish).await, Effected::Done);
        assert_eq!(rig.store.result(id).await.unwrap().as_deref(), Some(text));
    }
    rig.reopen();
    assert_eq!(rig.store.result(id).await.unwrap().as_deref(), Some("second"));
}

pub(super) async fn meters_add_up(rig: &mut Rig) {
    let meter =
        |function: &str, failed: u64| Meter { function: function.into(), runs: 2, failed, billed_ms: 100 };
    rig.commit(None, vec![Effect::Meter(meter("g", 1)), Effect::Meter(meter("f", 0))]).await;
    rig.reopen();
    assert_eq!(rig.make(Effect::Meter(meter("g", 2))).await, Effected::Done);
    let g = Meter { function: "g".into(), runs: 4, failed: 3, billed_ms: 200 };
    assert_eq!(rig.store.meters().await.unwrap(), [meter("f", 0), g]);
}

pub(super) async fn everything_survives_a_restart(rig: &mut Rig) {
    let (queue, dead) = (rig.queue("work").await, rig.queue("dead").await);
    let orders = rig.fifo("orders").await;
    rig.kill(queue, dead, "dead", "f").await;
    rig.send(queue, "a").await;
    rig.send_in(orders, "g", "1").await;
    rig.send_in(orders, "g", "2").await;
    let last = rig.send_in(orders, "g", "3").await;
    let mut before = Vec::new();
    for each in [queue, dead, orders] {
        before.push((rig.browse(each).await, rig.account(each).await));
    }
    rig.reopen();
    for (each, (messages, account)) in [queue, dead, orders].into_iter().zip(before) {
        assert_eq!((rig.browse(each).await, rig.account(each).await), (messages, account));
    }
    assert!(rig.send(queue, "new").await > last, "places go on ascending");
    assert_eq!(texts(&rig.take(orders).await), ["1", "2", "3"]);
}

pub(super) async fn receipts_survive_a_restart(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.send(queue, "x").await;
    let leased = rig.take_one(queue).await;
    rig.reopen();
    assert!(rig.take(queue).await.is_empty(), "it is still leased");
    assert_eq!(rig.ack(leased.receipt).await, Effected::Done);
}
