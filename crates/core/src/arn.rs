//! Amazon resource names: how AWS clients and events name the things of a node.

use crate::{BusName, FunctionName, NodeIdentity, QueueName, RuleName, Target, TopicName};

/// The parts of `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// As in `sqs`.
    pub service: &'a str,
    /// As in `us-east-1`.
    pub region: &'a str,
    /// Twelve digits.
    pub account: &'a str,
    /// Everything after the account, as in `function:f` or `orders`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes a text apart. `None` when it is no ARN.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (arn, _partition) = (parts.next()?, parts.next()?);
        let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
        let resource = parts.next().filter(|resource| !resource.is_empty())?;
        (arn == "arn").then_some(Self { service, region, account, resource })
    }

    /// The name of a queue, where this is a queue's ARN.
    pub fn queue(&self) -> Option<QueueName> {
        (self.service == "sqs").then(|| QueueName::parse(self.resource).ok())?
    }

    /// The name of a topic, where this is a topic's ARN.
    pub fn topic(&self) -> Option<TopicName> {
        (self.service == "sns").then(|| TopicName::parse(self.resource).ok())?
    }

    /// The name of a bus, where this is a bus's ARN.
    pub fn bus(&self) -> Option<BusName> {
        let name = (self.service == "events").then(|| self.resource.strip_prefix("event-bus/"))??;
        BusName::parse(name).ok()
    }

    /// The name of a function and the qualifier, where this is a function's ARN.
    pub fn function(&self) -> Option<(FunctionName, Option<&'a str>)> {
        let rest = (self.service == "lambda").then(|| self.resource.strip_prefix("function:"))??;
        let (name, qualifier) = match rest.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (rest, None),
        };
        Some((FunctionName::parse(name).ok()?, qualifier))
    }

    /// What is meant, where events can be sent to it. A function's qualifier may only be `$LATEST`.
    pub fn target(&self) -> Option<Target> {
        let function = || {
            let (name, qualifier) = self.function()?;
            matches!(qualifier, None | Some("$LATEST")).then_some(Target::Function(name))
        };
        let queue = || self.queue().map(Target::Queue);
        let topic = || self.topic().map(Target::Topic);
        function().or_else(queue).or_else(topic).or_else(|| self.bus().map(Target::Bus))
    }
}

impl NodeIdentity {
    /// The ARN of a queue.
    pub fn queue_arn(&self, name: &QueueName) -> String {
        self.arn("sqs", name.as_str())
    }

    /// The ARN of a topic.
    pub fn topic_arn(&self, name: &TopicName) -> String {
        self.arn("sns", name.as_str())
    }

    /// The ARN of a bus.
    pub fn bus_arn(&self, name: &BusName) -> String {
        self.arn("events", &format!("event-bus/{name}"))
    }

    /// The ARN of a rule: the default bus is not named in it (EventBridge).
    pub fn rule_arn(&self, bus: &BusName, rule: &RuleName) -> String {
        match bus.as_str() {
            crate::bus::DEFAULT => self.arn("events", &format!("rule/{rule}")),
            bus => self.arn("events", &format!("rule/{bus}/{rule}")),
        }
    }

    /// The ARN of a target; the address itself where it is one.
    pub fn target_arn(&self, target: &Target) -> String {
        match target {
            Target::Function(name) => self.function_arn(name),
            Target::Queue(name) => self.queue_arn(name),
            Target::Topic(name) => self.topic_arn(name),
            Target::Bus(name) => self.bus_arn(name),
            Target::Http(url) => url.clone(),
        }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_read_back() {
        let node = NodeIdentity::default();
        let check = |target: Target| {
            let arn = node.target_arn(&target);
            assert_eq!(Arn::parse(&arn).and_then(|arn| arn.target()), Some(target), "{arn}");
        };
        check(Target::Function(FunctionName::parse("f").unwrap()));
        check(Target::Queue(QueueName::parse("orders.fifo").unwrap()));
        check(Target::Topic(TopicName::parse("order-placed").unwrap()));
        check(Target::Bus(BusName::parse("shop").unwrap()));
    }

    #[test]
    fn a_version_is_no_target_yet() {
        let target = |arn: &str| Arn::parse(arn).and_then(|arn| arn.target());
        assert!(target("arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST").is_some());
        assert!(target("arn:aws:lambda:us-east-1:000000000000:function:f:7").is_none());
    }

    #[test]
    fn other_texts_are_none() {
        for bad in ["", "arn", "arn:aws:sqs:r:a", "arn:aws:sqs:r:a:", "urn:aws:sqs:r:a:q", "orders"] {
            assert_eq!(Arn::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn rules_of_the_default_bus_do_not_name_it() {
        let (node, rule) = (NodeIdentity::default(), RuleName::parse("r").unwrap());
        let arn = |bus: &str| node.rule_arn(&BusName::parse(bus).unwrap(), &rule);
        assert_eq!(arn("default"), "arn:aws:events:us-east-1:000000000000:rule/r");
        assert_eq!(arn("shop"), "arn:aws:events:us-east-1:000000000000:rule/shop/r");
    }
}
