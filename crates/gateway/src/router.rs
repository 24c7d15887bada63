//! Which route takes a request (semantics.md 6.1).
//!
//! A route matches when its path and its method do, so a request of a wrong method goes on to the next best
//! route. Of those that match, one whose whole path matches wins, a static segment before a variable; then the
//! greedy one with the longest beginning; then `$default`. At one and the same path, a method beats `ANY`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use lambent_core::route::{InvalidRoute, Variable, variable};
use lambent_core::{Route, RouteKey, json, limits};

use crate::event::decode;

/// The routes of an app, made ready for finding.
#[derive(Debug)]
pub struct Router {
    /// One for each of [`METHODS`], and the last for all other methods.
    tables: Vec<Table>,
    fallback: Option<Arc<Target>>,
}

/// Where a request goes, with what can be known before it comes.
#[derive(Debug)]
pub struct Target {
    /// The route as it was given.
    pub route: Route,
    /// Its key as JSON text, quotes included.
    pub(crate) key_json: String,
    /// Its path as JSON text, quotes included: `resource` of payload format 1.0.
    pub(crate) path_json: String,
    /// The names of its variables, in the order of the path.
    variables: Vec<String>,
}

/// A route that takes a request, and what its variables stand for.
#[derive(Debug)]
pub struct Found<'r, 'p> {
    /// The route.
    pub target: &'r Target,
    /// Names and percent-decoded values, in the order of the path.
    pub parameters: Vec<(&'r str, Cow<'p, str>)>,
}

/// Why routes do not make a router.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two routes take the same requests.
    #[error(
        "the routes `{}` (function `{}`) and `{}` (function `{}`) take the same requests: keep one of them",
        first.key, first.function, second.key, second.function
    )]
    Conflict {
        /// The one that stands first.
        first: Box<Route>,
        /// The other.
        second: Box<Route>,
    },
    /// A path is none.
    #[error("the route `{key}` has an invalid path: {reason}")]
    Path {
        /// The route's key.
        key: RouteKey,
        /// What is wrong with the path.
        reason: InvalidRoute,
    },
    /// More routes than [`limits::ROUTES_MAX`].
    #[error("{0} routes are too many: the most is {max}", max = limits::ROUTES_MAX)]
    TooMany(usize),
    /// The path cannot be searched for. No path that `RouteKey::parse` takes is known to come here.
    #[error("the route `{key}` cannot be served: {reason}")]
    Unserved {
        /// The route's key.
        key: RouteKey,
        /// What the search tree says.
        reason: String,
    },
}

/// The methods that a route can name; everything else is found among the routes for `ANY` only.
const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];

impl Router {
    /// Makes a router.
    ///
    /// # Errors
    /// When two routes take the same requests, a path is invalid, or there are too many of them.
    pub fn new(routes: &[Route]) -> Result<Self, Error> {
        if routes.len() > limits::ROUTES_MAX {
            return Err(Error::TooMany(routes.len()));
        }
        let routes = routes.iter().map(Prepared::new).collect::<Result<Vec<_>, _>>()?;
        refuse_conflicts(&routes)?;
        let mut tables = Vec::with_capacity(METHODS.len() + 1);
        for method in METHODS.iter().map(Some).chain([None]) {
            tables.push(Table::new(&routes, method.map(Method::as_str))?);
        }
        let fallback = routes.iter().find(|route| route.pattern == Pattern::Default);
        Ok(Self { tables, fallback: fallback.map(|route| Arc::clone(&route.target)) })
    }

    /// The route for a request, by its method and its path as it was sent.
    pub fn find<'p>(&self, method: &Method, path: &'p str) -> Option<Found<'_, 'p>> {
        let index = METHODS.iter().position(|known| known == method).unwrap_or(METHODS.len());
        self.tables[index]
            .find(path)
            .or_else(|| self.fallback.as_deref().map(|target| Found { target, parameters: Vec::new() }))
    }
}

impl Default for Router {
    /// A router without routes.
    fn default() -> Self {
        let tables = std::iter::repeat_with(Table::default).take(METHODS.len() + 1);
        Self { tables: tables.collect(), fallback: None }
    }
}

/// The routes that take one method.
#[derive(Default)]
struct Table {
    exact: matchit::Router<Arc<Target>>,
    /// Greedy routes by the number of segments that stand before the greedy variable. matchit would take a
    /// catch-all beside a variable for a conflict; by their depth they never meet.
    greedy: Vec<matchit::Router<Arc<Target>>>,
}

impl Table {
    /// The routes of `method`, and of `ANY` where `method` has none of the same pattern.
    fn new(routes: &[Prepared], method: Option<&str>) -> Result<Self, Error> {
        let mut table = Self::default();
        let own = |route: &&Prepared| method.is_some() && route.method() == method;
        for route in routes.iter().filter(own) {
            table.insert(route)?;
        }
        for route in routes.iter().filter(|route| route.method().is_none()) {
            if !routes.iter().filter(own).any(|own| own.pattern == route.pattern) {
                table.insert(route)?;
            }
        }
        Ok(table)
    }

    fn insert(&mut self, route: &Prepared) -> Result<(), Error> {
        let (tree, pattern) = match &route.pattern {
            Pattern::Default => return Ok(()),
            Pattern::Exact(pattern) => (&mut self.exact, pattern),
            Pattern::Greedy { before, depth } => {
                if self.greedy.len() <= *depth {
                    self.greedy.resize_with(depth + 1, matchit::Router::new);
                }
                (&mut self.greedy[*depth], before)
            }
        };
        tree.insert(pattern, Arc::clone(&route.target)).map_err(|error| Error::Unserved {
            key: route.target.route.key.clone(),
            reason: error.to_string(),
        })
    }

    fn find<'p>(&self, path: &'p str) -> Option<Found<'_, 'p>> {
        if let Ok(found) = self.exact.at(path) {
            return Some(Found::new(found.value, &found.params, None));
        }
        (0..self.greedy.len()).rev().find_map(|depth| {
            let (slash, _) = path.match_indices('/').nth(depth)?;
            let (before, rest) = path.split_at(slash + 1);
            let found = self.greedy[depth].at(before).ok().filter(|_| !rest.is_empty())?;
            Some(Found::new(found.value, &found.params, Some(rest)))
        })
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("greedy", &self.greedy.len()).finish_non_exhaustive()
    }
}

impl<'r, 'p> Found<'r, 'p> {
    fn new(target: &'r Arc<Target>, params: &matchit::Params<'_, 'p>, rest: Option<&'p str>) -> Self {
        let values = params.iter().map(|(_, value)| value).chain(rest);
        let names = target.variables.iter().map(String::as_str);
        Self { target, parameters: names.zip(values.map(|value| decode::percent(value))).collect() }
    }
}

/// A route on its way into the tables.
struct Prepared {
    pattern: Pattern,
    target: Arc<Target>,
}

/// What a path looks like to the search tree: variables are numbered, so that their names do not matter.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Pattern {
    Default,
    Exact(String),
    Greedy {
        /// With its last slash: something must follow.
        before: String,
        /// Segments in `before`.
        depth: usize,
    },
}

impl Prepared {
    fn new(route: &Route) -> Result<Self, Error> {
        let (pattern, variables) = match &route.key {
            RouteKey::Default => (Pattern::Default, Vec::new()),
            RouteKey::Path { path, .. } => {
                pattern(path).map_err(|reason| Error::Path { key: route.key.clone(), reason })?
            }
        };
        let path = match &route.key {
            RouteKey::Default => "$default",
            RouteKey::Path { path, .. } => path,
        };
        let quoted = |text: &str| {
            let mut out = String::with_capacity(text.len() + 2);
            json::push_string(&mut out, text);
            out
        };
        let key_json = quoted(&route.key.to_string());
        let path_json = quoted(path);
        let target = Arc::new(Target { route: route.clone(), key_json, path_json, variables });
        Ok(Self { pattern, target })
    }

    /// The method that the route names; `None` for `ANY` and `$default`.
    fn method(&self) -> Option<&str> {
        match &self.target.route.key {
            RouteKey::Default => None,
            RouteKey::Path { method, .. } => method.as_deref(),
        }
    }
}

fn pattern(path: &str) -> Result<(Pattern, Vec<String>), InvalidRoute> {
    let rest = path.strip_prefix('/').ok_or_else(|| InvalidRoute::NoSlash(path.to_owned()))?;
    let mut tree = String::with_capacity(path.len());
    let mut variables = Vec::new();
    let mut segments = rest.split('/').enumerate().peekable();
    while let Some((depth, segment)) = segments.next() {
        tree.push('/');
        match variable(segment)? {
            None => tree.push_str(segment),
            Some(Variable { name, greedy: false }) => {
                tree.push_str(&format!("{{{}}}", variables.len()));
                variables.push(name.to_owned());
            }
            Some(Variable { name, greedy: true }) => {
                if segments.peek().is_some() {
                    return Err(InvalidRoute::GreedyNotLast(segment.to_owned()));
                }
                variables.push(name.to_owned());
                return Ok((Pattern::Greedy { before: tree, depth }, variables));
            }
        }
    }
    Ok((Pattern::Exact(tree), variables))
}

fn refuse_conflicts(routes: &[Prepared]) -> Result<(), Error> {
    let mut seen = HashMap::with_capacity(routes.len());
    for route in routes {
        let first: Option<&Prepared> = seen.insert((route.method(), &route.pattern), route);
        if let Some(first) = first {
            let taken = |route: &Prepared| Box::new(route.target.route.clone());
            return Err(Error::Conflict { first: taken(first), second: taken(route) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
