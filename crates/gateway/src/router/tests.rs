use std::time::Duration;

use lambent_core::{FunctionName, PayloadFormat};

use super::*;

/// Routes to one function each, named by the place in the list.
fn routes(keys: &[&str]) -> Vec<Route> {
    let route = |(i, key): (usize, &&str)| Route {
        key: RouteKey::parse(key).unwrap_or_else(|error| panic!("{key}: {error}")),
        function: FunctionName::parse(&format!("f{i}")).unwrap(),
        format: PayloadFormat::V2,
        timeout: Duration::from_secs(30),
        asynchronous: false,
    };
    keys.iter().enumerate().map(route).collect()
}

/// `METHOD /path` to the key of the route that takes it and its parameters, as in `GET /a/{b} b=1`; `-` for none.
fn check(keys: &[&str], table: &[(&str, &str)]) {
    let router = Router::new(&routes(keys)).unwrap();
    for (request, expect) in table {
        let (method, path) = request.split_once(' ').unwrap();
        let found = router.find(&method.parse().unwrap(), path);
        let found = found.map_or_else(
            || "-".to_owned(),
            |found| {
                let parameters = found.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
                format!("{}{}", found.target.route.key, parameters.collect::<String>())
            },
        );
        assert_eq!(found, *expect, "{request} among {keys:?}");
    }
}

#[test]
fn the_worked_example() {
    check(
        &["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"],
        &[
            ("GET /pets/dog/1", "GET /pets/dog/1"),
            ("GET /pets/dog/2", "GET /pets/dog/{id} id=2"),
            ("GET /pets/cat/1", "GET /pets/{proxy+} proxy=cat/1"),
            ("POST /test/5", "ANY /{proxy+} proxy=test/5"),
            ("POST /pets/dog/1", "ANY /{proxy+} proxy=pets/dog/1"),
            ("GET /", "$default"),
            ("DELETE /", "$default"),
        ],
    );
}

#[test]
fn without_a_match_there_is_no_route() {
    check(
        &["GET /pets", "POST /pets/{id}", "ANY /files/{proxy+}"],
        &[
            ("GET /pets", "GET /pets"),
            ("POST /pets", "-"),
            ("HEAD /pets", "-"),
            ("GET /pets/", "-"),
            ("GET /pets/1", "-"),
            ("GET /PETS", "-"),
            ("POST /pets/", "-"),
            ("POST /pets/1/", "-"),
            ("GET /files", "-"),
            ("GET /files/", "-"),
            ("GET /files/a", "ANY /files/{proxy+} proxy=a"),
            ("GET /files//", "ANY /files/{proxy+} proxy=/"),
            ("GET /files/a/b/", "ANY /files/{proxy+} proxy=a/b/"),
            ("PROPFIND /files/a", "ANY /files/{proxy+} proxy=a"),
            ("PROPFIND /pets", "-"),
        ],
    );
}

#[test]
fn a_method_beats_any_at_the_same_path_only() {
    check(
        &["ANY /a/{x}", "GET /a/{y}", "POST /{proxy+}", "ANY /a/b"],
        &[
            ("GET /a/1", "GET /a/{y} y=1"),
            ("PUT /a/1", "ANY /a/{x} x=1"),
            ("GET /a/b", "ANY /a/b"),
            ("POST /a/1", "ANY /a/{x} x=1"),
            ("POST /b", "POST /{proxy+} proxy=b"),
            ("GET /b", "-"),
        ],
    );
}

#[test]
fn whole_paths_beat_greedy_ones_and_static_beats_variable() {
    check(
        &[
            "ANY /x/{proxy+}",
            "ANY /{a}/b",
            "ANY /{a}/{b}/c",
            "ANY /x/{b}/c",
            "ANY /{a}/y/{proxy+}",
            "ANY /{proxy+}",
        ],
        &[
            ("GET /x/b", "ANY /{a}/b a=x"),
            ("GET /x/q/c", "ANY /x/{b}/c b=q"),
            ("GET /z/q/c", "ANY /{a}/{b}/c a=z b=q"),
            ("GET /x/z", "ANY /x/{proxy+} proxy=z"),
            ("GET /x/y/z", "ANY /{a}/y/{proxy+} a=x proxy=z"),
            ("GET /x/y/", "ANY /x/{proxy+} proxy=y/"),
            ("GET /z/z", "ANY /{proxy+} proxy=z/z"),
            ("GET //", "ANY /{proxy+} proxy=/"),
            ("GET /", "-"),
        ],
    );
}

#[test]
fn parameters_are_decoded_and_plus_is_plus() {
    check(
        &["GET /a/{id}", "GET /f/{path+}"],
        &[
            ("GET /a/b%2Fc%20d+e", "GET /a/{id} id=b/c d+e"),
            ("GET /a/%C3%BC%zz%", "GET /a/{id} id=ü%zz%"),
            ("GET /f/a%2fb/c", "GET /f/{path+} path=a/b/c"),
        ],
    );
}

#[test]
fn conflicts_name_both() {
    let conflict = |keys: &[&str]| Router::new(&routes(keys)).unwrap_err().to_string();
    assert_eq!(
        conflict(&["GET /a/{x}", "GET /b", "GET /a/{y}"]),
        "the routes `GET /a/{x}` (function `f0`) and `GET /a/{y}` (function `f2`) \
         take the same requests: keep one of them"
    );
    for keys in [["$default"; 2], ["ANY /{a+}", "ANY /{b+}"], ["GET /"; 2]] {
        assert!(conflict(&keys).contains("`f0`"), "{keys:?}");
    }
    for fine in [["GET /a/{x}", "ANY /a/{x}"], ["GET /{a+}", "GET /{a}"], ["GET /a", "GET /a/"]] {
        assert!(Router::new(&routes(&fine)).is_ok(), "{fine:?}");
    }
}

#[test]
fn too_many_routes_are_refused() {
    let keys = (0..=limits::ROUTES_MAX).map(|i| format!("GET /{i}")).collect::<Vec<_>>();
    let keys = keys.iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(Router::new(&routes(&keys)).unwrap_err(), Error::TooMany(limits::ROUTES_MAX + 1));
}

#[test]
fn paths_that_were_not_parsed_are_checked() {
    for path in ["a", "/a{b}", "/{a+}/b", "/a*"] {
        let mut routes = routes(&["GET /a"]);
        routes[0].key = RouteKey::Path { method: None, path: path.to_owned() };
        assert!(matches!(Router::new(&routes), Err(Error::Path { .. })), "{path}");
    }
}
