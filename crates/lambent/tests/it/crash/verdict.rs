//! Whether the node kept its word: what clients were told, what functions saw and what the ledger says agree.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;

use super::books::{Books, Posted};
use super::journal::Entry;
use super::round::{DEAD, Killer, account};

/// The messages that are dead letters.
pub(super) fn dead(killer: &mut Killer) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for place in DEAD {
        let mut after = 0;
        loop {
            let page = killer.get(&format!("/v1/dead-letters/{place}?limit=1000&after={after}"));
            for letter in page["messages"].as_array().unwrap() {
                let id = format!("{place} {}", id(letter["body"].to_string().as_str()));
                assert!(all.insert(id.clone()), "{id} is dead twice");
            }
            let Some(next) = page["next"].as_i64() else { break };
            after = next;
        }
    }
    all
}

/// The id in a letter's body, whatever is around it.
fn id(body: &str) -> String {
    let kinds = ["poison.", "flaky.", "plain."];
    let begin = kinds.iter().filter_map(|kind| body.find(kind)).min();
    let rest = &body[begin.unwrap_or_else(|| panic!("no id in {body}"))..];
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || ".-".contains(*c)).collect()
}

/// What always fails is dead, each in its place.
pub(super) fn poison_is_dead(dead: &BTreeSet<String>, entries: &[Entry]) {
    for Entry { function, id, .. } in entries.iter().filter(|entry| entry.id.starts_with("poison.")) {
        let place = if function == "job" { "dead-jobs" } else { "dead-orders" };
        assert!(dead.contains(&format!("{place} {id}")), "{id} always failed, and is not in {place}");
    }
}

/// Runs of messages that had no reason of their own to be run again.
pub(super) fn again(entries: &[Entry]) -> u64 {
    let plain = || entries.iter().filter(|entry| entry.id.starts_with("plain."));
    let first: BTreeSet<_> = plain().map(|entry| (&entry.function, &entry.id)).collect();
    (plain().count() - first.len()) as u64
}

/// Holds the node to its word when everything is done.
pub(super) fn all(killer: &mut Killer, books: &Books, entries: &[Entry]) {
    let ran = |function: &str| -> BTreeSet<&str> {
        let of = entries.iter().filter(|entry| entry.function == function);
        of.map(|entry| entry.id.as_str()).collect()
    };
    let (job, work, line) = (ran("job"), ran("work"), ran("line"));
    let is_news = |id: &&&str| id.split('.').nth(1).unwrap().starts_with("news");
    let told: BTreeSet<&str> = job.iter().filter(is_news).copied().collect();
    let queued: BTreeSet<&str> = work.iter().filter(is_news).copied().collect();
    assert_eq!(told, queued, "a publish came to one subscriber only");
    were_sent(&told, &books.news);
    were_sent(&work.difference(&queued).copied().collect(), &books.orders);

    let jobs: BTreeSet<&str> = books.jobs.keys().map(String::as_str).collect();
    assert_eq!(job.difference(&told).copied().collect::<BTreeSet<_>>(), jobs, "the jobs that ran");
    let sent: u32 = books.line.values().sum();
    assert_eq!(line.len(), sent as usize, "the messages in order that were seen");
    in_order(books, entries);

    let ledger = killer.get("/v1/ledger");
    for (name, ran) in [("function:job", &job), ("queue:orders", &work), ("queue:line.fifo", &line)] {
        let count = ran.len() as u64;
        assert_eq!(account(&ledger, name), [count, count, 0, 0, 0], "{name}\n{ledger:#}");
        killer.tally.accepted += count;
        killer.tally.done += account(&ledger, name)[1];
    }
    assert_eq!(books.out.len(), job.len(), "successes that were told of");
    let told = account(&ledger, "queue:out");
    assert_eq!(told, [job.len() as u64, job.len() as u64, 0, 0, 0], "told once of each");
    for (id, invocation) in &books.jobs {
        assert!(books.out.contains_key(invocation), "nobody was told of {id}");
    }
    // One in ten says enough about them all.
    for (id, invocation) in books.jobs.iter().step_by(10) {
        let result = killer.get(&format!("/v1/results/{invocation}"));
        assert_eq!((&result["state"], &result["response"]["id"]), (&json!("done"), &json!(id)), "{result:#}");
    }
}

/// What was accepted was seen, and what was seen was sent.
fn were_sent(seen: &BTreeSet<&str>, posted: &Posted) {
    for id in &posted.accepted {
        assert!(seen.contains(id.as_str()), "{id} was accepted, and no function was given it");
    }
    for id in seen {
        let sent = posted.accepted.contains(*id) || posted.unknown.contains(*id);
        assert!(sent, "nobody sent {id}");
    }
}

/// Each group was worked on in order: a batch goes on where the group is, without a gap, and never goes back behind
/// what was acknowledged.
fn in_order(books: &Books, entries: &[Entry]) {
    let mut groups: BTreeMap<&str, Vec<(&str, u32)>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.function == "line") {
        let (rest, number) = entry.id.rsplit_once('.').unwrap();
        let group = rest.split_once('.').unwrap().1;
        groups.entry(group).or_default().push((&entry.run, number.parse().unwrap()));
    }
    for (group, seen) in groups {
        let shown = || format!("{group}: {seen:?}");
        let mut begun: HashMap<&str, usize> = HashMap::new();
        let (mut first, mut last) = (1, 0);
        for (at, (run, number)) in seen.iter().enumerate() {
            if at > 0 && seen[at - 1].0 == *run {
                assert_eq!(*number, seen[at - 1].1 + 1, "a batch is not in order: {}", shown());
            } else {
                assert!(begun.insert(run, at).is_none(), "two batches of a group at once: {}", shown());
                assert!(*number >= first, "what is behind it was acknowledged: {}", shown());
                first = *number;
            }
            assert!(*number <= last + 1, "one is left out: {}", shown());
            last = last.max(*number);
        }
        assert_eq!(last, books.line[group], "{}", shown());
    }
}
