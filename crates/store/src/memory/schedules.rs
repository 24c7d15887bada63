//! Schedules of the model.

use lambent_core::Timestamp;

use crate::effect::Effected;
use crate::memory::state::State;
use crate::schedule::{FIRINGS_KEPT, Firing, ScheduleRow, Turn};

/// A schedule and what became of its times, in their order.
#[derive(Debug)]
pub(super) struct KeptSchedule {
    pub(super) row: ScheduleRow,
    firings: Vec<Firing>,
}

impl State {
    pub(super) fn put_schedule(&mut self, mut row: ScheduleRow) -> bool {
        let known = self.schedules.get_mut(&row.id);
        if known.as_ref().map_or(0, |kept| kept.row.version) != row.version {
            return false;
        }
        row.version += 1;
        match known {
            Some(kept) => kept.row = row,
            None => _ = self.schedules.insert(row.id.clone(), KeptSchedule { row, firings: Vec::new() }),
        }
        true
    }

    pub(super) fn due_schedules(&self, by: Timestamp, limit: u32) -> Vec<ScheduleRow> {
        let rows = self.schedules.values().map(|kept| &kept.row).filter(|row| row.enabled);
        let mut due: Vec<_> =
            rows.filter_map(|row| row.next.filter(|next| next.at <= by).map(|next| (next.at, row))).collect();
        due.sort_by_key(|(at, row)| (*at, row.id.clone()));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        due.into_iter().map(|(_, row)| row.clone()).collect()
    }

    pub(super) fn firings(&self, schedule: &str, limit: u32) -> Vec<Firing> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let kept = self.schedules.get(schedule);
        kept.map(|kept| kept.firings.iter().rev().take(limit).cloned().collect()).unwrap_or_default()
    }

    /// Moves a schedule on whose turn it still is. Whether it was.
    pub(super) fn take_turn(&mut self, turn: &Turn) -> bool {
        let Some(kept) = self.schedules.get_mut(&turn.schedule) else { return false };
        let row = &mut kept.row;
        let its =
            row.enabled && row.version == turn.version && row.next.is_some_and(|next| next.at == turn.at);
        if its {
            row.next = turn.then;
            row.version += 1;
        }
        its
    }

    pub(super) fn fired(&mut self, schedule: &str, firing: Firing) -> Effected {
        let Some(kept) = self.schedules.get_mut(schedule) else { return Effected::NotFound };
        kept.firings.push(firing);
        if kept.firings.len() > FIRINGS_KEPT {
            kept.firings.remove(0);
        }
        Effected::Done
    }
}
