//! Requests as clients send them, over buckets on a disk.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::Full;
use lambent_core::{BucketName, BucketSpec, NodeIdentity, RequestId, Secret, Timestamp};
use lambent_engine::Buckets;

use super::Door;
use crate::api::finish;
use crate::protocol::Protocol;
use crate::sign::{Credentials, Strangers};

struct Node {
    folder: PathBuf,
    door: Door,
    credentials: Credentials,
}

impl Node {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("lambent-s3-{:032x}", fastrand::u128(..)));
        let buckets = Buckets::open(&folder).unwrap();
        let name = BucketName::parse("reports").unwrap();
        let now = Timestamp::from_millis(1_770_000_000_123);
        buckets.create(&name, &BucketSpec::default(), now).unwrap();
        let door = Door::new(buckets, NodeIdentity::default(), Arc::new(move || now));
        Self { folder, door, credentials: Credentials::new([], Strangers::Admitted) }
    }

    async fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(uri).header("host", "127.0.0.1:9090");
        request = request.header("content-length", body.len());
        for (name, value) in headers {
            let replaced = request.headers_mut().unwrap();
            replaced.insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
        let answer = self.door.answer(&self.credentials, Timestamp::from_millis(0), request).await;
        let answer = finish(Protocol::RestXml, RequestId::from_random(0), answer);
        let (head, body) = answer.into_parts();
        let body = crate::body::read(body, 1024 * 1024).await.unwrap();
        (head.status.as_u16(), head.headers, String::from_utf8_lossy(&body).into_owned())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.send("GET", path, &[], "").await;
        (status, body)
    }

    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&self.folder).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

#[tokio::test]
async fn objects_are_put_and_got_as_curl_does() {
    let node = Node::start();
    let (status, headers, body) =
        node.send("PUT", "/reports/a/b.txt", &[("x-amz-meta-by", "me")], "hello").await;
    assert_eq!((status, body.as_str()), (200, ""));
    assert_eq!(headers["etag"], "\"5d41402abc4b2a76b9719d911017c592\"");
    let (status, headers, body) = node.send("GET", "/reports/a/b.txt", &[("range", "bytes=1-2")], "").await;
    assert_eq!((status, body.as_str()), (206, "el"));
    assert_eq!(headers["content-range"], "bytes 1-2/5");
    assert_eq!(headers["content-length"], "2");
    assert_eq!(headers["x-amz-meta-by"], "me");
    assert_eq!(headers["last-modified"], "Mon, 02 Feb 2026 02:40:00 GMT");
    let by_host = [("host", "reports.localhost:9090")];
    assert_eq!(node.send("GET", "/a/b.txt", &by_host, "").await.2, "hello");
    let (_, _, listed) = node.send("GET", "/?list-type=2&prefix=a/", &by_host, "").await;
    assert!(listed.contains("<Key>a/b.txt</Key>") && listed.contains("<Size>5</Size>"), "{listed}");
}

#[tokio::test]
async fn no_path_leads_out_of_a_bucket() {
    let node = Node::start();
    for key in ["../../x", "..%2f..%2fx", "a/../../../x", "%2e%2e/%2e%2e/x", ".", "..", "%00", "bucket.json"]
    {
        let (status, _, body) = node.send("PUT", &format!("/reports/{key}"), &[], "x").await;
        assert_eq!(status, 200, "{key} {body}");
        assert_eq!(node.get(&format!("/reports/{key}")).await, (200, "x".to_owned()), "{key}");
    }
    for file in node.files() {
        assert!(file.starts_with("reports/objects/") || file == "reports/bucket.json", "{file}");
    }
    for bucket in ["..", ".", "%2e%2e", "a%2f..", "REPORTS"] {
        let (status, _) = node.get(&format!("/{bucket}/x")).await;
        assert!(matches!(status, 400 | 404), "{bucket} {status}");
    }
}

#[tokio::test]
async fn a_body_is_kept_only_when_it_came_whole() {
    let node = Node::start();
    let other = "0".repeat(64);
    let (status, _, body) = node.send("PUT", "/reports/a", &[("x-amz-content-sha256", &other)], "x").await;
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("<Code>XAmzContentSHA256Mismatch</Code>"), "{body}");
    let chunked = |body: &'static str, length: &'static str| {
        let headers = [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", length),
            ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ];
        let node = &node;
        async move { node.send("PUT", "/reports/a", &headers, body).await }
    };
    let bad = chunked("9\r\n123456789\r\n0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n", "9").await;
    assert!(bad.0 == 400 && bad.2.contains("<Code>BadDigest</Code>"), "{bad:?}");
    let short = chunked("9\r\n1234", "9").await;
    assert!(short.0 == 400 && short.2.contains("<Code>IncompleteBody</Code>"), "{short:?}");
    assert_eq!(node.get("/reports/a").await.0, 404);
    assert_eq!(node.files(), ["reports/bucket.json"], "nothing is left");
    let good = chunked("4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32c:4waSgw==\r\n\r\n", "9").await;
    assert_eq!(
        (good.0, &good.1["x-amz-checksum-crc32c"]),
        (200, &http::HeaderValue::from_static("4waSgw=="))
    );
    let (_, headers, body) = node.send("GET", "/reports/a", &[], "").await;
    assert_eq!(body, "123456789");
    assert!(!headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn what_is_not_there_is_told_by_name() {
    let node = Node::start();
    let (status, body) = node.get("/reports?policy").await;
    assert_eq!(status, 501, "{body}");
    assert!(body.contains("<Code>NotImplemented</Code>") && body.contains("GetBucketPolicy"), "{body}");
    let (status, _, body) = node.send("PUT", "/reports/a", &[("x-amz-acl", "public-read")], "x").await;
    assert_eq!(status, 501);
    assert!(body.contains("Lambent does not support x-amz-acl: every object is private."), "{body}");
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let body = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na\r\n--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhello\r\n--x--\r\n";
    let (status, _, body) = node.send("POST", "/reports", &form, body).await;
    assert!(status >= 400, "{body}");
    assert_eq!(node.files(), ["reports/bucket.json"]);
}

#[tokio::test]
async fn strangers_and_pages_are_kept_out() {
    let mut node = Node::start();
    let page = [("origin", "http://evil.example")];
    assert_eq!(node.send("PUT", "/reports/a", &page, "x").await.0, 403);
    let keys = [("AKID".to_owned(), Secret::new("secret".to_owned()))];
    node.credentials = Credentials::new(keys, Strangers::Refused);
    let (status, _, body) = node.send("GET", "/reports/a", &[], "").await;
    assert!(status == 403 && body.contains("<Code>AccessDenied</Code>"), "{body}");
    // The codec must never be asked who somebody is.
    let form = [("content-type", "multipart/form-data; boundary=x")];
    assert_eq!(node.send("POST", "/reports", &form, "--x--").await.0, 403);
    let old = "/reports/a?AWSAccessKeyId=AKID&Expires=9999999999&Signature=x";
    assert_eq!(node.send("GET", old, &[], "").await.0, 403);
}
