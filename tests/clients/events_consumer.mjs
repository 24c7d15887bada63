// What sqs-consumer, a library that many services are built on, finds on queues: events_consumer.mjs ENDPOINT.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

// The packages lie beside the working folder.
const load = createRequire(`${process.cwd()}/`);
const { Consumer } = load('sqs-consumer');
const { SQS } = load('@aws-sdk/client-sqs');

const sqs = new SQS({
  endpoint: process.argv[2],
  region: 'us-east-1',
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
});

const fail = (error) => {
  console.error(error);
  console.error('FAILED');
  process.exit(1);
};
const patience = setTimeout(() => fail(new Error('in vain: it takes too long')), 60_000);

// Makes a queue with so many messages; its URL.
async function filled(name, count) {
  const { QueueUrl } = await sqs.createQueue({ QueueName: name });
  for (let first = 0; first < count; first += 10) {
    const numbers = [...Array(Math.min(10, count - first)).keys()].map((n) => `${first + n}`);
    await sqs.sendMessageBatch({ QueueUrl, Entries: numbers.map((n) => ({ Id: n, MessageBody: n })) });
  }
  return QueueUrl;
}

async function left(QueueUrl) {
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: ['All'] });
  return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible);
}

// Consumes until `done` says that it is enough, then stops as a service does that is shut down.
async function consume(options, done) {
  const consumer = Consumer.create({ sqs, waitTimeSeconds: 1, pollingCompleteWaitTimeMs: 20_000, ...options });
  consumer.on('error', fail);
  consumer.on('timeout_error', fail);
  const enough = new Promise((resolve) => {
    for (const event of ['message_processed', 'processing_error', 'response_processed', 'empty']) {
      consumer.on(event, () => done() && resolve());
    }
  });
  const stopped = new Promise((resolve) => consumer.on('stopped', resolve));
  consumer.start();
  await enough;
  consumer.stop();
  await stopped;
  assert.equal(consumer.status.isRunning, false);
}

try {
  console.log('messages are consumed in batches');
  let queueUrl = await filled('consumed', 25);
  const seen = [];
  const handleMessageBatch = async (messages) => {
    assert.ok(messages.length <= 10);
    seen.push(...messages.map((message) => Number(message.Body)));
    return messages;
  };
  await consume({ queueUrl, batchSize: 10, handleMessageBatch }, () => seen.length === 25);
  assert.deepEqual(seen.sort((a, b) => a - b), [...Array(25).keys()]);
  assert.equal(await left(queueUrl), 0);

  console.log('what fails comes again');
  queueUrl = await filled('failing', 3);
  const tries = { 0: 0, 1: 0, 2: 0 };
  let handled = 0;
  const handleMessage = async (message) => {
    tries[message.Body] += 1;
    const receives = Number(message.Attributes.ApproximateReceiveCount);
    assert.equal(receives, tries[message.Body]);
    if (message.Body === '1' && receives < 3) throw new Error('deliberate');
    handled += 1;
    return message;
  };
  await consume(
    { queueUrl, handleMessage, terminateVisibilityTimeout: true, attributeNames: ['ApproximateReceiveCount'] },
    () => handled === 3,
  );
  assert.deepEqual(tries, { 0: 1, 1: 3, 2: 1 });
  assert.equal(await left(queueUrl), 0);

  console.log('heartbeats keep a slow message from coming again');
  queueUrl = await filled('slow', 1);
  let runs = 0;
  let processed = 0;
  const options = {
    queueUrl, visibilityTimeout: 4, heartbeatInterval: 1,
    handleMessage: async (message) => {
      runs += 1;
      // Longer than it is hidden for: only the heartbeats hold it. It does not end when one is due.
      await new Promise((resolve) => setTimeout(resolve, 5_500));
      processed += 1;
      return message;
    },
  };
  // Whoever has not got it looks for it all the while.
  await Promise.all([1, 2].map(() => consume(options, () => processed > 0)));
  assert.equal(runs, 1);
  assert.equal(await left(queueUrl), 0);

  console.log('who stops finishes what it has begun');
  queueUrl = await filled('ended', 2);
  let finish;
  let begun = 0;
  const finished = [];
  const consumer = Consumer.create({
    sqs, queueUrl, waitTimeSeconds: 20, pollingCompleteWaitTimeMs: 20_000,
    handleMessage: async (message) => {
      begun += 1;
      await new Promise((resolve) => { finish = resolve; });
      finished.push(message.Body);
      return message;
    },
  });
  consumer.on('error', fail);
  const stopped = new Promise((resolve) => consumer.on('stopped', resolve));
  const waiting = new Promise((resolve) => consumer.on('waiting_for_polling_to_complete', resolve));
  consumer.start();
  while (begun === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  consumer.stop();
  await waiting;
  finish();
  await stopped;
  assert.equal(finished.length, 1);
  assert.equal(await left(queueUrl), 1);
  clearTimeout(patience);
} catch (error) {
  fail(error);
}
