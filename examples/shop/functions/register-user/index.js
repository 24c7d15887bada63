// Written for AWS Lambda behind an HTTP API; Lambent runs it as it is.

const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
const { DynamoDBDocumentClient, PutCommand } = require('@aws-sdk/lib-dynamodb');

const table = process.env.TABLE;
const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}));

exports.handler = async (event) => {
  // An HTTP API hands over a body as Base64 unless its content type says that it is text.
  const body = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString() : event.body;
  const user = JSON.parse(body || '{}');
  if (!user.email) {
    return { statusCode: 400, body: 'Email is required' };
  }
  await documents.send(new PutCommand({ TableName: table, Item: user }));
  return { statusCode: 201 };
};
