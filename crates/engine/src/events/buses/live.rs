//! A bus as it stands in memory, ready to match.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use lambent_core::bus::{Input, Rule, RuleTarget};
use lambent_core::pattern::Pattern;
use lambent_core::transform::{Path, Template};
use lambent_core::{NodeIdentity, RuleName};
use serde_json::{Map, Value};

use super::Bus;
use crate::events::{Error, Result};

/// A bus with its rules. It is never changed: whoever changes a rule makes another.
#[derive(Debug)]
pub(in crate::events) struct Live {
    pub(super) bus: Bus,
    pub(super) rules: BTreeMap<RuleName, Arc<Compiled>>,
    /// Rules at work that take only these sources; most rules of most people are such.
    by_source: HashMap<String, Vec<Arc<Compiled>>>,
    /// Others, that take only these detail types.
    by_type: HashMap<String, Vec<Arc<Compiled>>>,
    /// Rules at work that are none of these.
    others: Vec<Arc<Compiled>>,
}

/// A rule that is ready to match.
#[derive(Debug)]
pub(in crate::events) struct Compiled {
    pub(super) rule: Rule,
    pub(super) arn: String,
    /// None takes no event: the rule has a schedule.
    pattern: Option<Pattern>,
    /// In the order of the targets.
    inputs: Vec<Ready>,
}

/// What a target gets.
#[derive(Debug)]
pub(super) enum Ready {
    Event,
    Constant(Bytes),
    Path(Path),
    Template(Template),
}

impl Live {
    pub(super) fn new(bus: Bus, rules: BTreeMap<RuleName, Arc<Compiled>>) -> Self {
        let (mut by_source, mut by_type) = (HashMap::new(), HashMap::new());
        let mut others = Vec::new();
        for rule in rules.values().filter(|rule| rule.rule.enabled) {
            let (index, values) = match (rule.only("source"), rule.only("detail-type")) {
                (Some(sources), _) => (&mut by_source, sources),
                (None, Some(types)) => (&mut by_type, types),
                (None, None) => {
                    others.push(Arc::clone(rule));
                    continue;
                }
            };
            for value in values {
                index.entry(value).or_insert_with(Vec::new).push(Arc::clone(rule));
            }
        }
        Self { bus, rules, by_source, by_type, others }
    }

    /// The rules at work that take an event.
    pub(super) fn takers(&self, event: &Value) -> Vec<&Arc<Compiled>> {
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        let (Some(source), Some(kind)) = (text("source"), text("detail-type")) else {
            let at_work = self.rules.values().filter(|rule| rule.rule.enabled);
            return at_work.filter(|rule| rule.takes(event)).collect();
        };
        let by_source = self.by_source.get(source).into_iter().flatten();
        let by_type = self.by_type.get(kind).into_iter().flatten();
        let candidates = by_source.chain(by_type).chain(&self.others);
        candidates.filter(|rule| rule.takes(event)).collect()
    }
}

impl Compiled {
    /// Reads a rule's pattern and the inputs of its targets.
    pub(super) fn new(rule: Rule, node: &NodeIdentity) -> Result<Self> {
        let wrong = |error| Error::Invalid(format!("the pattern of the rule `{}`: {error}", rule.name));
        let none = rule.pattern.is_empty() && rule.schedule.is_some();
        let pattern = if none { None } else { Some(Pattern::parse(&rule.pattern).map_err(wrong)?) };
        let inputs = rule.targets.iter().map(Ready::new).collect::<Result<_>>()?;
        let arn = node.rule_arn(&rule.bus, &rule.name);
        Ok(Self { rule, arn, pattern, inputs })
    }

    fn takes(&self, event: &Value) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| pattern.matches(event))
    }

    /// The targets, each with what it gets.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&RuleTarget, &Ready)> {
        self.rule.targets.iter().zip(&self.inputs)
    }

    /// The texts that the pattern takes in a field of the event's, where it names them all.
    fn only(&self, key: &str) -> Option<BTreeSet<String>> {
        let pattern: Map<String, Value> = serde_json::from_str(&self.rule.pattern).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        pattern.get(key)?.as_array()?.iter().map(text).collect()
    }
}

impl Ready {
    /// Reads what a target gets.
    pub(super) fn new(target: &RuleTarget) -> Result<Self> {
        let refuse =
            |error: String| Error::Invalid(format!("the input of the target `{}`: {error}", target.id));
        match &target.input {
            Input::Event => Ok(Self::Event),
            Input::Constant(text) => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => Ok(Self::Constant(Bytes::copy_from_slice(text.as_bytes()))),
                Err(error) => Err(refuse(format!("it is no JSON ({error})"))),
            },
            Input::Path(path) => Path::parse(path).map(Self::Path).map_err(|error| refuse(error.to_string())),
            Input::Template { paths, template } => {
                let template = Template::parse(paths, template);
                template.map(Self::Template).map_err(|error| refuse(error.to_string()))
            }
        }
    }
}
