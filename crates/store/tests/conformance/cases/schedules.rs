//! Schedules: rows, turns, and what became of their times.

use std::time::Duration;

use lambent_core::Timestamp;
use lambent_store::{
    Commit, Effect, Effected, FIRINGS_KEPT, Firing, Guard, Next, QueueId, ScheduleRow, Turn,
};

use crate::rig::Rig;

fn row(id: &str, version: u64, due: Option<Timestamp>) -> ScheduleRow {
    let next = due.map(|at| Next { nominal: at.minus(Duration::from_secs(1)), at });
    ScheduleRow { id: id.to_owned(), version, next, enabled: true, text: format!("{id} {version}") }
}

fn firing(nominal: Timestamp, note: &str) -> Firing {
    Firing { nominal, at: nominal, event: None, message: None, note: note.to_owned() }
}

impl Rig {
    async fn put(&self, row: ScheduleRow) -> bool {
        self.store.put_schedule(row).await.unwrap()
    }

    async fn row(&self, id: &str) -> ScheduleRow {
        let all = self.store.schedules().await.unwrap();
        all.into_iter().find(|row| row.id == id).expect("the schedule is there")
    }

    async fn due(&self, by: Timestamp, limit: u32) -> Vec<String> {
        let due = self.store.due_schedules(by, limit).await.unwrap();
        due.into_iter().map(|row| row.id).collect()
    }

    /// Fires a schedule as it was seen: its event goes into the queue, and it moves on by a minute.
    async fn fire(&mut self, seen: &ScheduleRow, queue: QueueId) -> Vec<Effected> {
        let at = seen.next.expect("it has a time").at;
        let then = at.plus(Duration::from_secs(60));
        let turn = Turn {
            schedule: seen.id.clone(),
            version: seen.version,
            at,
            then: Some(Next { nominal: then, at: then }),
        };
        let message = self.message(&seen.id);
        let fired = Firing { event: Some(message.id), ..firing(at, "fired") };
        let effects = vec![
            Effect::Enqueue { queue, message },
            Effect::Fired { schedule: seen.id.clone(), firing: fired },
        ];
        let guard = Some(Guard::Schedule(turn));
        self.store.commit(Commit { guard, effects, now: self.now }).await.unwrap()
    }
}

pub(super) async fn a_schedule_is_changed_by_who_knows_its_version(rig: &mut Rig) {
    assert!(rig.put(row("a", 0, Some(rig.now))).await);
    assert!(!rig.put(row("a", 0, None)).await, "there is one already");
    assert!(!rig.put(row("b", 1, None)).await, "there is none");
    let seen = rig.row("a").await;
    assert_ne!(seen.version, 0);
    assert!(rig.put(row("a", seen.version, None)).await);
    assert!(!rig.put(row("a", seen.version, Some(rig.now))).await, "somebody was faster");
    let now = rig.row("a").await;
    assert_eq!((now.next, now.text), (None, format!("a {}", seen.version)));
    assert!(now.version > seen.version);
}

pub(super) async fn due_schedules_come_in_the_order_of_their_times(rig: &mut Rig) {
    let after = |secs| Some(rig.after(Duration::from_secs(secs)));
    for (id, due) in [("c", after(1)), ("a", after(2)), ("b", after(2)), ("later", after(9)), ("over", None)]
    {
        assert!(rig.put(row(id, 0, due)).await);
    }
    assert!(rig.put(ScheduleRow { enabled: false, ..row("paused", 0, after(0)) }).await);
    let by = rig.after(Duration::from_secs(2));
    assert_eq!(rig.due(by, 10).await, ["c", "a", "b"]);
    assert_eq!(rig.due(by, 2).await, ["c", "a"]);
    assert!(rig.due(rig.now, 10).await.is_empty());
}

pub(super) async fn firing_moves_on_and_stores_the_event_together(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.put(row("a", 0, Some(rig.now))).await;
    let seen = rig.row("a").await;
    let fired = rig.fire(&seen, queue).await;
    assert!(matches!(fired[..], [Effected::Enqueued(_), Effected::Done]), "{fired:?}");
    let moved = rig.row("a").await;
    assert_eq!(moved.next.unwrap().at, rig.after(Duration::from_secs(60)));
    assert_eq!(rig.bodies(queue).await, ["a"]);
    let kept = rig.store.firings("a", 10).await.unwrap();
    let message = &rig.browse(queue).await[0];
    assert_eq!((kept[0].message, kept[0].event), (Some(message.sequence), Some(message.id)));
}

pub(super) async fn a_time_is_fired_once(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.put(row("a", 0, Some(rig.now))).await;
    let seen = rig.row("a").await;
    rig.fire(&seen, queue).await;
    assert_eq!(rig.fire(&seen, queue).await, [Effected::Guarded; 2]);
    assert_eq!(rig.bodies(queue).await.len(), 1);
    assert_eq!(rig.store.firings("a", 10).await.unwrap().len(), 1);
}

pub(super) async fn a_schedule_that_is_paused_or_changed_or_gone_does_not_fire(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.put(row("a", 0, Some(rig.now))).await;
    let seen = rig.row("a").await;
    rig.put(ScheduleRow { enabled: false, ..seen.clone() }).await;
    assert_eq!(rig.fire(&seen, queue).await, [Effected::Guarded; 2]);
    let paused = rig.row("a").await;
    assert_eq!(rig.fire(&paused, queue).await, [Effected::Guarded; 2], "not even of the right version");
    let other = ScheduleRow {
        next: row("a", 0, Some(rig.after(Duration::from_secs(1)))).next,
        enabled: true,
        ..paused
    };
    rig.put(other.clone()).await;
    let wrong = ScheduleRow { version: other.version + 1, ..seen.clone() };
    assert_eq!(rig.fire(&wrong, queue).await, [Effected::Guarded; 2], "due at another time");
    assert!(rig.store.remove_schedule("a").await.unwrap());
    assert_eq!(rig.fire(&seen, queue).await, [Effected::Guarded; 2]);
    assert!(rig.bodies(queue).await.is_empty());
}

pub(super) async fn the_newest_firings_are_kept(rig: &mut Rig) {
    rig.put(row("a", 0, None)).await;
    rig.put(row("b", 0, None)).await;
    let note = |schedule: &str, note: String| Effect::Fired {
        schedule: schedule.to_owned(),
        firing: firing(Timestamp::from_millis(1), &note),
    };
    assert_eq!(rig.make(note("none", String::new())).await, Effected::NotFound);
    assert_eq!(rig.make(note("b", "stays".to_owned())).await, Effected::Done);
    for number in 0..FIRINGS_KEPT + 3 {
        rig.make(note("a", number.to_string())).await;
    }
    let all = rig.store.firings("a", 1000).await.unwrap();
    assert_eq!(all.len(), FIRINGS_KEPT);
    assert_eq!((&*all[0].note, &*all[99].note), ("102", "3"));
    assert_eq!(rig.store.firings("a", 2).await.unwrap().len(), 2);
    assert_eq!(rig.store.firings("b", 2).await.unwrap().len(), 1);
}

pub(super) async fn a_removed_schedule_takes_its_firings_along(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.put(row("a", 0, Some(rig.now))).await;
    let seen = rig.row("a").await;
    rig.fire(&seen, queue).await;
    assert!(rig.store.remove_schedule("a").await.unwrap());
    assert!(!rig.store.remove_schedule("a").await.unwrap());
    rig.put(row("a", 0, None)).await;
    assert!(rig.store.firings("a", 10).await.unwrap().is_empty());
    assert_eq!(rig.bodies(queue).await, ["a"], "what was fired stays");
}

pub(super) async fn schedules_survive_a_restart(rig: &mut Rig) {
    let queue = rig.queue("work").await;
    rig.put(row("a", 0, Some(rig.now))).await;
    let seen = rig.row("a").await;
    rig.fire(&seen, queue).await;
    let (before, firings) = (rig.row("a").await, rig.store.firings("a", 10).await.unwrap());
    rig.reopen();
    assert_eq!(rig.row("a").await, before);
    assert_eq!(rig.store.firings("a", 10).await.unwrap(), firings);
    assert_eq!(rig.fire(&seen, queue).await, [Effected::Guarded; 2]);
}
