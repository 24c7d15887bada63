//! Every limit has its name here. `semantics.md` is the source of those that AWS sets.

use std::time::Duration;

/// Longest function name.
pub const FUNCTION_NAME_MAX: usize = 64;

/// Largest payload of a synchronous invocation, in bytes (6 MB; AWS Lambda quotas).
pub const PAYLOAD_MAX: usize = 6 * 1024 * 1024;

/// Largest result that a runtime may return, in bytes: 6 MiB and 100 (Runtime API).
pub const RESULT_MAX: usize = PAYLOAD_MAX + 100;

/// Largest streamed result, in bytes (200 MB; AWS Lambda quotas).
pub const STREAM_MAX: u64 = 200 * 1024 * 1024;

/// Chunks of a streamed result that wait for a slow client before the function is made to wait.
pub const STREAM_CHUNKS_WAITING: usize = 16;

/// Largest error document that a runtime may report, in bytes.
pub const ERROR_MAX: usize = PAYLOAD_MAX;

/// Largest decoded `X-Amz-Client-Context`, in bytes (Invoke API).
pub const CLIENT_CONTEXT_MAX: usize = 3583;

/// Largest body of an HTTP request at the gateway, in bytes (10 MB; HTTP API quotas).
pub const HTTP_BODY_MAX: usize = 10 * 1024 * 1024;

/// Largest request line plus headers at the gateway, in bytes (HTTP API quotas).
pub const HTTP_HEAD_MAX: usize = 10_240;

/// Most headers of one request.
pub const HTTP_HEADERS_MAX: usize = 100;

/// How long the gateway waits for an answer to begin (30 s; HTTP API quotas).
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take to send a request's head, and how long an idle connection is kept.
pub const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Most routes of one app (HTTP API quotas).
pub const ROUTES_MAX: usize = 300;

/// Most connections that the gateway and the API each serve at once.
pub const CONNECTIONS_MAX: usize = 10_000;

/// How long a sandbox may take to initialise before the work is repeated inside the first invocation.
pub const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A function's timeout: default, least and most.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(3);
/// Shortest timeout of a function.
pub const TIMEOUT_MIN: Duration = Duration::from_millis(1);
/// Longest timeout of a function (15 minutes; AWS Lambda quotas).
pub const TIMEOUT_MAX: Duration = Duration::from_secs(900);

/// A function's memory in MiB when it states none (AWS Lambda quotas).
pub const MEMORY_DEFAULT_MIB: u32 = 128;
/// Least memory of a function, in MiB.
pub const MEMORY_MIN_MIB: u32 = 32;
/// Most memory of a function, in MiB (AWS Lambda quotas).
pub const MEMORY_MAX_MIB: u32 = 10_240;

/// Largest `/tmp` in MiB where the manifest states none; it is half of the memory where that is less.
pub const TMP_DEFAULT_MIB: u32 = 512;

/// Bytes of a function's environment variables, names and values (AWS Lambda quotas).
pub const ENVIRONMENT_MAX: usize = 4096;

/// Most layers of a function (AWS Lambda quotas).
pub const LAYERS_MAX: usize = 5;

/// Processes and threads in one sandbox (AWS Lambda quotas).
pub const PIDS_MAX: u32 = 1024;

/// Open files of each process in a sandbox (AWS Lambda quotas).
pub const OPEN_FILES_MAX: u64 = 1024;

/// How long an unused sandbox is kept when the manifest does not say.
pub const KEEP_ALIVE_DEFAULT: Duration = Duration::from_secs(600);
/// Longest time to keep an unused sandbox.
pub const KEEP_ALIVE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Invocations of one function that wait for a sandbox; one more is throttled.
pub const WAITING_MAX: usize = 10_000;

/// Most sandboxes of a node, of all functions together (AWS: account concurrency).
pub const SANDBOXES_MAX: usize = 1000;

/// Requests that one instance of an `http` function is given at once; one more starts another instance.
pub const HTTP_REQUESTS_PER_INSTANCE: usize = 100;

/// How long an `http` function that is stopped may take to finish after SIGTERM.
pub const HTTP_STOP_GRACE: Duration = Duration::from_secs(5);

/// How long the node waits for requests that are under way when it is asked to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest log line, in bytes; a longer one is cut into several (AWS: CloudWatch event size).
pub const LOG_LINE_MAX: usize = 256 * 1024;

/// Log kept in memory for each function, in bytes; the oldest lines go first.
pub const LOG_KEPT_MAX: usize = 4 * 1024 * 1024;

/// Bytes of the log tail that an Invoke with `LogType=Tail` returns.
pub const LOG_TAIL_MAX: usize = 4096;

/// Log entries that wait for a slow follower; it misses further ones.
pub const LOG_FOLLOW_ENTRIES_MAX: usize = 4096;

/// Bytes of log that wait for a slow follower; it misses what goes beyond.
pub const LOG_FOLLOW_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Largest request on the admin port, in bytes.
pub const ADMIN_BODY_MAX: usize = PAYLOAD_MAX;

/// Largest manifest file, in bytes.
pub const MANIFEST_MAX: u64 = 1024 * 1024;

/// Files and folders in one function's code.
pub const CODE_ENTRIES_MAX: usize = 200_000;

/// How far the clock of a signed request may be off (SigV4).
pub const SIGNATURE_SKEW: Duration = Duration::from_secs(15 * 60);

/// Longest life of a presigned request (SigV4).
pub const PRESIGNED_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Largest body on the AWS-compatible port, in bytes: the largest of its services is DynamoDB's 16 MB.
pub const API_BODY_MAX: usize = 16 * 1024 * 1024;
