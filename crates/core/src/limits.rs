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

/// Global secondary indexes of a table (DynamoDB quotas).
pub const TABLE_INDEXES_MAX: usize = 20;
/// How long the pause between two removals of old items is, at least.
pub const TABLE_SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How long a stream keeps its records (DynamoDB Streams: 24 hours).
pub const STREAM_RETENTION: Duration = Duration::from_secs(24 * 3600);

/// Largest object that is put at once, and largest part (5 GiB; S3 quotas).
pub const OBJECT_PUT_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// Largest object (5 TiB; S3 quotas).
pub const OBJECT_MAX: u64 = 5 * 1024 * 1024 * 1024 * 1024;
/// Least size of every part of a multipart upload but the last (5 MiB; S3 quotas).
pub const PART_MIN: u64 = 5 * 1024 * 1024;
/// Parts of a multipart upload (S3 quotas).
pub const PARTS_MAX: u32 = 10_000;
/// Longest key of an object, in bytes (S3).
pub const OBJECT_KEY_MAX: usize = 1024;
/// Metadata of an object, names and values together, in bytes (2 KB; S3).
pub const OBJECT_METADATA_MAX: usize = 2048;
/// Entries of one page of a list, and objects that are deleted at once (S3).
pub const OBJECTS_LISTED_MAX: usize = 1000;
/// Largest document of a request on buckets, in bytes: a list of parts with a checksum each.
pub const BUCKET_XML_MAX: usize = 4 * 1024 * 1024;
/// Buckets of a node (S3 quotas: 100 until more are asked for).
pub const BUCKETS_MAX: usize = 1000;
/// How long a multipart upload may take: default, least and most.
pub const UPLOADS_KEPT_DEFAULT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Shortest time for a multipart upload.
pub const UPLOADS_KEPT_MIN: Duration = Duration::from_secs(1);
/// Longest time for a multipart upload.
pub const UPLOADS_KEPT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
/// How often stale multipart uploads are looked for.
pub const UPLOADS_SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Largest message of a queue or topic, body and attributes together, in bytes (1 MiB; SQS quotas).
pub const MESSAGE_MAX: usize = 1024 * 1024;
/// Least that a queue's largest message may be set to, in bytes (SQS).
pub const MESSAGE_MAX_LEAST: usize = 1024;

/// Largest payload of an asynchronous invocation, in bytes (1 MB; AWS Lambda quotas).
pub const ASYNC_PAYLOAD_MAX: usize = 1024 * 1024;

/// Most attributes of a message (SQS).
pub const ATTRIBUTES_MAX: usize = 10;

/// Messages of one batch call (SQS, SNS, EventBridge).
pub const BATCH_MAX: usize = 10;

/// Longest delay of a message (SQS).
pub const DELAY_MAX: Duration = Duration::from_secs(900);

/// How long a message is kept: default, least and most (SQS).
pub const RETENTION_DEFAULT: Duration = Duration::from_secs(345_600);
/// Shortest retention of a queue.
pub const RETENTION_MIN: Duration = Duration::from_secs(60);
/// Longest retention of a queue.
pub const RETENTION_MAX: Duration = Duration::from_secs(1_209_600);

/// How long a received message stays invisible when nobody says (SQS).
pub const VISIBILITY_DEFAULT: Duration = Duration::from_secs(30);
/// Longest time that a received message stays invisible (SQS).
pub const VISIBILITY_MAX: Duration = Duration::from_secs(43_200);

/// Longest wait of a receive (SQS).
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// Most receives before a message goes to the dead letters (SQS).
pub const MAX_RECEIVES: u32 = 1000;

/// How long a deduplication id counts (SQS FIFO).
pub const DEDUP_WINDOW: Duration = Duration::from_secs(300);

/// Longest deduplication id, message group and receive attempt id, in characters (SQS).
pub const DEDUP_ID_MAX: usize = 128;

/// How long the result of an asynchronous invocation can be read, and its idempotency key counts.
pub const RESULT_RETENTION: Duration = Duration::from_secs(24 * 3600);

/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;

/// How long a function's own dead letters are kept.
pub const DEAD_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// Longest message of a failure that is kept, in bytes (semantics.md 3: cut at 1 KB).
pub const FAILURE_MESSAGE_MAX: usize = 1024;

/// How often one chain of events may come to the same function before it is taken for one that goes round in circles
/// (AWS Lambda, recursive loop detection: about 16).
pub const VISITS_MAX: u32 = 16;

/// Asynchronous invocations that a node runs at once, of all functions together.
pub const ASYNC_AT_ONCE: usize = 64;
/// Asynchronous invocations of one function that a node runs at once, so that no function takes all places.
pub const ASYNC_PER_FUNCTION: usize = 32;

/// Retry settings of the manifest: most attempts, longest delay and age.
pub const ATTEMPTS_MAX: u32 = 1_000_000;
/// Longest delay between two attempts.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(24 * 3600);
/// Greatest age of an event.
pub const EVENT_AGE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Queues of a node, those of functions and addresses included.
pub const QUEUES_MAX: usize = 10_000;
/// Schedules of a node.
pub const SCHEDULES_MAX: usize = 10_000;
/// Groups of schedules of a node (EventBridge Scheduler quotas).
pub const SCHEDULE_GROUPS_MAX: usize = 500;
/// Least time between two firings of a schedule.
pub const SCHEDULE_RATE_MIN: Duration = Duration::from_secs(1);
/// Greatest time between two firings of a schedule with a rate.
pub const SCHEDULE_RATE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
/// Most time that a schedule may fire late on purpose (EventBridge Scheduler, flexible time windows).
pub const SCHEDULE_JITTER_MAX: Duration = Duration::from_secs(24 * 3600);
/// Missed times of a schedule that can be made up for.
pub const SCHEDULE_MISSED_MAX: u32 = 100;
/// Times of a schedule that are fired after the fact with one call.
pub const SCHEDULE_BACKFILL_MAX: usize = 1000;
/// Subscriptions of one topic.
pub const SUBSCRIPTIONS_MAX: usize = 1000;
/// Rules of one bus (EventBridge quotas).
pub const RULES_MAX: usize = 300;
/// Buses of a node (EventBridge quotas).
pub const BUSES_MAX: usize = 100;
/// Events that are put with one call, in bytes together (256 KB; semantics.md 5.2).
pub const EVENTS_MAX: usize = 256 * 1024;
/// Longest input template of a rule's target, in characters (EventBridge, `InputTransformer`).
pub const TEMPLATE_MAX: usize = 8192;
/// Paths of one input template (EventBridge, `InputTransformer`).
pub const TEMPLATE_PATHS_MAX: usize = 100;
/// Longest constant input of a rule's target, in characters (EventBridge, `Target`).
pub const INPUT_MAX: usize = 8192;
/// Longest path of a rule's target, in characters (EventBridge, `Target`).
pub const INPUT_PATH_MAX: usize = 256;

/// Messages of a source's batch (semantics.md 4.1).
pub const SOURCE_BATCH_MAX: usize = 10_000;
/// Longest time that a source waits for a batch to fill (semantics.md 4.1).
pub const SOURCE_WINDOW_MAX: Duration = Duration::from_secs(300);
/// Batches of one source that are worked on at once, at most.
pub const SOURCE_CONCURRENCY_MAX: usize = 1000;
/// Filters of a source (semantics.md 4.6).
pub const SOURCE_FILTERS_MAX: usize = 5;

/// Longest event pattern, in characters (semantics.md 4.6; `PutRule` of the EventBridge API).
pub const PATTERN_MAX: usize = 4096;
/// Levels of an event pattern: objects, `$or` and the parts of dotted keys.
pub const PATTERN_DEPTH_MAX: usize = 64;
/// Fields of an event pattern, counted after what stands beside an `$or` has been written into each of its branches.
pub const PATTERN_FIELDS_MAX: usize = 4096;
/// Wildcard characters in one `wildcard` of a pattern. EventBridge refuses those that it finds too complex, and does
/// not publish its measure.
pub const WILDCARDS_MAX: usize = 5;
/// Largest filter policy of a subscription, in bytes (SNS: 256 KB).
pub const FILTER_POLICY_MAX: usize = 256 * 1024;
/// Top-level keys of a filter policy (semantics.md 5.1).
pub const FILTER_POLICY_KEYS_MAX: usize = 5;
/// Combinations of values of a filter policy (semantics.md 5.1).
pub const FILTER_POLICY_COMBINATIONS_MAX: u64 = 150;
