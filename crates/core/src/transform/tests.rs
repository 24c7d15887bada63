//! Tables of paths and templates.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Context, Path, Template};

fn event() -> Value {
    json!({
        "version": "0",
        "id": "e1",
        "detail-type": "Order placed",
        "source": "shop",
        "resources": ["r0", "r1"],
        "detail": {
            "order": {"id": 7, "note": "say \"hi\"\n"},
            "items": [{"sku": "a"}, {"sku": "b"}],
            "a key": 1.5,
            "paid": true,
            "none": null,
        },
    })
}

#[test]
fn paths_lead_to_values() {
    let check = |path: &str, expect: Value| {
        let found = Path::parse(path).expect(path).find(&event()).map(std::borrow::Cow::into_owned);
        assert_eq!(found, Some(expect), "{path}");
    };
    check("$", event());
    check("$.detail-type", json!("Order placed"));
    check("$.detail.order.id", json!(7));
    check("$.resources[1]", json!("r1"));
    check("$.detail.items[1].sku", json!("b"));
    check("$.detail['a key']", json!(1.5));
    check(r#"$["detail"]["order"]"#, event()["detail"]["order"].clone());
    check("$.detail.items[*].sku", json!(["a", "b"]));
    check("$.detail.items.*.sku", json!(["a", "b"]));
    check("$.detail.nothing[*]", json!([]));
    check("$.detail.none", json!(null));
    for nowhere in ["$.x", "$.resources[2]", "$.resources.x", "$.detail[0]", "$.detail.paid.x"] {
        assert_eq!(Path::parse(nowhere).expect(nowhere).find(&event()), None, "{nowhere}");
    }
}

#[test]
fn what_is_no_path_is_told_with_its_place() {
    let check = |path: &str, expect: &str| {
        let error = Path::parse(path).expect_err(path).to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("", "no `$` at character 1");
    check("detail.x", "no `$` at character 1");
    check("$detail", "neither `.` nor `[` at character 2");
    check("$..x", "no name after the dot at character 2");
    check("$.a.", "no name after the dot at character 4");
    check("$.ü.a b", "a blank in a name without quotes at character 4");
    check("$.a[0", "a bracket without its end at character 4");
    check("$.a[-1]", "neither an index nor a name in quotes at character 4");
    check("$.a[]", "no index at character 4");
    check("$.a[99999999999999999999999]", "no index at character 4");
    check("$.a['b]", "a quote without its end at character 4");
    check("$.a['b'", "a bracket without its end at character 4");
    check("$.a[?(@.b)]", "neither an index nor a name in quotes");
}

fn paths() -> BTreeMap<String, String> {
    let paths = [
        ("type", "$.detail-type"),
        ("id", "$.detail.order.id"),
        ("note", "$.detail.order.note"),
        ("order", "$.detail.order"),
        ("items", "$.detail.items[*].sku"),
        ("paid", "$.detail.paid"),
        ("none", "$.detail.none"),
        ("missing", "$.detail.missing"),
    ];
    paths.into_iter().map(|(name, path)| (name.to_owned(), path.to_owned())).collect()
}

#[test]
fn values_are_put_in() {
    let check = |template: &str, expect: &str| {
        let context = Context { rule_arn: "arn:rule", rule_name: "r", ingestion_time: "now" };
        let template = Template::parse(&paths(), template).expect(template);
        assert_eq!(template.render(&event(), context, expect.len()).as_deref(), Some(expect));
        assert_eq!(template.render(&event(), context, expect.len() - 1), None);
    };
    // The examples of the user guide.
    check(r#""order <id> is <type>""#, r#""order 7 is Order placed""#);
    check(r#""order \"<type>\" <id>""#, r#""order \"Order placed\" 7""#);
    check("{\n  \"id\" : <id>,\n  \"type\": <type>\n}", r#"{"id":7,"type":"Order placed"}"#);
    check(r#"{"a": "<type>", "b": "is \"<type>\""}"#, r#"{"a":"Order placed","b":"is \"Order placed\""}"#);
    check("{\"state\": [ 9, <type>, true ]}", r#"{"state":[9,"Order placed",true]}"#);
    check("\"<aws.events.rule-name> triggered\"", "\"r triggered\"");
    check(
        r#"{"a": <aws.events.rule-arn>, "b": "<aws.events.event.ingestion-time>"}"#,
        r#"{"a":"arn:rule","b":"now"}"#,
    );
    // Values of every kind, in quotes and outside.
    check("<order>", r#"{"id":7,"note":"say \"hi\"\n"}"#);
    check("[<items>, <paid>, <none>, <note>]", r#"[["a","b"],true,null,"say \"hi\"\n"]"#);
    check(r#""<items> <paid> <none>""#, r#""[\"a\",\"b\"] true null""#);
    check(r#""<note>""#, r#""say \"hi\"\n""#);
    // What the event does not have.
    check(r#""<missing>.""#, r#"".""#);
    check(r#"{"a": <missing>}"#, r#"{"a":""}"#);
    // Several lines, and brackets that are no placeholders.
    check("\"a <id>\"\n\"b\"", "\"a 7\"\n\"b\"");
    check(r#""1 < 2 > 0 </b> <> \<id\> <id>""#, r#""1 < 2 > 0 </b> <> <id> 7""#);
    check(r#"{"blank kept": "a  b \\"}"#, r#"{"blank kept":"a  b \\"}"#);
    check(
        "{\"e\": <aws.events.event>}",
        r#"{"e":{"detailType":"Order placed","id":"e1","resources":["r0","r1"],"source":"shop","version":"0"}}"#,
    );
    check("<aws.events.event.json>", &event().to_string());
}

#[test]
fn what_is_no_template_is_told() {
    let check = |template: &str, expect: &str| {
        let error = Template::parse(&paths(), template).expect_err(template).to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("", "is empty");
    check("  ", "is empty");
    check(r#""ü <nobody>""#, "<nobody> at character 4 of the template stands for nothing");
    check(r#""<aws.events.rule>""#, "<aws.events.rule> at character 2");
    check("order <id>", "the template is no JSON");
    check("{<type>: 1}", "the template is no JSON");
    check("{\"a\": <id>", "the template is no JSON");
    check("\"a", "the template is no JSON");
    check(&format!("\"{}\"", "x".repeat(8191)), "more than 8192 characters");
    let with = |name: &str, path: &str| {
        let paths = BTreeMap::from([(name.to_owned(), path.to_owned())]);
        Template::parse(&paths, "\"\"").expect_err(name).to_string()
    };
    assert!(
        with("a", "detail").starts_with("<a> is `detail`: no `$` at character 1"),
        "{}",
        with("a", "detail")
    );
    assert!(with("AWS.a", "$").contains("`AWS.a` cannot be the name of a path"));
    assert!(with("", "$").contains("cannot be the name"));
    let many: BTreeMap<_, _> = (0..101).map(|i| (format!("p{i}"), "$".to_owned())).collect();
    assert!(Template::parse(&many, "1").expect_err("too many").to_string().contains("more than 100 paths"));
}
