//! `http`: the routes of a function, and whether two of an app take the same requests.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use lambent_core::route::variable;
use lambent_core::{FunctionName, PayloadFormat, Route, RouteKey, limits};
use toml::de::DeValue;

use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::{Node, Spot};
use crate::quantity::{self, Bounds};
use crate::source::Source;
use crate::value;

/// How long the gateway waits for an answer to begin.
const TIMEOUT: Bounds<Duration> = Bounds {
    least: limits::TIMEOUT_MIN,
    most: limits::INTEGRATION_TIMEOUT,
    default: limits::INTEGRATION_TIMEOUT,
};

/// What the keys of a route fill in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    key: Option<RouteKey>,
    format: Option<PayloadFormat>,
    timeout: Option<Duration>,
    asynchronous: Option<bool>,
}

/// The keys of a route that is written as a table.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a route",
    about: "An element of `http`: `\"POST /users\"`, or the same with settings: \
            `{ route = \"POST /users\", timeout = \"10s\" }`.",
    keys: &[
        Key {
            name: "route",
            form: Form::Words("string"),
            need: Need::Required,
            example: r#""POST /users""#,
            about: "Which requests: a method or `ANY`, and a path. `{id}` in a path takes one segment, `{rest+}` all \
                    that remain. `$default` takes what no other route takes.",
            read: |draft, node| set(&mut draft.key, key(node)),
        },
        Key {
            name: "payload",
            form: Form::Words("`\"1.0\"` or `\"2.0\"`"),
            need: Need::Without("`\"2.0\"`"),
            example: r#""1.0""#,
            about: "The format of the event that the function gets. An `http` function gets the request itself, and \
                    has no `payload`.",
            read: |draft, node| set(&mut draft.format, format(node)),
        },
        Key {
            name: "timeout",
            form: Form::Duration(TIMEOUT),
            need: Need::Default,
            example: r#""10s""#,
            about: "How long the caller waits for the answer to begin; after that it gets status 503.",
            read: |draft, node| set(&mut draft.timeout, quantity::duration(node, &TIMEOUT)),
        },
        Key {
            name: "async",
            form: Form::Truth(false),
            need: Need::Default,
            example: "true",
            about: "The caller gets status 202 as soon as the event is stored, and the function runs later; see \
                    [Events](#events). Nobody waits then, so there is no `timeout`, and an `http` function has no \
                    such route.",
            read: |draft, node| set(&mut draft.asynchronous, value::truth(node)),
        },
    ],
    later: &[],
};

/// A route of a function, with its place.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) spot: Spot,
    pub(crate) route: Route,
}

/// Reads the routes of `function`. Good ones are given back beside what is wrong with the others, so that they are
/// compared with the routes of other functions all the same.
pub(crate) fn read(node: &Node<'_>, function: &FunctionName) -> (Vec<Placed>, Faults) {
    let mut faults = Faults::default();
    let what = "a route or an array of routes, as in [\"POST /users\"]";
    let nodes = if node.value.is_str() {
        Some(vec![node.clone()])
    } else {
        faults.keep(node.items(what).map(Iterator::collect))
    };
    let nodes = nodes.unwrap_or_default();
    if nodes.is_empty() && faults.is_empty() {
        faults
            .push(node.spot.fault("names no route").suggest("leave `http` out of a function without routes"));
    }
    let mut routes = Vec::new();
    for node in nodes {
        let Some(Draft { key: Some(key), format, timeout, asynchronous }) = faults.keep(read_one(&node))
        else {
            continue;
        };
        let route = Route {
            key,
            function: function.clone(),
            format: format.unwrap_or_default(),
            timeout: timeout.unwrap_or(TIMEOUT.default),
            asynchronous: asynchronous.unwrap_or_default(),
        };
        routes.push(Placed { spot: node.spot, route });
    }
    (routes, faults)
}

fn read_one(node: &Node<'_>) -> Read<Draft> {
    let mut draft = Draft::default();
    match node.value {
        DeValue::Table(_) => {
            SECTION.read(node, &mut draft)?;
            if let (Some(true), Some(timeout)) = (draft.asynchronous, node.get("timeout")) {
                let fault = timeout.spot.key_fault("an asynchronous route has no `timeout`: nobody waits");
                return Err(fault.suggest("remove `timeout`, or `async`").into());
            }
        }
        _ => draft.key = Some(key(node)?),
    }
    Ok(draft)
}

fn key(node: &Node<'_>) -> Read<RouteKey> {
    let text = node.text("a route, as in \"POST /users\"")?;
    if text.contains(char::is_control) {
        return Err(node.spot.fault("a route has no control characters").into());
    }
    RouteKey::parse(text).map_err(|error| node.spot.fault(error.to_string()).into())
}

fn format(node: &Node<'_>) -> Read<PayloadFormat> {
    match node.value {
        DeValue::String(text) if text == "1.0" => Ok(PayloadFormat::V1),
        DeValue::String(text) if text == "2.0" => Ok(PayloadFormat::V2),
        _ => Err(node.spot.fault("a payload format is \"1.0\" or \"2.0\"").into()),
    }
}

/// Whether an app has too many routes, or two that take the same requests.
pub(crate) fn check(routes: &[Placed], source: &Source<'_>) -> Faults {
    let mut faults = Faults::default();
    let mut taken: HashMap<String, &Placed> = HashMap::new();
    for placed in routes.iter().take(limits::ROUTES_MAX) {
        let Some(first) = taken.get(&shape(&placed.route.key)) else {
            taken.insert(shape(&placed.route.key), placed);
            continue;
        };
        let (key, other, function) = (&placed.route.key, &first.route.key, &first.route.function);
        let at = source.position(first.spot.value.start);
        let message = format!("`{key}` takes the same requests as `{other}` of `{function}` at {at}");
        faults.push(
            placed.spot.fault(message).suggest("a request goes to one function: remove one of the two"),
        );
    }
    if let Some(placed) = routes.get(limits::ROUTES_MAX) {
        let (count, max) = (routes.len(), limits::ROUTES_MAX);
        let fault = placed.spot.fault(format!("the app has {count} routes: at most {max}"));
        faults.push(fault.suggest("join routes by a variable, as in \"ANY /users/{rest+}\""));
    }
    faults
}

/// A route key without the names of its variables: two keys of one shape take the same requests.
fn shape(key: &RouteKey) -> String {
    let RouteKey::Path { method, path } = key else { return key.to_string() };
    let mut shape = method.clone().unwrap_or_default();
    for segment in path.split('/') {
        match variable(segment) {
            Ok(Some(variable)) => shape.push_str(if variable.greedy { "/{+}" } else { "/{}" }),
            _ => _ = write!(shape, "/{segment}"),
        }
    }
    shape
}
