use super::*;

fn at(text: &str) -> Timestamp {
    let parsed: jiff::Timestamp = text.parse().expect(text);
    Timestamp::from_millis(u64::try_from(parsed.as_millisecond()).unwrap())
}

fn schedule(when: &When, zone: &str) -> Schedule {
    Schedule::new(when, zone, Timestamp::default()).unwrap_or_else(|e| panic!("{when}: {e}"))
}

fn unix(text: &str) -> When {
    When::Cron(text.to_owned())
}

fn six(text: &str) -> When {
    When::Expression(format!("cron({text})"))
}

/// The times after an instant, as the zone's clocks show them.
fn check(when: &When, zone: &str, after: &str, expect: &[&str]) {
    let schedule = schedule(when, zone);
    let mut now = at(after);
    let mut found = Vec::new();
    for _ in expect {
        now = schedule.next_after(now).unwrap_or_else(|| panic!("{when} ends after {found:?}"));
        found.push(schedule.zone().show(now));
    }
    assert_eq!(found, expect, "{when} in {zone}");
}

#[test]
fn a_time_in_the_gap_is_skipped_or_comes_after_it() {
    // New York sets its clocks from 02:00 to 03:00 on 8 March 2026.
    let (zone, after) = ("America/New_York", "2026-03-07T12:00:00Z");
    check(&six("30 2 * * ? *"), zone, after, &["2026-03-09 02:30:00 -04:00"]);
    check(&unix("30 2 * * *"), zone, after, &["2026-03-08 03:00:00 -04:00", "2026-03-09 02:30:00 -04:00"]);
    // Two times of one gap are one.
    check(&unix("0,30 2 * * *"), zone, after, &["2026-03-08 03:00:00 -04:00", "2026-03-09 02:00:00 -04:00"]);
    // Berlin, from 02:00 to 03:00 on 29 March 2026.
    let (zone, after) = ("Europe/Berlin", "2026-03-28T12:00:00Z");
    check(&six("15 2 * * ? *"), zone, after, &["2026-03-30 02:15:00 +02:00"]);
    check(&unix("15 2 * * *"), zone, after, &["2026-03-29 03:00:00 +02:00", "2026-03-30 02:15:00 +02:00"]);
    // Lord Howe, by half an hour only: from 02:00 to 02:30 on 4 October 2026.
    let (zone, after) = ("Australia/Lord_Howe", "2026-10-03T12:00:00Z");
    check(&six("15 2 * * ? *"), zone, after, &["2026-10-05 02:15:00 +11:00"]);
    check(&unix("15 2 * * *"), zone, after, &["2026-10-04 02:30:00 +11:00", "2026-10-05 02:15:00 +11:00"]);
    check(&six("45 2 * * ? *"), zone, after, &["2026-10-04 02:45:00 +11:00"]);
}

#[test]
fn a_midnight_that_does_not_exist_loses_no_day() {
    // Cairo, from 00:00 to 01:00 on 24 April 2026.
    let (zone, after) = ("Africa/Cairo", "2026-04-23T12:00:00Z");
    check(&unix("0 0 * * *"), zone, after, &["2026-04-24 01:00:00 +03:00", "2026-04-25 00:00:00 +03:00"]);
    check(&six("0 0 * * ? *"), zone, after, &["2026-04-25 00:00:00 +03:00"]);
    check(&six("0 1 * * ? *"), zone, after, &["2026-04-24 01:00:00 +03:00", "2026-04-25 01:00:00 +03:00"]);
    // Apia had no 30 December 2011.
    let (zone, after) = ("Pacific/Apia", "2011-12-29T22:00:00Z");
    check(&unix("0 10 * * *"), zone, after, &["2011-12-31 00:00:00 +14:00", "2011-12-31 10:00:00 +14:00"]);
    check(&six("0 10 * * ? *"), zone, after, &["2011-12-31 10:00:00 +14:00"]);
}

#[test]
fn a_time_that_comes_twice_counts_once() {
    // New York, from 02:00 back to 01:00 on 1 November 2026.
    let (zone, after) = ("America/New_York", "2026-10-31T12:00:00Z");
    for when in [unix("30 1 * * *"), six("30 1 * * ? *")] {
        check(&when, zone, after, &["2026-11-01 01:30:00 -04:00", "2026-11-02 01:30:00 -05:00"]);
    }
    // Whoever asks in the second pass is told the next day.
    check(&unix("30 1 * * *"), zone, "2026-11-01T06:10:00Z", &["2026-11-02 01:30:00 -05:00"]);
    // Lord Howe, from 02:00 back to 01:30 on 5 April 2026.
    let (zone, after) = ("Australia/Lord_Howe", "2026-04-04T12:00:00Z");
    check(&six("45 1 * * ? *"), zone, after, &["2026-04-05 01:45:00 +11:00", "2026-04-06 01:45:00 +10:30"]);
    // Cairo, from 24:00 back to 23:00 on 29 October 2026.
    let (zone, after) = ("Africa/Cairo", "2026-10-29T12:00:00Z");
    check(&six("30 23 * * ? *"), zone, after, &["2026-10-29 23:30:00 +03:00", "2026-10-30 23:30:00 +02:00"]);
}

#[test]
fn every_few_minutes_goes_by_elapsed_time() {
    let zone = "America/New_York";
    let shown = ["2026-11-01 01:30:00 -04:00", "2026-11-01 01:00:00 -05:00", "2026-11-01 01:30:00 -05:00"];
    check(&unix("*/30 * * * *"), zone, "2026-11-01T05:00:00Z", &shown);
    check(
        &unix("15 * * * *"),
        zone,
        "2026-11-01T05:00:00Z",
        &["2026-11-01 01:15:00 -04:00", "2026-11-01 01:15:00 -05:00", "2026-11-01 02:15:00 -05:00"],
    );
    let shown = ["2026-03-08 01:30:00 -05:00", "2026-03-08 03:00:00 -04:00", "2026-03-08 03:30:00 -04:00"];
    check(&unix("*/30 * * * *"), zone, "2026-03-08T06:00:00Z", &shown);
    // EventBridge has no such rule: once is once.
    let shown = ["2026-11-01 01:30:00 -04:00", "2026-11-01 02:00:00 -05:00"];
    check(&six("0/30 * * * ? *"), zone, "2026-11-01T05:00:00Z", &shown);
}

#[test]
fn a_rate_is_elapsed_time() {
    let day = When::Expression("rate(1 day)".to_owned());
    let from = at("2026-03-07T17:00:00Z");
    let schedule = Schedule::new(&day, "America/New_York", from).unwrap();
    let next = schedule.next_after(from).unwrap();
    assert_eq!(schedule.zone().show(next), "2026-03-08 13:00:00 -04:00");
    assert_eq!(schedule.next_after(at("2026-01-01T00:00:00Z")), Some(from), "the anchor is its first time");
    let second = Schedule::new(&When::Rate(1000), "UTC", from).unwrap();
    assert_eq!(
        second.next_after(from.plus(Duration::from_millis(1500))),
        Some(from.plus(Duration::from_secs(2)))
    );
}

#[test]
fn ends_of_months_and_leap_days() {
    let after = "2026-01-31T12:00:00Z";
    check(&six("0 8 L * ? *"), "UTC", after, &["2026-02-28 08:00:00 +00:00", "2026-03-31 08:00:00 +00:00"]);
    check(&unix("0 0 31 * *"), "UTC", after, &["2026-03-31 00:00:00 +00:00", "2026-05-31 00:00:00 +00:00"]);
    check(&unix("0 0 29 2 *"), "UTC", after, &["2028-02-29 00:00:00 +00:00", "2032-02-29 00:00:00 +00:00"]);
    check(&unix("0 0 29 2 *"), "UTC", "2096-03-01T00:00:00Z", &["2104-02-29 00:00:00 +00:00"]);
    check(&six("0 8 LW * ? *"), "UTC", after, &["2026-02-27 08:00:00 +00:00", "2026-03-31 08:00:00 +00:00"]);
    // The 15th of February 2026 is a Sunday, the 15th of August a Saturday.
    check(
        &six("0 8 15W 2,8 ? *"),
        "UTC",
        after,
        &["2026-02-16 08:00:00 +00:00", "2026-08-14 08:00:00 +00:00"],
    );
    check(
        &six("0 8 15W,L 2 ? *"),
        "UTC",
        after,
        &["2026-02-16 08:00:00 +00:00", "2026-02-28 08:00:00 +00:00"],
    );
    // The 1st of August 2026 is a Saturday, and the Friday before is of July.
    check(&six("0 8 1W 8 ? *"), "UTC", after, &["2026-08-03 08:00:00 +00:00"]);
}

#[test]
fn weekdays_of_a_month() {
    let after = "2026-02-01T12:00:00Z";
    check(&six("0 8 ? * 6L *"), "UTC", after, &["2026-02-27 08:00:00 +00:00", "2026-03-27 08:00:00 +00:00"]);
    check(&six("0 8 ? * 3#2 *"), "UTC", after, &["2026-02-10 08:00:00 +00:00", "2026-03-10 08:00:00 +00:00"]);
    check(
        &six("0 8 ? * TUE#5 *"),
        "UTC",
        after,
        &["2026-03-31 08:00:00 +00:00", "2026-06-30 08:00:00 +00:00"],
    );
    check(&six("0 8 ? * 1 *"), "UTC", after, &["2026-02-08 08:00:00 +00:00"]);
    check(&six("0 8 ? * L *"), "UTC", after, &["2026-02-07 08:00:00 +00:00"]);
    check(&unix("0 8 * * 0"), "UTC", after, &["2026-02-08 08:00:00 +00:00"]);
    check(&unix("0 8 * * 7"), "UTC", after, &["2026-02-08 08:00:00 +00:00"]);
    check(
        &unix("0 8 * * 5-7"),
        "UTC",
        after,
        &["2026-02-06 08:00:00 +00:00", "2026-02-07 08:00:00 +00:00", "2026-02-08 08:00:00 +00:00"],
    );
    // Unix cron: one of both days is enough.
    check(&unix("0 8 13 * FRI"), "UTC", after, &["2026-02-06 08:00:00 +00:00", "2026-02-13 08:00:00 +00:00"]);
    check(&unix("0 8 * * MON-FRI"), "UTC", "2026-02-06T12:00:00Z", &["2026-02-09 08:00:00 +00:00"]);
}

#[test]
fn ranges_go_round_and_steps_begin_where_they_are_told() {
    let after = "2026-02-01T18:10:00Z";
    check(
        &six("0 20-2/2 * * ? *"),
        "UTC",
        after,
        &[
            "2026-02-01 20:00:00 +00:00",
            "2026-02-01 22:00:00 +00:00",
            "2026-02-02 00:00:00 +00:00",
            "2026-02-02 02:00:00 +00:00",
            "2026-02-02 20:00:00 +00:00",
        ],
    );
    check(
        &six("5/25 * * * ? *"),
        "UTC",
        after,
        &["2026-02-01 18:30:00 +00:00", "2026-02-01 18:55:00 +00:00", "2026-02-01 19:05:00 +00:00"],
    );
    check(
        &six("0 0 1 JAN ? 2030-2031"),
        "UTC",
        after,
        &["2030-01-01 00:00:00 +00:00", "2031-01-01 00:00:00 +00:00"],
    );
    assert_eq!(schedule(&six("0 0 1 1 ? 2030"), "UTC").next_after(at("2030-01-01T00:00:00Z")), None);
    check(&unix("@weekly"), "UTC", after, &["2026-02-08 00:00:00 +00:00"]);
    check(
        &unix("0 0 1 nov-feb *"),
        "UTC",
        after,
        &["2026-11-01 00:00:00 +00:00", "2026-12-01 00:00:00 +00:00"],
    );
}

#[test]
fn once_is_once() {
    let when = When::At("2027-01-01T00:00".to_owned());
    let schedule = schedule(&when, "Europe/Berlin");
    assert_eq!(schedule.next_after(at("2026-01-01T00:00:00Z")), Some(at("2026-12-31T23:00:00Z")));
    assert_eq!(schedule.next_after(at("2026-12-31T23:00:00Z")), None);
    assert!(schedule.is_once());
}

#[test]
fn the_last_of_ten_years_is_found_at_once() {
    let (after, until) = (at("2016-01-01T00:00:30Z"), at("2026-02-03T10:00:30Z"));
    for (when, expect) in [
        (unix("* * * * *"), "2026-02-03T10:00:00Z"),
        (unix("0 0 29 2 *"), "2024-02-29T00:00:00Z"),
        (unix("* * * 1 *"), "2026-01-31T23:59:00Z"),
        (six("0 0 1 1 ? 2016-2020"), "2020-01-01T00:00:00Z"),
        (When::Rate(1000), "2026-02-03T10:00:30Z"),
        (When::At("2020-01-01T00:00".to_owned()), "2020-01-01T00:00:00Z"),
    ] {
        assert_eq!(schedule(&when, "UTC").last_within(after, until), Some(at(expect)), "{when}");
    }
    assert_eq!(schedule(&unix("0 0 29 2 *"), "UTC").last_within(at("2025-01-01T00:00:00Z"), until), None);
}

#[test]
fn an_expression_that_is_wrong_says_where_and_what_to_write() {
    let refused = |when: When, zone: &str, expect: &str| {
        let error =
            Schedule::new(&when, zone, Timestamp::default()).expect_err(&when.to_string()).to_string();
        assert!(error.contains(expect), "{when}: {error}");
    };
    refused(unix("0 25 * * *"), "UTC", "in the field hour, `25` is wrong: write 0 to 23");
    refused(unix("0 0 * *"), "UTC", "has 4 fields: write five");
    refused(unix("0 0 * * * *"), "UTC", "has 6 fields: write five");
    refused(unix(""), "UTC", "has 0 fields");
    refused(unix("*/0 * * * *"), "UTC", "in the field minute, `*/0` is wrong: behind `/`");
    refused(unix("0 0 * FOO *"), "UTC", "in the field month, `FOO` is wrong: write 1 to 12 or JAN to DEC");
    refused(unix("0 0 30 2 *"), "UTC", "never happens");
    refused(unix("0 0 ? * *"), "UTC", "in the field day-of-month, `?` is wrong");
    refused(unix("0 0 * * 1"), "Europe/Berln", "there is no time zone `Europe/Berln`");
    refused(six("0 12 * * * *"), "UTC", "one of the fields day-of-month and day-of-week must be `?`");
    refused(six("0 12 ? * ? *"), "UTC", "must be `?`");
    refused(six("0 12 * * ?"), "UTC", "has 5 fields: write six");
    refused(six("0 12 ? * 0 *"), "UTC", "in the field day-of-week, `0` is wrong: write 1 to 7 or SUN to SAT");
    refused(six("0 12 ? * 3#6 *"), "UTC", "behind `#` stands 1 to 5");
    refused(six("0 12 1 1 ? 2200"), "UTC", "in the field year");
    refused(six("0 12 L,LW * ? *"), "UTC", "`L` and `LW` cannot stand together");
    refused(six("0 12 32W * ? *"), "UTC", "in the field day-of-month, `32W` is wrong");
    for rate in
        ["0 minutes", "1 minutes", "5 minute", "5 seconds", "-5 minutes", "5", "five minutes", "+5 minutes"]
    {
        refused(When::Expression(format!("rate({rate})")), "UTC", "is no rate");
    }
    for other in ["rate( 5 minutes)", "at(2027-01-01T00:00:00 )", "every(5)", "cron", "", "rate(5 minutes"] {
        refused(When::Expression(other.to_owned()), "UTC", "is no schedule");
    }
    for time in ["2027-01-01", "2027-01-01T00:00:00Z", "2027-13-01T00:00", "tomorrow"] {
        refused(When::At(time.to_owned()), "UTC", "is no time");
    }
    refused(When::At("2026-03-29T02:30".to_owned()), "Europe/Berlin", "does not exist in Europe/Berlin");
}

#[test]
fn whatever_is_written_ends() {
    // Bytes of expressions in any order: it is read or refused, and both end.
    let mut seed = 1_u64;
    let alphabet = b"0123456789*/,-?LW# ";
    for _ in 0..3000 {
        let text: String = (0..18)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(alphabet[usize::try_from(seed >> 33).unwrap() % alphabet.len()])
            })
            .collect();
        for when in [unix(&text), six(&text)] {
            if let Ok(schedule) = Schedule::new(&when, "Europe/Berlin", Timestamp::default()) {
                let now = at("2026-01-01T00:00:00Z");
                assert!(schedule.next_after(now).is_none_or(|next| next > now), "{when}");
            }
        }
    }
}

#[test]
fn shown_as_it_is_written() {
    assert_eq!(When::Rate(300_000).to_string(), "every 5m");
    assert_eq!(When::Rate(1500).to_string(), "every 1500ms");
    assert_eq!(When::At("2027-01-01T00:00".to_owned()).to_string(), "at 2027-01-01T00:00");
}
