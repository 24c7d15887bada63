'use strict';

let ofFunction;

/** The part of the context object that every kind of handler gets. */
function contextOf(head) {
  // Read late and once: environment lookups are slow, and these cannot change during the life of a sandbox.
  ofFunction ??= {
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
  };
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    ...ofFunction,
    clientContext: head.clientContext,
    identity: head.identity,
    invokedFunctionArn: head.arn,
    awsRequestId: head.id,
    getRemainingTimeInMillis: () => head.deadline - Date.now(),
  };
  if (head.tenant !== undefined) context.tenantId = head.tenant;
  return context;
}

module.exports = { contextOf };
