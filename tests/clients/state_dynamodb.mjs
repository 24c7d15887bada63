// What the AWS SDK for JavaScript finds of DynamoDB: state_dynamodb.mjs ENDPOINT.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

// The packages lie beside the working folder.
const load = createRequire(`${process.cwd()}/`);
const {
  ConditionalCheckFailedException, CreateTableCommand, DeleteTableCommand, DescribeTableCommand, DynamoDBClient,
  ResourceNotFoundException, TransactionCanceledException, waitUntilTableExists,
} = load('@aws-sdk/client-dynamodb');
const {
  DynamoDBDocumentClient, GetCommand, PutCommand, TransactWriteCommand, UpdateCommand, paginateQuery, paginateScan,
} = load('@aws-sdk/lib-dynamodb');
const {
  DescribeStreamCommand, DynamoDBStreamsClient, GetRecordsCommand, GetShardIteratorCommand,
} = load('@aws-sdk/client-dynamodb-streams');

const config = {
  endpoint: process.argv[2],
  region: 'us-east-1',
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  maxAttempts: 1,
};
const client = new DynamoDBClient(config);
const documents = DynamoDBDocumentClient.from(client);

await documents.send(new PutCommand({
  TableName: 'Orders', Item: { user: 'eve', at: 1, city: 'Oslo', tags: new Set(['a']), big: 12345678901234567890n },
}));
const key = { user: 'eve', at: 1 };
const { Item } = await documents.send(new GetCommand({ TableName: 'Orders', Key: key }));
assert.deepEqual([...Item.tags], ['a']);
const updated = await documents.send(new UpdateCommand({
  TableName: 'Orders', Key: key, UpdateExpression: 'ADD n :n', ExpressionAttributeValues: { ':n': 2 },
  ReturnValues: 'ALL_NEW',
}));
assert.equal(updated.Attributes.n, 2);
await assert.rejects(
  documents.send(new PutCommand({ TableName: 'Orders', Item: key, ConditionExpression: 'attribute_not_exists(#u)',
    ExpressionAttributeNames: { '#u': 'user' } })),
  ConditionalCheckFailedException,
);
await assert.rejects(
  documents.send(new TransactWriteCommand({ TransactItems: [
    { Put: { TableName: 'Orders', Item: { user: 'eve', at: 2 } } },
    { ConditionCheck: { TableName: 'Orders', Key: key, ConditionExpression: 'n = :x',
      ExpressionAttributeValues: { ':x': 9 } } },
  ] })),
  (error) => {
    assert(error instanceof TransactionCanceledException);
    assert.deepEqual(error.CancellationReasons.map((reason) => reason.Code), ['None', 'ConditionalCheckFailed']);
    return true;
  },
);
for (let at = 10; at < 20; at += 1) {
  await documents.send(new PutCommand({ TableName: 'Orders', Item: { user: 'eve', at, city: 'Bergen' } }));
}
const query = {
  TableName: 'Orders', IndexName: 'by-city', KeyConditionExpression: 'city = :c',
  ExpressionAttributeValues: { ':c': 'Bergen' },
};
const found = [];
for await (const page of paginateQuery({ client: documents, pageSize: 3 }, query)) {
  found.push(...page.Items.map((item) => item.at));
}
assert.deepEqual(found, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
let scanned = 0;
for await (const page of paginateScan({ client: documents, pageSize: 4 }, { TableName: 'Orders' })) {
  scanned += page.Count;
}
assert(scanned >= 11, `${scanned}`);

await client.send(new CreateTableCommand({
  TableName: 'Script', BillingMode: 'PAY_PER_REQUEST', KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
}));
await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 1 }, { TableName: 'Script' });
await client.send(new DeleteTableCommand({ TableName: 'Script' }));
await assert.rejects(client.send(new DescribeTableCommand({ TableName: 'Script' })), ResourceNotFoundException);

const streams = new DynamoDBStreamsClient(config);
const { Table } = await client.send(new DescribeTableCommand({ TableName: 'Orders' }));
const StreamArn = Table.LatestStreamArn;
const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
const { ShardIterator } = await streams.send(new GetShardIteratorCommand({
  StreamArn, ShardId: StreamDescription.Shards[0].ShardId, ShardIteratorType: 'TRIM_HORIZON',
}));
const { Records } = await streams.send(new GetRecordsCommand({ ShardIterator, Limit: 2 }));
assert.deepEqual(Records.map((record) => record.eventName), ['INSERT', 'MODIFY']);
