//! The ledger: what was accepted, and what became of it.

use http::StatusCode;
use lambent_engine::Events;
use lambent_engine::events::{Entry, Ledger};

use super::super::reply::json;
use super::super::view::{self, Account, Runs};
use super::Answer;

/// `GET /v1/ledger`
pub(super) async fn show(events: &Events) -> Answer {
    Ok(json(StatusCode::OK, &view(&events.ledger().await?)))
}

fn view(ledger: &Ledger) -> view::Ledger {
    let accounts: Vec<Account> = ledger.entries.iter().map(account).collect();
    let mut total = Account { name: "total".to_owned(), balances: ledger.balances(), ..Account::default() };
    for account in &accounts {
        total.accepted += account.accepted;
        total.done += account.done;
        total.dead += account.dead;
        total.dropped += account.dropped;
        total.pending += account.pending;
    }
    let runs = |meter: &lambent_engine::events::Meter| Runs {
        function: meter.function.clone(),
        runs: meter.runs,
        failed: meter.failed,
        billed_ms: meter.billed_ms,
    };
    view::Ledger {
        at: ledger.at.iso8601(),
        balances: ledger.balances(),
        accounts,
        total,
        functions: ledger.meters.iter().map(runs).collect(),
    }
}

fn account(entry: &Entry) -> Account {
    let account = &entry.account;
    Account {
        name: entry.name.clone(),
        accepted: account.accepted,
        done: account.done,
        dead: account.dead,
        dropped: account.dropped,
        pending: account.pending,
        balances: account.balances(),
    }
}

#[cfg(test)]
mod tests {
    use lambent_core::Timestamp;

    use super::*;

    #[test]
    fn one_account_that_does_not_balance_is_one_too_many() {
        let entry = |name: &str, accepted, done| Entry {
            name: name.to_owned(),
            account: lambent_store::Account { accepted, done, ..lambent_store::Account::default() },
        };
        let ledger = |entries| Ledger { at: Timestamp::from_millis(0), entries, meters: vec![] };
        let good = view(&ledger(vec![entry("queue:a", 2, 2), entry("queue:b", 1, 1)]));
        assert!(good.balances && good.total.accepted == 3);
        let bad = view(&ledger(vec![entry("queue:a", 2, 2), entry("queue:b", 1, 0)]));
        assert!(!bad.balances && !bad.total.balances && bad.accounts[0].balances);
    }
}
