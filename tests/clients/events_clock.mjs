// A client whose clock is wrong, and a node with the key `right` and the secret `secret`: events_clock.mjs ENDPOINT.
// The SDK for JavaScript learns the time from the answer that refuses it, and tries again.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

// The packages lie beside the working folder.
const { SNS } = createRequire(`${process.cwd()}/`)('@aws-sdk/client-sns');
const { SQS } = createRequire(`${process.cwd()}/`)('@aws-sdk/client-sqs');

const { now } = Date;
for (const minutes of [-20, 20]) {
  Date.now = () => now() + minutes * 60_000;
  for (const [service, Client, call] of [['sqs', SQS, 'listQueues'], ['sns', SNS, 'listTopics']]) {
    console.log(`${service}: a clock ${minutes} minutes off is set right`);
    const config = {
      endpoint: process.argv[2],
      region: 'us-east-1',
      credentials: { accessKeyId: 'right', secretAccessKey: 'secret' },
    };
    await assert.rejects(new Client({ ...config, maxAttempts: 1 })[call]({}), /Signature (expired|not yet current)/);
    const { $metadata } = await new Client(config)[call]({});
    assert.equal($metadata.attempts, 2);
  }
}
