//! Asynchronous invocations: taking them in, and what is said about what becomes of them.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use lambent_core::{EventConfig, FunctionName, Meta, RequestId, Target, TraceHeader, limits};
use lambent_store::{Commit, Dedup, Effect, Effected, Enqueued, Finished, NewMessage};
use sha2::{Digest, Sha256};

use super::catalog::{Address, Purpose, Queue};
use super::{Error, Events, Result};

/// What the store calls event configs that a client has set.
const CONFIG: &str = "event-config";

/// An event that is to be taken in.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The function.
    pub function: FunctionName,
    /// The event, JSON text.
    pub payload: Bytes,
    /// The trace that it is part of.
    pub trace: Option<TraceHeader>,
    /// What makes it the same event when it is sent again.
    pub key: Option<Key>,
    /// The ARN as the caller wrote it, where it differs from the function's.
    pub arn: Option<String>,
    /// The client context, JSON text.
    pub client_context: Option<String>,
}

/// A key that makes events the same; with other content it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    text: String,
    digest: u64,
}

impl Key {
    /// A key, and the content that it stands for.
    pub fn new(text: String, content: &[&[u8]]) -> Self {
        // It is stored, so it must be the same in every release.
        let mut hash = Sha256::new();
        for part in content {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let first = digest.first_chunk().expect("a SHA-256 has 32 bytes");
        Self { text, digest: u64::from_le_bytes(*first) }
    }
}

/// An event that was taken in. It is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id, which the function sees as the request id and which its result can be read by.
    pub id: RequestId,
    /// Whether it was taken in before, under the same key.
    pub repeated: bool,
}

impl Events {
    /// Takes an event in: when this returns, it is on disk.
    ///
    /// # Errors
    /// When it could not be stored, or when its key was used with another event.
    pub async fn accept(&self, incoming: Incoming) -> Result<Accepted> {
        let Incoming { function, payload, trace, key, arn, client_context } = incoming;
        let queue = self.function_queue(&function).await?;
        let now = self.now();
        let id = RequestId::from_random(fastrand::u128(..));
        let trace = trace.unwrap_or_else(|| TraceHeader::start(now, fastrand::u128(..)));
        let until = now.plus(limits::RESULT_RETENTION);
        let dedup = key.as_ref().map(|key| Dedup { key: key.text.clone(), until, digest: Some(key.digest) });
        let trace = Some(trace.as_str().to_owned());
        let meta = Meta { trace, keep_result: true, arn, client_context, ..Meta::default() };
        let message = NewMessage { id, body: payload, meta, sent: now, visible: now, group: None, dedup };
        let effects = vec![Effect::Enqueue { queue: queue.id, message }];
        let effected = self.store().commit(Commit { guard: None, effects, now }).await?;
        match effected.first() {
            Some(Effected::Enqueued(Enqueued::Accepted(_))) => {
                queue.wake();
                Ok(Accepted { id, repeated: false })
            }
            Some(Effected::Enqueued(Enqueued::Duplicate { id, .. })) => {
                Ok(Accepted { id: *id, repeated: true })
            }
            Some(Effected::Enqueued(Enqueued::Mismatch)) => {
                Err(Error::KeyReused(key.map(|key| key.text).unwrap_or_default()))
            }
            _ => Err(Error::NoFunction(function.to_string())),
        }
    }

    /// The queue of a function's asynchronous invocations.
    pub(crate) async fn function_queue(&self, function: &FunctionName) -> Result<Arc<Queue>> {
        self.ensure(Purpose::Function(function.clone())).await
    }

    /// What is known of an asynchronous invocation that is over, JSON text. `None` when it is still under way, or was
    /// never taken in, or is forgotten.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn result(&self, id: RequestId) -> Result<Option<String>> {
        Ok(self.store().result(id).await?)
    }

    /// What happens to events of a function: what a client has set, else what the manifest says, else Lambda's
    /// defaults.
    pub fn event_config(&self, function: &str) -> EventConfig {
        self.with_catalog(|catalog| {
            let set = catalog.configs_set.get(function).or_else(|| catalog.configs_declared.get(function));
            set.cloned().unwrap_or_default()
        })
    }

    /// What a client has set for a function.
    pub fn event_config_set(&self, function: &str) -> Option<EventConfig> {
        self.with_catalog(|catalog| catalog.configs_set.get(function).cloned())
    }

    /// Sets what happens to events of a function, from now on and across restarts; `None` takes back what was set.
    ///
    /// # Errors
    /// When a queue that it names is not there, or the store could not do it.
    pub async fn set_event_config(&self, function: &FunctionName, config: Option<EventConfig>) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        if let Some(config) = &config {
            self.prepare(function, config).await?;
        }
        let text = config.as_ref().map(|c| serde_json::to_string(c).expect("plain data is written as JSON"));
        let put = Effect::Put { kind: CONFIG, key: function.to_string(), text };
        self.store().commit(Commit { guard: None, effects: vec![put], now: self.now() }).await?;
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        match config {
            Some(config) => catalog.configs_set.insert(function.clone(), config),
            None => catalog.configs_set.remove(function),
        };
        Ok(())
    }

    /// Takes what the manifest says about the events of its functions in the place of what it said before.
    ///
    /// # Errors
    /// When a queue cannot be made.
    pub async fn declare_event_configs(&self, configs: Vec<(FunctionName, EventConfig)>) -> Result<()> {
        let _changing = self.inner.changing.lock().await;
        for (function, config) in &configs {
            self.prepare(function, config).await?;
        }
        let mut catalog = self.inner.catalog.write().unwrap_or_else(PoisonError::into_inner);
        catalog.configs_declared = configs.into_iter().collect();
        Ok(())
    }

    /// Makes the queues that a config needs, and checks those that it names.
    async fn prepare(&self, function: &FunctionName, config: &EventConfig) -> Result<()> {
        self.function_queue(function).await?;
        if let Some(name) = &config.dead_letter {
            self.named(name.as_str())?;
        }
        for (what, target) in [("success", &config.on_success), ("failure", &config.on_failure)] {
            match target {
                Some(Target::Function(to)) if to == function => {
                    return Err(Error::Invalid(format!(
                        "`{function}` cannot be its own destination: it would call itself for ever"
                    )));
                }
                Some(Target::Function(to)) => _ = self.function_queue(to).await?,
                Some(Target::Queue(name)) => _ = self.named(name.as_str())?,
                Some(Target::Http(url)) => {
                    let address = Address {
                        owner: destination_owner(function, what),
                        url: url.clone(),
                        retry: config.retry,
                        dead_letter: None,
                        subscription: None,
                    };
                    self.ensure(Purpose::Address(address)).await?;
                }
                Some(Target::Topic(_) | Target::Bus(_)) | None => {}
            }
        }
        Ok(())
    }

    /// What clients have set, as the store has it.
    pub(super) async fn load_event_configs(
        store: &dyn lambent_store::Store,
    ) -> Result<Vec<(FunctionName, EventConfig)>> {
        let unreadable = |key: &str, why: String| {
            Error::Invalid(format!("the store's event config of `{key}` cannot be read: {why}"))
        };
        let read = |(key, text): (String, String)| {
            let name = FunctionName::parse(&key).map_err(|error| unreadable(&key, error.to_string()))?;
            let config = serde_json::from_str(&text).map_err(|error| unreadable(&key, error.to_string()))?;
            Ok((name, config))
        };
        store.documents(CONFIG).await?.into_iter().map(read).collect()
    }

    /// What becomes of an invocation, as its result tells.
    pub(crate) fn finished(&self, id: RequestId, text: String) -> Effect {
        Effect::Finish(Finished { id, text, until: self.now().plus(limits::RESULT_RETENTION) })
    }
}

/// What sends to the address that is a function's destination.
pub(super) fn destination_owner(function: &FunctionName, what: &str) -> String {
    format!("function:{function}:{what}")
}
