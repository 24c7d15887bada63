//! The app: everything that one manifest describes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lambent_core::bus::Rule;
use lambent_core::topic::{SubscriptionSpec, TopicSpec};
use lambent_core::{
    BucketName, BucketSpec, BusName, EventConfig, Function, FunctionName, QueueName, QueueSpec, Route,
    RouteKey, ScheduleSpec, SourceSpec, Table, TopicName, limits,
};

use crate::code::Folders;
use crate::fault::{Fault, Faults, Read};
use crate::keys::{Form, Key, Need, Section};
use crate::later;
use crate::node::Node;
use crate::references::{self, Reference};
use crate::route::{self, Placed};
use crate::source::Source;
use crate::{bucket, bus, example, function, queue, schedule, table, topic};

/// An app, checked and ready to be enforced as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The folder of its manifest, absolute.
    pub folder: PathBuf,
    /// Its functions by name, at least one.
    pub functions: Vec<Function>,
    /// Its routes by path and method; no two of them take the same requests.
    pub routes: Vec<Route>,
    /// Its tables by name.
    pub tables: Vec<Table>,
    /// Its buckets by name.
    pub buckets: Vec<(BucketName, BucketSpec)>,
    /// Its queues by name.
    pub queues: Vec<(QueueName, QueueSpec)>,
    /// Its topics by name, each with who is subscribed to it.
    pub topics: Vec<(TopicName, TopicSpec, Vec<SubscriptionSpec>)>,
    /// Its buses by name, each with its rules by name.
    pub buses: Vec<(BusName, Vec<Rule>)>,
    /// The sources of its functions, by function; no queue is the source of two.
    pub sources: Vec<SourceSpec>,
    /// The schedules of its functions by name.
    pub schedules: Vec<ScheduleSpec>,
    /// What becomes of events that nobody waits for, of every function.
    pub events: BTreeMap<FunctionName, EventConfig>,
}

/// What the sections of a manifest fill in.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) folders: Rc<Folders>,
    pub(crate) functions: Vec<Function>,
    pub(crate) routes: Vec<Placed>,
    pub(crate) tables: Vec<Table>,
    pub(crate) buckets: Vec<(BucketName, BucketSpec)>,
    pub(crate) queues: Vec<(QueueName, QueueSpec)>,
    pub(crate) topics: Vec<(TopicName, TopicSpec, Vec<SubscriptionSpec>)>,
    pub(crate) buses: Vec<(BusName, Vec<Rule>)>,
    pub(crate) sources: Vec<SourceSpec>,
    pub(crate) schedules: Vec<schedule::Placed>,
    pub(crate) events: BTreeMap<FunctionName, EventConfig>,
    /// Where the parts name each other, those of parts that are wrong among them.
    pub(crate) references: Vec<Reference>,
}

/// The sections of a manifest.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a manifest",
    about: "",
    keys: &[
        Key {
            name: "functions",
            form: Form::Words("table of functions"),
            // Said as a whole, with an example, since a section has no value to write.
            need: Need::Without("nothing to serve"),
            example: "[functions.hello]",
            about: "a function, by its name",
            read: |draft, node| each(draft, node, "functions, as in [functions.hello]", function::read),
        },
        Key {
            name: "queues",
            form: Form::Words("table of queues"),
            need: Need::Without("no queues"),
            example: "[queues.orders]",
            about: "a queue, by its name",
            read: |draft, node| {
                check_count(node)?;
                each(draft, node, "queues, as in [queues.orders]", queue::read)
            },
        },
        Key {
            name: "topics",
            form: Form::Words("table of topics"),
            need: Need::Without("no topics"),
            example: "[topics.order-placed]",
            about: "a topic, by its name",
            read: |draft, node| each(draft, node, "topics, as in [topics.order-placed]", topic::read),
        },
        Key {
            name: "buses",
            form: Form::Words("table of buses"),
            need: Need::Without("the bus `default`, without rules"),
            example: "[buses.shop]",
            about: "a bus, by its name",
            read: |draft, node| each(draft, node, "buses, as in [buses.shop]", bus::read),
        },
        Key {
            name: "tables",
            form: Form::Words("table of tables"),
            need: Need::Without("no tables"),
            example: "[tables.Users]",
            about: "a table, by its name",
            read: |draft, node| each(draft, node, "tables, as in [tables.Users]", table::read),
        },
        Key {
            name: "buckets",
            form: Form::Words("table of buckets"),
            need: Need::Without("no buckets"),
            example: "[buckets.reports]",
            about: "a bucket, by its name",
            read: |draft, node| each(draft, node, "buckets, as in [buckets.reports]", bucket::read),
        },
    ],
    later: later::SECTIONS,
};

/// Reads a whole manifest.
pub(crate) fn read(root: &Node<'_>, folder: &Path, source: &Source<'_>) -> Read<App> {
    let mut faults = Faults::default();
    let mut draft = Draft::new(folder);
    _ = faults.keep(SECTION.read(root, &mut draft));
    draft.routes.sort_by_key(|placed| placed.spot.value.start);
    faults.append(route::check(&draft.routes, source));
    draft.schedules.sort_by_key(schedule::Placed::place);
    faults.append(schedule::check(&draft.schedules, source));
    draft.references.sort_by_key(|reference| reference.spot.value.start);
    faults.append(references::check(root, &draft, source));
    if faults.is_empty() && draft.functions.is_empty() {
        faults.push(
            Fault::overall("the manifest has no functions").suggest(format!("write one:\n\n{}", example())),
        );
    }
    faults.or(draft.finish(folder))
}

/// Reads every entry of a section into `draft`. `what` says what they are.
fn each(
    draft: &mut Draft,
    node: &Node<'_>,
    what: &str,
    read: fn(&Node<'_>, &mut Draft) -> Read<()>,
) -> Read<()> {
    let mut faults = Faults::default();
    for entry in node.entries(&format!("a table of {what}"))? {
        _ = faults.keep(read(&entry, draft));
    }
    faults.or(())
}

fn check_count(queues: &Node<'_>) -> Read<()> {
    let (count, max) = (queues.value.as_table().map_or(0, |table| table.len()), limits::QUEUES_MAX);
    if count > max {
        return Err(queues.spot.key_fault(format!("the app has {count} queues: at most {max}")).into());
    }
    Ok(())
}

impl Draft {
    fn new(folder: &Path) -> Self {
        Self {
            folders: Rc::new(Folders::new(folder)),
            functions: vec![],
            routes: vec![],
            tables: vec![],
            buckets: vec![],
            queues: vec![],
            topics: vec![],
            buses: vec![],
            sources: vec![],
            schedules: vec![],
            events: BTreeMap::new(),
            references: vec![],
        }
    }

    fn finish(mut self, folder: &Path) -> App {
        self.functions.sort_by(|a, b| a.name.cmp(&b.name));
        self.tables.sort_by(|a, b| a.name.cmp(&b.name));
        self.buckets.sort_by(|a, b| a.0.cmp(&b.0));
        let mut routes: Vec<Route> = self.routes.into_iter().map(|placed| placed.route).collect();
        routes.sort_by(|a, b| order(&a.key).cmp(&order(&b.key)));
        self.queues.sort_by(|a, b| a.0.cmp(&b.0));
        self.topics.sort_by(|a, b| a.0.cmp(&b.0));
        self.buses.sort_by(|a, b| a.0.cmp(&b.0));
        self.sources.sort_by(|a, b| (&a.function, &a.from).cmp(&(&b.function, &b.from)));
        let mut schedules: Vec<_> = self.schedules.into_iter().map(|placed| placed.spec).collect();
        schedules.sort_by(|a, b| a.name.cmp(&b.name));
        App {
            folder: folder.to_owned(),
            functions: self.functions,
            routes,
            tables: self.tables,
            buckets: self.buckets,
            queues: self.queues,
            topics: self.topics,
            buses: self.buses,
            sources: self.sources,
            schedules,
            events: self.events,
        }
    }
}

/// By path, then by method; what takes the rest comes last.
fn order(key: &RouteKey) -> (bool, &str, Option<&str>) {
    match key {
        RouteKey::Default => (true, "", None),
        RouteKey::Path { method, path } => (false, path, method.as_deref()),
    }
}
