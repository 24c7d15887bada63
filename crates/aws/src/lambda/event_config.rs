//! `PutFunctionEventInvokeConfig` and its siblings: what happens to events of a function that nobody waits for
//! (semantics.md 2.4).
//!
//! What the manifest says about them is shown, too, and what is set here goes before it. There is no `LastModified`:
//! Lambent does not keep it.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{Response, StatusCode};
use lambent_core::{Arn, EventConfig, FunctionName, RetryPolicy, Target};
use lambent_engine::{Engine, Events, events};
use serde::{Deserialize, Serialize};

use super::Error;
use super::functions::json;
use super::identifier::{Found, LATEST};
use crate::body::{self, Body};
use crate::protocol::Refusal;
use crate::service::Call;

/// Largest body of a request.
pub(super) const BODY_MAX: usize = 16 * 1024;

const ATTEMPTS: RangeInclusive<i64> = 0..=2;
const AGE: RangeInclusive<i64> = 60..=21_600;

/// What a client sets.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Settings {
    maximum_retry_attempts: Option<i64>,
    maximum_event_age_in_seconds: Option<i64>,
    destination_config: Option<Destinations>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Destinations {
    #[serde(default)]
    on_success: Destination,
    #[serde(default)]
    on_failure: Destination,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Destination {
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
}

/// What a client is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    function_arn: String,
    maximum_retry_attempts: u32,
    maximum_event_age_in_seconds: u64,
    destination_config: Destinations,
}

/// Answers `PutFunctionEventInvokeConfig`: everything that is not said is as if it was never said.
pub(super) async fn put(engine: &Engine, call: &Call) -> Result<Response<Body>, Refusal> {
    let found = Found::by(engine, call)?;
    let settings = read(&call.body)?;
    Ok(json(&configured(engine, &found).put(settings).await?))
}

/// Answers `UpdateFunctionEventInvokeConfig`: what is not said stays.
pub(super) async fn update(engine: &Engine, call: &Call) -> Result<Response<Body>, Refusal> {
    let found = Found::by(engine, call)?;
    let settings = read(&call.body)?;
    Ok(json(&configured(engine, &found).update(settings).await?))
}

/// Answers `GetFunctionEventInvokeConfig`.
pub(super) fn get(engine: &Engine, call: &Call) -> Result<Response<Body>, Refusal> {
    let found = Found::by(engine, call)?;
    Ok(json(&configured(engine, &found).get()?))
}

/// Answers `DeleteFunctionEventInvokeConfig`. What the manifest says holds again.
pub(super) async fn delete(engine: &Engine, call: &Call) -> Result<Response<Body>, Refusal> {
    let found = Found::by(engine, call)?;
    configured(engine, &found).delete().await?;
    let mut response = Response::new(body::whole(""));
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// Answers `ListFunctionEventInvokeConfigs`: a function has one at most, that of `$LATEST`.
pub(super) fn list(engine: &Engine, call: &Call) -> Result<Response<Body>, Refusal> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        function_event_invoke_configs: Vec<Shown>,
    }
    let found = Found::by(engine, call)?;
    let shown = configured(engine, &found).get().ok();
    Ok(json(&Answer { function_event_invoke_configs: shown.into_iter().collect() }))
}

/// A function and what is said about its events.
struct Configured<'a, F> {
    events: &'a Events,
    name: &'a FunctionName,
    /// With the qualifier.
    arn: String,
    /// Whether there is a function of a name.
    is_function: F,
}

fn configured<'a>(engine: &'a Engine, found: &'a Found) -> Configured<'a, impl Fn(&str) -> bool> {
    Configured {
        events: engine.events(),
        name: found.function.name(),
        arn: format!("{}:{LATEST}", found.function.arn),
        is_function: |name: &str| engine.function(name).is_some(),
    }
}

impl<F: Fn(&str) -> bool> Configured<'_, F> {
    async fn put(&self, settings: Settings) -> Result<Shown, Error> {
        let Settings { maximum_retry_attempts, maximum_event_age_in_seconds, destination_config } = &settings;
        let handling = maximum_retry_attempts.is_some() || maximum_event_age_in_seconds.is_some();
        if !handling && destination_config.is_none() {
            return Err(Error::Parameter(
                "You must specify at least one of error handling or destination setting.".to_owned(),
            ));
        }
        // The dead letter queue is a setting of the function's and not of this one.
        let dead_letter = self.events.event_config(self.name.as_str()).dead_letter;
        self.set(EventConfig { dead_letter, ..EventConfig::default() }, settings).await
    }

    async fn update(&self, settings: Settings) -> Result<Shown, Error> {
        let known = self.known()?;
        self.set(known, settings).await
    }

    fn get(&self) -> Result<Shown, Error> {
        self.known().map(|config| self.shown(&config))
    }

    async fn delete(&self) -> Result<(), Error> {
        if self.events.event_config_set(self.name.as_str()).is_none() {
            return Err(self.none());
        }
        self.events.set_event_config(self.name, None).await.map_err(not_set)
    }

    /// What a client or the manifest said.
    fn known(&self) -> Result<EventConfig, Error> {
        let config = self.events.event_config(self.name.as_str());
        let set = self.events.event_config_set(self.name.as_str()).is_some();
        if set || config != EventConfig::default() { Ok(config) } else { Err(self.none()) }
    }

    fn none(&self) -> Error {
        Error::NoEventConfig { arn: self.arn.clone() }
    }

    async fn set(&self, base: EventConfig, settings: Settings) -> Result<Shown, Error> {
        let mut config = base;
        if let Some(retries) = settings.maximum_retry_attempts {
            let retries = checked(retries, ATTEMPTS, "maximumRetryAttempts")?;
            config.retry.attempts = u32::try_from(retries).unwrap_or(0) + 1;
        }
        if let Some(age) = settings.maximum_event_age_in_seconds {
            config.retry.max_age = Duration::from_secs(checked(age, AGE, "maximumEventAgeInSeconds")?);
        }
        if let Some(Destinations { on_success, on_failure }) = settings.destination_config {
            config.on_success = self.destination(on_success)?;
            config.on_failure = self.destination(on_failure)?;
        }
        let shown = self.shown(&config);
        self.events.set_event_config(self.name, Some(config)).await.map_err(not_set)?;
        Ok(shown)
    }

    /// What a destination's ARN names, where a record can be sent to it.
    fn destination(&self, destination: Destination) -> Result<Option<Target>, Error> {
        let Some(text) = destination.destination.filter(|text| !text.is_empty()) else { return Ok(None) };
        let refuse =
            |why: &str| Err(Error::Parameter(format!("The destination ARN {text} is invalid: {why}.")));
        let node = self.events.node();
        let here = |arn: &Arn<'_>| arn.region == node.region && arn.account == node.account;
        let Some(target) = Arn::parse(&text).filter(here).and_then(|arn| arn.target()) else {
            return refuse("it is that of no function, queue, topic or event bus here");
        };
        let there = match &target {
            Target::Function(name) if name == self.name => {
                let message = "You can't specify the function as a destination for itself.";
                return Err(Error::Parameter(message.to_owned()));
            }
            Target::Function(name) => (self.is_function)(name.as_str()),
            Target::Queue(name) if name.is_fifo() => return refuse("the queue keeps order"),
            Target::Queue(name) => self.events.queue(name.as_str()).is_some(),
            Target::Topic(name) if name.is_fifo() => return refuse("the topic keeps order"),
            Target::Topic(name) => self.events.topic(name).is_ok(),
            Target::Bus(name) => self.events.bus(name).is_ok(),
            Target::Http(_) => false,
        };
        if there { Ok(Some(target)) } else { refuse("there is none") }
    }

    fn shown(&self, config: &EventConfig) -> Shown {
        let RetryPolicy { attempts, max_age, .. } = config.retry;
        let arn = |target: &Option<Target>| Destination {
            destination: target.as_ref().map(|target| self.events.node().target_arn(target)),
        };
        Shown {
            function_arn: self.arn.clone(),
            maximum_retry_attempts: attempts.saturating_sub(1),
            maximum_event_age_in_seconds: max_age.as_secs(),
            destination_config: Destinations {
                on_success: arn(&config.on_success),
                on_failure: arn(&config.on_failure),
            },
        }
    }
}

fn read(body: &[u8]) -> Result<Settings, Error> {
    if body.is_empty() {
        return Ok(Settings::default());
    }
    serde_json::from_slice(body)
        .map_err(|error| Error::Content(format!("Could not parse request body into json: {error}")))
}

fn checked(value: i64, range: RangeInclusive<i64>, member: &'static str) -> Result<u64, Error> {
    let constraint = if value < *range.start() {
        format!("Member must have value greater than or equal to {}", range.start())
    } else {
        format!("Member must have value less than or equal to {}", range.end())
    };
    let known = u64::try_from(value).ok().filter(|_| range.contains(&value));
    known.ok_or_else(|| Error::Constraint { value: value.to_string(), member, constraint })
}

fn not_set(error: events::Error) -> Error {
    match error {
        events::Error::Store(error) => Error::Service(error.to_string()),
        other => Error::Parameter(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lambent_core::{Clock, QueueName, QueueSpec, Timestamp};
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug)]
    struct At;

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_770_112_800_000)
        }
    }

    async fn events() -> Events {
        let events = Events::in_memory(Arc::new(At)).await.unwrap();
        for name in ["a", "b.fifo"] {
            events.create_queue(&QueueName::parse(name).unwrap(), QueueSpec::default()).await.unwrap();
        }
        events
    }

    fn arn(rest: &str) -> String {
        let (service, resource) = rest.split_once(' ').unwrap();
        format!("arn:aws:{service}:us-east-1:000000000000:{resource}")
    }

    async fn ask(events: &Events, verb: &str, settings: Value) -> Result<Value, Error> {
        let name = FunctionName::parse("f").unwrap();
        let is_function = |name: &str| matches!(name, "f" | "g");
        let function = Configured { events, name: &name, arn: arn("lambda function:f:$LATEST"), is_function };
        let settings = read(settings.to_string().as_bytes())?;
        let shown = match verb {
            "put" => function.put(settings).await?,
            "update" => function.update(settings).await?,
            "get" => function.get()?,
            _ => return function.delete().await.map(|()| Value::Null),
        };
        Ok(serde_json::to_value(&shown).unwrap())
    }

    #[tokio::test]
    async fn what_is_put_is_kept_and_merged_with_what_is_updated() {
        let events = events().await;
        let none = "The function arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST doesn't have an EventInvokeConfig";
        for verb in ["get", "update", "delete"] {
            let error = ask(&events, verb, json!({"MaximumRetryAttempts": 1})).await.unwrap_err();
            assert_eq!(error.to_string(), none, "{verb}");
        }
        let failures = json!({"OnFailure": {"Destination": arn("sqs a")}});
        let put = json!({"MaximumRetryAttempts": 0, "DestinationConfig": failures});
        let shown = ask(&events, "put", put).await.unwrap();
        let expect = json!({
            "FunctionArn": arn("lambda function:f:$LATEST"),
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": 21_600,
            "DestinationConfig": {"OnSuccess": {}, "OnFailure": {"Destination": arn("sqs a")}},
        });
        assert_eq!(shown, expect);
        assert_eq!(events.event_config("f").retry.attempts, 1);
        ask(&events, "update", json!({"MaximumEventAgeInSeconds": 60})).await.unwrap();
        let shown = ask(&events, "get", json!({})).await.unwrap();
        assert_eq!(
            (&shown["MaximumEventAgeInSeconds"], &shown["MaximumRetryAttempts"]),
            (&json!(60), &json!(0))
        );
        let shown = ask(&events, "put", json!({"MaximumRetryAttempts": 2})).await.unwrap();
        assert_eq!(shown["MaximumEventAgeInSeconds"], 21_600);
        assert_eq!(shown["DestinationConfig"], json!({"OnSuccess": {}, "OnFailure": {}}));
        assert_eq!(ask(&events, "delete", json!({})).await, Ok(Value::Null));
        assert_eq!(ask(&events, "get", json!({})).await.unwrap_err().to_string(), none);
    }

    #[tokio::test]
    async fn the_manifest_shows_and_what_is_set_goes_before_it() {
        let events = events().await;
        let name = FunctionName::parse("f").unwrap();
        let retry = RetryPolicy { attempts: 10, ..RetryPolicy::LAMBDA };
        let dead_letter = Some(QueueName::parse("a").unwrap());
        let said = EventConfig { retry, dead_letter, ..EventConfig::default() };
        events.declare_event_configs(vec![(name, said.clone())]).await.unwrap();
        assert_eq!(ask(&events, "get", json!({})).await.unwrap()["MaximumRetryAttempts"], 9);
        ask(&events, "put", json!({"MaximumRetryAttempts": 1})).await.unwrap();
        let config = events.event_config("f");
        assert_eq!((config.retry.attempts, &config.dead_letter), (2, &said.dead_letter));
        ask(&events, "delete", json!({})).await.unwrap();
        assert_eq!(events.event_config("f"), said);
    }

    #[tokio::test]
    async fn what_cannot_be_is_refused() {
        let events = events().await;
        let to = |arn: String| json!({"DestinationConfig": {"OnSuccess": {"Destination": arn}}});
        let invalid = |rest: &str| format!("The destination ARN {} is invalid", arn(rest));
        for (settings, expect) in [
            (json!({}), "You must specify at least one of error handling or destination setting.".to_owned()),
            (json!({"MaximumRetryAttempts": 3}), "1 validation error detected: Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 2".to_owned()),
            (json!({"MaximumRetryAttempts": -1}), "1 validation error detected: Value '-1'".to_owned()),
            (json!({"MaximumEventAgeInSeconds": 59}), "1 validation error detected: Value '59'".to_owned()),
            (json!({"MaximumEventAgeInSeconds": 21_601}), "1 validation error detected: Value '21601'".to_owned()),
            (json!({"Retries": 1}), "Could not parse request body into json: unknown field `Retries`".to_owned()),
            (to(arn("lambda function:f")), "You can't specify the function as a destination for itself.".to_owned()),
            (to(arn("lambda function:h")), invalid("lambda function:h")),
            (to(arn("sqs b.fifo")), invalid("sqs b.fifo") + ": the queue keeps order."),
            (to(arn("sqs x")), invalid("sqs x") + ": there is none."),
            (to(arn("sns x")), invalid("sns x")),
            (to(arn("events event-bus/x")), invalid("events event-bus/x")),
            (to("arn:aws:s3:::bucket".to_owned()), "The destination ARN arn:aws:s3:::bucket is invalid".to_owned()),
        ] {
            let error = ask(&events, "put", settings).await.unwrap_err().to_string();
            assert!(error.starts_with(&expect), "{error}");
        }
        for rest in ["lambda function:g", "lambda function:g:$LATEST", "events event-bus/default", "sqs a"] {
            ask(&events, "put", to(arn(rest))).await.unwrap();
        }
    }
}
