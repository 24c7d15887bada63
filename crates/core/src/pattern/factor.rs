//! Branches of `$or` that name a field which stands beside the `$or` too.
//!
//! `{"a": {"x": [1]}, "$or": [{"a": {"y": [2]}}, {"b": [3]}]}` wants `x` and `y` in the same element of an array `a`.
//! So what is wanted of `a` must stand in one place: it is written into each branch. Fields that no branch names stay
//! outside, and so a pattern grows only where it must.

use std::collections::BTreeSet;
use std::mem;

use super::error::Reason;
use super::node::Node;
use crate::limits::PATTERN_FIELDS_MAX;

/// Brings together what is wanted of one field.
///
/// # Errors
/// When the pattern has or would get too many fields.
pub(super) fn factor(root: &mut Node) -> Result<(), Reason> {
    let mut room = Room(PATTERN_FIELDS_MAX);
    room.take(root.size())?;
    settle(root, &mut room)
}

/// How many nodes may still be made.
struct Room(usize);

impl Room {
    fn take(&mut self, nodes: usize) -> Result<(), Reason> {
        self.0 = self.0.checked_sub(nodes).ok_or(Reason::TooManyFields)?;
        Ok(())
    }
}

fn settle(node: &mut Node, room: &mut Room) -> Result<(), Reason> {
    let mut choices = mem::take(&mut node.choices);
    for choice in &mut choices {
        let shared = {
            let named = keys(choice);
            node.take_fields(|key| named.contains(key))
        };
        for (key, child) in shared {
            room.take(child.size() * choice.len())?;
            choice.iter_mut().for_each(|branch| branch.add_field(key.clone(), child.clone()));
        }
    }
    let mut at = 0;
    while at < choices.len() {
        let later = at + 1..choices.len();
        match later.into_iter().find(|other| !keys(&choices[at]).is_disjoint(&keys(&choices[*other]))) {
            Some(other) => {
                let right = choices.remove(other);
                choices[at] = product(&choices[at], &right, room)?;
            }
            None => at += 1,
        }
    }
    node.choices = choices;
    node.fields.values_mut().chain(node.choices.iter_mut().flatten()).try_for_each(|node| settle(node, room))
}

/// The keys that some branch names.
fn keys(choice: &[Node]) -> BTreeSet<&str> {
    let mut keys = BTreeSet::new();
    let mut nodes: Vec<&Node> = choice.iter().collect();
    while let Some(node) = nodes.pop() {
        keys.extend(node.fields.keys().map(AsRef::as_ref));
        nodes.extend(node.choices.iter().flatten());
    }
    keys
}

/// One `$or` that says what two say together.
fn product(left: &[Node], right: &[Node], room: &mut Room) -> Result<Vec<Node>, Reason> {
    let mut both = Vec::new();
    for left in left {
        for right in right {
            room.take(left.size() + right.size())?;
            let mut branch = left.clone();
            branch.merge(right.clone());
            both.push(branch);
        }
    }
    Ok(both)
}
