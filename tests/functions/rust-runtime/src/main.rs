//! A function on the unmodified `lambda_runtime` crate. The handler is the last part of
//! `_HANDLER`, so `echo` and `app.echo` are the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lambda_runtime::streaming::{channel, Body};
use lambda_runtime::{
    service_fn, tracing, Context, Diagnostic, Error, FunctionResponse, LambdaEvent,
    MetadataPrelude, StreamResponse,
};
use serde_json::{json, Value};

type Reply = FunctionResponse<Value, Body>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let handler = std::env::var("_HANDLER").unwrap_or_default();
    let name = handler.rsplit('.').next().unwrap_or_default().to_owned();
    lambda_runtime::run(service_fn(|call: LambdaEvent<Value>| {
        handle(name.clone(), call)
    }))
    .await
}

async fn handle(name: String, call: LambdaEvent<Value>) -> Result<Reply, Diagnostic> {
    let LambdaEvent { payload, context } = call;
    match name.as_str() {
        "echo" => Ok(FunctionResponse::BufferedResponse(echo(payload, &context))),
        "fail" => Err(Diagnostic {
            error_type: "Boom".into(),
            error_message: "deliberate failure".into(),
        }),
        "large" => Ok(FunctionResponse::BufferedResponse(large(&payload))),
        "stream" => Ok(FunctionResponse::StreamingResponse(stream(payload, false))),
        "stream_fail" => Ok(FunctionResponse::StreamingResponse(stream(payload, true))),
        "panic" => panic!("deliberate panic"),
        "exit" => std::process::exit(7),
        other => Err(Diagnostic {
            error_type: "NoSuchHandler".into(),
            error_message: format!("no handler named {other:?}"),
        }),
    }
}

fn echo(event: Value, context: &Context) -> Value {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    json!({
        "echo": event,
        "count": COUNT.fetch_add(1, Ordering::Relaxed) + 1,
        "requestId": context.request_id,
        "deadline": context.deadline,
        "arn": context.invoked_function_arn,
        "trace": context.xray_trace_id,
        "traceEnv": std::env::var("_X_AMZN_TRACE_ID").ok(),
        "clientContext": context.client_context,
        "identity": context.identity,
        "tenantId": context.tenant_id,
    })
}

/// A string of `bytes` letters.
fn large(event: &Value) -> Value {
    let bytes = event["bytes"].as_u64().unwrap_or(0);
    json!("x".repeat(bytes.try_into().expect("a length")))
}

/// Sends `chunks` lines, `delayMs` apart (event members, 3 and 100 by default).
fn stream(event: Value, fail: bool) -> StreamResponse<Body> {
    let chunks = event["chunks"].as_u64().unwrap_or(3);
    let delay = Duration::from_millis(event["delayMs"].as_u64().unwrap_or(100));
    let (mut tx, body) = channel();
    tokio::spawn(async move {
        for i in 0..chunks {
            tokio::time::sleep(delay).await;
            if tx.send_data(format!("chunk {i}\n").into()).await.is_err() {
                return;
            }
        }
        if fail {
            tx.abort();
        }
    });
    let mut prelude = MetadataPrelude::default();
    prelude.status_code = 201.try_into().expect("a valid status");
    prelude.headers.insert("content-type", "text/plain".parse().expect("a valid value"));
    prelude.headers.insert("x-lambent", "stream".parse().expect("a valid value"));
    prelude.cookies = vec!["a=1".into(), "b=2".into()];
    StreamResponse { metadata_prelude: prelude, stream: body }
}
