//! Buses: what is put on one goes to the targets of every rule that takes it.
//!
//! A bus holds no events. Buses and rules are documents of the store, and stand in memory ready to match; putting an
//! event is matching, and one commit of a message for each target.

mod check;
mod live;
mod put;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use lambent_core::bus::{self, Rule};
use lambent_core::{BusName, NodeIdentity, RuleName, Timestamp, limits};
use lambent_store::{Commit, Effect, Store};
use serde::{Deserialize, Serialize};

use super::{Error, Events, Result};
use check::check_rule;
use live::{Compiled, Live};

pub(crate) use put::seconds;
pub use put::{Detail, NewEvent};
pub use rules::RuleSpec;

/// What the store calls buses.
const BUS: &str = "bus";
/// What the store calls rules.
const RULE: &str = "rule";

/// What is said about a bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bus {
    /// Its name.
    pub name: BusName,
    /// For people.
    pub description: String,
    /// Tags of the owner's.
    pub tags: BTreeMap<String, String>,
    /// Whether the manifest made it, and takes it away again.
    pub declared: bool,
    /// When it was made, in milliseconds since the Unix epoch; zero for the bus that was always there.
    created: u64,
    modified: u64,
}

impl Bus {
    /// A bus that is made now.
    pub fn new(name: BusName, now: Timestamp) -> Self {
        let (created, modified) = (now.as_millis(), now.as_millis());
        Self { name, description: String::new(), tags: BTreeMap::new(), declared: false, created, modified }
    }

    /// When it was made and when what is said about it was changed last. `None` for the bus that was always there.
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        let times = (Timestamp::from_millis(self.created), Timestamp::from_millis(self.modified));
        (self.created > 0).then_some(times)
    }
}

/// Every bus, with its rules.
pub(super) type Buses = BTreeMap<BusName, Arc<Live>>;

impl Events {
    /// Makes a bus.
    ///
    /// # Errors
    /// When there is one of this name, or there are too many.
    pub async fn create_bus(&self, bus: Bus) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        if self.live(&bus.name).is_some() {
            return Err(Error::BusExists(bus.name.to_string()));
        }
        self.add_bus(bus).await
    }

    /// Changes what is said about a bus. Its name stays.
    ///
    /// # Errors
    /// When there is none.
    pub async fn change_bus(&self, name: &BusName, change: impl FnOnce(&mut Bus)) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let live = self.existing(name)?;
        let mut bus = live.bus.clone();
        change(&mut bus);
        bus.name = name.clone();
        bus.modified = self.now().as_millis();
        self.commit_documents(vec![document(&bus)]).await?;
        self.replace_bus(Live::new(bus, live.rules.clone()));
        Ok(())
    }

    /// Removes a bus.
    ///
    /// # Errors
    /// When there is none, when it has rules, or when it is the one that every node has.
    pub async fn delete_bus(&self, name: &BusName) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let live = self.existing(name)?;
        if name.as_str() == bus::DEFAULT {
            return Err(Error::Invalid(format!("the bus `{name}` is always there and cannot be deleted")));
        }
        if !live.rules.is_empty() {
            return Err(Error::Invalid(format!("the bus `{name}` has rules: delete them first")));
        }
        self.remove_bus(name).await
    }

    /// Every bus, by name.
    pub fn buses(&self) -> Vec<Bus> {
        self.with_catalog(|catalog| catalog.buses.values().map(|live| live.bus.clone()).collect())
    }

    /// What is said about a bus.
    ///
    /// # Errors
    /// When there is none.
    pub fn bus(&self, name: &BusName) -> Result<Bus> {
        self.existing(name).map(|live| live.bus.clone())
    }

    /// Makes the bus if there is none, and gives it these rules in the place of those that the manifest gave it
    /// before. Rules that were made otherwise stay.
    ///
    /// # Errors
    /// When a rule or a target is wrong, or when a rule of the same name was made otherwise. Nothing is changed then.
    pub async fn declare_bus(&self, name: &BusName, rules: Vec<Rule>) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let before = self.live(name);
        let there = |rule: &RuleName| before.as_ref().and_then(|live| live.rules.get(rule));
        let mut wanted = BTreeMap::new();
        for rule in rules {
            if there(&rule.name).is_some_and(|known| !known.rule.declared) {
                let (bus, rule) = (name, rule.name);
                return Err(Error::Invalid(format!(
                    "the bus `{bus}` has a rule called `{rule}` already that is not of the manifest: delete it or take another name"
                )));
            }
            let rule = Rule { bus: name.clone(), declared: true, ..rule };
            rule.targets.iter().try_for_each(|target| self.check_queues_of(target))?;
            check_rule(&rule)?;
            if let Some(twice) = wanted.insert(rule.name.clone(), rule) {
                return Err(Error::Invalid(format!(
                    "the bus `{name}` has two rules called `{}`",
                    twice.name
                )));
            }
        }
        if before.is_none() {
            self.add_bus(Bus { declared: true, ..Bus::new(name.clone(), self.now()) }).await?;
        }
        let live = self.existing(name)?;
        let gone =
            live.rules.values().filter(|old| old.rule.declared && !wanted.contains_key(&old.rule.name));
        let gone = gone.map(|old| old.rule.name.clone()).collect();
        let changed = |rule: &Rule| live.rules.get(&rule.name).is_none_or(|old| old.rule != *rule);
        let changed = wanted.into_values().filter(changed).collect();
        self.save_rules(&live, changed, gone).await
    }

    /// Takes away what the manifest made and names no longer: its rules on other buses than these, and other buses
    /// that it made, unless they have rules that were made otherwise.
    ///
    /// # Errors
    /// When the store could not do it.
    pub async fn undeclare_buses(&self, kept: &BTreeSet<BusName>) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let others = self.with_catalog(|catalog| {
            let others = catalog.buses.values().filter(|live| !kept.contains(&live.bus.name));
            others.cloned().collect::<Vec<_>>()
        });
        for live in others {
            let gone: Vec<_> = live.rules.values().filter(|rule| rule.rule.declared).collect();
            let all = gone.len() == live.rules.len();
            let gone: Vec<_> = gone.into_iter().map(|rule| rule.rule.name.clone()).collect();
            if !gone.is_empty() {
                self.save_rules(&live, Vec::new(), gone).await?;
            }
            if all && live.bus.declared {
                self.remove_bus(&live.bus.name).await?;
            }
        }
        Ok(())
    }

    /// A bus, ready to match.
    fn live(&self, name: &BusName) -> Option<Arc<Live>> {
        self.with_catalog(|catalog| catalog.buses.get(name).cloned())
    }

    fn existing(&self, name: &BusName) -> Result<Arc<Live>> {
        self.live(name).ok_or_else(|| Error::NoBus(name.to_string()))
    }

    async fn add_bus(&self, bus: Bus) -> Result<()> {
        if self.with_catalog(|catalog| catalog.buses.len() >= limits::BUSES_MAX) {
            return Err(Error::TooMany { what: "buses", max: limits::BUSES_MAX });
        }
        self.commit_documents(vec![document(&bus)]).await?;
        self.replace_bus(Live::new(bus, BTreeMap::new()));
        Ok(())
    }

    async fn remove_bus(&self, name: &BusName) -> Result<()> {
        self.commit_documents(vec![Effect::Put { kind: BUS, key: name.to_string(), text: None }]).await?;
        self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner).buses.remove(name);
        Ok(())
    }

    fn replace_bus(&self, live: Live) {
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        catalog.buses.insert(live.bus.name.clone(), Arc::new(live));
    }

    async fn commit_documents(&self, effects: Vec<Effect>) -> Result<()> {
        if !effects.is_empty() {
            self.store().commit(Commit { guard: None, effects, now: self.now() }).await?;
        }
        Ok(())
    }

    /// Every bus and rule of the store, and the bus that is always there.
    pub(super) async fn load_buses(store: &dyn Store, node: &NodeIdentity) -> Result<Buses> {
        let mut buses = BTreeMap::new();
        let default = BusName::parse(bus::DEFAULT).expect("letters are a name");
        buses.insert(default.clone(), (Bus::new(default, Timestamp::default()), BTreeMap::new()));
        for (key, text) in store.documents(BUS).await? {
            let bus: Bus = read("bus", &key, &text)?;
            buses.insert(bus.name.clone(), (bus, BTreeMap::new()));
        }
        for (key, text) in store.documents(RULE).await? {
            let rule = Compiled::new(read("rule", &key, &text)?, node)?;
            if let Some((_, rules)) = buses.get_mut(&rule.rule.bus) {
                rules.insert(rule.rule.name.clone(), Arc::new(rule));
            }
        }
        let live = |(name, (bus, rules))| (name, Arc::new(Live::new(bus, rules)));
        Ok(buses.into_iter().map(live).collect())
    }
}

fn document(bus: &Bus) -> Effect {
    let text = serde_json::to_string(bus).expect("plain data is written as JSON");
    Effect::Put { kind: BUS, key: bus.name.to_string(), text: Some(text) }
}

fn read<T: for<'a> Deserialize<'a>>(what: &str, key: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| Error::Invalid(format!("the store's {what} `{key}` cannot be read: {error}")))
}
