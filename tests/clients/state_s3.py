"""What boto3 finds of S3 on the AWS-compatible port: state_s3.py ENDPOINT TEST."""

import base64
import datetime
import hashlib
import io
import socket
import sys
import time
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, TEST = sys.argv[1:3]
PORT = ENDPOINT.rsplit(":", 1)[1]
MB = 1024 * 1024


def client(endpoint=ENDPOINT, key="any", secret="any", style="path", **config):
    config = Config(
        retries={"total_max_attempts": 3}, signature_version="s3v4", s3={"addressing_style": style}, **config)
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", config=config,
                        aws_access_key_id=key, aws_secret_access_key=secret)


s3 = client()


def refused(call, code, status, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error.response
        return error.response
    raise AssertionError(f"not refused: {answer}")


def objects():
    put = s3.put_object(
        Bucket="reports", Key="a/grüße 1+1.txt", Body=b"hello", ContentType="text/plain", CacheControl="no-cache",
        ContentDisposition="inline", ContentLanguage="de", ContentEncoding="identity",
        Expires=datetime.datetime(2030, 1, 1), Metadata={"owner": "ada", "two": "a b"},
    )
    assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"', put
    assert put["ChecksumCRC32"] and put["ChecksumType" if "ChecksumType" in put else "ChecksumCRC32"], put
    got = s3.get_object(Bucket="reports", Key="a/grüße 1+1.txt")
    assert got["Body"].read() == b"hello" and got["ContentLength"] == 5, got
    assert got["Metadata"] == {"owner": "ada", "two": "a b"} and got["ContentType"] == "text/plain", got
    assert got["CacheControl"] == "no-cache" and got["ContentLanguage"] == "de", got
    assert got["Expires"].year == 2030 and got["ChecksumCRC32"] == put["ChecksumCRC32"], got
    assert abs(got["LastModified"].timestamp() - time.time()) < 60
    head = s3.head_object(Bucket="reports", Key="a/grüße 1+1.txt")
    assert head["ContentLength"] == 5 and head["ETag"] == put["ETag"] and head["Metadata"] == got["Metadata"]
    read = lambda **more: s3.get_object(Bucket="reports", Key="a/grüße 1+1.txt", **more)
    part = read(Range="bytes=1-3")
    assert part["Body"].read() == b"ell" and part["ContentRange"] == "bytes 1-3/5", part
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert read(Range="bytes=-2")["Body"].read() == b"lo"
    assert read(ResponseContentType="text/html")["ContentType"] == "text/html"
    refused(read, "InvalidRange", 416, Range="bytes=5-")
    refused(read, "PreconditionFailed", 412, IfMatch='"x"')
    refused(read, "304", 304, IfNoneMatch=put["ETag"])
    refused(read, "304", 304, IfModifiedSince=datetime.datetime(2099, 1, 1))
    refused(read, "PreconditionFailed", 412, IfUnmodifiedSince=datetime.datetime(2000, 1, 1))
    refused(s3.put_object, "PreconditionFailed", 412, Bucket="reports", Key="a/grüße 1+1.txt", Body=b"x", IfNoneMatch="*")
    s3.put_object(Bucket="reports", Key="a/grüße 1+1.txt", Body=b"second", IfMatch=put["ETag"])
    refused(s3.put_object, "PreconditionFailed", 412, Bucket="reports", Key="a/grüße 1+1.txt", Body=b"x", IfMatch=put["ETag"])
    refused(s3.put_object, "NoSuchKey", 404, Bucket="reports", Key="none", Body=b"x", IfMatch=put["ETag"])
    refused(s3.get_object, "NoSuchKey", 404, Bucket="reports", Key="none")
    refused(s3.head_object, "404", 404, Bucket="reports", Key="none")
    refused(s3.get_object, "NoSuchBucket", 404, Bucket="nowhere", Key="none")
    refused(s3.put_object, "NoSuchBucket", 404, Bucket="nowhere", Key="none", Body=b"x")
    s3.put_object(Bucket="reports", Key="empty")
    assert s3.get_object(Bucket="reports", Key="empty")["Body"].read() == b""
    for key in ["../../etc/passwd", "a/../b", "/", "//", "a/", ".", "..", "%2e%2e/x", "x" * 1024, "ü" * 512, "tab\tnew\nline", "a?b#c&d=e"]:
        s3.put_object(Bucket="keys-of-all-kinds", Key=key, Body=key.encode())
        assert s3.get_object(Bucket="keys-of-all-kinds", Key=key)["Body"].read() == key.encode(), key
    listed = [item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="keys-of-all-kinds", PaginationConfig={"PageSize": 5}) for item in page["Contents"]]
    assert len(listed) == 12 and listed == sorted(listed, key=str.encode), listed
    refused(s3.put_object, "KeyTooLongError", 400, Bucket="reports", Key="x" * 1025, Body=b"")
    s3.delete_object(Bucket="reports", Key="empty")
    s3.delete_object(Bucket="reports", Key="empty")
    refused(s3.get_object, "NoSuchKey", 404, Bucket="reports", Key="empty")


def checksums():
    body = b"123456789"
    expect = {
        "CRC32": "y/Q5Jg==", "SHA1": base64.b64encode(hashlib.sha1(body).digest()).decode(),
        "SHA256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    for algorithm, value in expect.items():
        put = s3.put_object(Bucket="reports", Key=algorithm, Body=body, ChecksumAlgorithm=algorithm)
        assert put["Checksum" + algorithm] == value, put
        got = s3.get_object(Bucket="reports", Key=algorithm, ChecksumMode="ENABLED")
        assert got["Checksum" + algorithm] == value and got["Body"].read() == body, got
        other = {"Checksum" + algorithm: value[:-6] + "AAAA" + value[-2:]}
        refused(s3.put_object, "BadDigest", 400, Bucket="reports", Key="bad", Body=body, **other)
    refused(s3.put_object, "BadDigest", 400, Bucket="reports", Key="bad", Body=body, ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
    refused(s3.get_object, "NoSuchKey", 404, Bucket="reports", Key="bad")
    for parameter in [dict(ServerSideEncryption="AES256"), dict(StorageClass="GLACIER"), dict(ACL="public-read"),
                      dict(Tagging="a=b"), dict(WebsiteRedirectLocation="/x")]:
        told = refused(s3.put_object, "NotImplemented", 501, Bucket="reports", Key="bad", Body=body, **parameter)
        assert "Lambent does not support x-amz-" in told["Error"]["Message"], told
    refused(s3.put_bucket_policy, "NotImplemented", 501, Bucket="reports", Policy="{}")
    refused(s3.get_object, "NotImplemented", 501, Bucket="reports", Key="CRC32", VersionId="abc")
    refused(s3.get_object, "AccessDenied", 403, Bucket="reports", Key="CRC32", ExpectedBucketOwner="111111111111")


def lists():
    for n in range(25):
        s3.put_object(Bucket="listed", Key=f"logs/2024/{n:02}.txt", Body=b"x" * n)
    for key in ["logs", "logs/readme", "other/a", "logs/2025/x/y"]:
        s3.put_object(Bucket="listed", Key=key, Body=b"")
    page = s3.list_objects_v2(Bucket="listed", Delimiter="/")
    assert [item["Key"] for item in page["Contents"]] == ["logs"], page
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["logs/", "other/"], page
    assert page["KeyCount"] == 3 and not page["IsTruncated"]
    page = s3.list_objects_v2(Bucket="listed", Prefix="logs/", Delimiter="/", MaxKeys=2)
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["logs/2024/", "logs/2025/"], page
    page = s3.list_objects_v2(Bucket="listed", Prefix="logs/", Delimiter="/", MaxKeys=2,
                              ContinuationToken=page["NextContinuationToken"])
    assert [item["Key"] for item in page["Contents"]] == ["logs/readme"] and not page["IsTruncated"], page
    for operation in ["list_objects", "list_objects_v2"]:
        pages = s3.get_paginator(operation).paginate(
            Bucket="listed", Prefix="logs/2024/", PaginationConfig={"PageSize": 7})
        found = [(item["Key"], item["Size"]) for page in pages for item in page["Contents"]]
        assert found == [(f"logs/2024/{n:02}.txt", n) for n in range(25)], (operation, found)
        pages = s3.get_paginator(operation).paginate(Bucket="listed", Delimiter="/", PaginationConfig={"PageSize": 1})
        found = [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])]
        assert found == ["logs/", "other/"], (operation, found)
    after = s3.list_objects_v2(Bucket="listed", StartAfter="logs/2024/22.txt", Prefix="logs/2024")
    assert [item["Key"][-6:] for item in after["Contents"]] == ["23.txt", "24.txt"]
    refused(s3.list_objects_v2, "InvalidArgument", 400, Bucket="listed", ContinuationToken="!")
    told = s3.delete_objects(Bucket="listed", Delete={"Objects": [{"Key": f"logs/2024/{n:02}.txt"} for n in range(25)] + [{"Key": "none"}]})
    assert len(told["Deleted"]) == 26 and "Errors" not in told
    assert s3.list_objects_v2(Bucket="listed", Prefix="logs/2024/")["KeyCount"] == 0


def copies():
    s3.put_object(Bucket="reports", Key="from me+you", Body=b"copied", Metadata={"a": "1"}, ContentType="text/x")
    source = {"Bucket": "reports", "Key": "from me+you"}
    told = s3.copy_object(Bucket="listed", Key="to", CopySource=source)
    got = s3.get_object(Bucket="listed", Key="to")
    assert got["Body"].read() == b"copied" and got["Metadata"] == {"a": "1"} and got["ContentType"] == "text/x"
    assert told["CopyObjectResult"]["ETag"] == got["ETag"]
    s3.copy_object(Bucket="reports", Key="from me+you", CopySource=source, Metadata={"b": "2"}, MetadataDirective="REPLACE")
    assert s3.head_object(**source)["Metadata"] == {"b": "2"}
    refused(s3.copy_object, "InvalidRequest", 400, Bucket="reports", Key="from me+you", CopySource=source)
    refused(s3.copy_object, "NoSuchKey", 404, Bucket="reports", Key="x", CopySource={"Bucket": "reports", "Key": "no"})
    refused(s3.copy_object, "PreconditionFailed", 412, Bucket="reports", Key="x", CopySource=source, CopySourceIfMatch='"x"')
    s3.put_object(Bucket="reports", Key="large", Body=b"0123456789" * MB)
    upload = s3.create_multipart_upload(Bucket="reports", Key="copied")["UploadId"]
    parts = []
    for number, bounds in enumerate(["bytes=0-5242879", f"bytes=5242880-{10 * MB - 1}"], 1):
        told = s3.upload_part_copy(Bucket="reports", Key="copied", UploadId=upload, PartNumber=number,
                                   CopySource={"Bucket": "reports", "Key": "large"}, CopySourceRange=bounds)
        parts.append({"PartNumber": number, "ETag": told["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(Bucket="reports", Key="copied", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket="reports", Key="copied")["Body"].read() == b"0123456789" * MB


def uploads():
    part = b"p" * (5 * MB)
    create = lambda key="big", **more: s3.create_multipart_upload(Bucket="reports", Key=key, **more)["UploadId"]
    upload = create(Metadata={"m": "1"}, ContentType="text/big")
    send = lambda number, body, id=upload: s3.upload_part(
        Bucket="reports", Key="big", UploadId=id, PartNumber=number, Body=body)
    tags = {number: send(number, body)["ETag"] for number, body in [(3, b"end"), (1, b"x"), (1, part)]}
    listed = s3.list_parts(Bucket="reports", Key="big", UploadId=upload)
    assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [(1, 5 * MB), (3, 3)], listed
    ids = [u["UploadId"] for u in s3.list_multipart_uploads(Bucket="reports")["Uploads"]]
    assert ids == [upload], ids
    complete = lambda parts, **more: s3.complete_multipart_upload(
        Bucket="reports", Key="big", UploadId=upload, **more,
        MultipartUpload={"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]})
    refused(complete, "InvalidPart", 400, parts=[(1, tags[1]), (2, tags[3])])
    refused(complete, "InvalidPart", 400, parts=[(1, tags[3])])
    refused(complete, "InvalidPartOrder", 400, parts=[(3, tags[3]), (1, tags[1])])
    told = complete([(1, tags[1]), (3, tags[3])], IfNoneMatch="*")
    digest = hashlib.md5(hashlib.md5(part).digest() + hashlib.md5(b"end").digest()).hexdigest()
    assert told["ETag"] == f'"{digest}-2"', told
    got = s3.get_object(Bucket="reports", Key="big")
    assert got["Body"].read() == part + b"end" and got["Metadata"] == {"m": "1"} and got["ContentType"] == "text/big"
    second = s3.get_object(Bucket="reports", Key="big", PartNumber=2)
    assert second["Body"].read() == b"end" and second["PartsCount"] == 2, second
    refused(complete, "NoSuchUpload", 404, parts=[(1, tags[1])])
    small = create()
    tag = lambda number: send(number, b"x", small)["ETag"]
    refused(s3.complete_multipart_upload, "EntityTooSmall", 400, Bucket="reports", Key="big", UploadId=small,
            MultipartUpload={"Parts": [{"PartNumber": n, "ETag": tag(n)} for n in (1, 2)]})
    s3.abort_multipart_upload(Bucket="reports", Key="big", UploadId=small)
    refused(send, "NoSuchUpload", 404, number=1, body=b"x", id=small)
    refused(s3.abort_multipart_upload, "NoSuchUpload", 404, Bucket="reports", Key="big", UploadId=small)
    refused(s3.abort_multipart_upload, "NoSuchUpload", 404, Bucket="reports", Key="big", UploadId="../../reports")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="reports")
    for algorithm, kind in [("CRC32", "COMPOSITE"), ("CRC64NVME", "FULL_OBJECT"), ("SHA256", "COMPOSITE")]:
        if algorithm == "CRC64NVME":
            continue
        upload = create(ChecksumAlgorithm=algorithm)
        parts = []
        for number, body in enumerate([part, b"end"], 1):
            told = s3.upload_part(Bucket="reports", Key="big", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
            parts.append({"PartNumber": number, "ETag": told["ETag"], "Checksum" + algorithm: told["Checksum" + algorithm]})
        told = s3.complete_multipart_upload(Bucket="reports", Key="big", UploadId=upload, MultipartUpload={"Parts": parts})
        assert told["ChecksumType"] == kind and told["Checksum" + algorithm].endswith("-2"), told
    # An upload that nobody goes on with is removed: this bucket waits a second.
    stale = s3.create_multipart_upload(Bucket="hasty", Key="k")["UploadId"]
    s3.upload_part(Bucket="hasty", Key="k", UploadId=stale, PartNumber=1, Body=b"x")
    until = time.time() + 60
    while "Uploads" in s3.list_multipart_uploads(Bucket="hasty"):
        assert time.time() < until, "it is still there"
        time.sleep(0.2)


class Zeros(io.RawIOBase):
    """A gigabyte that nobody holds."""

    def __init__(self, size):
        self.size, self.at = size, 0

    def readable(self):
        return True

    def read(self, length=-1):
        length = self.size - self.at if length is None or length < 0 else min(length, self.size - self.at)
        self.at += length
        return bytes(length)


def gigabyte():
    size = 1024 * MB
    s3.upload_fileobj(Zeros(size), "reports", "gigabyte",
                      Config=TransferConfig(multipart_chunksize=64 * MB, max_concurrency=2))
    head = s3.head_object(Bucket="reports", Key="gigabyte")
    assert head["ContentLength"] == size and head["ETag"].endswith('-16"'), head
    body, count = s3.get_object(Bucket="reports", Key="gigabyte")["Body"], 0
    for chunk in body.iter_chunks(4 * MB):
        assert not chunk.strip(b"\0")
        count += len(chunk)
    assert count == size
    assert s3.get_object(Bucket="reports", Key="gigabyte", Range=f"bytes={size - 3}-")["Body"].read() == b"\0\0\0"
    s3.delete_object(Bucket="reports", Key="gigabyte")


def buckets():
    s3.create_bucket(Bucket="made-by-hand")
    s3.create_bucket(Bucket="made-by-hand")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert {"reports", "made-by-hand"} <= set(names) and names == sorted(names), names
    s3.head_bucket(Bucket="made-by-hand")
    refused(s3.head_bucket, "404", 404, Bucket="nowhere")
    assert s3.get_bucket_location(Bucket="reports")["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket="reports")
    s3.put_object(Bucket="made-by-hand", Key="a/b", Body=b"x")
    refused(s3.delete_bucket, "BucketNotEmpty", 409, Bucket="made-by-hand")
    s3.delete_object(Bucket="made-by-hand", Key="a/b")
    s3.delete_bucket(Bucket="made-by-hand")
    refused(s3.delete_bucket, "NoSuchBucket", 404, Bucket="made-by-hand")
    refused(s3.create_bucket, "InvalidBucketName", 400, Bucket="Not_A_Bucket")
    # Browsers and curl know that every name under localhost is this machine; the C library may not.
    ask = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *rest, **more: ask(
        "127.0.0.1" if str(host).endswith("localhost") else host, *rest, **more)
    virtual = client(f"http://localhost:{PORT}", style="virtual")
    virtual.put_object(Bucket="reports", Key="by/host", Body=b"name")
    assert s3.get_object(Bucket="reports", Key="by/host")["Body"].read() == b"name"


def fetch(url, method="GET", body=None, headers={}):
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def links():
    """Presigned addresses, with the key of the node and with others. Started with that key as the third argument."""
    key, secret = sys.argv[3:5]
    mine = client(key=key, secret=secret)
    put = mine.generate_presigned_url("put_object", {"Bucket": "reports", "Key": "linked file", "ContentType": "text/plain"})
    assert fetch(put, "PUT", b"by link", {"Content-Type": "text/plain"})[0] == 200
    assert fetch(put, "PUT", b"by link", {"Content-Type": "text/html"})[0] == 403
    get = mine.generate_presigned_url(
        "get_object", {"Bucket": "reports", "Key": "linked file", "ResponseContentType": "text/x"}, ExpiresIn=60)
    assert fetch(get) == (200, b"by link")
    assert b"SignatureDoesNotMatch" in fetch(get.replace("linked", "other"))[1]
    gone = mine.generate_presigned_url("get_object", {"Bucket": "reports", "Key": "linked file"}, ExpiresIn=1)
    time.sleep(2.1)
    assert fetch(gone)[0] == 403
    stranger = client(key="other", secret="other").generate_presigned_url(
        "get_object", {"Bucket": "reports", "Key": "linked file"})
    status, text = fetch(stranger)
    assert status == 403 and b"InvalidAccessKeyId" in text, (status, text)
    assert fetch(f"{ENDPOINT}/reports/linked%20file")[0] == 403
    refused(client(key=key, secret="wrong").get_object, "SignatureDoesNotMatch", 403, Bucket="reports", Key="linked file")
    whole = mine.get_object(Bucket="reports", Key="linked file")["Body"].read()
    assert whole == b"by link"


globals()[TEST]()
