//! Schedules: those that are refused, and what good ones become.

use std::time::Duration;

use lambent_core::schedule::{Missed, Overlap};
use lambent_core::{Timestamp, When};

use super::{BASE, Shop, check_after};

#[test]
fn schedules_that_say_not_when() {
    check_after(&[
        (
            "schedules = []",
            &[
                "5:13 functions.a.schedules: names no schedule / leave `schedules` out of a function without schedules",
            ],
        ),
        (
            "schedules = { cron = \"0 3 * * *\" }",
            &[
                "5:13 functions.a.schedules: must be an array of schedules, as in [{ cron = \"0 3 * * *\" }], but is a table",
            ],
        ),
        (
            "schedules = [{}]",
            &[
                "5:14 functions.a.schedules: says not when / write cron = \"0 3 * * *\", rate = \"5m\" or at = \"2027-01-01T00:00\"",
            ],
        ),
        (
            "schedules = [\"0 3 * * *\"]",
            &[
                "5:14 functions.a.schedules: must be a schedule, as in { cron = \"0 3 * * *\" }, but is a string",
            ],
        ),
        (
            "schedules = [{ cron = \"0 25 * * *\" }]",
            &[
                "5:23 functions.a.schedules.cron: in the field hour, `25` is wrong: write 0 to 23, with `,`, `-`, `*` and `/`",
            ],
        ),
        (
            "schedules = [{ cron = \"0 12 * * * *\" }]",
            &[
                "5:23 functions.a.schedules.cron: `0 12 * * * *` has 6 fields: write five, as in `0 3 * * *`: minute, hour, day-of-month, month, day-of-week",
            ],
        ),
        (
            "schedules = [{ cron = \"cron(0 12 * * * *)\" }]",
            &[
                "5:23 functions.a.schedules.cron: one of the fields day-of-month and day-of-week must be `?`, and only one: write `?` in the one that does not matter",
            ],
        ),
        (
            "schedules = [{ cron = \"0 0 30 2 *\" }]",
            &["5:23 functions.a.schedules.cron: `0 0 30 2 *` never happens: there is no such day"],
        ),
    ]);
}

#[test]
fn rates_and_times_that_are_refused() {
    check_after(&[
        (
            "schedules = [{ rate = \"10ms\" }]",
            &["5:23 functions.a.schedules.rate: 10ms is too little: at least 1s"],
        ),
        (
            "schedules = [{ rate = 5 }]",
            &[
                "5:23 functions.a.schedules.rate: must be a duration, as in \"500ms\", \"3s\", \"5m\", \"1h\" or \"4d\", but has no unit / write \"5s\"",
            ],
        ),
        (
            "schedules = [{ at = \"2027-01-01\" }]",
            &[
                "5:21 functions.a.schedules.at: `2027-01-01` is no time: write a date and a time without a zone, as in `2027-01-01T00:00`",
            ],
        ),
        (
            "schedules = [{ at = \"2026-03-29T02:30\", timezone = \"Europe/Berlin\" }]",
            &[
                "5:21 functions.a.schedules.at: 2026-03-29T02:30 does not exist in Europe/Berlin, where clocks are set forward then: write a time before or after",
            ],
        ),
        (
            "schedules = [{ cron = \"0 3 * * *\", rate = \"5m\" }]",
            &[
                "5:36 functions.a.schedules.rate: stands beside `cron` / keep one of `cron`, `rate` and `at`, or write two schedules",
            ],
        ),
    ]);
}

#[test]
fn zones_and_policies_that_are_refused() {
    check_after(&[
        (
            "schedules = [{ cron = \"0 3 * * *\", timezone = \"Berlin\" }]",
            &[
                "5:47 functions.a.schedules.timezone: there is no time zone \"Berlin\" / did you mean \"Europe/Berlin\"?",
            ],
        ),
        (
            "schedules = [{ cron = \"0 3 * * *\", timezone = \"Europe/Berln\" }]",
            &[
                "5:47 functions.a.schedules.timezone: there is no time zone \"Europe/Berln\" / did you mean \"Europe/Berlin\"?",
            ],
        ),
        (
            "schedules = [{ cron = \"0 3 * * *\", missed = \"some\" }]",
            &["5:45 functions.a.schedules.missed: \"some\" is none of \"skip\", \"last\" and \"all\""],
        ),
        (
            "schedules = [{ cron = \"0 3 * * *\", missed-max = 3 }]",
            &["5:36 functions.a.schedules.missed-max: counts only with missed = \"all\" / remove it"],
        ),
        (
            "schedules = [{ cron = \"0 3 * * *\", overlap = \"cancel\" }]",
            &[
                "5:46 functions.a.schedules.overlap: a run that is under way cannot be taken back / write \"skip\" or \"queue\", and a shorter `timeout` for the function",
            ],
        ),
    ]);
}

#[test]
fn what_else_is_refused() {
    check_after(&[
        (
            "schedules = [{ cron = \"0 3 * * *\", jitter = \"2d\" }]",
            &["5:45 functions.a.schedules.jitter: 2d is too much: at most 1d"],
        ),
        (
            "schedules = [{ cron = \"0 3 * * *\", input = \"{a\" }]",
            &["5:44 functions.a.schedules.input: is no JSON: key must be a string at line 1 column 2"],
        ),
        (
            "schedules = [{ cron = \"0 3 * * *\", name = \"a/b\" }]",
            &[
                "5:43 functions.a.schedules.name: \"a/b\" is no name of a schedule: use 1 to 64 letters, digits, `.`, `-` and `_`",
            ],
        ),
        (
            "schedules = [{ cron = \"0 3 * * *\", start = \"2027-01-02T00:00\", end = \"2027-01-01T00:00\" }]",
            &["5:70 functions.a.schedules.end: is not after `start`"],
        ),
        (
            "schedules = [{ at = \"2027-01-01T00:00\", end = \"2028-01-01T00:00\" }]",
            &["5:41 functions.a.schedules.end: `end` has no meaning beside `at` / remove it"],
        ),
        (
            "schedules = [{ cron = \"0 3 * * *\", name = \"n\" }, { rate = \"5m\", name = \"n\" }]",
            &[
                "5:72 functions.a.schedules.name: the schedule at lambent.toml:5:43 is called `n` too / give one of them another `name`",
            ],
        ),
        (
            "[functions.b]\nruntime = \"http\"\ncode = \"code\"\ncommand = \"x\"\nschedules = [{ rate = \"5m\" }]",
            &[
                "9:1 functions.b.schedules: an http function has no `schedules`: it is given requests, not events / remove it, or give the events to a function with another runtime",
            ],
        ),
    ]);
}

#[test]
fn schedules_as_they_are_written() {
    let shop = Shop::new();
    let app = shop.good(&format!(
        "{BASE}schedules = [\n{}\n]",
        r#"  { cron = "0 0 * * *", timezone = "europe/berlin", missed = "all", missed-max = 3, overlap = "skip", jitter = "5m", input = '{"a":1}', start = "2027-01-01T00:00", end = "2027-02-01T00:00" },
  { rate = "1s", missed = "all" },
  { at = "2027-01-01T00:00", name = "new-year" },
  { cron = "cron(0 12 ? * MON *)" },"#
    ));
    let names: Vec<_> = app.schedules.iter().map(|spec| (&*spec.name, spec.when.clone())).collect();
    let expect = [
        ("a", When::Cron("0 0 * * *".to_owned())),
        ("a-2", When::Rate(1000)),
        ("a-4", When::Expression("cron(0 12 ? * MON *)".to_owned())),
        ("new-year", When::At("2027-01-01T00:00".to_owned())),
    ];
    assert_eq!(names, expect);
    let first = &app.schedules[0];
    assert_eq!(first.timezone, "Europe/Berlin");
    assert_eq!(first.start, Some(Timestamp::from_millis(1_798_758_000_000)), "midnight of Berlin");
    assert!(first.end.is_some());
    assert_eq!((first.missed, first.overlap), (Missed::All(3), Overlap::Skip));
    assert_eq!((first.jitter, first.input.as_deref()), (Duration::from_secs(300), Some("{\"a\":1}")));
    assert_eq!(app.schedules[1].missed, Missed::All(100));
    assert_eq!((app.schedules[3].missed, app.schedules[3].overlap), (Missed::Last, Overlap::Allow));
}
