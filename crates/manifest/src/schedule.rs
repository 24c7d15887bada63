//! `schedules`: when a function is run by the clock.

use std::time::Duration;

use lambent_core::schedule::{Fires, Missed, Overlap, Zone, zones};
use lambent_core::{FunctionName, RuleName, ScheduleSpec, Target, Timestamp, When, limits};

use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::{Node, Spot};
use crate::quantity::{self, Bounds};
use crate::source::Source;
use crate::suggest::{nearest, quote};
use crate::value;

const RATE: Bounds<Duration> = Bounds {
    least: limits::SCHEDULE_RATE_MIN,
    most: limits::SCHEDULE_RATE_MAX,
    default: Duration::from_secs(300),
};

const JITTER: Bounds<Duration> =
    Bounds { least: Duration::ZERO, most: limits::SCHEDULE_JITTER_MAX, default: Duration::ZERO };

const MISSED_MAX: Bounds<u32> =
    Bounds { least: 1, most: limits::SCHEDULE_MISSED_MAX, default: limits::SCHEDULE_MISSED_MAX };

/// Longest text of an expression or a name, so that no problem shows more of it.
const TEXT_MAX: usize = 1000;

/// A schedule, and where its name or else it itself stands.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) spec: ScheduleSpec,
    spot: Spot,
}

impl Placed {
    /// Where it stands in the text.
    pub(crate) fn place(&self) -> usize {
        self.spot.value.start
    }
}

/// What the keys of a schedule fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    cron: Option<String>,
    rate: Option<Duration>,
    at: Option<String>,
    timezone: Option<String>,
    start: Option<String>,
    end: Option<String>,
    missed: Option<Missed>,
    missed_max: Option<u32>,
    overlap: Option<Overlap>,
    jitter: Option<Duration>,
    input: Option<String>,
    name: Option<String>,
}

/// The keys of a schedule.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a schedule",
    about: "An element of `schedules`. At each of its times the function gets an event that nobody waits for. There is \
            one event for each time, also when the node ends and starts again in between.",
    keys: &[
        Key {
            name: "cron",
            form: Form::Words("cron expression"),
            need: Need::Without("`rate` or `at` says when"),
            example: r#""0 3 * * MON-FRI""#,
            about: "Unix cron: minute, hour, day-of-month, month, day-of-week (0 and 7 are Sunday), or `@daily` and its \
                    like; `L`, `15W` and `5#2` work too. `cron(...)` with six fields is EventBridge's. When clocks are \
                    set, a time that does not exist comes right after the gap (EventBridge's is skipped), one that comes \
                    twice counts once, and `*/15` goes by elapsed time.",
            read: |draft, node| set(&mut draft.cron, text(node, "a cron expression, as in \"0 3 * * *\"")),
        },
        Key {
            name: "rate",
            form: Form::Duration(RATE),
            need: Need::Without("`cron` or `at` says when"),
            example: r#""5m""#,
            about: "Again and again, with so much time in between: first that long after it was deployed, or at `start`.",
            read: |draft, node| set(&mut draft.rate, quantity::duration(node, &RATE)),
        },
        Key {
            name: "at",
            form: Form::Words("date and time"),
            need: Need::Without("`cron` or `rate` says when"),
            example: r#""2027-01-01T00:00""#,
            about: "Once, at this time of its zone.",
            read: |draft, node| set(&mut draft.at, text(node, TIME)),
        },
        Key {
            name: "timezone",
            form: Form::Words("name of a time zone"),
            need: Need::Without("`\"UTC\"`"),
            example: r#""Europe/Berlin""#,
            about: "The zone that all its times are meant in, a name of the tz database. The rules of all zones come with \
                    Lambent.",
            read: |draft, node| set(&mut draft.timezone, zone(node)),
        },
        Key {
            name: "start",
            form: Form::Words("date and time"),
            need: Need::Without("from now on"),
            example: r#""2027-01-01T00:00""#,
            about: "Nothing is fired before; a `rate` counts from here.",
            read: |draft, node| set(&mut draft.start, text(node, TIME)),
        },
        Key {
            name: "end",
            form: Form::Words("date and time"),
            need: Need::Without("for ever"),
            example: r#""2028-01-01T00:00""#,
            about: "Nothing is fired after.",
            read: |draft, node| set(&mut draft.end, text(node, TIME)),
        },
        Key {
            name: "missed",
            form: Form::Words("`\"skip\"`, `\"last\"` or `\"all\"`"),
            need: Need::Without("`\"last\"`"),
            example: r#""skip""#,
            about: "What becomes of times that passed while the node was down: none of them, the last one, or all of them \
                    are fired later. A time that can be fired within a minute is not missed.",
            read: |draft, node| set(&mut draft.missed, missed(node)),
        },
        Key {
            name: "missed-max",
            form: Form::Whole(MISSED_MAX),
            need: Need::Default,
            example: "24",
            about: "With `missed = \"all\"`: the last ones, at most so many.",
            read: |draft, node| set(&mut draft.missed_max, value::whole(node, &MISSED_MAX)),
        },
        Key {
            name: "overlap",
            form: Form::Words("`\"allow\"`, `\"skip\"` or `\"queue\"`"),
            need: Need::Without("`\"allow\"`"),
            example: r#""skip""#,
            about: "What happens when the event of the time before still waits, runs or is to be tried again: both run, \
                    the later one is left out, or it waits, and those that come in the meantime are `missed`.",
            read: |draft, node| set(&mut draft.overlap, overlap(node)),
        },
        Key {
            name: "jitter",
            form: Form::Duration(JITTER),
            need: Need::Default,
            example: r#""5m""#,
            about: "A time is fired up to so much later, so that not everything starts at once. For a schedule and a time \
                    it is always the same.",
            read: |draft, node| set(&mut draft.jitter, quantity::duration(node, &JITTER)),
        },
        Key {
            name: "input",
            form: Form::Words("JSON text"),
            need: Need::Without("the Scheduled Event of EventBridge, with the time as `time`"),
            example: r#"'{"a":1}'"#,
            about: "The event.",
            read: |draft, node| set(&mut draft.input, input(node)),
        },
        Key {
            name: "name",
            form: Form::Words("string"),
            need: Need::Without("the function's name, with `-2`, `-3` and so on for its further schedules"),
            example: r#""nightly""#,
            about: "What `lambent schedules` calls it. No other schedule has this name.",
            read: |draft, node| set(&mut draft.name, name(node)),
        },
    ],
    later: &[],
};

const TIME: &str = "a date and a time, as in \"2027-01-01T00:00\"";

/// Reads `schedules`.
pub(crate) fn read(node: &Node<'_>, function: &FunctionName, schedules: &mut Vec<Placed>) -> Read<()> {
    let mut faults = Faults::default();
    let items: Vec<_> = node.items("an array of schedules, as in [{ cron = \"0 3 * * *\" }]")?.collect();
    if items.is_empty() {
        let fault = node.spot.fault("names no schedule");
        faults.push(fault.suggest("leave `schedules` out of a function without schedules"));
    }
    for (number, item) in (1..).zip(&items) {
        let usual = if number == 1 { function.to_string() } else { format!("{function}-{number}") };
        schedules.extend(faults.keep(read_one(item, function, usual)));
    }
    faults.or(())
}

/// What is wrong between schedules: names that are taken.
pub(crate) fn check(schedules: &[Placed], source: &Source<'_>) -> Faults {
    let mut names = std::collections::HashMap::new();
    let twice = schedules.iter().filter_map(|placed| {
        let name = &placed.spec.name;
        let first = names.insert(name, placed.place())?;
        let fault =
            placed.spot.fault(format!("the schedule at {} is called `{name}` too", source.position(first)));
        Some(fault.suggest("give one of them another `name`"))
    });
    twice.collect()
}

fn read_one(node: &Node<'_>, function: &FunctionName, usual: String) -> Read<Placed> {
    if !node.value.is_table() {
        return Err(node.wrong_form("a schedule, as in { cron = \"0 3 * * *\" }").into());
    }
    let mut faults = Faults::default();
    let mut draft = Draft::default();
    _ = faults.keep(SECTION.read(node, &mut draft));
    let when = faults.keep(draft.when(node));
    faults.append(draft.check(node));
    let zone = draft.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
    let (start, end) = (draft.time(node, "start", &zone), draft.time(node, "end", &zone));
    let (start, end) = (faults.keep(start).flatten(), faults.keep(end).flatten());
    if let (Some(end_node), true) = (node.get("end"), start.zip(end).is_some_and(|(start, end)| end <= start))
    {
        faults.push(end_node.spot.fault("is not after `start`"));
    }
    let Some(Some((key, when))) = when else { return Err(faults) };
    let named = node.get("name").filter(|_| draft.name.is_some());
    let spot = named.as_ref().unwrap_or(node).spot.clone();
    let fires = Fires::To(Target::Function(function.clone()));
    let spec = ScheduleSpec {
        timezone: zone,
        start,
        end,
        missed: match (draft.missed, draft.missed_max) {
            (Some(Missed::All(_)), most) => Missed::All(most.unwrap_or(MISSED_MAX.default)),
            (missed, _) => missed.unwrap_or(Missed::Last),
        },
        overlap: draft.overlap.unwrap_or(Overlap::Allow),
        jitter: draft.jitter.unwrap_or(JITTER.default),
        input: draft.input,
        ..ScheduleSpec::new(&draft.name.unwrap_or(usual), when, fires)
    };
    // A zone that is none has been refused, and is no reason to refuse the expression.
    if let (Err(error), Some(at)) = (spec.timetable(Timestamp::default()), node.get(key))
        && Zone::find(&spec.timezone).is_ok()
    {
        faults.push(at.spot.fault(error.to_string()));
    }
    faults.or(Placed { spec, spot })
}

impl Draft {
    /// When it fires, and which key says so. `None` when that could not be read.
    fn when(&self, node: &Node<'_>) -> Read<Option<(&'static str, When)>> {
        const KEYS: [&str; 3] = ["cron", "rate", "at"];
        let written: Vec<_> = KEYS.iter().filter_map(|key| node.get(key)).collect();
        match &written[..] {
            [] => {
                let fault = node.spot.fault("says not when");
                Err(fault
                    .suggest("write cron = \"0 3 * * *\", rate = \"5m\" or at = \"2027-01-01T00:00\"")
                    .into())
            }
            [_] => {
                let cron = self.cron.clone().map(|text| {
                    let six = text.starts_with("cron(") && text.ends_with(')');
                    ("cron", if six { When::Expression(text) } else { When::Cron(text) })
                });
                let millis = |rate: Duration| u64::try_from(rate.as_millis()).unwrap_or(u64::MAX);
                let rate = self.rate.map(|rate| ("rate", When::Rate(millis(rate))));
                Ok(cron.or(rate).or_else(|| self.at.clone().map(|at| ("at", When::At(at)))))
            }
            [first, second, ..] => {
                let fault = second.spot.key_fault(format!("stands beside `{}`", first.name));
                Err(fault.suggest("keep one of `cron`, `rate` and `at`, or write two schedules").into())
            }
        }
    }

    /// What is wrong between keys that are right one by one.
    fn check(&self, node: &Node<'_>) -> Faults {
        let mut faults = Faults::default();
        let all = matches!(self.missed, Some(Missed::All(_)));
        if let (Some(most), false) = (node.get("missed-max"), all) {
            faults.push(most.spot.key_fault("counts only with missed = \"all\"").suggest("remove it"));
        }
        let once = node.get("at").is_some();
        for useless in ["start", "end"].iter().filter_map(|key| node.get(key).filter(|_| once)) {
            let fault = useless.spot.key_fault(format!("`{}` has no meaning beside `at`", useless.name));
            faults.push(fault.suggest("remove it"));
        }
        faults
    }

    /// The time that a key says.
    fn time(&self, node: &Node<'_>, key: &str, zone: &str) -> Read<Option<Timestamp>> {
        let text = if key == "start" { &self.start } else { &self.end };
        let (Some(text), Some(at), Ok(zone)) = (text, node.get(key), Zone::find(zone)) else {
            return Ok(None);
        };
        zone.resolve(text).map(Some).map_err(|error| at.spot.fault(error.to_string()).into())
    }
}

fn text(node: &Node<'_>, what: &str) -> Read<String> {
    let text = node.text(what)?;
    if text.len() > TEXT_MAX {
        return Err(node.spot.fault(format!("has more than {TEXT_MAX} bytes")).into());
    }
    Ok(text.to_owned())
}

fn zone(node: &Node<'_>) -> Read<String> {
    let name = node.text("the name of a time zone, as in \"Europe/Berlin\"")?;
    match Zone::find(name) {
        Ok(zone) => Ok(zone.name().to_owned()),
        Err(_) => {
            let zones = zones();
            let same =
                |zone: &&str| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
            let known = || zones.iter().map(String::as_str);
            let lower: Vec<String> = zones.iter().map(|zone| zone.to_ascii_lowercase()).collect();
            let close = || nearest(name, lower.iter().map(String::as_str));
            let close = || close().and_then(|near| known().find(|zone| zone.eq_ignore_ascii_case(near)));
            let fault = node.spot.fault(format!("there is no time zone {}", quote(name)));
            Err(match known().find(same).or_else(close) {
                Some(near) => fault.suggest(format!("did you mean \"{near}\"?")).into(),
                None => fault.suggest("write a name of the tz database, as in \"Europe/Berlin\"").into(),
            })
        }
    }
}

fn missed(node: &Node<'_>) -> Read<Missed> {
    match node.text("\"skip\", \"last\" or \"all\"")? {
        "skip" => Ok(Missed::Skip),
        "last" => Ok(Missed::Last),
        "all" => Ok(Missed::All(MISSED_MAX.default)),
        other => {
            let fault =
                node.spot.fault(format!("{} is none of \"skip\", \"last\" and \"all\"", quote(other)));
            Err(fault.into())
        }
    }
}

fn overlap(node: &Node<'_>) -> Read<Overlap> {
    match node.text("\"allow\", \"skip\" or \"queue\"")? {
        "allow" => Ok(Overlap::Allow),
        "skip" => Ok(Overlap::Skip),
        "queue" => Ok(Overlap::Queue),
        "cancel" => {
            let fault = node.spot.fault("a run that is under way cannot be taken back");
            Err(fault.suggest("write \"skip\" or \"queue\", and a shorter `timeout` for the function").into())
        }
        other => {
            let fault =
                node.spot.fault(format!("{} is none of \"allow\", \"skip\" and \"queue\"", quote(other)));
            Err(fault.into())
        }
    }
}

fn input(node: &Node<'_>) -> Read<String> {
    let text = node.text("JSON text, as in '{\"a\":1}'")?;
    if text.len() > limits::ASYNC_PAYLOAD_MAX {
        let max = limits::ASYNC_PAYLOAD_MAX;
        return Err(node.spot.fault(format!("has {} bytes: at most {max}", text.len())).into());
    }
    match serde_json::from_str::<&serde_json::value::RawValue>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(node.spot.fault(format!("is no JSON: {error}")).into()),
    }
}

fn name(node: &Node<'_>) -> Read<String> {
    let name = node.text("a name")?;
    match RuleName::parse(name) {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => {
            let name = quote(name);
            let message =
                format!("{name} is no name of a schedule: use 1 to 64 letters, digits, `.`, `-` and `_`");
            Err(node.spot.fault(message).into())
        }
    }
}
