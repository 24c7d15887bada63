//! Firing: one commit for the event, the note of it, and the schedule's next time.

use bytes::Bytes;
use lambent_core::json::push_string;
use lambent_core::schedule::{Fires, Overlap, Owner};
use lambent_core::{Attribute, Attributes, Meta, RequestId, ScheduleSpec, Target, Timestamp, TraceHeader};
use lambent_store::{Browse, Effect, Firing, Guard, NewMessage, Next, Turn};
use serde_json::Value;

use super::plan::{Plan, plan};
use super::{KEPT, Scheduled};
use crate::events::buses::seconds;
use crate::events::topics::Publication;
use crate::events::{Error, Events, Fanout, Parcel, Result};

/// What became of a schedule that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// It has moved on, or somebody else has moved it.
    Moved,
    /// It waits for a run before to end.
    Waits,
}

impl Events {
    /// Does what is to be done with a schedule whose next time is due.
    pub(super) async fn turn_schedule(
        &self,
        scheduled: &Scheduled,
        due: Next,
        now: Timestamp,
    ) -> Result<Turned> {
        let spec = &scheduled.spec;
        let table = scheduled.timetable()?;
        let firing = |nominal, event, note: &str| Firing {
            nominal,
            at: now,
            event,
            message: None,
            note: note.to_owned(),
        };
        let (firing, then, fanout) = match plan(&table, spec.missed, due, now) {
            Plan::Skip { then } => {
                (firing(due.nominal, None, "skipped: nobody could fire it in time"), then, None)
            }
            Plan::Fire { nominal, missed, then } => {
                if spec.overlap != Overlap::Allow && self.run_before_is_pending(spec).await? {
                    if spec.overlap == Overlap::Queue {
                        return Ok(Turned::Waits);
                    }
                    (firing(nominal, None, "skipped: the run before is not over"), then, None)
                } else {
                    let note = if missed { "fired; earlier times were missed" } else { "fired" };
                    let late = spec.max_age.is_some_and(|most| now.since(table.due(nominal)) > most);
                    let (id, fanout) = self.fired(scheduled, nominal, late).await?;
                    let note = if late { "given up: it could not be fired for too long" } else { note };
                    (firing(nominal, Some(id), note), then, Some(fanout))
                }
            }
        };
        let mut fanout = fanout.unwrap_or_else(|| Fanout::new(now, None));
        fanout.effects.push(Effect::Fired { schedule: spec.name.clone(), firing });
        let turn = Turn { schedule: spec.name.clone(), version: scheduled.version, at: due.at, then };
        lambent_store::failpoint::pass("schedule-due");
        self.commit_if(fanout, Guard::Schedule(turn)).await?;
        lambent_store::failpoint::pass("schedule-fired");
        if then.is_none() && spec.delete_after {
            self.delete_if_over(&spec.name).await?;
        }
        Ok(Turned::Moved)
    }

    /// Deletes a schedule that its owner wants deleted when it has no times any more, unless it has got some.
    pub(super) async fn delete_if_over(&self, name: &str) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let known = self.known_schedule(name).await?;
        if known.is_some_and(|known| known.next.is_none() && known.enabled && known.spec.delete_after) {
            self.store().remove_schedule(name).await?;
        }
        Ok(())
    }

    /// Fires a schedule without moving it on.
    pub(super) async fn fire_aside(
        &self,
        scheduled: &Scheduled,
        nominal: Timestamp,
        note: &str,
    ) -> Result<RequestId> {
        let (id, mut fanout) = self.fired(scheduled, nominal, false).await?;
        let (at, note) = (self.now(), note.to_owned());
        let firing = Firing { nominal, at, event: Some(id), message: None, note };
        fanout.effects.push(Effect::Fired { schedule: scheduled.spec.name.clone(), firing });
        self.commit_fanout(fanout).await?;
        Ok(id)
    }

    /// Whether the event of the run before is still waiting, running, or to be tried again.
    async fn run_before_is_pending(&self, spec: &ScheduleSpec) -> Result<bool> {
        let Fires::To(Target::Function(function)) = &spec.fires else { return Ok(false) };
        let Some(queue) = self.queue_by_key(&format!("function:{function}")) else { return Ok(false) };
        let before = self.store().firings(&spec.name, KEPT).await?;
        let Some(place) = before.into_iter().find_map(|firing| firing.message) else { return Ok(false) };
        let browse = Browse { queue: queue.id, after: None, only: Some(place), fingerprint: None, limit: 1 };
        Ok(!self.store().browse(browse).await?.is_empty())
    }

    /// What a time of a schedule becomes.
    async fn fired(
        &self,
        scheduled: &Scheduled,
        nominal: Timestamp,
        late: bool,
    ) -> Result<(RequestId, Fanout)> {
        let spec = &scheduled.spec;
        let id = RequestId::from_random(fastrand::u128(..));
        let now = self.now();
        let trace = TraceHeader::start(now, fastrand::u128(..)).as_str().to_owned();
        let mut fanout = Fanout::new(now, Some(trace.clone()));
        let event = self.scheduled_event(spec, id, nominal);
        let to = match &spec.fires {
            Fires::To(to) => to,
            Fires::Rule(rule) => {
                let value = serde_json::from_str(&event).expect("what was written as JSON is JSON");
                self.put_through_rule(&mut fanout, rule, &value).await?;
                return Ok((id, fanout));
            }
        };
        let body =
            Bytes::from(spec.input.as_ref().map_or(event, |input| self.filled(spec, input, id, nominal)));
        if let (Target::Function(function), false) = (to, late) {
            let queue = self.function_queue(function).await?;
            let meta = Meta { trace: Some(trace), keep_result: true, ..Meta::default() };
            let message = NewMessage { id, body, meta, sent: now, visible: now, group: None, dedup: None };
            fanout.add(queue, message);
            return Ok((id, fanout));
        }
        let arn = |name: &str, arn: String| (name.to_owned(), Attribute::text(arn));
        let parcel = Parcel {
            body,
            group: spec.group.clone(),
            dedup: spec.group.is_some().then(|| id.to_string()),
            dead_letter: spec.dead_letter.clone(),
            dead_attributes: Attributes::from([
                arn("SCHEDULE_ARN", self.schedule_arn(spec)),
                arn("TARGET_ARN", self.node().target_arn(to)),
            ]),
            owner: format!("schedule:{}", spec.name),
            ..Parcel::default()
        };
        match (late, to) {
            (true, _) => {
                let why = "it could not be fired for too long";
                self.undeliverable(&mut fanout, parcel, "MAXIMUM_EVENT_AGE", why).await?;
            }
            (false, Target::Topic(name)) => {
                let message = String::from_utf8_lossy(&parcel.body).into_owned();
                let publication = Publication { message, ..Publication::default() };
                match self.publish_into(&mut fanout, name, publication).await {
                    Ok(_) => {}
                    Err(error @ Error::Store(_)) => return Err(error),
                    Err(error) => {
                        self.undeliverable(&mut fanout, parcel, "NO_RESOURCE", &error.to_string()).await?
                    }
                }
            }
            (false, Target::Bus(name)) => {
                let value = serde_json::from_slice(&parcel.body).unwrap_or(Value::Null);
                match self.put_into(&mut fanout, name, &value).await {
                    Ok(()) => {}
                    Err(error @ Error::Store(_)) => return Err(error),
                    Err(error) => {
                        self.undeliverable(&mut fanout, parcel, "NO_RESOURCE", &error.to_string()).await?
                    }
                }
            }
            (false, to) => self.deliver(&mut fanout, &to.to_string(), parcel).await?,
        }
        Ok((id, fanout))
    }

    /// The input, with what EventBridge Scheduler fills in (semantics.md 5.3).
    fn filled(&self, spec: &ScheduleSpec, input: &str, id: RequestId, nominal: Timestamp) -> String {
        if spec.owner != Owner::Client {
            return input.to_owned();
        }
        input
            .replace("<aws.scheduler.schedule-arn>", &self.schedule_arn(spec))
            .replace("<aws.scheduler.scheduled-time>", &seconds(nominal))
            .replace("<aws.scheduler.execution-id>", id.as_str())
            .replace("<aws.scheduler.attempt-number>", "1")
    }

    /// A schedule's ARN: that of a rule, but for those of EventBridge Scheduler.
    pub fn schedule_arn(&self, spec: &ScheduleSpec) -> String {
        let (node, name) = (self.node(), &spec.name);
        match spec.owner {
            Owner::Client => format!("arn:aws:scheduler:{}:{}:schedule/{name}", node.region, node.account),
            Owner::Manifest | Owner::Rule => {
                let rule = name.strip_prefix("rule:").unwrap_or(name);
                format!("arn:aws:events:{}:{}:rule/{rule}", node.region, node.account)
            }
        }
    }

    /// The Scheduled Event of EventBridge; EventBridge Scheduler writes its detail as a text (semantics.md 5.3).
    fn scheduled_event(&self, spec: &ScheduleSpec, id: RequestId, nominal: Timestamp) -> String {
        let (source, detail) = match spec.owner {
            Owner::Client => ("aws.scheduler", "\"{}\""),
            Owner::Manifest | Owner::Rule => ("aws.events", "{}"),
        };
        let node = self.node();
        let mut text = String::with_capacity(400);
        for (key, value) in [
            ("{\"version\":", "0"),
            (",\"id\":", id.as_str()),
            (",\"detail-type\":", "Scheduled Event"),
            (",\"source\":", source),
            (",\"account\":", &node.account),
            (",\"time\":", &seconds(nominal)),
            (",\"region\":", &node.region),
        ] {
            text.push_str(key);
            push_string(&mut text, value);
        }
        text.push_str(",\"resources\":[");
        push_string(&mut text, &self.schedule_arn(spec));
        text.push_str("],\"detail\":");
        text.push_str(detail);
        text.push('}');
        text
    }
}
