//! Schedules: functions that are run by the clock, through kills, restarts and pauses.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::clients::{python, succeed, tests};
use crate::harness::{Node, eventually};

const CODE: &str = "def handler(event, context):\n    return event\n";

fn manifest(schedules: &str) -> String {
    format!(
        "[functions.tick]\nruntime = \"python\"\ncode = \"tick\"\nhandler = \"app.handler\"\nschedules = [{schedules}]\n"
    )
}

fn up(schedules: &str) -> Node {
    Node::up(&manifest(schedules), &[("tick/app.py", CODE)])
}

/// What a command prints as JSON.
#[track_caller]
fn tells(node: &Node, arguments: &[&str]) -> Value {
    let output = node.command(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What became of the times of `tick`, the newest first.
fn firings(node: &Node) -> Vec<Value> {
    let told = tells(node, &["schedules", "history", "tick", "--limit", "100"]);
    told["firings"].as_array().unwrap().clone()
}

/// What the function was given for a firing.
fn event(node: &Node, firing: &Value) -> Value {
    let id = firing["event"].as_str().unwrap();
    tells(node, &["result", id, "--wait", "30s"])["response"].clone()
}

/// Every time is there once, and has become one event.
fn assert_once_each(node: &Node) {
    let firings = firings(node);
    let times: BTreeSet<&str> =
        firings.iter().map(|firing| firing["time"]["utc"]["at"].as_str().unwrap()).collect();
    assert_eq!(times.len(), firings.len(), "a time was fired twice: {firings:#?}");
    let events = firings.iter().filter(|firing| firing["event"].is_string()).count() as u64;
    let ledger = tells(node, &["ledger"]);
    let account = ledger["accounts"].as_array().unwrap().iter().find(|a| a["name"] == "function:tick");
    assert_eq!(account.unwrap()["accepted"], events, "{ledger:#}");
    assert_eq!(ledger["balances"], true);
}

#[test]
fn a_function_is_run_by_the_clock() {
    let node = up(r#"{ rate = "1s" }, { cron = "0 3 * * *", timezone = "Europe/Berlin", name = "nightly" }"#);
    let fired = eventually("it fires three times", || Some(firings(&node)).filter(|all| all.len() >= 3));
    let given = event(&node, &fired[0]);
    assert_eq!(given["detail-type"], "Scheduled Event");
    assert_eq!(given["id"], fired[0]["event"]);
    let at = fired[0]["time"]["utc"]["at"].as_str().unwrap();
    assert_eq!(given["time"].as_str().unwrap()[..19], at[..19]);

    let nightly = tells(&node, &["schedules", "list", "nightly"]);
    let next = nightly["next"].as_array().unwrap();
    assert_eq!(next.len(), 10);
    assert!(next.iter().all(|time| time["local"].as_str().unwrap().contains(" 03:00:00 +0")), "{nightly:#}");
    let shown = node.command(&["schedules", "list"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("every 1s") && shown.contains("Europe/Berlin"), "{shown}");
    let unknown = node.command(&["schedules", "history", "nihgtly"]);
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("did you mean `nightly`?"));
}

#[test]
fn by_hand_paused_resumed_and_after_the_fact() {
    let node = up(r#"{ cron = "0 0 1 1 *", input = '{"a":1}' }"#);
    let ran = node.command(&["schedules", "run-now", "tick"]);
    let id = String::from_utf8(ran.stdout).unwrap();
    let result = tells(&node, &["result", id.trim(), "--wait", "30s"]);
    assert_eq!(result["response"]["a"], 1);
    assert_eq!(firings(&node)[0]["note"], "run by hand");

    let paused = tells(&node, &["schedules", "pause", "tick"]);
    assert_eq!(paused["enabled"], false);
    assert!(String::from_utf8(node.command(&["schedules", "list"]).stdout).unwrap().contains("paused"));
    assert_eq!(tells(&node, &["schedules", "resume", "tick"])["enabled"], true);

    let years =
        ["schedules", "backfill", "tick", "--from", "2020-01-01T00:00", "--to", "2022-06-01T00:00:00Z"];
    assert_eq!(tells(&node, &years)["fired"], 3);
    let fired = firings(&node);
    assert_eq!(fired[0]["time"]["local"], "2022-01-01 00:00:00 +00:00");
    assert_eq!(fired.len(), 4);
    let future = node.command(&[
        "schedules",
        "backfill",
        "tick",
        "--from",
        "2020-01-01T00:00",
        "--to",
        "2120-01-01T00:00",
    ]);
    assert_eq!(future.status.code(), Some(1), "{future:?}");
}

#[test]
fn a_paused_schedule_stays_so_across_a_restart_and_a_deployment() {
    let mut node = up(r#"{ rate = "1s" }"#);
    eventually("it fires", || (!firings(&node).is_empty()).then_some(()));
    tells(&node, &["schedules", "pause", "tick"]);
    let before = firings(&node).len();
    node.signal("KILL");
    node.restart();
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(firings(&node).len(), before);
    assert_eq!(tells(&node, &["schedules", "list", "tick"])["enabled"], false);
}

#[test]
fn what_was_missed_during_a_restart_is_made_up_for() {
    for (missed, note) in [("last", "earlier times were missed"), ("all", "fired")] {
        let mut node = up(&format!(r#"{{ rate = "1s", missed = "{missed}" }}"#));
        eventually("it fires", || (!firings(&node).is_empty()).then_some(()));
        node.signal("KILL");
        std::thread::sleep(Duration::from_millis(3500));
        node.restart();
        eventually("it fires again", || {
            firings(&node).iter().any(|firing| firing["note"].as_str().unwrap().contains(note)).then_some(())
        });
        tells(&node, &["schedules", "pause", "tick"]);
        assert_once_each(&node);
        if missed == "all" {
            let seconds = |firing: &Value| firing["time"]["utc"]["ago_ms"].as_i64().unwrap() / 1000;
            let all = firings(&node);
            assert!(seconds(&all[all.len() - 1]) - seconds(&all[0]) <= i64::try_from(all.len()).unwrap());
        }
    }
}

#[test]
fn a_kill_at_any_moment_of_a_firing_loses_no_time_and_fires_none_twice() {
    for moment in [
        "schedule-due:2",
        "before-commit:9",
        "after-commit:9",
        "schedule-fired:2",
        "after-invoke-before-effects:1",
    ] {
        let schedules = r#"{ rate = "1s", missed = "all" }"#;
        let mut node = Node::up_with(&manifest(schedules), &[("tick/app.py", CODE)], |command| {
            command.env("LAMBENT_FAIL", moment);
        });
        assert_eq!(node.ended(), None, "{moment} was not passed");
        node.restart();
        let fired = eventually("it goes on", || Some(firings(&node)).filter(|all| all.len() >= 4));
        tells(&node, &["schedules", "pause", "tick"]);
        assert_once_each(&node);
        let given = event(&node, &fired[fired.len() - 1]);
        assert_eq!(given["source"], "aws.events", "{moment}");
    }
}

#[test]
fn a_deployment_takes_schedules_away() {
    let node = up(r#"{ rate = "1s" }"#);
    eventually("it fires", || (!firings(&node).is_empty()).then_some(()));
    node.app.write("lambent.toml", &manifest("").replace("schedules = []", ""));
    eventually("the schedule is gone", || {
        let all = tells(&node, &["schedules", "list"]);
        all["schedules"].as_array().unwrap().is_empty().then_some(())
    });
}

#[test]
fn boto3_makes_schedules_and_scheduled_rules() {
    let node = up(r#"{ cron = "0 0 1 1 *" }"#);
    let mut command = Command::new(python().join("python"));
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1");
    succeed(command.arg(tests().join("clients/schedules.py")).arg(format!("http://{}", node.api)));
}
