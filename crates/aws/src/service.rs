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
use lambent_core::{NodeIdentity, RequestId};
use lambent_engine::{Engine, Events};

use crate::body::Body;
use crate::protocol::{Protocol, Refusal};
use crate::query::Form;
use crate::{dynamodb, events, lambda, s3, scheduler, sns, sqs};

/// Every service that the AWS-compatible port has.
pub const SERVICES: &[Service] = &[
    lambda::SERVICE,
    dynamodb::SERVICE,
    dynamodb::STREAMS,
    s3::SERVICE,
    sqs::SERVICE,
    events::SERVICE,
    scheduler::SERVICE,
    sns::SERVICE,
];

/// A service.
#[derive(Debug)]
pub struct Service {
    /// Its name in the scope of a signature.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What its clients speak, today's at least.
    pub protocol: Protocol,
    /// What `X-Amz-Target` begins with, before the dot and the action's name, where the protocol has targets.
    pub target: Option<&'static str>,
    /// How it speaks the query protocol, if it does.
    pub query: Option<Query>,
    /// Its actions.
    pub actions: &'static [Action],
}

/// What the query protocol has of a service.
#[derive(Debug)]
pub struct Query {
    /// The version of its API, which every form names.
    pub version: &'static str,
    /// The namespace of its answers.
    pub namespace: &'static str,
}

impl Service {
    /// The largest body that one of its actions takes.
    pub(crate) fn body_max(&self) -> usize {
        self.actions.iter().map(|action| action.body_max).max().unwrap_or_default()
    }

    /// What the clients speak that send forms.
    fn query_protocol(&self) -> Protocol {
        self.query.as_ref().map_or(self.protocol, |query| Protocol::Query(query.namespace))
    }
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
    /// The `Action` of a form names it.
    Form,
    /// Either of them names it: some clients speak JSON, some the query protocol.
    TargetOrForm,
    /// The codec of buckets finds it.
    Codec,
    /// A method and a path. One segment may be in braces: it is the resource that the action is about.
    Path(Method, &'static str),
}

/// What an action does: over the engine or the events, or on a thread of the tables.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// Over the engine.
    Engine(for<'a> fn(&'a Engine, Call) -> Running<'a>),
    /// Over what is stored first and worked on later.
    Events(for<'a> fn(&'a Events, Call) -> Running<'a>),
    /// On the tables: from the request's JSON to the answer's.
    Tables(fn(&Database, &NodeIdentity, &str) -> Result<String, DynoxideError>),
    /// On the buckets, through their codec.
    Buckets,
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
    /// The body, not parsed. In the query protocol it is the form, wherever that stood.
    pub body: Bytes,
    /// The action that is asked for.
    pub action: &'static str,
    /// What the client speaks.
    pub protocol: Protocol,
    /// The request's id.
    pub id: RequestId,
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

/// What a request asks for, and what its client speaks.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    what: What,
    protocol: Protocol,
}

#[derive(Clone, Debug)]
enum What {
    /// An action, and the resource that its path names.
    Action(&'static Service, &'static Action, String),
    /// An action whose right is in the link that was followed to it.
    Link(&'static Service, &'static Action),
    /// What a form says that is not read yet: of this service, or else of the one whose version the form names.
    Form(Option<&'static Service>),
    /// Something else of a service that is there.
    OtherAction(&'static Service, String),
    /// Something of a service that is not there.
    OtherService(String),
}

impl Asked {
    /// Finds out what a request asks for. `scope` is the service that its signature is for.
    pub(crate) fn of(head: &Parts, scope: Option<&str>) -> Self {
        if let Some(target) = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok()) {
            return by_target(target);
        }
        if let Some(action) = sns::link(head).filter(|_| scope.is_none())
            && let Some(service) = SERVICES.iter().find(|service| service.name == sns::SERVICE.name)
        {
            return Self { what: What::Link(service, action), protocol: service.protocol };
        }
        let path = head.uri.path();
        let of = |service: &'static Service, what| Self { what, protocol: service.protocol };
        // A bucket may be called as a path of another service is.
        let others = |service: &&Service| scope != Some("s3") || service.name == "s3";
        for service in SERVICES.iter().filter(others) {
            for action in service.actions {
                if let KnownBy::Path(method, pattern) = &action.known_by
                    && *method == head.method
                    && let Some(resource) = resource_of(pattern, path)
                {
                    return of(service, What::Action(service, action, resource));
                }
            }
        }
        let named = SERVICES.iter().find(|service| scope == Some(service.name));
        if is_form(head) && (scope.is_none() || named.is_some_and(|service| service.query.is_some())) {
            let protocol = named.map_or(Protocol::Query(""), Service::query_protocol);
            return Self { what: What::Form(named), protocol };
        }
        let what = format!("{} {path}", head.method);
        let same_version = |service: &&Service| service.actions.iter().any(|action| same_root(action, path));
        match named.or_else(|| SERVICES.iter().find(same_version)) {
            Some(service) => of(service, What::OtherAction(service, what)),
            None => Self {
                what: What::OtherService(scope.map_or(what, str::to_owned)),
                protocol: protocol_of(head, scope),
            },
        }
    }

    /// The service, where it is there and known by the head of the request.
    pub(crate) fn service(&self) -> Option<&'static Service> {
        match self.what {
            What::Action(service, ..) | What::Link(service, _) | What::OtherAction(service, _) => {
                Some(service)
            }
            What::Form(service) => service,
            What::OtherService(_) => None,
        }
    }

    /// Whether it is of a service that is there, or may be.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self.what, What::OtherService(_))
    }

    /// What the client speaks.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether the right to what is asked for is in the link, which then needs no signature.
    pub(crate) fn is_link(&self) -> bool {
        matches!(self.what, What::Link(..))
    }

    /// Whether a form says what is asked for.
    pub(crate) fn is_form(&self) -> bool {
        matches!(self.what, What::Form(_))
    }

    /// The largest body that is taken, and for whom.
    ///
    /// # Errors
    /// When Lambent does not have what is asked for: what it does have.
    pub(crate) fn body_max(&self) -> Result<(usize, &'static str), Refusal> {
        match &self.what {
            What::Action(_, action, _) | What::Link(_, action) => Ok((action.body_max, action.name)),
            What::Form(Some(service)) => Ok((service.body_max(), service.title)),
            What::Form(None) => {
                let with_forms = SERVICES.iter().filter(|service| service.query.is_some());
                Ok((with_forms.map(Service::body_max).max().unwrap_or_default(), "unsigned"))
            }
            What::OtherAction(..) | What::OtherService(_) => Err(self.unknown()),
        }
    }

    /// What a form asks for, now that it is there.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn read(&mut self, form: &[u8]) -> Result<(), Refusal> {
        let What::Form(service) = self.what else { return Ok(()) };
        let form = Form::parse(form)?;
        let (name, version) = (form.all().get("Action"), form.all().get("Version").unwrap_or_default());
        let of_version = |service: &&Service| service.query.as_ref().is_some_and(|q| q.version == version);
        let Some(service) = service.or_else(|| SERVICES.iter().find(of_version)) else {
            self.what = What::OtherService(format!("Version {version}"));
            return Ok(());
        };
        let name = name.unwrap_or_default();
        let known = |action: &&Action| action.has_form() && action.name == name;
        self.protocol = service.query_protocol();
        self.what = match service.actions.iter().find(known) {
            Some(action) => What::Action(service, action, String::new()),
            None => What::OtherAction(service, name.into_owned()),
        };
        Ok(())
    }

    /// The action with its resource.
    ///
    /// # Errors
    /// When Lambent does not have it: what it does have.
    pub(crate) fn action(&self) -> Result<(&'static Action, String), Refusal> {
        match &self.what {
            What::Action(_, action, resource) => Ok((action, resource.clone())),
            What::Link(_, action) => Ok((action, String::new())),
            _ => Err(self.unknown()),
        }
    }

    /// What is told to those who ask for what is not there.
    fn unknown(&self) -> Refusal {
        let names = |names: Vec<&str>| names.join(", ");
        let message = match &self.what {
            What::OtherAction(service, what) => format!(
                "Lambent does not support `{what}` of {}. It supports: {}.",
                service.title,
                names(service.actions.iter().map(|action| action.name).collect())
            ),
            What::OtherService(what) => format!(
                "Lambent has no AWS service that answers `{what}`. It has: {}.",
                names(SERVICES.iter().map(|service| service.title).collect())
            ),
            What::Action(..) | What::Link(..) | What::Form(_) => "Nothing is asked for.".to_owned(),
        };
        let (status, code) = match self.protocol {
            Protocol::RestJson => (StatusCode::NOT_FOUND, "UnknownOperationException"),
            Protocol::RestXml => (StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
            Protocol::Json10 | Protocol::Json11 => (StatusCode::BAD_REQUEST, "UnknownOperationException"),
            Protocol::Query(_) => (StatusCode::BAD_REQUEST, "InvalidAction"),
        };
        Refusal::new(status, code, message)
    }
}

impl Action {
    fn has_target(&self) -> bool {
        matches!(self.known_by, KnownBy::Target | KnownBy::TargetOrForm)
    }

    fn has_form(&self) -> bool {
        matches!(self.known_by, KnownBy::Form | KnownBy::TargetOrForm)
    }
}

fn by_target(target: &str) -> Asked {
    let (prefix, name) = target.rsplit_once('.').unwrap_or((target, ""));
    let Some(service) = SERVICES.iter().find(|service| service.target == Some(prefix)) else {
        return Asked { what: What::OtherService(target.to_owned()), protocol: Protocol::Json10 };
    };
    let known = |action: &&Action| action.has_target() && action.name == name;
    let what = match service.actions.iter().find(known) {
        Some(action) => What::Action(service, action, String::new()),
        None => What::OtherAction(service, name.to_owned()),
    };
    Asked { what, protocol: service.protocol }
}

/// Whether a form says what is asked for: the body, or the query of the address.
fn is_form(head: &Parts) -> bool {
    has_form_body(head) || has_form_query(head)
}

/// Whether the query of the address is a form.
pub(crate) fn has_form_query(head: &Parts) -> bool {
    query_pairs(head.uri.query().unwrap_or_default()).any(|(name, _)| name == "Action")
}

fn has_form_body(head: &Parts) -> bool {
    let kind = head.headers.get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form"))
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
    if has_form_body(head) || scope == Some("s3") { Protocol::Query("") } else { Protocol::RestJson }
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
        told(Asked::of(&request.body(()).unwrap().into_parts().0, scope))
    }

    fn told(asked: Asked) -> String {
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
            asked("POST", "/", &[("x-amz-target", "DynamoDB_20120810.CreateBackup")], None),
            "dynamodb Json10 400 Lambent does not support `CreateBackup` of DynamoDB. It supports: PutItem, GetItem,",
        );
        check(
            asked("GET", "/2015-03-31/functions/f/policy", &[], None),
            "lambda RestJson 404 Lambent does not support `GET /2015-03-31/functions/f/policy` of Lambda. It supports: Invoke,",
        );
        check(asked("GET", "/2099-01-01/x", &[], Some("lambda")), "lambda RestJson 404 ");
        check(
            asked("PUT", "/bucket", &[], Some("s3")),
            "s3 RestXml 501 Lambent does not support `PUT /bucket` of S3. It supports: ",
        );
        check(
            asked("POST", "/", &[("content-type", "application/x-www-form-urlencoded")], Some("sts")),
            "- Query(\"\") 400 Lambent has no AWS service that answers `sts`. It has: Lambda, DynamoDB, DynamoDB Streams, S3, SQS",
        );
        check(asked("POST", "/", &[("x-amz-target", "Kinesis.PutRecord")], Some("kinesis")), "- Json10 400 ");
        check(asked("GET", "/", &[], None), "- RestJson 404 ");
    }

    /// What an unsigned form asks for.
    fn asked_by_form(form: &str) -> String {
        let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let mut asked = Asked::of(&request.body(()).unwrap().into_parts().0, None);
        asked.read(form.as_bytes()).unwrap();
        told(asked)
    }

    #[test]
    fn forms_tell_their_action_when_they_are_read() {
        let sqs = "http://queue.amazonaws.com/doc/2012-11-05/";
        let check = |form: &str, expect: &str| {
            let told = asked_by_form(form);
            assert!(told.starts_with(expect), "{told}");
        };
        check("Action=SendMessage&Version=2012-11-05&MessageBody=a", "sqs SendMessage ");
        check("Version=2012-11-05&Action=SendMessage", "sqs SendMessage ");
        check(
            "Action=Fly&Version=2012-11-05",
            &format!("sqs Query(\"{sqs}\") 400 Lambent does not support `Fly` of SQS. It supports: "),
        );
        check("Version=2012-11-05", &format!("sqs Query(\"{sqs}\") 400 "));
        check(
            "Action=SendMessage&Version=1999",
            "- Query(\"\") 400 Lambent has no AWS service that answers `Version 1999`.",
        );
        check("", "- Query(\"\") 400 ");
    }

    #[test]
    fn forms_are_told_from_other_requests_by_the_head() {
        let check = |method: &str, uri: &str, form: bool, scope: Option<&str>, expect: bool| {
            let mut request = Request::builder().method(method).uri(uri);
            if form {
                request = request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
            }
            let asked = Asked::of(&request.body(()).unwrap().into_parts().0, scope);
            assert_eq!(asked.is_form(), expect, "{method} {uri}");
        };
        check("POST", "/", true, None, true);
        check("POST", "/000000000000/orders", true, Some("sqs"), true);
        check("GET", "/?Action=ListQueues&Version=2012-11-05", false, None, true);
        check("POST", "/", true, Some("sts"), false);
        check("POST", "/", true, Some("dynamodb"), false);
        check("POST", "/", false, Some("sqs"), false);
        // What curl sends as a form unless it is told otherwise.
        check("POST", "/2015-03-31/functions/f/invocations", true, None, false);
    }

    #[test]
    fn every_action_is_found_by_its_row() {
        for service in SERVICES {
            for action in service.actions {
                let found = match &action.known_by {
                    KnownBy::Target | KnownBy::TargetOrForm => {
                        let target = format!("{}.{}", service.target.unwrap(), action.name);
                        asked("POST", "/", &[("x-amz-target", &target)], None)
                    }
                    KnownBy::Form => asked_by_form(&format!(
                        "Action={}&Version={}",
                        action.name,
                        service.query.as_ref().unwrap().version
                    )),
                    KnownBy::Codec => continue,
                    KnownBy::Path(method, path) => {
                        asked(method.as_str(), &path.replace(['{', '}'], ""), &[], None)
                    }
                };
                assert!(found.starts_with(&format!("{} {} ", service.name, action.name)), "{found}");
            }
        }
    }
}
