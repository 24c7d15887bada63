use std::time::Duration;

use http::{Request, Version};
use lambent_core::{FunctionName, Route, RouteKey, Timestamp, TraceHeader};
use serde_json::{Value, json};

use super::*;
use crate::arrival::ArrivalId;
use crate::router::Router;
use crate::server::Peer;

const TRACE: &str = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c";

/// The event of a request at the route `key`.
fn event(
    format: PayloadFormat,
    key: &str,
    request: http::request::Builder,
    body: &[u8],
) -> Result<String, Refusal> {
    let route = Route {
        key: RouteKey::parse(key).unwrap(),
        function: FunctionName::parse("f").unwrap(),
        format,
        timeout: Duration::from_secs(30),
        asynchronous: false,
    };
    let router = Router::new(&[route]).unwrap();
    let (head, ()) = request.body(()).unwrap().into_parts();
    let found = router.find(&head.method, head.uri.path()).unwrap();
    let arrival = Arrival {
        head: &head,
        host: crate::admission::admit(&head).unwrap(),
        peer: Peer { ip: [203, 0, 113, 9].into(), local_port: 8080 },
        id: &ArrivalId::from_random(0),
        trace: &TraceHeader::parse(TRACE).unwrap(),
        now: Timestamp::from_millis(1_770_112_800_000),
        account: "111122223333",
    };
    write(&arrival, &found, body).map(|event| String::from_utf8(event.to_vec()).unwrap())
}

fn get(uri: &str) -> http::request::Builder {
    Request::get(uri).header("host", "abc.execute-api.example.com")
}

/// The value at `pointer` of the event of a request; `None` where there is none.
fn at(format: PayloadFormat, request: http::request::Builder, body: &[u8], pointer: &str) -> Option<Value> {
    let event = event(format, "$default", request, body).unwrap();
    serde_json::from_str::<Value>(&event).unwrap().pointer(pointer).cloned()
}

use PayloadFormat::{V1, V2};

#[test]
fn format_2_of_a_get() {
    let request = get("/pets/6?a=1&a=2&b=")
        .header("user-agent", "curl/8")
        .header("accept", "*/*")
        .header("cookie", "s=1; t=2")
        .header("content-length", "0");
    let expect = r#"{"version":"2.0","routeKey":"GET /pets/{id}","rawPath":"/pets/6","rawQueryString":"a=1&a=2&b=","cookies":["s=1","t=2"],"headers":{"user-agent":"curl/8","accept":"*/*","content-length":"0","host":"abc.execute-api.example.com","x-amzn-trace-id":"Root=1-5e9f0c65-1de4d666d4dd26aced652b6c","x-forwarded-for":"203.0.113.9","x-forwarded-port":"8080","x-forwarded-proto":"http"},"queryStringParameters":{"a":"1,2","b":""},"pathParameters":{"id":"6"},"requestContext":{"accountId":"111122223333","apiId":"lambent","domainName":"abc.execute-api.example.com","domainPrefix":"abc","http":{"method":"GET","path":"/pets/6","protocol":"HTTP/1.1","sourceIp":"203.0.113.9","userAgent":"curl/8"},"requestId":"AAAAAAAAAAAAAAA=","routeKey":"GET /pets/{id}","stage":"$default","time":"03/Feb/2026:10:00:00 +0000","timeEpoch":1770112800000},"isBase64Encoded":false}"#;
    assert_eq!(event(V2, "GET /pets/{id}", request, b"").unwrap(), expect);
}

#[test]
fn format_2_leaves_out_what_is_absent() {
    let event = event(V2, "$default", get("/"), b"").unwrap();
    let event = serde_json::from_str::<Value>(&event).unwrap();
    let mut keys = event.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
    keys.sort_unstable();
    let expect =
        ["headers", "isBase64Encoded", "rawPath", "rawQueryString", "requestContext", "routeKey", "version"];
    assert_eq!(keys, expect);
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["rawQueryString"], "");
    assert_eq!(event["requestContext"]["http"]["userAgent"], "");
}

#[test]
fn format_1_of_a_post() {
    let request = get("/a%20b/x?q=1&q=2+3")
        .method("POST")
        .header("content-type", "text/plain")
        .header("x-two", "1")
        .header("x-two", "2");
    let expect = r#"{"version":"1.0","resource":"/{proxy+}","path":"/a%20b/x","httpMethod":"POST","headers":{"content-type":"text/plain","x-two":"2","host":"abc.execute-api.example.com","x-amzn-trace-id":"Root=1-5e9f0c65-1de4d666d4dd26aced652b6c","x-forwarded-for":"203.0.113.9","x-forwarded-port":"8080","x-forwarded-proto":"http"},"multiValueHeaders":{"content-type":["text/plain"],"x-two":["1","2"],"host":["abc.execute-api.example.com"],"x-amzn-trace-id":["Root=1-5e9f0c65-1de4d666d4dd26aced652b6c"],"x-forwarded-for":["203.0.113.9"],"x-forwarded-port":["8080"],"x-forwarded-proto":["http"]},"queryStringParameters":{"q":"2 3"},"multiValueQueryStringParameters":{"q":["1","2 3"]},"requestContext":{"accountId":"111122223333","apiId":"lambent","authorizer":{"claims":null,"scopes":null},"domainName":"abc.execute-api.example.com","domainPrefix":"abc","extendedRequestId":"AAAAAAAAAAAAAAA=","httpMethod":"POST","identity":{"accessKey":null,"accountId":null,"caller":null,"clientCert":null,"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,"cognitoIdentityId":null,"cognitoIdentityPoolId":null,"principalOrgId":null,"sourceIp":"203.0.113.9","user":null,"userAgent":null,"userArn":null},"path":"/a%20b/x","protocol":"HTTP/1.1","requestId":"AAAAAAAAAAAAAAA=","requestTime":"03/Feb/2026:10:00:00 +0000","requestTimeEpoch":1770112800000,"resourceId":null,"resourcePath":"/{proxy+}","stage":"$default"},"pathParameters":{"proxy":"a b/x"},"stageVariables":null,"body":"hi","isBase64Encoded":false}"#;
    assert_eq!(event(V1, "ANY /{proxy+}", request, b"hi").unwrap(), expect);
}

#[test]
fn format_1_says_null_for_what_is_absent() {
    let names = [
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "body",
        "requestContext/identity/userAgent",
    ];
    for name in names {
        assert_eq!(at(V1, get("/"), b"", &format!("/{name}")), Some(Value::Null), "{name}");
    }
    let cookie = at(V1, get("/").header("cookie", "a=1; b=2"), b"", "/headers/cookie");
    assert_eq!(cookie, Some(json!("a=1; b=2")));
}

#[test]
fn headers_are_lowercased_joined_and_cleaned() {
    let request = get("/")
        .header("X-Many", "1")
        .header("cookie", "a=1;b=2")
        .header("x-other", "caf\u{e9}")
        .header("x-many", "2, 3")
        .header("cookie", "c=3; ")
        .header("connection", "keep-alive, upgrade")
        .header("upgrade", "h2c")
        .header("te", "trailers")
        .header("x-forwarded-for", "9.9.9.9")
        .header("x-forwarded-proto", "https")
        .header("x-amzn-trace-id", "forged");
    let expect = json!({
        "x-many": "1,2, 3",
        "x-other": "café",
        "host": "abc.execute-api.example.com",
        "x-amzn-trace-id": TRACE,
        "x-forwarded-for": "9.9.9.9, 203.0.113.9",
        "x-forwarded-port": "8080",
        "x-forwarded-proto": "http",
    });
    let event = event(V2, "$default", request, b"").unwrap();
    let event = serde_json::from_str::<Value>(&event).unwrap();
    assert_eq!(event["headers"], expect);
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
}

#[test]
fn a_header_that_is_no_utf8_is_latin_1() {
    let value = http::HeaderValue::from_bytes(b"caf\xe9").unwrap();
    assert_eq!(at(V2, get("/").header("x", value), b"", "/headers/x"), Some(json!("café")));
}

#[test]
fn raw_path_and_query_are_as_sent() {
    let request = || get("/a%2Fb//c%20d/%7e?x=%41+1&&y");
    assert_eq!(at(V2, request(), b"", "/rawPath"), Some(json!("/a%2Fb//c%20d/%7e")));
    assert_eq!(at(V2, request(), b"", "/requestContext/http/path"), Some(json!("/a%2Fb//c%20d/%7e")));
    assert_eq!(at(V2, request(), b"", "/rawQueryString"), Some(json!("x=%41+1&&y")));
    assert_eq!(at(V2, request(), b"", "/queryStringParameters"), Some(json!({"x": "A 1", "y": ""})));
    assert_eq!(at(V2, get("/?"), b"", "/queryStringParameters"), None);
}

#[test]
fn bodies_are_text_or_base64() {
    let check = |content_type: Option<&str>, body: &[u8], expect: &str, is_base64: bool| {
        for format in [V1, V2] {
            let request = || match content_type {
                Some(value) => get("/").method("POST").header("content-type", value),
                None => get("/").method("POST"),
            };
            let sent = at(format, request(), body, "/body");
            assert_eq!(sent, Some(json!(expect)), "{content_type:?}");
            assert_eq!(
                at(format, request(), body, "/isBase64Encoded"),
                Some(json!(is_base64)),
                "{content_type:?}"
            );
        }
    };
    check(Some("application/json"), b"{\"a\":\"\xc3\xbc\"}\n", "{\"a\":\"ü\"}\n", false);
    check(Some("Application/JSON; charset=utf-8"), b"{}", "{}", false);
    check(Some("text/html;x"), b"<p>", "<p>", false);
    check(Some("application/xml"), b"<p/>", "<p/>", false);
    check(Some("application/javascript"), b"1", "1", false);
    check(Some("text/plain"), b"\xff\xfe", "//4=", true);
    check(Some("application/x-www-form-urlencoded"), b"a=1", "YT0x", true);
    check(Some("application/vnd.api+json"), b"{}", "e30=", true);
    check(Some("textual/plain"), b"{}", "e30=", true);
    check(Some("text"), b"{}", "e30=", true);
    check(None, b"{}", "e30=", true);
}

#[test]
fn the_host_is_known_in_every_version() {
    let two = || Request::get("http://api.example.com:8080/").version(Version::HTTP_2);
    assert_eq!(at(V2, two(), b"", "/headers/host"), Some(json!("api.example.com:8080")));
    assert_eq!(at(V2, two(), b"", "/requestContext/domainName"), Some(json!("api.example.com:8080")));
    assert_eq!(at(V2, two(), b"", "/requestContext/http/protocol"), Some(json!("HTTP/2.0")));
    let old = || Request::get("/").version(Version::HTTP_10);
    assert_eq!(at(V2, old(), b"", "/headers/host"), None);
    assert_eq!(at(V2, old(), b"", "/requestContext/domainName"), Some(json!("")));
    for (host, prefix) in [
        ("abc.example.com", "abc"),
        ("localhost:8080", "localhost"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::1]:8080", "[::1]:8080"),
        ("", ""),
    ] {
        assert_eq!(fields::domain_prefix(host), prefix);
    }
}

#[test]
fn events_beyond_the_payload_limit_are_refused() {
    let post = || get("/").method("POST");
    let raw = vec![0; limits::PAYLOAD_MAX / 4 * 3];
    assert_eq!(event(V2, "$default", post(), &raw), Err(Refusal::TooLarge));
    let text = vec![b'x'; limits::PAYLOAD_MAX - 2048];
    assert!(event(V2, "$default", post().header("content-type", "text/plain"), &text).is_ok());
}
