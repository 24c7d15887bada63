//! What a rule's targets must be like, and the queues that they need.

use lambent_core::bus::{Input, Rule, RuleTarget};
use lambent_core::{BusName, Target, limits};

use super::live::Ready;
use super::{Events, Result};
use crate::events::Error;
use crate::events::catalog::{Address, Purpose};

impl Events {
    /// Whether the queues are there that a target is put with. They may go later: its rule can be changed still.
    pub(super) fn check_queues_of(&self, target: &RuleTarget) -> Result<()> {
        let named = match &target.target {
            Target::Queue(name) => Some(name),
            _ => None,
        };
        for name in named.into_iter().chain(&target.dead_letter) {
            self.named(name.as_str())?;
        }
        Ok(())
    }

    /// Makes the queues that a rule's targets need: a function's, so that events wait for one that is deployed later,
    /// and an address's.
    pub(super) async fn prepare_targets(&self, rule: &Rule) -> Result<()> {
        for target in &rule.targets {
            match &target.target {
                Target::Function(name) => _ = self.ensure(Purpose::Function(name.clone())).await?,
                Target::Http(url) => {
                    let address = Address {
                        owner: owner_of(&rule.bus, rule.name.as_str(), &target.id),
                        url: url.clone(),
                        retry: target.retry,
                        dead_letter: target.dead_letter.clone(),
                        subscription: None,
                    };
                    self.ensure(Purpose::Address(address)).await?;
                }
                Target::Queue(_) | Target::Topic(_) | Target::Bus(_) => {}
            }
        }
        Ok(())
    }

    /// Takes the queues of addresses away that no rule of the bus sends to any more. One that still holds events
    /// stays: they are delivered.
    pub(super) async fn forget_addresses(&self, bus: &BusName, before: Vec<String>) -> Result<()> {
        let Some(live) = self.live(bus) else { return Ok(()) };
        let now: Vec<_> = live.rules.values().flat_map(|rule| addresses(&rule.rule)).collect();
        for key in before.iter().filter(|key| !now.contains(key)) {
            let Some(queue) = self.queue_by_key(key) else { continue };
            let stats = self.stats(&queue).await?;
            if stats.ready + stats.leased + stats.delayed == 0 {
                self.remove(&queue).await?;
            }
        }
        Ok(())
    }
}

/// Whether events can go where a rule sends them.
pub(super) fn check_rule(rule: &Rule) -> Result<()> {
    for (i, target) in rule.targets.iter().enumerate() {
        if rule.targets[..i].iter().any(|other| other.id == target.id) {
            return Err(refuse(target, "another target of the rule has the same id"));
        }
        Ready::new(target)?;
        check_input(rule, target)?;
        check_place(target)?;
    }
    Ok(())
}

fn check_place(target: &RuleTarget) -> Result<()> {
    match &target.target {
        Target::Queue(name) if name.is_fifo() && target.group.is_none() => {
            return Err(refuse(target, "a queue that keeps order needs a message group"));
        }
        Target::Topic(name) if name.is_fifo() && target.group.is_none() => {
            return Err(refuse(target, "a topic that keeps order needs a message group"));
        }
        Target::Queue(_) | Target::Topic(_) => {}
        _ if target.group.is_some() => {
            return Err(refuse(target, "only queues and topics have message groups"));
        }
        _ => {}
    }
    match &target.dead_letter {
        Some(name) if name.is_fifo() => {
            Err(refuse(target, "a queue that keeps order cannot take its dead letters"))
        }
        _ => Ok(()),
    }
}

fn check_input(rule: &Rule, target: &RuleTarget) -> Result<()> {
    let longer = |text: &str, max: usize| text.chars().count() > max;
    match (&target.target, &target.input) {
        (Target::Bus(to), _) if *to == rule.bus => {
            Err(refuse(target, "a bus cannot be a target of its own rules: events would go round in circles"))
        }
        (Target::Bus(_), input) if *input != Input::Event => {
            Err(refuse(target, "a bus gets the event as it is, without an input of its own"))
        }
        (_, Input::Constant(text)) if longer(text, limits::INPUT_MAX) => {
            Err(refuse(target, &format!("its input has more than {} characters", limits::INPUT_MAX)))
        }
        (_, Input::Path(path)) if longer(path, limits::INPUT_PATH_MAX) => {
            Err(refuse(target, &format!("its path has more than {} characters", limits::INPUT_PATH_MAX)))
        }
        _ => Ok(()),
    }
}

fn refuse(target: &RuleTarget, why: &str) -> Error {
    Error::Invalid(format!("the target `{}` ({}) cannot be: {why}", target.id, target.target))
}

/// What the store calls the queues of a rule's addresses.
pub(super) fn addresses(rule: &Rule) -> Vec<String> {
    let is_address = |target: &&RuleTarget| matches!(target.target, Target::Http(_));
    let key = |target: &RuleTarget| address_key(rule, &target.id);
    rule.targets.iter().filter(is_address).map(key).collect()
}

/// What the store calls the queue of an address.
pub(super) fn address_key(rule: &Rule, id: &str) -> String {
    format!("address:{}", owner_of(&rule.bus, rule.name.as_str(), id))
}

fn owner_of(bus: &BusName, rule: &str, id: &str) -> String {
    format!("rule:{bus}/{rule}/{id}")
}
