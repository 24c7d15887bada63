//! The attributes of subscriptions: texts on the wire, settings inside.

use std::time::Duration;

use lambent_core::pattern::policy::{FilterPolicy, Scope};
use lambent_core::topic::{Filter, HTTP_RETRY, SubscriptionSpec};
use lambent_core::{Arn, RetryPolicy, Target};
use lambent_engine::Events;
use serde::Deserialize;

/// Longest time that retries of a delivery may take altogether (SNS, delivery policies).
const RETRIES_TAKE_MAX: Duration = Duration::from_secs(3600);

/// Most retries (SNS, delivery policies).
const RETRIES_MAX: u32 = 100;

/// Sets attributes of a subscription.
///
/// # Errors
/// What is wrong with them, in AWS's words where there are any.
pub(super) fn set<'a>(
    events: &Events,
    spec: &mut SubscriptionSpec,
    attributes: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), String> {
    let before = spec.filter.take();
    let mut scope = before.as_ref().map(|filter| filter.scope).unwrap_or_default();
    let mut policy = before.map(|filter| filter.policy).filter(|text| !is_empty(text));
    for (name, value) in attributes {
        match name {
            "RawMessageDelivery" => set_raw(spec, value)?,
            "FilterPolicy" => policy = Some(value.to_owned()).filter(|text| !is_empty(text)),
            "FilterPolicyScope" => scope = read_scope(value)?,
            "RedrivePolicy" => set_redrive(events, spec, value)?,
            "DeliveryPolicy" => set_delivery(spec, value)?,
            "SubscriptionRoleArn" | "ReplayPolicy" => {
                return Err(format!("AttributeName: Lambent does not have {name}"));
            }
            _ => return Err("AttributeName".to_owned()),
        }
    }
    if let Some(policy) = &policy {
        FilterPolicy::parse(policy, scope).map_err(|error| error.to_string())?;
    }
    // A scope may be set before its policy: an empty one takes everything, and keeps the scope.
    let policy = policy.or_else(|| (scope != Scope::default()).then(|| EMPTY.to_owned()));
    spec.filter = policy.map(|policy| Filter { policy, scope });
    Ok(())
}

/// `true` or `false`, in any case.
pub(super) fn truth(name: &str, value: &str) -> Result<bool, crate::protocol::Refusal> {
    read_truth(name, value).map_err(|reason| super::error::invalid(format!("Attributes Reason: {reason}")))
}

fn read_truth(name: &str, value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{name}: Invalid value [{value}]. Must be true or false.")),
    }
}

/// The filter policy that takes everything.
pub(super) const EMPTY: &str = "{}";

/// What clears an attribute: nothing, or an object with nothing in it.
fn is_empty(text: &str) -> bool {
    let text: String = text.split_whitespace().collect();
    text.is_empty() || text == EMPTY
}

fn set_raw(spec: &mut SubscriptionSpec, value: &str) -> Result<(), String> {
    spec.raw = read_truth("RawMessageDelivery", value)?;
    if spec.raw && matches!(spec.target, Target::Function(_)) {
        return Err("Delivery protocol [lambda] does not support raw message delivery.".to_owned());
    }
    Ok(())
}

fn read_scope(value: &str) -> Result<Scope, String> {
    match value {
        "MessageAttributes" => Ok(Scope::MessageAttributes),
        "MessageBody" => Ok(Scope::MessageBody),
        _ => Err(format!(
            "FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
        )),
    }
}

fn set_redrive(events: &Events, spec: &mut SubscriptionSpec, value: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Redrive {
        dead_letter_target_arn: String,
    }
    if is_empty(value) {
        spec.dead_letter = None;
        return Ok(());
    }
    let redrive: Redrive = serde_json::from_str(value).map_err(|_| "RedrivePolicy: failed to parse JSON.")?;
    let arn = redrive.dead_letter_target_arn;
    let queue = Arn::parse(&arn).and_then(|arn| arn.queue());
    let queue = queue.filter(|queue| events.node().queue_arn(queue) == arn);
    let wrong = || "RedrivePolicy: deadLetterTargetArn is an invalid arn".to_owned();
    spec.dead_letter = Some(queue.ok_or_else(wrong)?);
    Ok(())
}

/// Of a delivery policy the number of retries and their delays are taken; what else it has is refused.
fn set_delivery(spec: &mut SubscriptionSpec, value: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Delivery {
        healthy_retry_policy: Healthy,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Healthy {
        num_retries: Option<u32>,
        min_delay_target: Option<u64>,
        max_delay_target: Option<u64>,
    }
    if !matches!(spec.target, Target::Http(_)) {
        return Err("DeliveryPolicy: Delivery policies are for http and https only".to_owned());
    }
    if is_empty(value) {
        spec.retry = HTTP_RETRY;
        return Ok(());
    }
    let wrong = |reason: &dyn std::fmt::Display| format!("DeliveryPolicy: {reason}");
    let unread = |error: serde_json::Error| {
        wrong(&format!(
            "Lambent has numRetries, minDelayTarget and maxDelayTarget of healthyRetryPolicy: {error}"
        ))
    };
    let Healthy { num_retries, min_delay_target, max_delay_target } =
        serde_json::from_str::<Delivery>(value).map_err(unread)?.healthy_retry_policy;
    let retries = num_retries.unwrap_or(HTTP_RETRY.attempts - 1);
    let least = Duration::from_secs(min_delay_target.unwrap_or_else(|| HTTP_RETRY.first_delay.as_secs()));
    let most = max_delay_target.map_or_else(|| HTTP_RETRY.max_delay.max(least), Duration::from_secs);
    if retries > RETRIES_MAX {
        return Err(wrong(&format!("healthyRetryPolicy.numRetries must be at most {RETRIES_MAX}")));
    }
    if least.is_zero() || least > most || most > RETRIES_TAKE_MAX {
        return Err(wrong(&"healthyRetryPolicy needs 1 <= minDelayTarget <= maxDelayTarget <= 3600"));
    }
    spec.retry =
        RetryPolicy { attempts: retries + 1, first_delay: least, max_delay: most, max_age: RETRIES_TAKE_MAX };
    Ok(())
}

/// A retry policy as a delivery policy shows it.
pub(super) fn policy(retry: &RetryPolicy) -> String {
    format!(r#"{{"healthyRetryPolicy":{}}}"#, healthy(retry))
}

/// The part of a delivery policy that says how a healthy address is retried.
pub(super) fn healthy(retry: &RetryPolicy) -> String {
    format!(
        r#"{{"minDelayTarget":{},"maxDelayTarget":{},"numRetries":{}}}"#,
        retry.first_delay.as_secs(),
        retry.max_delay.as_secs(),
        retry.attempts.saturating_sub(1)
    )
}
