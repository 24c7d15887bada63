//! What the parts of a manifest say about each other: whether what they name is there, whether it fits, and whether
//! events would go round in circles.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lambent_core::{BusName, Function, FunctionName, QueueName, QueueSpec, Target, TopicName, bus};

use crate::app;
use crate::fault::{Fault, Faults};
use crate::node::{Node, Spot, join};
use crate::quantity::time;
use crate::source::Source;
use crate::suggest::nearest;

/// Unknown names that are compared with the known ones; more problems are not shown anyway.
const GUESSES_MAX: usize = 100;

/// Known names that an unknown one is compared with.
const CANDIDATES_MAX: usize = 1000;

/// A place of the manifest where one part names another.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) spot: Spot,
    role: Role,
    to: Target,
}

/// Who names it, and what for.
#[derive(Debug)]
pub(crate) enum Role {
    /// The function takes its messages.
    Source(FunctionName),
    /// It gets the function's dead letters.
    FunctionDead(FunctionName),
    /// It gets a record of what the function succeeded with.
    OnSuccess(FunctionName),
    /// It gets a record of what the function failed at.
    OnFailure(FunctionName),
    /// It gets the queue's dead letters.
    QueueDead(QueueName),
    /// It gets what is published to the topic.
    Subscription(TopicName),
    /// It gets what the topic could not deliver.
    TopicDead(TopicName),
    /// It gets events of the bus.
    Rule(BusName),
    /// It gets what a rule could not deliver.
    RuleDead,
}

impl Reference {
    /// What the key of this name refers to, where it could be read.
    pub(crate) fn read(node: &Node<'_>, key: &str, role: Role, to: Option<Target>) -> Option<Self> {
        Some(Self { spot: node.get(key)?.spot, role, to: to? })
    }
}

/// Everything that is wrong between the parts of a manifest.
pub(crate) fn check(root: &Node<'_>, app: &app::Draft, source: &Source<'_>) -> Faults {
    let mut faults = Faults::default();
    let names = Names::of(root);
    let mut guesses = GUESSES_MAX;
    for reference in &app.references {
        let fault = match names.has(&reference.to) {
            true => names.check_server(reference).or_else(|| check_fit(reference)),
            false => Some(names.unknown(reference, &mut guesses)),
        };
        fault.into_iter().for_each(|fault| faults.push(fault));
    }
    faults.append(check_sources(&app.references, source));
    faults.append(check_visibility(app));
    faults.append(check_returns(&app.references));
    faults.append(check_dead_letters(&app.references));
    faults.append(check_successes(&app.references));
    faults
}

/// The names of a manifest, those of parts that could not be read among them.
#[derive(Debug)]
struct Names<'a> {
    functions: BTreeSet<&'a str>,
    /// The functions that are web servers.
    servers: BTreeSet<&'a str>,
    queues: BTreeSet<&'a str>,
    topics: BTreeSet<&'a str>,
    buses: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(root: &Node<'a>) -> Self {
        let entries =
            |section: &str| root.get(section).and_then(|node| node.entries("").ok()).into_iter().flatten();
        let names = |section: &str| entries(section).map(|entry| entry.name);
        let is_server = |entry: &Node<'a>| {
            entry.get("runtime").is_some_and(|runtime| runtime.value.as_str() == Some("http"))
        };
        Self {
            functions: names("functions").collect(),
            servers: entries("functions").filter(is_server).map(|entry| entry.name).collect(),
            queues: names("queues").collect(),
            topics: names("topics").collect(),
            buses: names("buses").chain([bus::DEFAULT]).collect(),
        }
    }

    /// What a target is, its section and its name, and the names of the section. An address has none.
    fn find<'t>(&self, to: &'t Target) -> Option<(&'static str, &'static str, &'t str, &BTreeSet<&'a str>)> {
        match to {
            Target::Function(name) => Some(("function", "functions", name.as_str(), &self.functions)),
            Target::Queue(name) => Some(("queue", "queues", name.as_str(), &self.queues)),
            Target::Topic(name) => Some(("topic", "topics", name.as_str(), &self.topics)),
            Target::Bus(name) => Some(("bus", "buses", name.as_str(), &self.buses)),
            Target::Http(_) => None,
        }
    }

    fn has(&self, to: &Target) -> bool {
        self.find(to).is_none_or(|(_, _, name, known)| known.contains(name))
    }

    fn unknown(&self, reference: &Reference, guesses: &mut usize) -> Fault {
        let Some((what, section, name, known)) = self.find(&reference.to) else {
            return reference.spot.fault("is not in the manifest");
        };
        let fault = reference.spot.fault(format!("the manifest has no {what} `{name}`"));
        let candidates = if *guesses > 0 { CANDIDATES_MAX } else { 0 };
        *guesses = guesses.saturating_sub(1);
        // A name with other characters is none, and refused itself.
        let good = |name: &&str| name.bytes().all(|b| b.is_ascii_graphic());
        match nearest(name, known.iter().copied().filter(good).take(candidates)) {
            Some(near) => fault.suggest(format!("did you mean `{near}`?")),
            None => fault.suggest(format!("declare it: [{}]", join(section, name))),
        }
    }

    /// A web server is given requests, not events.
    fn check_server(&self, reference: &Reference) -> Option<Fault> {
        let Target::Function(name) = &reference.to else { return None };
        let server = self.servers.contains(name.as_str());
        server.then(|| {
            let message = format!("`{name}` is an http function: it is given requests, not events");
            let better = "name a function with another runtime, or an address that the server answers";
            reference.spot.fault(message).suggest(better)
        })
    }
}

/// Whether what is named can be what it is named for.
fn check_fit(reference: &Reference) -> Option<Fault> {
    let Reference { spot, role, to } = reference;
    let plain = "name one without `.fifo`";
    match (role, to) {
        (Role::QueueDead(name), Target::Queue(dead)) => {
            dead_letter_fits(spot, &format!("queue `{name}`"), name.is_fifo(), dead)
        }
        (Role::TopicDead(name), Target::Queue(dead)) => {
            dead_letter_fits(spot, &format!("topic `{name}`"), name.is_fifo(), dead)
        }
        (
            Role::FunctionDead(_) | Role::OnSuccess(_) | Role::OnFailure(_) | Role::RuleDead,
            Target::Queue(name),
        ) if name.is_fifo() => {
            let message = format!("`{name}` keeps the order of message groups, and this has no group");
            Some(spot.fault(message).suggest(plain))
        }
        (Role::OnSuccess(_) | Role::OnFailure(_) | Role::Rule(_), Target::Topic(name)) if name.is_fifo() => {
            let message = format!("`{name}` keeps the order of message groups, and this has no group");
            Some(spot.fault(message).suggest(plain))
        }
        (Role::Subscription(topic), Target::Queue(name)) if topic.is_fifo() && !name.is_fifo() => {
            let fault = spot.fault(format!("`{topic}` keeps order, and `{name}` does not"));
            Some(fault.suggest("name a queue that ends in `.fifo`, or call the topic without `.fifo`"))
        }
        (Role::Subscription(topic), Target::Queue(name)) if !topic.is_fifo() && name.is_fifo() => {
            let fault = spot.fault(format!("`{name}` keeps order, and `{topic}` does not"));
            Some(fault.suggest(format!("name a queue without `.fifo`, or call the topic \"{topic}.fifo\"")))
        }
        (Role::Subscription(topic), Target::Function(_) | Target::Http(_)) if topic.is_fifo() => {
            let fault = spot.fault(format!("`{topic}` keeps order: only queues can be subscribed to it"));
            Some(
                fault.suggest("subscribe a queue that ends in `.fifo`, and make it a source of the function"),
            )
        }
        (Role::OnSuccess(name) | Role::OnFailure(name), Target::Function(same)) if name == same => {
            let fault = spot.fault(format!("`{name}` would be started by itself without end"));
            Some(fault.suggest("name another function"))
        }
        (Role::Rule(name), Target::Bus(same)) if name == same => {
            let fault = spot.fault(format!("an event of `{name}` would come back to it without end"));
            Some(fault.suggest("name another bus"))
        }
        _ => None,
    }
}

/// Dead letters of what keeps order go to a queue that keeps order, and others to one that does not (SQS, SNS).
fn dead_letter_fits(spot: &Spot, owner: &str, fifo: bool, dead: &QueueName) -> Option<Fault> {
    match (fifo, dead.is_fifo()) {
        (true, false) => {
            let fault = spot.fault(format!("the {owner} keeps order, and `{dead}` does not"));
            Some(fault.suggest("name a queue that ends in `.fifo`"))
        }
        (false, true) => {
            let fault = spot.fault(format!("`{dead}` keeps order, and the {owner} does not"));
            Some(fault.suggest("name a queue without `.fifo`"))
        }
        _ => None,
    }
}

/// Whether a queue is a source twice.
fn check_sources(references: &[Reference], source: &Source<'_>) -> Faults {
    let mut faults = Faults::default();
    let mut taken: HashMap<&QueueName, (&FunctionName, &Spot)> = HashMap::new();
    for (function, queue, spot) in references.iter().filter_map(source_of) {
        let Some((first, at)) = taken.get(queue) else {
            taken.insert(queue, (function, spot));
            continue;
        };
        let at = source.position(at.value.start);
        if *first == function {
            let fault = spot.fault(format!("`{queue}` is a source of `{function}` already, at {at}"));
            faults.push(fault.suggest("remove one of the two; `filter` can hold several patterns"));
            continue;
        }
        let message = format!(
            "`{queue}` is a source of `{first}` already, at {at}: each message would go to one of the two"
        );
        let better = "give each function a queue of its own, and subscribe both queues to a topic";
        faults.push(spot.fault(message).suggest(better));
    }
    faults
}

fn source_of(reference: &Reference) -> Option<(&FunctionName, &QueueName, &Spot)> {
    match (&reference.role, &reference.to) {
        (Role::Source(function), Target::Queue(queue)) => Some((function, queue, &reference.spot)),
        _ => None,
    }
}

/// Whether a message would be received again while the function still works on it (semantics.md 4.2).
fn check_visibility(app: &app::Draft) -> Faults {
    let mut faults = Faults::default();
    let queues: HashMap<&QueueName, &QueueSpec> =
        app.queues.iter().map(|(name, spec)| (name, spec)).collect();
    let functions: HashMap<&FunctionName, &Function> =
        app.functions.iter().map(|function| (&function.name, function)).collect();
    for (name, queue, spot) in app.references.iter().filter_map(source_of) {
        let (Some(function), Some(spec)) = (functions.get(name), queues.get(queue)) else { continue };
        if spec.visibility >= function.timeout {
            continue;
        }
        let (visibility, timeout) = (time(spec.visibility), time(function.timeout));
        let message = format!(
            "`{name}` may take {timeout}, and `{queue}` shows a message again after {visibility}: it would be worked on twice"
        );
        let section = join("queues", queue.as_str());
        let mut better = format!("write visibility = \"{timeout}\" or more in [{section}]");
        if !spec.visibility.is_zero() {
            let section = join("functions", name.as_str());
            better.push_str(&format!(", or timeout = \"{visibility}\" or less in [{section}]"));
        }
        faults.push(spot.fault(message).suggest(better));
    }
    faults
}

/// Whether what a function makes of a queue's messages goes to the same queue.
fn check_returns(references: &[Reference]) -> Faults {
    let sources: BTreeSet<_> =
        references.iter().filter_map(source_of).map(|(function, queue, _)| (function, queue)).collect();
    let fault = |reference: &Reference| {
        let (Role::FunctionDead(function) | Role::OnSuccess(function) | Role::OnFailure(function)) =
            &reference.role
        else {
            return None;
        };
        let Target::Queue(queue) = &reference.to else { return None };
        sources.contains(&(function, queue)).then(|| {
            let message = format!(
                "`{queue}` is a source of `{function}`: what goes there would come back to it without end"
            );
            reference.spot.fault(message).suggest("name another queue")
        })
    };
    references.iter().filter_map(fault).collect()
}

/// Whether dead letters of queues go round in circles.
fn check_dead_letters(references: &[Reference]) -> Faults {
    let edge = |reference: &'_ Reference| match (&reference.role, &reference.to) {
        (Role::QueueDead(from), Target::Queue(to)) => Some((from.to_string(), to.to_string())),
        _ => None,
    };
    let fault = |(reference, circle): (&Reference, Vec<String>)| {
        let message = format!("dead letters would go round in a circle: {}", circle.join(" -> "));
        reference.spot.fault(message).suggest("remove `dead-letter` from one of them, where dead letters end")
    };
    circles(references, edge).into_iter().map(fault).collect()
}

/// Whether functions start each other without end by their successes.
fn check_successes(references: &[Reference]) -> Faults {
    let edge = |reference: &'_ Reference| match (&reference.role, &reference.to) {
        // A function that starts itself has been named apart.
        (Role::OnSuccess(from), Target::Function(to)) if from != to => {
            Some((from.to_string(), to.to_string()))
        }
        _ => None,
    };
    let fault = |(reference, circle): (&Reference, Vec<String>)| {
        let message = format!("functions would start each other without end: {}", circle.join(" -> "));
        reference.spot.fault(message).suggest("remove `on-success` from one of them, where the chain ends")
    };
    circles(references, edge).into_iter().map(fault).collect()
}

/// The circles among parts of which each points to one other at most. A circle is told once, from the part on that
/// comes first in the manifest, with this part at both ends.
fn circles<'r>(
    references: &'r [Reference],
    edge: impl Fn(&'r Reference) -> Option<(String, String)>,
) -> Vec<(&'r Reference, Vec<String>)> {
    let edges: Vec<_> =
        references.iter().filter_map(|reference| edge(reference).map(|edge| (reference, edge))).collect();
    let next: BTreeMap<&str, &str> = edges.iter().map(|(_, (from, to))| (&**from, &**to)).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut circles = Vec::new();
    for (_, (start, _)) in &edges {
        // A walk ends at a part that was seen before, or that points nowhere. It went round if that is one of its own.
        let mut walk: Vec<&str> = Vec::new();
        let mut at = Some(&**start);
        while let Some(name) = at.filter(|name| seen.insert(name)) {
            walk.push(name);
            at = next.get(name).copied();
        }
        let Some(begin) = at.and_then(|name| walk.iter().position(|walked| *walked == name)) else {
            continue;
        };
        let circle = &walk[begin..];
        // The edges are in the order of the manifest.
        let Some((reference, (first, _))) = edges.iter().find(|(_, (from, _))| circle.contains(&&**from))
        else {
            continue;
        };
        let turn = circle.iter().position(|name| name == first).unwrap_or_default();
        let round = circle[turn..].iter().chain(&circle[..turn]).chain(&circle[turn..=turn]);
        circles.push((*reference, round.map(|name| (*name).to_owned()).collect()));
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_told_once() {
        let check = |edges: &[(&str, &str)], expect: &[&str]| {
            let queue = |name: &str| QueueName::parse(name).unwrap();
            let spot = Spot { path: String::new(), key: 0..0, value: 0..0 };
            let reference = |(from, to): &(&str, &str)| Reference {
                spot: spot.clone(),
                role: Role::QueueDead(queue(from)),
                to: Target::Queue(queue(to)),
            };
            let references: Vec<_> = edges.iter().map(reference).collect();
            let found = check_dead_letters(&references).into_vec().into_iter();
            let found: Vec<_> = found
                .map(|fault| fault.message.replace("dead letters would go round in a circle: ", ""))
                .collect();
            assert_eq!(found, expect, "{edges:?}");
        };
        check(&[], &[]);
        check(&[("a", "b"), ("b", "c"), ("d", "c")], &[]);
        check(&[("a", "a")], &["a -> a"]);
        check(&[("b", "a"), ("a", "b")], &["b -> a -> b"]);
        check(&[("x", "c"), ("c", "a"), ("a", "b"), ("b", "c"), ("y", "x")], &["c -> a -> b -> c"]);
        check(&[("x", "b"), ("a", "b"), ("b", "a")], &["a -> b -> a"]);
        check(&[("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")], &["a -> b -> a", "c -> d -> c"]);
    }
}
