//! Nodes under load are killed, again and again, at every instant: nothing that was accepted is lost, and everything is
//! accounted for.
//!
//! `LAMBENT_CRASH_SEED` repeats what was random; `cargo xtask soak` goes on for as long as one likes.

mod app;
mod books;
pub(crate) mod journal;
mod load;
mod redrive;
mod round;
mod verdict;
pub(crate) mod victim;
pub(crate) mod wire;

use std::time::{Duration, Instant};

pub(crate) use round::account;
use round::{Plan, Tally, round};

/// Nodes that are killed side by side.
const NODES: u32 = 3;

#[test]
fn nothing_accepted_is_lost_whenever_a_node_is_killed() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seed = number("LAMBENT_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let begun = Instant::now();
    let Some(minutes) = number("LAMBENT_SOAK_MINUTES") else {
        rounds(Plan { seed, kills: 70, clients: 1 }, begun);
        return;
    };
    let mut random = fastrand::Rng::with_seed(seed);
    while begun.elapsed() < Duration::from_secs(minutes * 60) {
        rounds(Plan { seed: random.u64(..1_000_000), kills: 80, clients: 2 }, begun);
    }
}

/// A round on each of several nodes, with a line about what happened.
fn rounds(plan: Plan, begun: Instant) {
    let seed = plan.seed;
    eprintln!("crash: LAMBENT_CRASH_SEED={seed}");
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let start = |n| scope.spawn(move || round(Plan { seed: seed + u64::from(n), ..plan }));
        let nodes: Vec<_> = (0..NODES).map(start).collect();
        nodes.into_iter().map(|node| node.join().expect("a node did not keep its word")).collect()
    });
    let mut sum = Tally::default();
    for tally in tallies {
        sum.kills += tally.kills;
        sum.accepted += tally.accepted;
        sum.done += tally.done;
        sum.dead += tally.dead;
        sum.again += tally.again;
        for (place, kills) in tally.places {
            *sum.places.entry(place).or_default() += kills;
        }
    }
    let Tally { kills, places, accepted, done, dead, again } = sum;
    eprintln!(
        "crash: {kills} kills {places:?}, {accepted} accepted, {done} done of which {dead} were dead before they \
         were mended, {again} runs repeated, {:.0?} so far",
        begun.elapsed()
    );
    assert!(kills >= NODES * plan.kills && accepted == done);
}
