// What the AWS SDK for JavaScript finds on queues, topics and buses: events.mjs ENDPOINT.
// The SDK itself checks the MD5 of every message that it sends and receives.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

// The packages lie beside the working folder.
const load = createRequire(`${process.cwd()}/`);
const sqsOf = load('@aws-sdk/client-sqs');
const snsOf = load('@aws-sdk/client-sns');
const bridgeOf = load('@aws-sdk/client-eventbridge');
const lambdaOf = load('@aws-sdk/client-lambda');

const config = {
  endpoint: process.argv[2],
  region: 'us-east-1',
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  maxAttempts: 1,
};
// Clients with a method for each command: sqs.sendMessage({ ... }).
const sqs = new sqsOf.SQS(config);
const sns = new snsOf.SNS(config);
const bridge = new bridgeOf.EventBridge(config);
const lambda = new lambdaOf.Lambda(config);

const arn = (service, resource) => `arn:aws:${service}:us-east-1:000000000000:${resource}`;

async function check(what, body) {
  console.log(what);
  try {
    await body();
  } catch (error) {
    console.error(error);
    console.error(`FAILED: ${what}`);
    process.exit(1);
  }
}

// Makes a queue; its URL.
async function queue(name, attributes = {}) {
  if (name.endsWith('.fifo')) attributes.FifoQueue = 'true';
  return (await sqs.createQueue({ QueueName: name, Attributes: attributes })).QueueUrl;
}

// Receives so many messages and deletes them.
async function take(url, count = 1) {
  const messages = [];
  const end = Date.now() + 30_000;
  while (messages.length < count && Date.now() < end) {
    const { Messages } = await sqs.receiveMessage({
      QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 5, MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    });
    for (const message of Messages ?? []) {
      messages.push(message);
      await sqs.deleteMessage({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle });
    }
  }
  assert.equal(messages.length, count);
  return messages;
}

const refused = (promise, kind, message = /./) => assert.rejects(promise, (error) => {
  assert.ok(typeof kind === 'string' ? error.name === kind : error instanceof kind, `${error.name}: ${error.message}`);
  assert.match(error.message, message);
  return true;
});

await check('a message arrives as it was sent', async () => {
  const url = await queue('js', { VisibilityTimeout: '60' });
  assert.equal(await queue('js', { VisibilityTimeout: '60' }), url);
  assert.equal((await sqs.getQueueUrl({ QueueName: 'js' })).QueueUrl, url);
  const body = '<&>"\'ü😀\r\n\t';
  const attributes = {
    text: { DataType: 'String', StringValue: 'ü' },
    number: { DataType: 'Number.int', StringValue: '-7' },
    bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) },
  };
  const sent = await sqs.sendMessage({ QueueUrl: url, MessageBody: body, MessageAttributes: attributes });
  const [message] = await take(url);
  assert.equal(message.Body, body);
  assert.equal(message.MessageId, sent.MessageId);
  assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
  assert.equal(message.MessageAttributes.text.StringValue, 'ü');
  assert.deepEqual(new Uint8Array(message.MessageAttributes.bytes.BinaryValue), new Uint8Array([0, 255]));
  assert.equal(message.Attributes.ApproximateReceiveCount, '1');
  const { Messages } = await sqs.receiveMessage({ QueueUrl: url });
  assert.equal(Messages, undefined);
});

await check('entries of a batch succeed and fail by themselves', async () => {
  const url = await queue('js-batch');
  const told = await sqs.sendMessageBatch({
    QueueUrl: url,
    Entries: [{ Id: 'a', MessageBody: '1' }, { Id: 'b', MessageBody: '2', DelaySeconds: 901 }],
  });
  assert.deepEqual(told.Successful.map((entry) => entry.Id), ['a']);
  assert.deepEqual(told.Failed.map((entry) => [entry.Id, entry.SenderFault]), [['b', true]]);
  assert.deepEqual((await take(url)).map((message) => message.Body), ['1']);
  const entries = [...Array(11).keys()].map((n) => ({ Id: `${n}`, MessageBody: 'x' }));
  await refused(sqs.sendMessageBatch({ QueueUrl: url, Entries: entries }), sqsOf.TooManyEntriesInBatchRequest);
  await refused(sqs.sendMessageBatch({ QueueUrl: url, Entries: [] }), sqsOf.EmptyBatchRequest);
});

await check('what goes wrong is an error of its own class', async () => {
  const url = await queue('js-wrong');
  const gone = url.replace('js-wrong', 'gone');
  await refused(sqs.sendMessage({ QueueUrl: gone, MessageBody: 'x' }), sqsOf.QueueDoesNotExist, /does not exist/);
  await refused(sqs.getQueueUrl({ QueueName: 'gone' }), sqsOf.QueueDoesNotExist);
  await refused(sqs.deleteMessage({ QueueUrl: url, ReceiptHandle: 'nonsense' }), sqsOf.ReceiptHandleIsInvalid);
  await refused(sqs.sendMessage({ QueueUrl: url, MessageBody: '\u0001' }), sqsOf.InvalidMessageContents);
  await refused(queue('js-wrong', { DelaySeconds: '7' }), sqsOf.QueueNameExists, /DelaySeconds$/);
  await refused(queue('js-odd', { Colour: 'red' }), sqsOf.InvalidAttributeName, /^Unknown Attribute Colour\.$/);
  await sqs.purgeQueue({ QueueUrl: url });
  await refused(sqs.purgeQueue({ QueueUrl: url }), sqsOf.PurgeQueueInProgress);
  await sqs.deleteQueue({ QueueUrl: url });
  await refused(sqs.deleteQueue({ QueueUrl: url }), sqsOf.QueueDoesNotExist);
});

await check('order is kept and duplicates are dropped', async () => {
  const url = await queue('js.fifo', { ContentBasedDeduplication: 'true' });
  for (const body of ['1', '2', '2', '3']) {
    const sent = await sqs.sendMessage({ QueueUrl: url, MessageBody: body, MessageGroupId: 'g' });
    assert.match(sent.SequenceNumber, /^\d{20}$/);
  }
  assert.deepEqual((await take(url, 3)).map((message) => message.Body), ['1', '2', '3']);
});

await check('a dead letter is moved back', async () => {
  const dead = await queue('js-dead');
  const policy = JSON.stringify({ deadLetterTargetArn: arn('sqs', 'js-dead'), maxReceiveCount: 1 });
  const url = await queue('js-mortal', { RedrivePolicy: policy });
  await sqs.sendMessage({ QueueUrl: url, MessageBody: 'x' });
  const ask = { QueueUrl: url, VisibilityTimeout: 0 };
  assert.equal((await sqs.receiveMessage(ask)).Messages.length, 1);
  assert.equal((await sqs.receiveMessage(ask)).Messages, undefined);
  const attributes = await sqs.getQueueAttributes({ QueueUrl: dead, AttributeNames: ['ApproximateNumberOfMessages'] });
  assert.deepEqual(attributes.Attributes, { ApproximateNumberOfMessages: '1' });
  await sqs.startMessageMoveTask({ SourceArn: arn('sqs', 'js-dead') });
  const [message] = await take(url);
  assert.equal(message.Body, 'x');
  const { Results } = await sqs.listMessageMoveTasks({ SourceArn: arn('sqs', 'js-dead') });
  assert.equal(Results[0].ApproximateNumberOfMessagesMoved, 1);
});

await check('a topic tells the queues whose filters fit', async () => {
  const { TopicArn } = await sns.createTopic({ Name: 'js' });
  const url = await queue('js-told');
  const { SubscriptionArn } = await sns.subscribe({
    TopicArn, Protocol: 'sqs', Endpoint: arn('sqs', 'js-told'),
    Attributes: { FilterPolicy: JSON.stringify({ kind: ['book'] }) },
  });
  const publish = (kind) => sns.publish({
    TopicArn, Message: kind, Subject: 'ü', MessageAttributes: { kind: { DataType: 'String', StringValue: kind } },
  });
  await publish('toy');
  const { MessageId } = await publish('book');
  const envelope = JSON.parse((await take(url))[0].Body);
  assert.equal(envelope.MessageId, MessageId);
  assert.equal(envelope.Message, 'book');
  assert.deepEqual(envelope.MessageAttributes, { kind: { Type: 'String', Value: 'book' } });
  const told = await sns.publishBatch({
    TopicArn, PublishBatchRequestEntries: [{ Id: 'a', Message: 'x' }, { Id: 'b', Message: '' }],
  });
  assert.deepEqual([told.Successful.map((entry) => entry.Id), told.Failed.map((entry) => entry.Id)], [['a'], ['b']]);
  const malformed = { SubscriptionArn, AttributeName: 'FilterPolicy', AttributeValue: '{"a":[{"foo":1}]}' };
  await refused(sns.setSubscriptionAttributes(malformed), snsOf.InvalidParameterException, /match type foo/);
  await refused(sns.publish({ TopicArn: `${TopicArn}-gone`, Message: 'x' }), snsOf.NotFoundException);
  const { Attributes } = await sns.getSubscriptionAttributes({ SubscriptionArn });
  assert.equal(Attributes.FilterPolicy, '{"kind":["book"]}');
  await sns.unsubscribe({ SubscriptionArn });
  assert.deepEqual((await sns.listSubscriptionsByTopic({ TopicArn })).Subscriptions, []);
});

await check('a bus sends what its rules choose', async () => {
  await bridge.createEventBus({ Name: 'js' });
  await refused(bridge.createEventBus({ Name: 'js' }), bridgeOf.ResourceAlreadyExistsException);
  const url = await queue('js-chosen');
  await bridge.putRule({
    Name: 'r', EventBusName: 'js', EventPattern: JSON.stringify({ detail: { n: [{ numeric: ['>', 1] }] } }),
  });
  const told = await bridge.putTargets({
    Rule: 'r', EventBusName: 'js',
    Targets: [{
      Id: 'q', Arn: arn('sqs', 'js-chosen'),
      InputTransformer: { InputPathsMap: { n: '$.detail.n' }, InputTemplate: '{"n": <n>}' },
    }],
  });
  assert.equal(told.FailedEntryCount, 0);
  const entry = (Detail) => ({ EventBusName: 'js', Source: 's', DetailType: 't', Time: new Date(), Detail });
  const put = await bridge.putEvents({ Entries: [entry('{"n":1}'), entry('{'), entry('{"n":2}')] });
  assert.equal(put.FailedEntryCount, 1);
  assert.equal(put.Entries[1].ErrorCode, 'MalformedDetail');
  assert.deepEqual(JSON.parse((await take(url))[0].Body), { n: 2 });
  const wrong = bridge.putRule({ Name: 'x', EventBusName: 'js', EventPattern: '{"a":"b"}' });
  await refused(wrong, bridgeOf.InvalidEventPatternException);
  await refused(bridge.describeRule({ Name: 'x', EventBusName: 'js' }), bridgeOf.ResourceNotFoundException);
});

await check('an invocation that nobody waits for has a result', async () => {
  const url = await queue('js-results');
  await lambda.putFunctionEventInvokeConfig({
    FunctionName: 'echo', DestinationConfig: { OnSuccess: { Destination: arn('sqs', 'js-results') } },
  });
  const answer = await lambda.invoke({ FunctionName: 'echo', InvocationType: 'Event', Payload: '{"n":1}' });
  assert.equal(answer.StatusCode, 202);
  const record = JSON.parse((await take(url))[0].Body);
  assert.equal(record.requestContext.requestId, answer.$metadata.requestId);
  assert.deepEqual(record.responsePayload, { saw: { n: 1 } });
});
