// POST /orders: checks an order, publishes it, and answers 202. An unmodified AWS Lambda handler.

const { randomUUID } = require('node:crypto');
const { SNSClient, PublishCommand } = require('@aws-sdk/client-sns');

const topic = process.env.TOPIC_ARN;
const sns = new SNSClient({});

exports.handler = async (event) => {
  // An HTTP API hands over a body as Base64 unless its content type says that it is text.
  const body = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString() : event.body;
  const order = JSON.parse(body || '{}');
  if (!order.item || !Number.isInteger(order.quantity)) {
    return { statusCode: 400, body: 'An order has an item and a quantity' };
  }
  const id = randomUUID();
  // When this returns, the order is on disk in every queue that subscribed.
  await sns.send(new PublishCommand({ TopicArn: topic, Message: JSON.stringify({ id, ...order }) }));
  return { statusCode: 202, body: JSON.stringify({ id }) };
};
