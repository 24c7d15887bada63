// What the AWS SDK for JavaScript finds on the AWS-compatible port: contract.mjs ENDPOINT.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

// The packages lie beside the working folder.
const load = createRequire(`${process.cwd()}/`);
const {
  InvokeCommand, InvokeWithResponseStreamCommand, LambdaClient, ListFunctionsCommand, ResourceNotFoundException,
} = load('@aws-sdk/client-lambda');
const { DynamoDBClient, ConditionalCheckFailedException } = load('@aws-sdk/client-dynamodb');
const { DynamoDBDocumentClient, GetCommand, PutCommand } = load('@aws-sdk/lib-dynamodb');

const config = {
  endpoint: process.argv[2],
  region: 'us-east-1',
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  maxAttempts: 1,
};
const lambda = new LambdaClient(config);
const text = (bytes) => Buffer.from(bytes).toString();

const answer = await lambda.send(new InvokeCommand({ FunctionName: 'f', Payload: '{"ö":1}', LogType: 'Tail' }));
assert.equal(answer.StatusCode, 200);
assert.equal(answer.FunctionError, undefined);
assert.deepEqual(JSON.parse(text(answer.Payload)).event, { ö: 1 });
assert.match(Buffer.from(answer.LogResult, 'base64').toString(), /^START [^]*\nREPORT /);

const failed = await lambda.send(new InvokeCommand({ FunctionName: 'f', Payload: '{"fail":true}' }));
assert.equal(failed.FunctionError, 'Unhandled');
assert.equal(JSON.parse(text(failed.Payload)).errorType, 'ValueError');

await assert.rejects(lambda.send(new InvokeCommand({ FunctionName: 'g' })), (error) => {
  assert(error instanceof ResourceNotFoundException);
  assert.equal(error.message, 'Function not found: arn:aws:lambda:us-east-1:000000000000:function:g');
  return true;
});

const stream = await lambda.send(
  new InvokeWithResponseStreamCommand({ FunctionName: 'echo-stream', Payload: '{"chunks":3}' }),
);
let said = '';
let end;
for await (const event of stream.EventStream) {
  if (event.PayloadChunk) said += text(event.PayloadChunk.Payload);
  end = event.InvokeComplete ?? end;
}
assert.equal(said, 'chunk 0\nchunk 1\nchunk 2\n');
assert.equal(end.ErrorCode, undefined);

const { Functions } = await lambda.send(new ListFunctionsCommand({}));
assert.deepEqual(Functions.map((f) => f.FunctionName), ['echo-stream', 'f', 'size']);

const documents = DynamoDBDocumentClient.from(new DynamoDBClient(config));
const Item = { email: 'grace@example.org', list: [1, { two: 2 }] };
await documents.send(new PutCommand({ TableName: 'Users', Item }));
const got = await documents.send(new GetCommand({ TableName: 'Users', Key: { email: Item.email } }));
assert.deepEqual(got.Item, Item);
await assert.rejects(
  documents.send(new PutCommand({ TableName: 'Users', Item, ConditionExpression: 'attribute_not_exists(email)' })),
  ConditionalCheckFailedException,
);
