//! `GetFunction`, `GetFunctionConfiguration` and `ListFunctions`: what Lambent knows of a function, and nothing that
//! it would have to invent (semantics.md 2.3). There is no role, no code size and no place to download the code from.

use http::{HeaderValue, Response};
use lambent_core::FunctionVersion;
use lambent_engine::Engine;
use serde::Serialize;

use super::Error;
use super::identifier::{Found, LATEST};
use crate::body::{self, Body};
use crate::protocol::Refusal;
use crate::service::Call;

/// Functions on one page of a list (ListFunctions).
const PAGE_MAX: usize = 50;

/// Answers `GetFunction`.
pub(super) fn get(engine: &Engine, call: &Call) -> Result<Response<Body>, Refusal> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer<'a> {
        configuration: Configuration<'a>,
    }
    let found = Found::by(engine, call)?;
    Ok(json(&Answer { configuration: Configuration::of(&found.function, &found.arn) }))
}

/// Answers `GetFunctionConfiguration`.
pub(super) fn get_configuration(engine: &Engine, call: &Call) -> Result<Response<Body>, Refusal> {
    let found = Found::by(engine, call)?;
    Ok(json(&Configuration::of(&found.function, &found.arn)))
}

/// Answers `ListFunctions`, a page at a time; the marker is the name of the last function that was listed.
pub(super) fn list(engine: &Engine, call: &Call) -> Result<Response<Body>, Refusal> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer<'a> {
        functions: Vec<Configuration<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_marker: Option<&'a str>,
    }
    let size = page_size(call.query("MaxItems").as_deref())?;
    let marker = call.query("Marker").unwrap_or_default();
    let functions = engine.functions();
    let rest =
        &functions[functions.partition_point(|function| function.name().as_str() <= marker.as_str())..];
    let page = &rest[..rest.len().min(size)];
    Ok(json(&Answer {
        functions: page.iter().map(|function| Configuration::of(function, &function.arn)).collect(),
        next_marker: page.last().filter(|_| page.len() < rest.len()).map(|last| last.name().as_str()),
    }))
}

fn page_size(asked: Option<&str>) -> Result<usize, Error> {
    let Some(asked) = asked else { return Ok(PAGE_MAX) };
    match asked.parse::<usize>() {
        Ok(size @ 1..=10_000) => Ok(size.min(PAGE_MAX)),
        _ => Err(Error::Constraint {
            value: asked.to_owned(),
            member: "maxItems",
            constraint: "Member must be a number between 1 and 10000".to_owned(),
        }),
    }
}

/// A function's configuration, as Lambda writes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration<'a> {
    function_name: &'a str,
    function_arn: &'a str,
    runtime: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    handler: &'a str,
    description: &'static str,
    timeout: u64,
    memory_size: u32,
    version: &'a str,
    package_type: &'static str,
    architectures: [&'static str; 1],
    ephemeral_storage: EphemeralStorage,
    state: &'static str,
    last_update_status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorage {
    size: u32,
}

impl<'a> Configuration<'a> {
    fn of(version: &'a FunctionVersion, arn: &'a str) -> Self {
        let function = &version.function;
        Self {
            function_name: function.name.as_str(),
            function_arn: arn,
            runtime: function.runtime.row().name,
            handler: &function.handler,
            description: "",
            // Lambda has whole seconds; a shorter timeout is never shown as none.
            timeout: function.timeout.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
            memory_size: function.memory_mib,
            version: if version.version.is_empty() { LATEST } else { &version.version },
            package_type: "Zip",
            architectures: [if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }],
            ephemeral_storage: EphemeralStorage { size: function.tmp_mib },
            // A function that can be found can be called: deployment is over before it is there.
            state: "Active",
            last_update_status: "Successful",
        }
    }
}

pub(super) fn json(document: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_string(document).expect("a document of texts and numbers is JSON");
    let mut response = Response::new(body::whole(text));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use lambent_core::{Function, FunctionName, NodeIdentity, Runtime};

    use super::*;

    /// A deployed function for the tests of this folder.
    pub(in crate::lambda) fn version(name: &str, runtime: Runtime) -> FunctionVersion {
        let name = FunctionName::parse(name).unwrap();
        FunctionVersion {
            arn: NodeIdentity::default().function_arn(&name),
            version: LATEST.to_owned(),
            generation: 1,
            function: Function {
                name,
                runtime,
                code: "/code".into(),
                handler: "index.handler".to_owned(),
                command: Vec::new(),
                timeout: Duration::from_millis(1500),
                memory_mib: 128,
                tmp_mib: 64,
                environment: [("SIGNING_KEY".to_owned(), "hidden".to_owned())].into(),
                layers: Vec::new(),
                keep_alive: Duration::from_secs(600),
                build: None,
                dependencies: None,
                sdk: None,
            },
        }
    }

    #[test]
    fn a_configuration_has_what_is_known_and_no_environment() {
        let version = version("f", Runtime::Python);
        let text = serde_json::to_string(&Configuration::of(&version, &version.arn)).unwrap();
        let start = r#"{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f","Runtime":"python","Handler":"index.handler","Description":"","Timeout":2,"MemorySize":128,"Version":"$LATEST","#;
        assert!(text.starts_with(start), "{text}");
        assert!(
            text.ends_with(
                r#""EphemeralStorage":{"Size":64},"State":"Active","LastUpdateStatus":"Successful"}"#
            ),
            "{text}"
        );
    }

    #[test]
    fn page_sizes() {
        assert_eq!(page_size(None), Ok(50));
        assert_eq!(page_size(Some("2")), Ok(2));
        assert_eq!(page_size(Some("10000")), Ok(50));
        for bad in ["0", "-1", "x", "10001", ""] {
            assert!(page_size(Some(bad)).is_err(), "{bad}");
        }
    }
}
