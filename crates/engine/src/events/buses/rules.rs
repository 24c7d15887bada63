//! Rules and their targets: making, changing, removing them.

use std::collections::BTreeMap;
use std::sync::Arc;

use lambent_core::bus::{self, Rule, RuleTarget, TARGETS_MAX};
use lambent_core::schedule::{Fires, Owner};
use lambent_core::{BusName, RuleName, ScheduleSpec, Target, When, limits};
use lambent_store::Effect;

use super::check::{addresses, check_rule};
use super::live::{Compiled, Live};
use super::{Events, RULE, Result};
use crate::events::Error;

/// What is said about a rule, its targets apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSpec {
    /// The bus.
    pub bus: BusName,
    /// Its name.
    pub name: RuleName,
    /// Which events, as JSON text; empty for a rule that has a schedule alone.
    pub pattern: String,
    /// When its targets get a Scheduled Event; only on the bus that is always there.
    pub schedule: Option<String>,
    /// Whether it is at work.
    pub enabled: bool,
    /// For people.
    pub description: String,
    /// Tags of a new rule; one that is there keeps its own.
    pub tags: BTreeMap<String, String>,
}

impl Events {
    /// Makes a rule, or changes the one of this name, which keeps its targets and tags.
    ///
    /// # Errors
    /// When the bus is not there, the pattern is wrong, or there are too many rules.
    pub async fn put_rule(&self, spec: RuleSpec) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let live = self.existing(&spec.bus)?;
        let RuleSpec { bus, name, pattern, schedule, enabled, description, tags } = spec;
        let rule = match live.rules.get(&name) {
            Some(old) => Rule { pattern, schedule, enabled, description, ..old.rule.clone() },
            None => {
                let (targets, declared) = (Vec::new(), false);
                Rule { bus, name, pattern, schedule, enabled, description, targets, declared, tags }
            }
        };
        self.save_and_schedule(&live, rule).await
    }

    /// Changes a rule: whether it is at work, its tags. Bus, name and targets stay.
    ///
    /// # Errors
    /// When there is none, or when it would be wrong.
    pub async fn change_rule(
        &self,
        bus: &BusName,
        name: &RuleName,
        change: impl FnOnce(&mut Rule),
    ) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let (live, old) = self.rule_of(bus, name)?;
        let mut rule = old.clone();
        change(&mut rule);
        let rule = Rule { bus: old.bus, name: old.name, targets: old.targets, ..rule };
        self.save_and_schedule(&live, rule).await
    }

    /// Sets a rule to work.
    ///
    /// # Errors
    /// When there is none.
    pub async fn enable_rule(&self, bus: &BusName, name: &RuleName) -> Result<()> {
        self.change_rule(bus, name, |rule| rule.enabled = true).await
    }

    /// Takes a rule from work. It stays.
    ///
    /// # Errors
    /// When there is none.
    pub async fn disable_rule(&self, bus: &BusName, name: &RuleName) -> Result<()> {
        self.change_rule(bus, name, |rule| rule.enabled = false).await
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// When there is none, or when it has targets.
    pub async fn delete_rule(&self, bus: &BusName, name: &RuleName) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let (live, rule) = self.rule_of(bus, name)?;
        if !rule.targets.is_empty() {
            return Err(Error::Invalid(format!("the rule `{name}` has targets: remove them first")));
        }
        // First, so that a rule that is gone leaves none behind.
        self.store().remove_schedule(&schedule_of(name)).await?;
        self.save_rules(&live, Vec::new(), vec![name.clone()]).await
    }

    /// Adds targets to a rule, or changes those of the same ids.
    ///
    /// # Errors
    /// When there is no such rule, when one of the targets is wrong, or when there are too many. Nothing is changed
    /// then.
    pub async fn put_targets(&self, bus: &BusName, name: &RuleName, targets: Vec<RuleTarget>) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        let (live, mut rule) = self.rule_of(bus, name)?;
        for target in targets {
            if let Target::Bus(to) = &target.target {
                self.existing(to)?;
            }
            self.check_queues_of(&target)?;
            match rule.targets.iter_mut().find(|old| old.id == target.id) {
                Some(old) => *old = target,
                None => rule.targets.push(target),
            }
        }
        check_rule(&rule)?;
        self.save_rules(&live, vec![rule], Vec::new()).await
    }

    /// Removes targets from a rule. Returns the ids that it does not have.
    ///
    /// # Errors
    /// When there is no such rule.
    pub async fn remove_targets(
        &self,
        bus: &BusName,
        name: &RuleName,
        ids: &[String],
    ) -> Result<Vec<String>> {
        let _changing = self.inner.changing.lock().await;
        let (live, mut rule) = self.rule_of(bus, name)?;
        let unknown = ids.iter().filter(|id| !rule.targets.iter().any(|target| target.id == **id));
        let unknown = unknown.cloned().collect();
        rule.targets.retain(|target| !ids.contains(&target.id));
        self.save_rules(&live, vec![rule], Vec::new()).await?;
        Ok(unknown)
    }

    /// The rules of a bus, by name.
    ///
    /// # Errors
    /// When there is no such bus.
    pub fn rules(&self, bus: &BusName) -> Result<Vec<Rule>> {
        Ok(self.existing(bus)?.rules.values().map(|rule| rule.rule.clone()).collect())
    }

    /// A rule.
    ///
    /// # Errors
    /// When there is none.
    pub fn rule(&self, bus: &BusName, name: &RuleName) -> Result<Rule> {
        self.rule_of(bus, name).map(|(_, rule)| rule)
    }

    /// The rules of a bus that send to a target.
    ///
    /// # Errors
    /// When there is no such bus.
    pub fn rules_by_target(&self, bus: &BusName, target: &Target) -> Result<Vec<RuleName>> {
        let sends = |rule: &&Arc<Compiled>| rule.rule.targets.iter().any(|to| to.target == *target);
        let live = self.existing(bus)?;
        Ok(live.rules.values().filter(sends).map(|rule| rule.rule.name.clone()).collect())
    }

    /// Stores a rule and its schedule. Whoever calls holds `changing`.
    async fn save_and_schedule(&self, live: &Live, rule: Rule) -> Result<()> {
        let (name, enabled) = (rule.name.clone(), rule.enabled);
        let schedule = match &rule.schedule {
            Some(_) if rule.bus.as_str() != bus::DEFAULT => {
                return Err(Error::Invalid(format!(
                    "only rules of the bus `{}` have a schedule",
                    bus::DEFAULT
                )));
            }
            Some(text) => {
                let fires = Fires::Rule(name.clone());
                let spec = ScheduleSpec::new(&schedule_of(&name), When::Expression(text.clone()), fires);
                let spec = ScheduleSpec { owner: Owner::Rule, ..spec };
                self.check_schedule(&spec)?;
                Some(spec)
            }
            None => None,
        };
        self.save_rules(live, vec![rule], Vec::new()).await?;
        match schedule {
            Some(spec) => self.keep_schedule(spec, Some(enabled)).await,
            None => {
                self.store().remove_schedule(&schedule_of(&name)).await?;
                Ok(())
            }
        }
    }

    fn rule_of(&self, bus: &BusName, name: &RuleName) -> Result<(Arc<Live>, Rule)> {
        let live = self.existing(bus)?;
        match live.rules.get(name) {
            Some(rule) => {
                let rule = rule.rule.clone();
                Ok((live, rule))
            }
            None => Err(Error::NoRule { bus: bus.to_string(), rule: name.to_string() }),
        }
    }

    /// Stores changed rules and takes others away, in one commit; then the bus is replaced in memory. Whoever calls
    /// holds `changing`.
    pub(super) async fn save_rules(
        &self,
        live: &Live,
        changed: Vec<Rule>,
        gone: Vec<RuleName>,
    ) -> Result<()> {
        let mut rules = live.rules.clone();
        let mut effects = Vec::with_capacity(changed.len() + gone.len());
        for name in gone {
            effects.push(Effect::Put { kind: RULE, key: format!("{}/{name}", live.bus.name), text: None });
            rules.remove(&name);
        }
        let names: Vec<_> = changed.iter().map(|rule| rule.name.clone()).collect();
        for rule in changed {
            let text = serde_json::to_string(&rule).expect("plain data is written as JSON");
            let key = format!("{}/{}", rule.bus, rule.name);
            effects.push(Effect::Put { kind: RULE, key, text: Some(text) });
            rules.insert(rule.name.clone(), Arc::new(Compiled::new(rule, self.node())?));
        }
        if rules.len() > limits::RULES_MAX {
            return Err(Error::TooMany { what: "rules on this bus", max: limits::RULES_MAX });
        }
        let crowded = |rule: &Arc<Compiled>| rule.rule.targets.len() > TARGETS_MAX;
        if rules.values().any(crowded) {
            return Err(Error::TooMany { what: "targets of this rule", max: TARGETS_MAX });
        }
        for rule in names.iter().filter_map(|name| rules.get(name)) {
            self.prepare_targets(&rule.rule).await?;
        }
        self.commit_documents(effects).await?;
        let after = Live::new(live.bus.clone(), rules);
        self.replace_bus(after);
        let before = live.rules.values().flat_map(|rule| addresses(&rule.rule)).collect();
        self.forget_addresses(&live.bus.name, before).await
    }
}

/// What the schedule of a rule is called.
fn schedule_of(rule: &RuleName) -> String {
    format!("rule:{rule}")
}
