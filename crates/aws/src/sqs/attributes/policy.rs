//! `RedrivePolicy` and `RedriveAllowPolicy`: JSON in a text.

use lambent_core::{Arn, NodeIdentity, QueueName, RedriveAllow, RedriveTo, limits};
use serde::{Deserialize, Serialize};

use super::invalid;
use crate::sqs::error::{Code, Error};

/// Most queues that an allow policy names (SQS).
const SOURCES_MAX: usize = 10;

/// Reads where dead letters go; an empty text is nowhere.
pub(super) fn redrive(text: &str) -> Result<Option<RedriveTo>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Policy {
        dead_letter_target_arn: String,
        max_receive_count: Count,
    }
    /// Clients write it as a number or as a text.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Count {
        Number(u32),
        Text(String),
    }
    if text.is_empty() {
        return Ok(None);
    }
    let refuse = |reason: &str| {
        Err(Code::InvalidParameterValue
            .because(format!("Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}")))
    };
    let Ok(policy) = serde_json::from_str::<Policy>(text) else {
        return refuse("It must be JSON with deadLetterTargetArn and maxReceiveCount.");
    };
    let count = match policy.max_receive_count {
        Count::Number(number) => Some(number),
        Count::Text(text) => text.parse().ok(),
    };
    let Some(max_receives) = count.filter(|count| (1..=limits::MAX_RECEIVES).contains(count)) else {
        return refuse("Invalid value for maxReceiveCount: it must be between 1 and 1000.");
    };
    match named(&policy.dead_letter_target_arn) {
        Some(queue) => Ok(Some(RedriveTo { queue, max_receives })),
        None => refuse("Invalid value for deadLetterTargetArn."),
    }
}

/// Writes where dead letters go.
pub(super) fn redrive_text(node: &NodeIdentity, to: &RedriveTo) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Policy {
        dead_letter_target_arn: String,
        max_receive_count: u32,
    }
    written(&Policy { dead_letter_target_arn: node.queue_arn(&to.queue), max_receive_count: to.max_receives })
}

/// Reads whose dead letters are taken; an empty text is everybody's.
pub(super) fn allow(text: &str) -> Result<RedriveAllow, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Policy {
        redrive_permission: String,
        source_queue_arns: Option<Vec<String>>,
    }
    if text.is_empty() {
        return Ok(RedriveAllow::All);
    }
    let bad = || invalid("RedriveAllowPolicy");
    let policy: Policy = serde_json::from_str(text).map_err(|_| bad())?;
    match (policy.redrive_permission.as_str(), policy.source_queue_arns) {
        ("allowAll", None) => Ok(RedriveAllow::All),
        ("denyAll", None) => Ok(RedriveAllow::None),
        ("byQueue", Some(arns)) if (1..=SOURCES_MAX).contains(&arns.len()) => {
            arns.iter().map(|arn| named(arn)).collect::<Option<_>>().map(RedriveAllow::Only).ok_or_else(bad)
        }
        _ => Err(bad()),
    }
}

/// Writes whose dead letters are taken.
pub(super) fn allow_text(node: &NodeIdentity, allow: &RedriveAllow) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Policy {
        redrive_permission: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        source_queue_arns: Option<Vec<String>>,
    }
    let arns = |names: &[QueueName]| names.iter().map(|name| node.queue_arn(name)).collect();
    let (redrive_permission, source_queue_arns) = match allow {
        RedriveAllow::All => ("allowAll", None),
        RedriveAllow::None => ("denyAll", None),
        RedriveAllow::Only(names) => ("byQueue", Some(arns(names))),
    };
    written(&Policy { redrive_permission, source_queue_arns })
}

/// The queue of an ARN. Its region and account do not matter: a node has one of each.
fn named(arn: &str) -> Option<QueueName> {
    Arn::parse(arn)?.queue()
}

fn written(policy: &impl Serialize) -> String {
    serde_json::to_string(policy).expect("texts and numbers are written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_and_written() {
        let node = NodeIdentity::default();
        let text = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":3}"#;
        let to = redrive(text).unwrap().unwrap();
        assert_eq!((to.queue.as_str(), to.max_receives), ("dead", 3));
        assert_eq!(redrive_text(&node, &to), text);
        assert_eq!(redrive(&text.replace('3', "\"3\"")).unwrap().unwrap().max_receives, 3);
        assert_eq!(redrive("").unwrap(), None);
        for text in [
            r#"{"redrivePermission":"denyAll"}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:a"]}"#,
            r#"{"redrivePermission":"allowAll"}"#,
        ] {
            assert_eq!(allow_text(&node, &allow(text).unwrap()), text);
        }
    }

    #[test]
    fn policies_that_are_not_good_are_refused() {
        for bad in [
            "{",
            "{}",
            r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}"#,
            r#"{"deadLetterTargetArn":"dead","maxReceiveCount":3}"#,
            r#"{"deadLetterTargetArn":"arn:aws:sns:us-east-1:000000000000:dead","maxReceiveCount":3}"#,
            r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":0}"#,
            r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"1001"}"#,
        ] {
            assert_eq!(redrive(bad).unwrap_err().code, Code::InvalidParameterValue, "{bad}");
        }
        for bad in [
            "{",
            r#"{"redrivePermission":"some"}"#,
            r#"{"redrivePermission":"byQueue"}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":[]}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":["a"]}"#,
            r#"{"redrivePermission":"denyAll","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:a"]}"#,
        ] {
            assert_eq!(allow(bad).unwrap_err().code, Code::InvalidAttributeValue, "{bad}");
        }
    }
}
