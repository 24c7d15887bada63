//! Targets of rules.

use std::collections::BTreeMap;
use std::time::Duration;

use lambent_core::bus::{Input, RETRY, RuleTarget};
use lambent_core::transform::{self, Template};
use lambent_core::{NodeIdentity, RetryPolicy, RuleName, Target};
use lambent_engine::Events;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Error;
use super::buses::with_token;
use super::members::{bus_of, page, queue_of, rule_name, target_of};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    rule: String,
    event_bus_name: Option<String>,
    targets: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Remove {
    rule: String,
    event_bus_name: Option<String>,
    ids: Vec<String>,
    /// For rules that AWS services made; there are none.
    #[serde(default, rename = "Force")]
    _force: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    rule: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByTarget {
    target_arn: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

/// A target as EventBridge writes it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Written {
    id: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_transformer: Option<Transformer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqs_parameters: Option<Sqs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<Retry>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Transformer {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    input_paths_map: BTreeMap<String, String>,
    input_template: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Sqs {
    message_group_id: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeadLetters {
    arn: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Retry {
    maximum_retry_attempts: Option<u32>,
    maximum_event_age_in_seconds: Option<u64>,
}

/// PutTargets.
pub(super) async fn put(events: &Events, request: Put) -> Result<Value, Error> {
    let bus = bus_of(events.node(), request.event_bus_name.as_deref())?;
    let rule = rule_name(&request.rule, "rule")?;
    if request.targets.is_empty() {
        return Err(Error::constraint("[]", "targets", "Member must have length greater than or equal to 1"));
    }
    let targets = request.targets.into_iter().map(|target| target.read(events.node()));
    events.put_targets(&bus, &rule, targets.collect::<Result<_, _>>()?).await?;
    Ok(failures(&[]))
}

/// RemoveTargets.
pub(super) async fn remove(events: &Events, request: Remove) -> Result<Value, Error> {
    let bus = bus_of(events.node(), request.event_bus_name.as_deref())?;
    let rule = rule_name(&request.rule, "rule")?;
    let unknown = events.remove_targets(&bus, &rule, &request.ids).await?;
    let failed = |id: &String| {
        let message = format!("Rule {rule} does not have a target with the Id {id}.");
        json!({ "TargetId": id, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": message })
    };
    Ok(failures(&unknown.iter().map(failed).collect::<Vec<_>>()))
}

fn failures(failed: &[Value]) -> Value {
    json!({ "FailedEntryCount": failed.len(), "FailedEntries": failed })
}

/// ListTargetsByRule.
pub(super) fn list(events: &Events, request: List) -> Result<Value, Error> {
    let bus = bus_of(events.node(), request.event_bus_name.as_deref())?;
    let mut targets = events.rule(&bus, &rule_name(&request.rule, "rule")?)?.targets;
    targets.sort_by(|a, b| a.id.cmp(&b.id));
    let token = request.next_token.as_deref();
    let (targets, next) = page(targets, |target| target.id.as_str(), token, request.limit)?;
    let written: Vec<_> = targets.into_iter().map(|target| Written::of(events.node(), target)).collect();
    Ok(with_token(json!({ "Targets": written }), next))
}

/// ListRuleNamesByTarget.
pub(super) fn rules(events: &Events, request: ByTarget) -> Result<Value, Error> {
    let bus = bus_of(events.node(), request.event_bus_name.as_deref())?;
    let target = target_of(events.node(), &request.target_arn)?;
    let token = request.next_token.as_deref();
    let (names, next) = page(events.rules_by_target(&bus, &target)?, RuleName::as_str, token, request.limit)?;
    let names: Vec<_> = names.iter().map(RuleName::as_str).collect();
    Ok(with_token(json!({ "RuleNames": names }), next))
}

impl Written {
    fn read(self, node: &NodeIdentity) -> Result<RuleTarget, Error> {
        // The same rule as for the names of rules: 1 to 64 of these characters.
        rule_name(&self.id, "targets.member.id")?;
        let target = target_of(node, &self.arn)?;
        let group = self.sqs_parameters.and_then(|sqs| sqs.message_group_id);
        match &target {
            Target::Queue(name) if name.is_fifo() && group.is_none() => {
                let message =
                    format!("Parameter(s) SqsParameters must be specified for target: {}.", self.id);
                return Err(Error::Validation(message));
            }
            Target::Queue(_) => {}
            _ if group.is_some() => {
                let message = format!("SqsParameters are for queues, and target {} is none.", self.id);
                return Err(Error::Validation(message));
            }
            _ => {}
        }
        let dead_letter = self.dead_letter_config.and_then(|config| config.arn);
        let dead_letter = dead_letter.map(|arn| queue_of(node, &arn)).transpose()?;
        let retry = self.retry_policy.map_or(Ok(RETRY), |retry| retry.read())?;
        let input = match (self.input, self.input_path, self.input_transformer) {
            (None, None, None) => Input::Event,
            (Some(text), None, None) => Input::Constant(text),
            (None, Some(path), None) => Input::Path(path),
            (None, None, Some(transformer)) => transformer.read(&self.id)?,
            _ => {
                return Err(Error::Validation(format!(
                    "Only one of Input, InputPath, or InputTransformer must be provided for target {}.",
                    self.id
                )));
            }
        };
        Ok(RuleTarget { id: self.id, target, input, group, retry, dead_letter })
    }

    fn of(node: &NodeIdentity, target: RuleTarget) -> Self {
        let arn = node.target_arn(&target.target);
        let mut written = Self {
            id: target.id,
            arn,
            input: None,
            input_path: None,
            input_transformer: None,
            sqs_parameters: target.group.map(|group| Sqs { message_group_id: Some(group) }),
            dead_letter_config: target
                .dead_letter
                .map(|name| DeadLetters { arn: Some(node.queue_arn(&name)) }),
            retry_policy: (target.retry != RETRY).then(|| Retry::of(target.retry)),
        };
        match target.input {
            Input::Event => {}
            Input::Constant(text) => written.input = Some(text),
            Input::Path(path) => written.input_path = Some(path),
            Input::Template { paths, template } => {
                let transformer = Transformer { input_paths_map: paths, input_template: template };
                written.input_transformer = Some(transformer);
            }
        }
        written
    }
}

impl Transformer {
    fn read(self, target: &str) -> Result<Input, Error> {
        let Self { input_paths_map: paths, input_template: template } = self;
        match Template::parse(&paths, &template) {
            Ok(_) => Ok(Input::Template { paths, template }),
            Err(transform::Error::Unknown { name, .. }) => Err(Error::Validation(format!(
                "InputTemplate for target {target} contains invalid placeholder {name}."
            ))),
            Err(error) => {
                Err(Error::Validation(format!("Invalid InputTransformer for target {target}: {error}.")))
            }
        }
    }
}

impl Retry {
    const ATTEMPTS: std::ops::RangeInclusive<u32> = 0..=185;
    const AGE: std::ops::RangeInclusive<u64> = 60..=86_400;

    fn read(self) -> Result<RetryPolicy, Error> {
        let mut retry = RETRY;
        if let Some(attempts) = self.maximum_retry_attempts {
            if !Self::ATTEMPTS.contains(&attempts) {
                let constraint = "Member must have value between 0 and 185";
                return Err(Error::constraint(
                    &attempts.to_string(),
                    "targets.member.retryPolicy.maximumRetryAttempts",
                    constraint,
                ));
            }
            retry.attempts = attempts + 1;
        }
        if let Some(age) = self.maximum_event_age_in_seconds {
            if !Self::AGE.contains(&age) {
                let constraint = "Member must have value between 60 and 86400";
                return Err(Error::constraint(
                    &age.to_string(),
                    "targets.member.retryPolicy.maximumEventAgeInSeconds",
                    constraint,
                ));
            }
            retry.max_age = Duration::from_secs(age);
        }
        Ok(retry)
    }

    fn of(retry: RetryPolicy) -> Self {
        Self {
            maximum_retry_attempts: Some(retry.attempts.saturating_sub(1)),
            maximum_event_age_in_seconds: Some(retry.max_age.as_secs()),
        }
    }
}
