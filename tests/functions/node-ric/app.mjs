// Handlers for the unmodified aws-lambda-ric client. `awslambda` is the global it defines.
import { setTimeout as sleep } from 'node:timers/promises';

class Boom extends Error {
  name = 'Boom';
}

// The context has no deadline member, only the time that is left.
const deadline = (context) => {
  for (;;) {
    const now = Date.now();
    const left = context.getRemainingTimeInMillis();
    if (Date.now() === now) return now + left;
  }
};

let count = 0;

export const echo = async (event, context) => ({
  echo: event,
  count: ++count,
  requestId: context.awsRequestId,
  deadline: deadline(context),
  arn: context.invokedFunctionArn,
  trace: process.env._X_AMZN_TRACE_ID,
  traceEnv: process.env._X_AMZN_TRACE_ID,
  clientContext: context.clientContext,
  identity: context.identity,
  tenantId: context.tenantId,
});

export const fail = async () => {
  throw new Boom('deliberate failure');
};

// A string of `bytes` letters.
export const large = async (event) => 'x'.repeat(event.bytes);

// Sends `chunks` lines, `delayMs` apart (event members, 3 and 100 by default).
const write = async (event, responseStream) => {
  const out = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 201,
    headers: { 'content-type': 'text/plain', 'x-lambent': 'stream' },
    cookies: ['a=1', 'b=2'],
  });
  for (let i = 0; i < (event?.chunks ?? 3); i++) {
    await sleep(event?.delayMs ?? 100);
    out.write(`chunk ${i}\n`);
  }
  return out;
};

export const stream = awslambda.streamifyResponse(async (event, responseStream) => {
  const out = await write(event, responseStream);
  out.end();
});

export const stream_fail = awslambda.streamifyResponse(async (event, responseStream) => {
  await write(event, responseStream);
  throw new Boom('deliberate failure');
});

// Node has no panic: an exception that nothing catches, outside the handler's promise.
export const panic = () =>
  new Promise(() => {
    setTimeout(() => {
      throw new Boom('deliberate panic');
    }, 1);
  });

export const exit = async () => {
  process.exit(7);
};
