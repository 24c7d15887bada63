//! One round: a node under load is killed again and again, then left in peace, mended, and held to its word.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};

use super::app;
use super::books::{Books, Common, Floor, LetGo};
use super::journal::Journal;
use super::load::Client;
use super::verdict;
use super::victim::Victim;
use super::wire::{Sent, Wire};
use crate::events::Account;
use crate::harness::eventually;

/// Where a node can be killed, and how often it passes there at most before it is.
const PLACES: [(&str, u32); 5] = [
    ("before-commit", 80),
    ("after-commit", 80),
    ("lease", 30),
    ("after-invoke-before-effects", 20),
    ("redrive-step", 6),
];

/// How long a node may take to come to the place where it is to be killed.
const ARMED: Duration = Duration::from_secs(2);

/// How long the rest may take: what was taken from a queue when the node was killed is given back when its lease is
/// over, 33 s later, and may wait behind others.
const REST: Duration = Duration::from_secs(150);

/// Places whose accounts count at the end.
pub(super) const BUSY: [&str; 3] = ["function:job", "queue:orders", "queue:line.fifo"];
pub(super) const DEAD: [&str; 2] = ["dead-jobs", "dead-orders"];

/// How hard a node is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) kills: u32,
    /// How many clients do each share of the load.
    pub(super) clients: u32,
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) kills: u32,
    /// Kills by the place where they happened.
    pub(super) places: BTreeMap<&'static str, u32>,
    pub(super) accepted: u64,
    pub(super) done: u64,
    /// Dead letters before they were mended.
    pub(super) dead: u64,
    /// Runs of messages that had no reason to be run again but the kills.
    pub(super) again: u64,
}

/// Does a round; it panics where the node did not keep its word.
pub(super) fn round(plan: Plan) -> Tally {
    let journal = Journal::open();
    let common = Common::default();
    let mut killer = Killer {
        victim: Victim::new(app::write(journal.address())),
        random: Rng::with_seed(plan.seed),
        tally: Tally::default(),
    };
    std::thread::scope(|scope| {
        let _guard = LetGo(&common);
        let mut seeds = Rng::with_seed(plan.seed);
        for (share, often, step) in Client::SHARES {
            for n in 0..plan.clients {
                let client = Client::new(format!("{share}{n}"), &common, killer.victim.ports, seeds.u64(..));
                scope.spawn(move || client.run(often, step));
            }
        }
        for _ in 0..plan.kills {
            killer.live_and_die(&common);
        }
        killer.victim.start(None);
        common.end();
    });
    let books = common.books.lock().unwrap().floor();
    killer.audit(&books);
    killer.comes_to_rest();
    let letters = verdict::dead(&mut killer);
    verdict::poison_is_dead(&letters, &journal.entries());
    journal.mend();
    killer.redrive_and_die();
    killer.comes_to_rest();
    killer.empty_out(&common);
    let books = common.books.lock().unwrap();
    finish(killer, &books, &journal, letters.len())
}

fn finish(mut killer: Killer, books: &Books, journal: &Journal, dead: usize) -> Tally {
    let entries = journal.entries();
    verdict::all(&mut killer, books, &entries);
    killer.victim.stop();
    let mut tally = killer.tally;
    tally.kills = killer.victim.kills;
    tally.dead = dead as u64;
    tally.again = verdict::again(&entries);
    let said = killer.victim.said();
    assert!(!said.contains("panicked"), "{said}");
    tally
}

/// Whoever starts and kills the node, and looks at it.
pub(super) struct Killer {
    pub(super) victim: Victim,
    random: Rng,
    pub(super) tally: Tally,
}

impl Killer {
    /// One life of the node, which ends at a fail point or whenever it happens.
    fn live_and_die(&mut self, common: &Common) {
        let floor = common.books.lock().unwrap().floor();
        if self.random.bool() {
            let (place, most) = PLACES[self.random.usize(0..PLACES.len())];
            self.victim.start(Some(&format!("{place}:{}", self.random.u32(1..=most))));
            common.next_life();
            self.audit(&floor);
            if self.victim.is_gone(ARMED) {
                *self.tally.places.entry(place).or_default() += 1;
                return;
            }
        } else {
            let lives = Duration::from_millis(self.random.u64(0..900));
            let born = Instant::now();
            self.victim.start(None);
            common.next_life();
            if lives > Duration::from_millis(300) {
                self.audit(&floor);
            }
            std::thread::sleep(lives.saturating_sub(born.elapsed()));
        }
        self.victim.kill();
        *self.tally.places.entry("anywhere").or_default() += 1;
    }

    /// Looks at the ledger as soon as the node is up, unless it is killed before: it balances, and nothing that was
    /// accepted is missing.
    fn audit(&mut self, floor: &Floor) {
        let mut admin = Wire::new(self.victim.ports.admin);
        while !self.victim.is_gone(Duration::ZERO) {
            let Sent::Answered(answer) = admin.send("GET", "/v1/ledger", &[], "") else { continue };
            let ledger = answer.json();
            assert_eq!(ledger["balances"], true, "{ledger:#}");
            for (name, least) in BUSY.iter().zip(floor) {
                let [accepted, ..] = account(&ledger, name);
                assert!(accepted >= *least as u64, "{name}: {least} were accepted\n{ledger:#}");
            }
            return;
        }
    }

    /// Asks the node, which is up or coming up.
    pub(super) fn get(&self, path: &str) -> Value {
        let mut admin = Wire::new(self.victim.ports.admin);
        eventually("an answer of the node", || match admin.send("GET", path, &[], "") {
            Sent::Answered(answer) => Some(answer.json()),
            Sent::Unsent | Sent::Unknown => None,
        })
    }

    /// Waits until nothing is pending any more but dead letters.
    fn comes_to_rest(&self) {
        let begun = Instant::now();
        loop {
            let (ledger, redrives) = (self.get("/v1/ledger"), self.get("/v1/redrives"));
            assert_eq!(ledger["balances"], true, "{ledger:#}");
            let moving = |redrive: &Value| redrive["state"] == "running";
            let rests = |name: &&str| account(&ledger, name)[4] == 0;
            if BUSY.iter().all(rests) && !redrives["redrives"].as_array().unwrap().iter().any(moving) {
                return;
            }
            assert!(begun.elapsed() < REST, "something is never done: {ledger:#}\n{redrives:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends the dead letters back, and kills the node while it does that.
    fn redrive_and_die(&mut self) {
        let places = DEAD.map(|from| json!({ "from": from, "rate": 40 }).to_string());
        let mut admin = Wire::new(self.victim.ports.admin);
        for body in &places {
            match admin.send("POST", "/v1/redrives", &[], body) {
                Sent::Answered(answer) => assert_eq!(answer.status, 201, "{answer:?}"),
                sent => panic!("{sent:?}"),
            }
        }
        for _ in 0..3 {
            self.victim.kill();
            self.victim.start(Some(&format!("redrive-step:{}", self.random.u32(1..4))));
            if !self.victim.is_gone(ARMED) {
                return;
            }
            *self.tally.places.entry("redrive-step").or_default() += 1;
            self.victim.start(None);
        }
    }

    /// Takes what is left of the messages that tell of successes.
    fn empty_out(&self, common: &Common) {
        let mut client = Client::new("last".to_owned(), common, self.victim.ports, 0);
        eventually("the queue is empty", || {
            client.receive();
            (account(&self.get("/v1/ledger"), "queue:out")[4] == 0).then_some(())
        });
    }
}

/// What a ledger says about one thing.
pub(crate) fn account(ledger: &Value, name: &str) -> Account {
    let accounts = ledger["accounts"].as_array().unwrap();
    let Some(found) = accounts.iter().find(|account| account["name"] == name) else { return [0; 5] };
    ["accepted", "done", "dead", "dropped", "pending"].map(|key| found[key].as_u64().unwrap())
}
