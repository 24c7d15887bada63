//! Groups of schedules: names that schedules of clients stand under, and that take theirs along when they go.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use lambent_core::schedule::Owner;
use lambent_core::{RuleName, Timestamp, limits};
use lambent_store::{Commit, Effect, Store};

use crate::events::{Error, Events, Result};

/// What the store calls groups.
const GROUP: &str = "schedule-group";

/// The group that every node has.
const DEFAULT: &str = "default";

/// Groups by name, each with the time when it was made.
pub(in crate::events) type Groups = BTreeMap<RuleName, Timestamp>;

impl Events {
    /// Every group by name, each with the time when it was made; zero for the one that was always there.
    pub fn schedule_groups(&self) -> Vec<(RuleName, Timestamp)> {
        self.with_catalog(|catalog| catalog.groups.iter().map(|(name, at)| (name.clone(), *at)).collect())
    }

    /// When a group was made.
    ///
    /// # Errors
    /// When there is none.
    pub fn schedule_group(&self, name: &str) -> Result<Timestamp> {
        let found = self.with_catalog(|catalog| catalog.groups.get(name).copied());
        found.ok_or_else(|| Error::NoGroupOfSchedules(name.to_owned()))
    }

    /// Makes a group.
    ///
    /// # Errors
    /// When there is one of this name, or there are too many.
    pub async fn create_schedule_group(&self, name: &RuleName) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        if self.schedule_group(name.as_str()).is_ok() {
            return Err(Error::Invalid(format!("there is a group of schedules called `{name}` already")));
        }
        if self.schedule_groups().len() >= limits::SCHEDULE_GROUPS_MAX {
            return Err(Error::TooMany { what: "groups of schedules", max: limits::SCHEDULE_GROUPS_MAX });
        }
        let now = self.now();
        self.put_group(name, Some(now.as_millis().to_string())).await?;
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        catalog.groups.insert(name.clone(), now);
        Ok(())
    }

    /// Removes a group with all schedules in it.
    ///
    /// # Errors
    /// When there is none, or when it is the one that every node has.
    pub async fn delete_schedule_group(&self, name: &RuleName) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        self.schedule_group(name.as_str())?;
        if name.as_str() == DEFAULT {
            return Err(Error::Invalid(format!("the group `{name}` is always there and cannot be deleted")));
        }
        let inside = format!("{name}/");
        for scheduled in self.schedules().await? {
            if scheduled.spec.owner == Owner::Client && scheduled.spec.name.starts_with(&inside) {
                self.store().remove_schedule(&scheduled.spec.name).await?;
            }
        }
        self.put_group(name, None).await?;
        self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner).groups.remove(name);
        Ok(())
    }

    async fn put_group(&self, name: &RuleName, text: Option<String>) -> Result<()> {
        let effects = vec![Effect::Put { kind: GROUP, key: name.to_string(), text }];
        self.store().commit(Commit { guard: None, effects, now: self.now() }).await?;
        Ok(())
    }

    /// Every group of the store, and the one that is always there.
    pub(in crate::events) async fn load_schedule_groups(store: &dyn Store) -> Result<Groups> {
        let default = RuleName::parse(DEFAULT).expect("letters are a name");
        let mut groups = Groups::from([(default, Timestamp::default())]);
        for (key, text) in store.documents(GROUP).await? {
            let unreadable =
                || Error::Invalid(format!("the store's group of schedules `{key}` cannot be read"));
            let name = RuleName::parse(&key).map_err(|_| unreadable())?;
            groups.insert(name, Timestamp::from_millis(text.parse().map_err(|_| unreadable())?));
        }
        Ok(groups)
    }
}
