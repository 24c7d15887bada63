//! Tables of patterns and events. AWS's own answers are in `crates/core/tests/patterns`.

use serde_json::Value;

use super::{Pattern, Reason};

fn takes(pattern: &str, event: &str) -> bool {
    let event: Value = serde_json::from_str(event).expect(event);
    Pattern::parse(pattern).expect(pattern).matches(&event)
}

#[test]
fn conditions_are_alternatives_for_a_value() {
    let check = |conditions: &str, value: &str, expect: bool| {
        let found = takes(&format!(r#"{{"a": [{conditions}]}}"#), &format!(r#"{{"a": {value}}}"#));
        assert_eq!(found, expect, "{conditions} for {value}");
    };
    check(r#""x", 1"#, "1", true);
    check(r#""1""#, "1", false);
    check("300", "3.0e2", true);
    check("9007199254740993", "9007199254740992", false);
    check("1.5", "1.5", true);
    check("null", "null", true);
    check("null", "[]", false);
    check(r#""""#, r#""""#, true);
    check("true", r#""true""#, false);
    check(r#""x""#, r#"["y", ["x"]]"#, true);
    check(r#"{"prefix": {"equals-ignore-case": "EU-ß"}}"#, r#""eu-ß-1""#, true);
    check(r#"{"prefix": {"equals-ignore-case": "eu-1"}}"#, r#""EU""#, false);
    check(r#"{"suffix": {"equals-ignore-case": ".Ärger"}}"#, r#""a.ÄRGER""#, true);
    check(r#"{"equals-ignore-case": "Alice"}"#, r#""aLICE""#, true);
    check(r#"{"equals-ignore-case": "Alice"}"#, r#""Alice2""#, false);
    check(r#"{"anything-but": "x"}"#, "7", true);
    check(r#"{"anything-but": 7}"#, "7.0", false);
    check(r#"{"anything-but": 7}"#, r#""7""#, true);
    check(r#"{"anything-but": ["x", "y"]}"#, r#"["x", "z"]"#, true);
    check(r#"{"anything-but": ["x", "y"]}"#, r#"["x", "y"]"#, false);
    check(r#"{"anything-but": {"suffix": ["x", "y"]}}"#, r#""my""#, false);
    check(r#"{"anything-but": {"equals-ignore-case": "X"}}"#, r#""x""#, false);
    check(r#"{"anything-but": {"wildcard": ["a*c", "d*f"]}}"#, r#""def""#, false);
    check(r#"{"numeric": ["=", 3]}"#, "3.0", true);
    check(r#"{"numeric": [">", 0, "<=", 5]}"#, "5", true);
    check(r#"{"numeric": [">", 0, "<=", 5]}"#, "0", false);
    check(r#"{"numeric": ["<", 10]}"#, r#""5""#, false);
    check(r#"{"numeric": [">=", -1.5e3]}"#, "-1500", true);
    check(r#"{"cidr": "10.0.0.77/24"}"#, r#""10.0.0.255""#, true);
    check(r#"{"cidr": "10.0.0.0/24"}"#, r#""10.0.1.0""#, false);
    check(r#"{"cidr": "0.0.0.0/0"}"#, r#""255.1.2.3""#, true);
    check(r#"{"cidr": "0.0.0.0/0"}"#, r#""::1""#, false);
    check(r#"{"cidr": "10.0.0.1/32"}"#, r#""10.0.0.1""#, true);
    check(r#"{"cidr": "::/0"}"#, r#""2001:db8::1""#, true);
    check(r#"{"cidr": "2001:db8::1/128"}"#, r#""2001:db8:0::1""#, true);
    check(r#"{"exists": true}"#, "null", true);
    check(r#"{"exists": true}"#, r#"{"b": 1}"#, false);
    check(r#"{"exists": false}"#, r#"{"b": 1}"#, true);
    check(r#"{"exists": false}"#, "[]", true);
    check(r#"{"exists": false}"#, r#"[{"b": 1}, 2]"#, false);
}

#[test]
fn wildcards_are_gaps() {
    let check = |wildcard: &str, value: &str, expect: bool| {
        let pattern = serde_json::json!({"a": [{"wildcard": wildcard}]}).to_string();
        let event = serde_json::json!({"a": value}).to_string();
        assert_eq!(takes(&pattern, &event), expect, "{wildcard} for {value}");
    };
    check("a*z", "az", true);
    check("a*z", "abcz", true);
    check("a*z", "a", false);
    check("a*a", "a", false);
    check("*", "", true);
    check("*ab*ab", "ab", false);
    check("*ab*ab", "xabyab", true);
    check("*aab", "aaab", true);
    check("a*b*c*d*e*f", "a1b2c3d4e5f", true);
    check("a*b*c*d*e*f", "a1b2c3e4d5f", false);
    check("ü*ö", "üäö", true);
    check(r"a\*b", "a*b", true);
    check(r"a\*b", "axb", false);
    check(r"a\\*b", r"a\xb", true);
    check("*a*a*a*a*b", &"a".repeat(1_000_000), false);
}

#[test]
fn fields_of_one_pattern_are_met_by_one_element() {
    let check = |pattern: &str, event: &str, expect: bool| {
        assert_eq!(takes(pattern, event), expect, "{pattern} for {event}");
    };
    let xy = r#"{"a": {"x": [1], "y": [2]}}"#;
    check(xy, r#"{"a": {"x": 1, "y": 2}}"#, true);
    check(xy, r#"{"a": [{"x": 1}, {"y": 2}]}"#, false);
    check(xy, r#"{"a": [{"x": 1}, {"x": 1, "y": 2}]}"#, true);
    check(xy, r#"{"a": [[{"x": 1}], [{"y": 2}, {"x": [0, 1], "y": [2, 3]}]]}"#, true);
    check(xy, r#"{"a": [1, "x", null]}"#, false);
    check(
        r#"{"a": {"b": {"x": [1]}, "c": {"y": [2]}}}"#,
        r#"{"a": [{"b": [{"x": 1}], "c": {"y": 2}}]}"#,
        true,
    );
    check(
        r#"{"a": {"b": {"x": [1]}, "c": {"y": [2]}}}"#,
        r#"{"a": [{"b": {"x": 1}}, {"c": {"y": 2}}]}"#,
        false,
    );

    let or = r#"{"a": {"x": [1]}, "$or": [{"a": {"y": [2]}}, {"b": [3]}]}"#;
    check(or, r#"{"a": [{"x": 1, "y": 2}]}"#, true);
    check(or, r#"{"a": [{"x": 1}, {"y": 2}]}"#, false);
    check(or, r#"{"a": [{"x": 1}, {"y": 2}], "b": 3}"#, true);
    check(or, r#"{"b": 3}"#, false);
    let ors = r#"{"$or": [{"a": {"x": [1]}}, {"$or": [{"b": [1]}, {"a": {"x": [2]}}]}], "a": {"y": [3]}}"#;
    check(ors, r#"{"a": [{"x": 2, "y": 3}]}"#, true);
    check(ors, r#"{"a": [{"x": 2}, {"y": 3}]}"#, false);
    check(ors, r#"{"a": [{"y": 3}], "b": 1}"#, true);
    check(r#"{"a": [1, 2], "$or": [{"a": [2, 3]}, {"b": [1]}]}"#, r#"{"a": 1}"#, false);
    check(r#"{"a": [1, 2], "$or": [{"a": [2, 3]}, {"b": [1]}]}"#, r#"{"a": 2}"#, true);
    check(r#"{"a": [1, 2], "$or": [{"a": [2, 3]}, {"b": [1]}]}"#, r#"{"a": [1, 3]}"#, false);

    let none = r#"{"a": {"y": [{"exists": false}]}}"#;
    check(none, r#"{}"#, true);
    check(none, r#"{"a": []}"#, true);
    check(none, r#"{"a": [{"x": 1}]}"#, true);
    check(none, r#"{"a": [{"x": 1}, {"y": 2}]}"#, false);
    let x_without_y = r#"{"a": {"x": [1], "y": [{"exists": false}]}}"#;
    check(x_without_y, r#"{"a": [{"x": 1}, {"y": 2}]}"#, true);
    check(x_without_y, r#"{"a": [{"x": 1, "y": 2}, {"x": 2}]}"#, false);
    check(x_without_y, r#"{"a": [{"x": 2}]}"#, false);
}

#[test]
fn or_is_a_field_unless_it_lists_objects_of_fields() {
    let check = |pattern: &str, event: &str, expect: bool| {
        assert_eq!(takes(pattern, event), expect, "{pattern} for {event}");
    };
    check(r#"{"$or": [{"a": [1]}, {"b": [2]}]}"#, r#"{"b": 2}"#, true);
    check(r#"{"$or": [{"prefix": "a"}, {"suffix": "b"}]}"#, r#"{"$or": "abc"}"#, true);
    check(r#"{"$or": [1, 2]}"#, r#"{"$or": 2}"#, true);
    check(r#"{"$or": {"a": [1]}}"#, r#"{"$or": {"a": 1}}"#, true);
    check(r#"{"a": [1], "a": [2]}"#, r#"{"a": 2}"#, true);
    check(r#"{"a": [1], "a": [2]}"#, r#"{"a": 1}"#, false);
}

#[test]
fn what_is_no_object_is_never_taken() {
    for event in ["null", "1", "\"a\"", "[]", r#"[{"b": 1}]"#] {
        assert!(!takes(r#"{"a": [{"exists": false}]}"#, event), "{event}");
    }
}

#[test]
fn refusals_say_where_what_and_what_instead() {
    let check = |pattern: &str, expect: &str| match Pattern::parse(pattern) {
        Ok(_) => panic!("{pattern} is accepted"),
        Err(error) => assert!(error.to_string().starts_with(expect), "{pattern}\n  {error}\n  {expect}"),
    };
    check(
        r#"{"detail": {"state": [{"prefix": 1}]}}"#,
        "`detail.state[0].prefix`: prefix match pattern must be a string: write a string, as in",
    );
    check("", "Filter is not valid JSON (EOF");
    check("[]", "Filter is not an object: write a JSON object");
    check("{}", "Empty objects are not allowed");
    check(r#"{"a": {}}"#, "`a`: Empty objects are not allowed");
    check(r#"{"a": []}"#, "`a`: Empty arrays are not allowed");
    check(r#"{"a": 1}"#, "`a`: \"a\" must be an object or an array: put the value in a list");
    check(r#"{"a": [[1]]}"#, "`a[0]`: Match value must be");
    check(r#"{"a": [1, {}]}"#, "`a[1]`: Match expression name not found");
    check(r#"{"a": [{"prefix": "a", "suffix": "b"}]}"#, "`a[0]`: Only one key allowed");
    check(r#"{"a": [{"Prefix": "a"}]}"#, "`a[0].Prefix`: Unrecognized match type Prefix");
    check(r#"{"$or": [{"a": [1]}, {"b": 2}]}"#, "`$or[1].b`: \"b\" must be");
    check(r#"{"$or": [{}, {"b": [2]}]}"#, "`$or[0]`: Empty objects");
    check(r#"{"a": [{"exists": "yes"}]}"#, "`a[0].exists`: exists match pattern must be either");
    check(
        r#"{"a": [{"anything-but": {"prefix": ["x", 1]}}]}"#,
        "`a[0].anything-but.prefix[1]`: prefix match",
    );
    check(r#"{"a": [{"anything-but": {"exists": true}}]}"#, "`a[0].anything-but`: Unsupported anything-but");
    check(r#"{"a": [{"anything-but": {"prefix": ""}}]}"#, "`a[0].anything-but.prefix`: Null prefix/suffix");
    check(r#"{"a": [{"anything-but": []}]}"#, "`a[0].anything-but`: Empty arrays");
    check(r#"{"a": [{"anything-but": ["x", 1]}]}"#, "`a[0].anything-but`: Inside anything but list");
    check(r#"{"a": [{"anything-but": true}]}"#, "`a[0].anything-but`: Value of anything-but");
    check(r#"{"a": [{"suffix": {"prefix": "x"}}]}"#, "`a[0].suffix`: Unsupported suffix pattern: prefix");
    check(r#"{"a": [{"wildcard": "a**"}]}"#, "`a[0].wildcard`: Consecutive wildcard characters at pos 2");
    check(r#"{"a": [{"wildcard": "a\\b"}]}"#, "`a[0].wildcard`: Invalid escape character at pos 2");
    check(r#"{"a": [{"wildcard": "a\\"}]}"#, "`a[0].wildcard`: Invalid escape character at pos 2");
    check(r#"{"a": [{"wildcard": "*a*b*c*d*e*"}]}"#, "`a[0].wildcard`: Rule is too complex");
    check(r#"{"a": [{"numeric": []}]}"#, "`a[0].numeric`: Invalid member in numeric match: ]");
    check(r#"{"a": [{"numeric": [1]}]}"#, "`a[0].numeric`: Invalid member in numeric match: 1");
    check(r#"{"a": [{"numeric": ["!", 1]}]}"#, "`a[0].numeric`: Unrecognized numeric range operator: !");
    check(r#"{"a": [{"numeric": ["=", "1"]}]}"#, "`a[0].numeric`: Value of equals must be numeric");
    check(r#"{"a": [{"numeric": ["<", 1, ">", 0]}]}"#, "`a[0].numeric`: Too many elements");
    check(r#"{"a": [{"numeric": [">", 1, "=", 2]}]}"#, "`a[0].numeric`: Bad numeric range operator: =");
    check(r#"{"a": [{"numeric": [">", 1, "<", 1]}]}"#, "`a[0].numeric`: Bottom must be less than top");
    check(r#"{"a": [{"numeric": [">", 1, "<", 2, "<"]}]}"#, "`a[0].numeric`: Too many terms");
    check(r#"{"a": [{"cidr": "10.0.0.0"}]}"#, "`a[0].cidr`: Malformed CIDR, one '/' required");
    check(r#"{"a": [{"cidr": "10.0.0.0/8/8"}]}"#, "`a[0].cidr`: Malformed CIDR, one '/' required");
    check(r#"{"a": [{"cidr": "10.0.0.0/x"}]}"#, "`a[0].cidr`: Malformed CIDR, mask bits must be an integer");
    check(r#"{"a": [{"cidr": "10.0.0.0/33"}]}"#, "`a[0].cidr`: Malformed CIDR, mask bits must be at most 32");
    check(r#"{"a": [{"cidr": "10.0.0/8"}]}"#, "`a[0].cidr`: Nonstandard IP address: 10.0.0");
}

#[test]
fn hostile_patterns_are_refused() {
    let check = |pattern: &str, expect: &Reason| match Pattern::parse(pattern) {
        Ok(_) => panic!("accepted: {}", &pattern[..100]),
        Err(error) => assert_eq!(error.reason(), expect),
    };
    let nested = |levels: usize| format!("{}[1]{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let dotted = |steps: usize| format!(r#"{{"{}": [1]}}"#, vec!["a"; steps].join("."));
    let branches = |levels: usize| {
        format!("{}{{\"a\":[1]}}{}", r#"{"$or":[{"b":[1]},"#.repeat(levels), "]}".repeat(levels))
    };
    assert!(Pattern::parse(&nested(64)).is_ok());
    check(&nested(65), &Reason::TooDeep);
    assert!(Pattern::parse(&dotted(64)).is_ok());
    check(&dotted(65), &Reason::TooDeep);
    assert!(Pattern::parse(&branches(60)).is_ok());
    assert!(matches!(
        Pattern::parse(&branches(63)).map_err(|error| error.reason().clone()),
        Err(Reason::Json(_))
    ));
    check(&format!(r#"{{"a": ["{}"]}}"#, "x".repeat(4096)), &Reason::TooLong);
    assert!(Pattern::parse(&format!(r#"{{"a": ["{}"]}}"#, "ü".repeat(4085))).is_ok());
    // Each level doubles what is wanted of `a`, and all of it must hold for one element.
    let doubled = |levels: usize| {
        let level = r#"{"a":{"$or":[{"x":[1]},{"x":[2]}]},"$or":[{"b":[1]},"#;
        format!(r#"{}{{"a":{{"y":[1]}}}}{}"#, level.repeat(levels), "]}".repeat(levels))
    };
    assert!(Pattern::parse(&doubled(4)).is_ok());
    check(&doubled(30), &Reason::TooManyFields);
}

/// The arrays beside each other have 100^30 combinations of elements.
#[test]
fn hostile_events_are_matched_in_time() {
    let wide = |inside: &str, count: usize| format!("[{}]", vec![inside; count].join(","));
    let arrays = (0..14).fold("1".to_owned(), |inside, _| wide(&format!(r#"{{"x": {inside}}}"#), 2));
    let pattern = (0..14).fold("[2]".to_owned(), |inside, _| format!(r#"{{"x": {inside}}}"#));
    assert!(!takes(&format!(r#"{{"x": {pattern}}}"#), &format!(r#"{{"x": {arrays}}}"#)));

    let parallel: String = (0..30).map(|key| format!(r#""k{key}": {},"#, wide(r#"{"x": 1}"#, 100))).collect();
    let wanted: String = (0..30).map(|key| format!(r#""k{key}": {{"x": [1]}},"#)).collect();
    let pattern = format!(r#"{{{wanted} "z": [{{"exists": true}}]}}"#);
    assert!(!takes(&pattern, &format!("{{{parallel} \"y\": 1}}")));
    assert!(takes(&pattern, &format!("{{{parallel} \"z\": 1}}")));

    let or = r#"{"$or": [{"x": [2]}, {"y": [2]}]}"#;
    let ors: String = (0..30).map(|key| format!(r#""k{key}": {or},"#)).collect();
    assert!(!takes(&format!(r#"{{{ors} "z": [1]}}"#), &format!(r#"{{{parallel} "z": 1}}"#)));

    let deep = (0..100_000).fold(Value::from(1), |inside, _| Value::Array(vec![inside]));
    let mut event = serde_json::json!({});
    event["a"] = deep;
    assert!(Pattern::parse(r#"{"a": [1]}"#).expect("good").matches(&event));
    undo(event["a"].take());

    let dots = serde_json::json!({".".repeat(1_000_000): 1, "a.".repeat(1_000_000): 1}).to_string();
    assert!(!takes(r#"{"a.a.a.a": [1]}"#, &dots));
}

/// Drops arrays in arrays from the outside, since dropping them as they are goes as deep as they do.
fn undo(mut deep: Value) {
    while let Value::Array(mut inside) = deep {
        deep = inside.pop().unwrap_or_default();
    }
}
