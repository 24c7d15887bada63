//! What the manifest will hold in a later release. It is refused apart from what is unknown, because the words are
//! right and only the release is not, and because there is always something to do meanwhile.

use crate::fault::Fault;
use crate::node::Spot;

/// Something that a later release will support.
#[derive(Debug)]
pub(crate) struct Later {
    /// Its name in the manifest.
    pub(crate) name: &'static str,
    /// What to do in this release.
    pub(crate) meanwhile: &'static str,
}

impl Later {
    /// The fault that a key of this name stands in the manifest.
    pub(crate) fn refuse(&self, spot: &Spot) -> Fault {
        spot.key_fault(format!("`{}` is not supported in this release", self.name)).suggest(self.meanwhile)
    }
}

/// Sections of a later release.
pub(crate) const SECTIONS: &[Later] = &[
    Later {
        name: "services",
        meanwhile: "give the address of the service to the functions in `environment`, or start it as a function with runtime = \"http\"",
    },
    Later { name: "secrets", meanwhile: SECRETS },
];

/// Sources of a later release.
pub(crate) const SOURCES: &[Later] = &[
    Later { name: "kafka", meanwhile: BROKER },
    Later { name: "nats", meanwhile: BROKER },
    Later { name: "rabbitmq", meanwhile: BROKER },
    Later { name: "redis", meanwhile: BROKER },
];

/// What to do as long as no broker is a source.
const BROKER: &str = "let a consumer of your own send what it reads to a queue on the AWS-compatible port, and name that queue as the source";

/// Runtimes of a later release.
pub(crate) const RUNTIMES: &[Later] = &[
    Later {
        name: "java",
        meanwhile: "write runtime = \"provided\" and put an executable `bootstrap` into the code that starts Java with the AWS Lambda Java runtime interface client",
    },
    Later {
        name: "wasm",
        meanwhile: "write runtime = \"provided\" and put an executable `bootstrap` into the code that starts a WebAssembly runtime",
    },
];

/// What to do as long as there are no secrets.
pub(crate) const SECRETS: &str = "write the value itself into `environment`, and keep the manifest where only those may read it who may know the value";
