//! Members that many requests have: names, ARNs, tags, pages.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lambent_core::{Arn, BusName, NodeIdentity, QueueName, RuleName, Target, bus};
use serde::{Deserialize, Serialize};

use super::Error;

/// Most entries of one page of a list.
const PAGE_MAX: usize = 100;

/// Most tags of a rule or bus.
const TAGS_MAX: usize = 50;

/// What the service model says names are; for the error's text.
const NAME: &str = "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+";

/// A tag.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// Adds tags to those that are there.
pub(super) fn add_tags(to: &mut BTreeMap<String, String>, tags: Vec<Tag>) -> Result<(), Error> {
    for Tag { key, value } in tags {
        if key.is_empty() || key.chars().count() > 128 {
            return Err(Error::constraint(&key, "key", "Member must have length between 1 and 128"));
        }
        if value.chars().count() > 256 {
            let constraint = "Member must have length less than or equal to 256";
            return Err(Error::constraint(&value, "value", constraint));
        }
        to.insert(key, value);
    }
    if to.len() > TAGS_MAX {
        return Err(Error::Validation(format!("A resource can have at most {TAGS_MAX} tags.")));
    }
    Ok(())
}

/// The bus that a request names, by name or ARN; the default one when it names none.
pub(super) fn bus_of(node: &NodeIdentity, text: Option<&str>) -> Result<BusName, Error> {
    let text = text.unwrap_or(bus::DEFAULT);
    if !text.starts_with("arn:") {
        return BusName::parse(text).map_err(|_| Error::constraint(text, "eventBusName", NAME));
    }
    let named = Arn::parse(text).and_then(|arn| arn.bus());
    named.filter(|name| node.bus_arn(name) == text).ok_or_else(|| Error::no_bus(text))
}

/// The name of a rule.
pub(super) fn rule_name(text: &str, member: &str) -> Result<RuleName, Error> {
    RuleName::parse(text).map_err(|_| Error::constraint(text, member, NAME))
}

/// What an ARN names that events can be sent to. An address is one, too: what a rule of the manifest says can be
/// said here.
pub(super) fn target_of(node: &NodeIdentity, text: &str) -> Result<Target, Error> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Target::parse(text).map_err(|error| Error::Validation(error.to_string()));
    }
    let refuse =
        |reason: &str| Err(Error::Validation(format!("Parameter {text} is not valid. Reason: {reason}")));
    let Some(arn) = Arn::parse(text) else { return refuse("Provided Arn is not in correct format.") };
    if arn.region != node.region || arn.account != node.account {
        return refuse(&format!(
            "Everything here is in the region {} and the account {}.",
            node.region, node.account
        ));
    }
    match arn.target() {
        Some(target) => Ok(target),
        None => {
            refuse("Lambent sends events to functions ($LATEST), queues, topics, event buses and addresses.")
        }
    }
}

/// The queue that an ARN names.
pub(super) fn queue_of(node: &NodeIdentity, text: &str) -> Result<QueueName, Error> {
    match target_of(node, text)? {
        Target::Queue(name) => Ok(name),
        _ => Err(Error::Validation(format!(
            "Parameter {text} is not valid. Reason: It is the ARN of no queue."
        ))),
    }
}

/// One page of a list that is sorted by what `key` says, and how the next is asked for.
pub(super) fn page<T>(
    items: Vec<T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    limit: Option<usize>,
) -> Result<(Vec<T>, Option<String>), Error> {
    let limit = limit.unwrap_or(PAGE_MAX);
    if !(1..=PAGE_MAX).contains(&limit) {
        let constraint = "Member must have value between 1 and 100";
        return Err(Error::constraint(&limit.to_string(), "limit", constraint));
    }
    let after = match token {
        None => String::new(),
        Some(token) => {
            let bytes = URL_SAFE_NO_PAD.decode(token).ok();
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            text.ok_or_else(|| Error::Validation(format!("Invalid value for NextToken: {token}")))?
        }
    };
    let mut rest = items.into_iter().filter(|item| key(item) > after.as_str()).peekable();
    let page: Vec<T> = rest.by_ref().take(limit).collect();
    let more = rest.peek().is_some();
    let next = page.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_pages() {
        let all: Vec<String> = (0..5).map(|i| format!("n{i}")).collect();
        let one = |token: Option<&str>| page(all.clone(), |name| name, token, Some(2)).unwrap();
        let (first, token) = one(None);
        let (second, token) = {
            assert_eq!(first, ["n0", "n1"]);
            one(token.as_deref())
        };
        let (third, token) = {
            assert_eq!(second, ["n2", "n3"]);
            one(token.as_deref())
        };
        assert_eq!((third, token), (vec!["n4".to_owned()], None));
        assert_eq!(page(all.clone(), |name| name, None, Some(5)).unwrap().1, None);
        assert!(page(all.clone(), |name| name, Some("ü"), None).is_err());
        assert!(page(all, |name| name, None, Some(0)).is_err());
    }

    #[test]
    fn buses_are_named_by_name_and_arn() {
        let node = NodeIdentity::default();
        let check = |text: Option<&str>, expect: Option<&str>| {
            let found = bus_of(&node, text).ok();
            assert_eq!(found.as_ref().map(BusName::as_str), expect, "{text:?}");
        };
        check(None, Some("default"));
        check(Some("shop"), Some("shop"));
        check(Some("arn:aws:events:us-east-1:000000000000:event-bus/shop"), Some("shop"));
        check(Some("arn:aws:events:eu-west-1:000000000000:event-bus/shop"), None);
        check(Some("a b"), None);
    }
}
