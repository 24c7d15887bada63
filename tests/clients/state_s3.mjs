// What the AWS SDK for JavaScript finds of S3: state_s3.mjs ENDPOINT.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

// The packages lie beside the working folder.
const load = createRequire(`${process.cwd()}/`);
const {
  DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListMultipartUploadsCommand, NoSuchKey, NotFound,
  PutObjectCommand, S3Client, paginateListObjectsV2,
} = load('@aws-sdk/client-s3');
const { Upload } = load('@aws-sdk/lib-storage');
const { getSignedUrl } = load('@aws-sdk/s3-request-presigner');

const client = new S3Client({
  endpoint: process.argv[2],
  region: 'us-east-1',
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  maxAttempts: 1,
});
const Bucket = 'reports';
const text = async (Key, more = {}) => {
  const answer = await client.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return answer.Body.transformToString();
};

await client.send(new PutObjectCommand({
  Bucket, Key: 'js/ö 1.txt', Body: 'hello', Metadata: { by: 'js' }, ContentType: 'text/plain',
}));
assert.equal(await text('js/ö 1.txt'), 'hello');
assert.equal(await text('js/ö 1.txt', { Range: 'bytes=1-2' }), 'el');
const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'js/ö 1.txt', ChecksumMode: 'ENABLED' }));
assert.deepEqual(head.Metadata, { by: 'js' });
assert.equal(head.ChecksumCRC32, 'NhCmhg==');

// A stream goes in chunks, with its checksum behind them.
await client.send(new PutObjectCommand({
  Bucket, Key: 'js/stream', Body: Readable.from([Buffer.alloc(70_000, 'a'), Buffer.from('end')]), ContentLength: 70_003,
}));
const streamed = await text('js/stream');
assert.equal(streamed.length, 70_003);
assert(streamed.endsWith('aend'));

const upload = new Upload({
  client, params: { Bucket, Key: 'js/large', Body: Readable.from(Array(13).fill(Buffer.alloc(1024 * 1024, 'b'))) },
});
const done = await upload.done();
assert.match(done.ETag, /^"[0-9a-f]{32}-3"$/);
assert.equal((await client.send(new HeadObjectCommand({ Bucket, Key: 'js/large' }))).ContentLength, 13 * 1024 * 1024);

const aborted = new Upload({
  client, params: { Bucket, Key: 'js/aborted', Body: Readable.from(Array(40).fill(Buffer.alloc(1024 * 1024))) },
});
aborted.on('httpUploadProgress', () => aborted.abort());
await assert.rejects(aborted.done(), { name: 'AbortError' });
await assert.rejects(client.send(new HeadObjectCommand({ Bucket, Key: 'js/aborted' })), NotFound);
await assert.rejects(client.send(new GetObjectCommand({ Bucket, Key: 'js/none' })), NoSuchKey);

const keys = [];
for await (const page of paginateListObjectsV2({ client, pageSize: 2 }, { Bucket, Prefix: 'js/' })) {
  keys.push(...page.Contents.map((object) => object.Key));
}
assert.deepEqual(keys, ['js/large', 'js/stream', 'js/ö 1.txt']);

const put = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'js/signed', Metadata: { a: 'b' } }));
assert.equal((await fetch(put, { method: 'PUT', body: 'signed' })).status, 200);
const got = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: 'js/signed' }));
const answer = await fetch(got);
assert.equal(await answer.text(), 'signed');
assert.equal(answer.headers.get('x-amz-meta-a'), 'b');

const { Deleted } = await client.send(new DeleteObjectsCommand({
  Bucket, Delete: { Objects: [...keys, 'js/signed'].map((Key) => ({ Key })) },
}));
assert.equal(Deleted.length, 4);
await client.send(new ListMultipartUploadsCommand({ Bucket }));
