//! Values that several sections have: truth, whole numbers, names, targets and patterns.

use lambent_core::pattern::{self, Pattern};
use lambent_core::{QueueName, Target};
use toml::de::DeValue;

use crate::fault::{Fault, Read};
use crate::node::Node;
use crate::quantity::Bounds;

/// Reads `true` or `false`.
pub(crate) fn truth(node: &Node<'_>) -> Read<bool> {
    node.value.as_bool().ok_or_else(|| node.wrong_form("true or false").into())
}

/// Reads a whole number.
pub(crate) fn whole(node: &Node<'_>, bounds: &Bounds<u32>) -> Read<u32> {
    let DeValue::Integer(number) = node.value else { return Err(node.wrong_form("a whole number").into()) };
    let value = i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX);
    if value > i128::from(bounds.most) {
        return Err(node.spot.fault(format!("{number} is too much: at most {}", bounds.most)).into());
    }
    match u32::try_from(value).ok().filter(|value| *value >= bounds.least) {
        Some(value) => Ok(value),
        None => Err(node.spot.fault(format!("{number} is too little: at least {}", bounds.least)).into()),
    }
}

/// Reads the name of a queue.
pub(crate) fn queue(node: &Node<'_>) -> Read<QueueName> {
    let text = node.text("the name of a queue")?;
    QueueName::parse(text).map_err(|error| {
        let fault = node.spot.fault(error.to_string());
        // Somebody may take it for a target.
        let name = text.strip_prefix("queue:").filter(|name| QueueName::parse(name).is_ok());
        name.map(|name| format!("write \"{name}\"")).into_iter().fold(fault, Fault::suggest).into()
    })
}

/// Reads a target, as in `"queue:orders"`.
pub(crate) fn target(node: &Node<'_>) -> Read<Target> {
    let text = node.text("a target, as in \"queue:orders\" or \"https://example.com/hook\"")?;
    Target::parse(text).map_err(|error| node.spot.fault(error.to_string()).into())
}

/// Reads an event pattern.
pub(crate) fn pattern(node: &Node<'_>) -> Read<String> {
    let text = node.text("a pattern as JSON text, as in '{\"source\":[\"shop\"]}'")?;
    match Pattern::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(bad_pattern(node, &error).into()),
    }
}

/// The fault that a pattern is none.
pub(crate) fn bad_pattern(node: &Node<'_>, error: &pattern::Error) -> Fault {
    let place = if error.path().is_empty() { String::new() } else { format!("`{}`: ", error.path()) };
    node.spot.fault(format!("{place}{}", error.reason())).suggest(error.reason().advice())
}
