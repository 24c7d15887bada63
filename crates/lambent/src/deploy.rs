//! Deploying: an app takes the place of what runs on a node.

use anyhow::Context;
use lambent_core::{Function, QueueSpec};
use lambent_engine::{Engine, Events};
use lambent_gateway::{Gateway, Router};
use lambent_manifest::App;
use lambent_sandbox::Launcher;
use lambent_sources::Sources;

/// Deploys apps on a running node. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Deployer {
    pub(crate) engine: Engine,
    pub(crate) launcher: Launcher,
    pub(crate) gateway: Gateway,
    pub(crate) sources: Sources,
}

impl Deployer {
    /// Puts an app in the place of what is deployed. When it fails, functions and routes stay as they were; tables, buckets,
    /// queues, topics and buses that were made by then are there.
    pub(crate) async fn deploy(&self, app: &App, changed: impl Fn(&Function) -> bool) -> anyhow::Result<()> {
        for function in &app.functions {
            self.launcher
                .check(function)
                .with_context(|| format!("the function {} cannot run here", function.name))?;
        }
        // Before anything is changed: routes that cannot be served must not meet functions that are deployed already.
        Router::new(&app.routes)?;
        for table in &app.tables {
            self.engine.tables().ensure(table)?;
        }
        for (name, spec) in &app.buckets {
            self.engine.buckets().ensure(name, spec, self.engine.clock().now())?;
        }
        declare(self.engine.events(), app).await?;
        // Functions first: a route or a source must not lead nowhere, not for a moment.
        self.engine.deploy(app.functions.clone(), changed);
        self.gateway.replace(&app.routes)?;
        self.sources.replace(app.sources.clone())?;
        Ok(())
    }
}

/// Makes what the app declares. What it no longer declares and what may hold messages stays: a queue is not removed
/// because a line is.
async fn declare(events: &Events, app: &App) -> anyhow::Result<()> {
    // All of them first without their dead letters, so that these have somewhere to go, in whatever order.
    for (name, spec) in &app.queues {
        if events.queue(name.as_str()).is_none() {
            events.declare_queue(name, QueueSpec { redrive: None, ..spec.clone() }).await?;
        }
    }
    for (name, spec) in &app.queues {
        events.declare_queue(name, spec.clone()).await.with_context(|| format!("the queue {name}"))?;
    }
    // The same for topics and buses, which may send to each other.
    for (name, spec, _) in &app.topics {
        if events.topic(name).is_err() {
            events.declare_topic(name, spec.clone(), Vec::new()).await?;
        }
    }
    for (name, _) in app.buses.iter().filter(|(name, _)| events.bus(name).is_err()) {
        events.declare_bus(name, Vec::new()).await?;
    }
    for (name, spec, subscriptions) in &app.topics {
        let declared = events.declare_topic(name, spec.clone(), subscriptions.clone()).await;
        declared.with_context(|| format!("the topic {name}"))?;
    }
    for (name, rules) in &app.buses {
        events.declare_bus(name, rules.clone()).await.with_context(|| format!("the bus {name}"))?;
    }
    undeclare(events, app).await?;
    events.declare_event_configs(app.events.clone().into_iter().collect()).await?;
    events.declare_schedules(app.schedules.clone()).await?;
    Ok(())
}

/// Takes away who listened only because an earlier manifest said so.
async fn undeclare(events: &Events, app: &App) -> anyhow::Result<()> {
    for topic in events.topics() {
        if !app.topics.iter().any(|(name, _, _)| *name == topic.name) {
            events.declare_topic(&topic.name, topic.spec.clone(), Vec::new()).await?;
        }
    }
    let kept = app.buses.iter().map(|(name, _)| name.clone()).collect();
    Ok(events.undeclare_buses(&kept).await?)
}
