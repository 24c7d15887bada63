//! The app: everything that one manifest describes.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use lambent_core::{Function, Route, RouteKey, Table};

use crate::code::Folders;
use crate::fault::{Fault, Faults, Read};
use crate::keys::{Form, Key, Need, Section};
use crate::later;
use crate::node::Node;
use crate::route::{self, Placed};
use crate::source::Source;
use crate::{example, function, table};

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
}

/// What the sections of a manifest fill in.
#[derive(Debug)]
pub(crate) struct Draft {
    folders: Rc<Folders>,
    functions: Vec<Function>,
    routes: Vec<Placed>,
    tables: Vec<Table>,
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
            read: |draft, node| {
                let mut faults = Faults::default();
                for entry in node.entries("a table of functions, as in [functions.hello]")? {
                    let function = function::read(&entry, &draft.folders, &mut draft.routes);
                    draft.functions.extend(faults.keep(function));
                }
                faults.or(())
            },
        },
        Key {
            name: "tables",
            form: Form::Words("table of tables"),
            need: Need::Without("no tables"),
            example: "[tables.Users]",
            about: "a table, by its name",
            read: |draft, node| {
                let mut faults = Faults::default();
                for entry in node.entries("a table of tables, as in [tables.Users]")? {
                    draft.tables.extend(faults.keep(table::read(&entry)));
                }
                faults.or(())
            },
        },
    ],
    later: later::SECTIONS,
};

/// Reads a whole manifest.
pub(crate) fn read(root: &Node<'_>, folder: &Path, source: &Source<'_>) -> Read<App> {
    let mut faults = Faults::default();
    let folders = Rc::new(Folders::new(folder));
    let mut draft = Draft { folders, functions: vec![], routes: vec![], tables: vec![] };
    _ = faults.keep(SECTION.read(root, &mut draft));
    draft.routes.sort_by_key(|placed| placed.spot.value.start);
    faults.append(route::check(&draft.routes, source));
    if faults.is_empty() && draft.functions.is_empty() {
        faults.push(
            Fault::overall("the manifest has no functions").suggest(format!("write one:\n\n{}", example())),
        );
    }
    faults.or(draft.finish(folder))
}

impl Draft {
    fn finish(mut self, folder: &Path) -> App {
        self.functions.sort_by(|a, b| a.name.cmp(&b.name));
        self.tables.sort_by(|a, b| a.name.cmp(&b.name));
        let mut routes: Vec<Route> = self.routes.into_iter().map(|placed| placed.route).collect();
        routes.sort_by(|a, b| order(&a.key).cmp(&order(&b.key)));
        App { folder: folder.to_owned(), functions: self.functions, routes, tables: self.tables }
    }
}

/// By path, then by method; what takes the rest comes last.
fn order(key: &RouteKey) -> (bool, &str, Option<&str>) {
    match key {
        RouteKey::Default => (true, "", None),
        RouteKey::Path { method, path } => (false, path, method.as_deref()),
    }
}
