//! The services and their actions, and which of them a request asks for.
//!
//! The tables are what dispatch, documentation and tests read. A new action is one file and one row of its
//! service's `ACTIONS`.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use lambent_core::NodeIdentity;
use lambent_engine::Engine;

use crate::body::Body;
use crate::protocol::{Protocol, Refusal};
use crate::{dynamodb, lambda};

/// Every service that the AWS-compatible port has.
pub const SERVICES: &[Service] = &[lambda::SERVICE, dynamodb::SERVICE];

/// A service.
#[derive(Debug)]
pub struct Service {
    /// Its name in the scope of a signature.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What its clients speak.
    pub protocol: Protocol,
    /// What `X-Amz-Target` begins with, before the dot and the action's name, where the protocol has targets.
    pub target: Option<&'static str>,
    /// Its actions.
    pub actions: &'static [Action],
}

/// An action of a service.
#[derive(Debug)]
pub struct Action {
    /// Its name, as AWS writes it.
    pub name: &'static str,
    /// How a request for it is told from others.
    pub known_by: KnownBy,
    /// The largest body that it takes, in bytes.
    pub body_max: usize,
    /// What it does.
    pub run: Run,
}

/// How a request for an action is told from others.
#[derive(Debug)]
pub enum KnownBy {
    /// `X-Amz-Target` names it.
    Target,
    /// A method and a path. One segment may be in braces: it is the resource that the action is about.
    Path(Method, &'static str),
}

/// What an action does: over the engine, or on a thread of the tables.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// Over the engine.
    Engine(for<'a> fn(&'a Engine, Call) -> Running<'a>),
    /// On the tables: from the request's JSON to the answer's.
    Tables(fn(&Database, &NodeIdentity, &str) -> Result<String, DynoxideError>),
}

/// An action that is under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, Refusal>> + Send + 'a>>;

/// A request whose signature was checked.
#[derive(Debug)]
pub struct Call {
    /// Method, address and headers.
    pub head: Parts,
    /// What the path names in braces, decoded; empty when it names nothing.
    pub resource: String,
    /// The body, not parsed.
    pub body: Bytes,
}

impl Call {
    /// A header's text. `None` when it is missing or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The decoded value of a query parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        query_pairs(self.head.uri.query().unwrap_or_default())
            .find(|(key, _)| *key == name)
            .map(|(_, value)| decoded(value))
    }
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// An action, and the resource that its path names.
    Action(&'static Service, &'static Action, String),
    /// Something else of a service that is there.
    OtherAction(&'static Service, String),
    /// Something of a service that is not there, of which the protocol can be told.
    OtherService(Protocol, String),
}

impl Asked {
    /// Finds out what a request asks for. `scope` is the service that its signature is for.
    pub(crate) fn of(head: &Parts, scope: Option<&str>) -> Self {
        if let Some(target) = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok()) {
            return by_target(target);
        }
        let path = head.uri.path();
        for service in SERVICES {
            for action in service.actions {
                if let KnownBy::Path(method, pattern) = &action.known_by
                    && *method == head.method
                    && let Some(resource) = resource_of(pattern, path)
                {
                    return Self::Action(service, action, resource);
                }
            }
        }
        let what = format!("{} {path}", head.method);
        let same_version = |service: &&Service| service.actions.iter().any(|action| same_root(action, path));
        let named = SERVICES.iter().find(|service| scope == Some(service.name));
        match named.or_else(|| SERVICES.iter().find(same_version)) {
            Some(service) => Self::OtherAction(service, what),
            None => Self::OtherService(protocol_of(head, scope), scope.map_or(what, str::to_owned)),
        }
    }

    /// The service, where it is there.
    pub(crate) fn service(&self) -> Option<&'static Service> {
        match self {
            Self::Action(service, ..) | Self::OtherAction(service, _) => Some(service),
            Self::OtherService(..) => None,
        }
    }

    /// What the client speaks.
    pub(crate) fn protocol(&self) -> Protocol {
        match self {
            Self::Action(service, ..) | Self::OtherAction(service, _) => service.protocol,
            Self::OtherService(protocol, _) => *protocol,
        }
    }

    /// The action with its resource.
    ///
    /// # Errors
    /// When Lambent does not have it: what it does have.
    pub(crate) fn action(self) -> Result<(&'static Action, String), Refusal> {
        let names = |names: Vec<&str>| names.join(", ");
        let message = match &self {
            Self::Action(_, action, resource) => return Ok((action, resource.clone())),
            Self::OtherAction(service, what) => format!(
                "Lambent does not support `{what}` of {}. It supports: {}.",
                service.title,
                names(service.actions.iter().map(|action| action.name).collect())
            ),
            Self::OtherService(_, what) => format!(
                "Lambent has no AWS service that answers `{what}`. It has: {}.",
                names(SERVICES.iter().map(|service| service.title).collect())
            ),
        };
        let status = match self.protocol() {
            Protocol::RestJson => StatusCode::NOT_FOUND,
            Protocol::Json10 | Protocol::Xml => StatusCode::BAD_REQUEST,
        };
        Err(Refusal::new(status, "UnknownOperationException", message))
    }
}

fn by_target(target: &str) -> Asked {
    let (prefix, name) = target.rsplit_once('.').unwrap_or((target, ""));
    let Some(service) = SERVICES.iter().find(|service| service.target == Some(prefix)) else {
        return Asked::OtherService(Protocol::Json10, target.to_owned());
    };
    let known = |action: &&Action| matches!(action.known_by, KnownBy::Target) && action.name == name;
    match service.actions.iter().find(known) {
        Some(action) => Asked::Action(service, action, String::new()),
        None => Asked::OtherAction(service, name.to_owned()),
    }
}

/// What `path` names in the braces of `pattern`, decoded; empty when there are none. `None` when they differ.
fn resource_of(pattern: &str, path: &str) -> Option<String> {
    // SDKs end some paths in a slash and some not.
    let mut segments = path.trim_end_matches('/').split('/');
    let mut resource = String::new();
    for expected in pattern.split('/') {
        let segment = segments.next()?;
        if expected.starts_with('{') {
            resource = decoded(segment);
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(resource)
}

/// Whether a path begins with the API version of an action's.
fn same_root(action: &Action, path: &str) -> bool {
    let KnownBy::Path(_, pattern) = &action.known_by else { return false };
    path.split('/').nth(1) == pattern.split('/').nth(1)
}

/// What the client of a service that is not there speaks, as far as its request tells.
fn protocol_of(head: &Parts, scope: Option<&str>) -> Protocol {
    let form = head
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form"));
    if form || scope == Some("s3") { Protocol::Xml } else { Protocol::RestJson }
}

/// Names and values of a query, as they stand.
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Percent-decoded text. What is no UTF-8 becomes a replacement character, which no name has.
pub(crate) fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn asked(method: &str, path: &str, headers: &[(&str, &str)], scope: Option<&str>) -> String {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let asked = Asked::of(&request.body(()).unwrap().into_parts().0, scope);
        let protocol = asked.protocol();
        let service = asked.service().map_or("-", |service| service.name);
        match asked.action() {
            Ok((action, resource)) => format!("{service} {} {resource}", action.name),
            Err(refusal) => format!("{service} {protocol:?} {} {}", refusal.status.as_u16(), refusal.message),
        }
    }

    #[test]
    fn actions_are_known_by_target_and_by_path() {
        let check =
            |method, path, headers: &[_], expect| assert_eq!(asked(method, path, headers, None), expect);
        check("POST", "/", &[("x-amz-target", "DynamoDB_20120810.GetItem")], "dynamodb GetItem ");
        check("POST", "/2015-03-31/functions/f/invocations", &[], "lambda Invoke f");
        check(
            "POST",
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/invocations/?a=b",
            &[],
            "lambda Invoke arn:aws:lambda:us-east-1:000000000000:function:f",
        );
        check("GET", "/2015-03-31/functions/", &[], "lambda ListFunctions ");
        check("GET", "/2015-03-31/functions/f", &[], "lambda GetFunction f");
    }

    #[test]
    fn the_unknown_is_refused_in_the_clients_protocol() {
        let check = |text: String, expect: &str| assert!(text.starts_with(expect), "{text}");
        check(
            asked("POST", "/", &[("x-amz-target", "DynamoDB_20120810.Query")], None),
            "dynamodb Json10 400 Lambent does not support `Query` of DynamoDB. It supports: PutItem, GetItem,",
        );
        check(
            asked("GET", "/2015-03-31/functions/f/policy", &[], None),
            "lambda RestJson 404 Lambent does not support `GET /2015-03-31/functions/f/policy` of Lambda. It supports: Invoke,",
        );
        check(asked("GET", "/2099-01-01/x", &[], Some("lambda")), "lambda RestJson 404 ");
        check(
            asked("PUT", "/bucket", &[], Some("s3")),
            "- Xml 400 Lambent has no AWS service that answers `s3`.",
        );
        check(
            asked("POST", "/", &[("content-type", "application/x-www-form-urlencoded")], Some("sts")),
            "- Xml 400 Lambent has no AWS service that answers `sts`. It has: Lambda, DynamoDB.",
        );
        check(asked("POST", "/", &[("x-amz-target", "AmazonSQS.SendMessage")], Some("sqs")), "- Json10 400 ");
        check(asked("GET", "/", &[], None), "- RestJson 404 ");
    }

    #[test]
    fn every_action_is_found_by_its_row() {
        for service in SERVICES {
            for action in service.actions {
                let found = match &action.known_by {
                    KnownBy::Target => {
                        let target = format!("{}.{}", service.target.unwrap(), action.name);
                        asked("POST", "/", &[("x-amz-target", &target)], None)
                    }
                    KnownBy::Path(method, path) => {
                        asked(method.as_str(), &path.replace(['{', '}'], ""), &[], None)
                    }
                };
                assert!(found.starts_with(&format!("{} {} ", service.name, action.name)), "{found}");
            }
        }
    }
}
