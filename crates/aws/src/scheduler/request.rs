//! What a client says about a schedule, and what follows from it.

use std::time::Duration;

use lambent_core::schedule::{Fires, Owner};
use lambent_core::{Arn, NodeIdentity, RuleName, ScheduleSpec, Target, Timestamp, When};
use serde::{Deserialize, Serialize};

use super::Error;

/// Longest input (EventBridge Scheduler quotas: 256 KB).
const INPUT_MAX: usize = 256 * 1024;

/// How long a time is worth firing, when nobody says (semantics.md 5.3).
const AGE: u64 = 86_400;

/// The body of CreateSchedule and UpdateSchedule. It is kept as it is, to be shown again.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Request {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group_name: Option<String>,
    pub(super) schedule_expression: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_expression_timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<f64>,
    flexible_time_window: Window,
    target: ScheduleTarget,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_after_completion: Option<String>,
    /// Read to be refused by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_arn: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Window {
    mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_window_in_minutes: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScheduleTarget {
    arn: String,
    /// There are no permissions: it is kept and shown.
    role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<Retry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqs_parameters: Option<Sqs>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Retry {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeadLetter {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Sqs {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<String>,
}

/// A name of a schedule or group.
pub(super) fn name(text: &str) -> Result<RuleName, Error> {
    RuleName::parse(text).map_err(|_| {
        Error::Validation(format!(
            "1 validation error detected: Value '{text}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$, and have 1 to 64 characters"
        ))
    })
}

fn wrong<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Validation(message.into()))
}

impl Request {
    /// Whether it is to be at work.
    pub(super) fn enabled(&self) -> Result<bool, Error> {
        match self.state.as_deref() {
            None | Some("ENABLED") => Ok(true),
            Some("DISABLED") => Ok(false),
            Some(other) => wrong(format!("State is ENABLED or DISABLED, not {other}.")),
        }
    }

    /// The schedule that it asks for.
    pub(super) fn spec(
        &self,
        node: &NodeIdentity,
        group: &RuleName,
        name: &RuleName,
    ) -> Result<ScheduleSpec, Error> {
        if self.kms_key_arn.is_some() {
            return wrong("Lambent has no encryption keys: leave KmsKeyArn out.");
        }
        if self.description.as_ref().is_some_and(|text| text.chars().count() > 512) {
            return wrong("Description has at most 512 characters.");
        }
        let when = When::Expression(self.schedule_expression.clone());
        let once = self.schedule_expression.starts_with("at(");
        let zone = self.schedule_expression_timezone.clone().unwrap_or_else(|| "UTC".to_owned());
        let invalid =
            || Error::Validation(format!("Invalid Schedule Expression {}.", self.schedule_expression));
        let target = self.target.read(node)?;
        // A date says nothing about what happens once.
        let (start, end) = if once { (None, None) } else { (date(self.start_date)?, date(self.end_date)?) };
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            return wrong("The StartDate must be before the EndDate.");
        }
        let spec = ScheduleSpec {
            timezone: zone,
            start,
            end,
            at_once: true,
            jitter: self.flexible_time_window.read()?,
            input: self.target.input.clone(),
            group: self.target.sqs_parameters.as_ref().and_then(|sqs| sqs.message_group_id.clone()),
            dead_letter: self.target.dead_letter(node)?,
            max_age: Some(self.target.max_age()?),
            delete_after: match self.action_after_completion.as_deref() {
                None | Some("NONE") => false,
                Some("DELETE") => true,
                Some(other) => {
                    return wrong(format!("ActionAfterCompletion is NONE or DELETE, not {other}."));
                }
            },
            owner: Owner::Client,
            client: Some(serde_json::to_string(self).expect("plain data is written as JSON")),
            ..ScheduleSpec::new(&format!("{group}/{name}"), when, Fires::To(target))
        };
        match spec.timetable(Timestamp::default()) {
            Ok(_) => Ok(spec),
            Err(lambent_core::schedule::Error::Zone(zone)) => wrong(format!("Invalid Timezone {zone}.")),
            Err(_) => Err(invalid()),
        }
    }
}

impl Window {
    fn read(&self) -> Result<Duration, Error> {
        match (&*self.mode, self.maximum_window_in_minutes) {
            ("OFF", None) => Ok(Duration::ZERO),
            ("FLEXIBLE", Some(minutes @ 1..=1440)) => Ok(Duration::from_secs(minutes * 60)),
            ("OFF", Some(_)) => wrong("A flexible time window that is OFF has no MaximumWindowInMinutes."),
            ("FLEXIBLE", _) => wrong("A flexible time window has MaximumWindowInMinutes of 1 to 1440."),
            (other, _) => {
                wrong(format!("The Mode of a flexible time window is OFF or FLEXIBLE, not {other}."))
            }
        }
    }
}

impl ScheduleTarget {
    fn read(&self, node: &NodeIdentity) -> Result<Target, Error> {
        let here = |arn: &Arn<'_>| arn.region == node.region && arn.account == node.account;
        let target = match Arn::parse(&self.arn).filter(here).and_then(|arn| arn.target()) {
            Some(target @ (Target::Function(_) | Target::Queue(_) | Target::Topic(_))) => target,
            _ => {
                return wrong(format!(
                    "Lambent fires schedules to functions, queues and topics of its own, and {} is none of them.",
                    self.arn
                ));
            }
        };
        if self.input.as_ref().is_some_and(|input| input.len() > INPUT_MAX) {
            return wrong(format!("Input has at most {INPUT_MAX} bytes."));
        }
        let json = |text: &String| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        if matches!(target, Target::Function(_)) && !self.input.as_ref().is_none_or(json) {
            return wrong("The Input of a Lambda function must be well-formed JSON.");
        }
        let group = self.sqs_parameters.as_ref().and_then(|sqs| sqs.message_group_id.as_ref());
        let ordered = matches!(&target, Target::Queue(name) if name.is_fifo());
        if ordered != group.is_some() {
            return wrong(
                "SqsParameters.MessageGroupId is needed for queues that keep order, and for no other target.",
            );
        }
        Ok(target)
    }

    fn max_age(&self) -> Result<Duration, Error> {
        let retry = self.retry_policy.as_ref();
        let age = retry.and_then(|retry| retry.maximum_event_age_in_seconds).unwrap_or(AGE);
        if !(60..=86_400).contains(&age) {
            return wrong("MaximumEventAgeInSeconds is 60 to 86400.");
        }
        if retry.and_then(|retry| retry.maximum_retry_attempts).is_some_and(|attempts| attempts > 185) {
            return wrong("MaximumRetryAttempts is 0 to 185.");
        }
        Ok(Duration::from_secs(age))
    }

    fn dead_letter(&self, node: &NodeIdentity) -> Result<Option<lambent_core::QueueName>, Error> {
        let arn = self.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref());
        let Some(text) = arn else { return Ok(None) };
        let here = |arn: &Arn<'_>| arn.region == node.region && arn.account == node.account;
        match Arn::parse(text).filter(here).and_then(|arn| arn.target()) {
            Some(Target::Queue(name)) if !name.is_fifo() => Ok(Some(name)),
            _ => wrong(format!("The dead-letter queue {text} is no standard queue here.")),
        }
    }
}

/// A date as a client writes it, in seconds since the Unix epoch.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of floats ends at the bounds"
)]
fn date(seconds: Option<f64>) -> Result<Option<Timestamp>, Error> {
    match seconds {
        None => Ok(None),
        Some(seconds) if (0.0..=253_402_300_799.0).contains(&seconds) => {
            Ok(Some(Timestamp::from_millis((seconds * 1000.0) as u64)))
        }
        Some(other) => wrong(format!("{other} is no date.")),
    }
}
