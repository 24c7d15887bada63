//! What is refused, in the words of SQS (semantics.md 10.1).

use super::*;

#[tokio::test]
async fn batches_are_refused_as_a_whole() {
    let node = Node::with("orders", json!({})).await;
    let send = |entries: Value| json!({ "QueueUrl": URL, "Entries": entries });
    let entry = |id: &str| json!({ "Id": id, "MessageBody": "m" });
    let prefix = "AWS.SimpleQueueService";
    let check = async |entries: Value, name: &str, message: &str| {
        let code = format!("{prefix}.{name};Sender");
        node.bad("SendMessageBatch", send(entries), (400, name, &code, message)).await;
    };
    check(
        json!([]),
        "EmptyBatchRequest",
        "There should be at least one SendMessageBatchRequestEntry in the request.",
    )
    .await;
    let twenty: Vec<_> = (0..20).map(|i| entry(&i.to_string())).collect();
    check(
        json!(twenty),
        "TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 20.",
    )
    .await;
    check(json!([entry("a"), entry("a")]), "BatchEntryIdsNotDistinct", "Id a repeated.").await;
    let id = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
    check(json!([entry("a b")]), "InvalidBatchEntryId", id).await;
    check(json!([entry(&"x".repeat(81))]), "InvalidBatchEntryId", id).await;
    let half = "x".repeat(524_288);
    let entries =
        json!([{ "Id": "a", "MessageBody": half }, { "Id": "b", "MessageBody": format!("{half}x") }]);
    check(
        entries,
        "BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    )
    .await;
    let missing = (
        400,
        "MissingRequiredParameterException",
        "MissingParameter;Sender",
        "The request must contain the parameter SendMessageBatchRequestEntry.Id.",
    );
    node.bad("SendMessageBatch", send(json!([{ "MessageBody": "m" }])), missing).await;
}

#[tokio::test]
async fn values_out_of_range_are_told_in_the_words_of_sqs() {
    let node = Node::with("orders", json!({})).await;
    let value = async |action: &str, mut body: Value, message: &str| {
        body["QueueUrl"] = json!(URL);
        node.bad(
            action,
            body,
            (400, "InvalidParameterValueException", "InvalidParameterValue;Sender", message),
        )
        .await;
    };
    value("ReceiveMessage", json!({ "MaxNumberOfMessages": 11 }), "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.").await;
    value(
        "ReceiveMessage",
        json!({ "WaitTimeSeconds": 21 }),
        "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
    )
    .await;
    value("ReceiveMessage", json!({ "VisibilityTimeout": -1 }), "Value -1 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.").await;
    value("ReceiveMessage", json!({ "ReceiveRequestAttemptId": "a" }), "Value a for parameter ReceiveRequestAttemptId is invalid. Reason: The request include parameter that is not valid for this queue type.").await;
    value(
        "SendMessage",
        json!({ "MessageBody": "m", "DelaySeconds": 901 }),
        "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
    )
    .await;
    value("SendMessage", json!({ "MessageBody": "m", "MessageDeduplicationId": "d" }), "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type.").await;
    value(
        "SendMessage",
        json!({ "MessageBody": "x".repeat(1_048_577) }),
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    )
    .await;
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let node = Node::with("orders", json!({})).await;
    let missing = |name: &str| format!("The request must contain the parameter {name}.");
    for (action, body, name) in [
        ("SendMessage", json!({ "QueueUrl": URL }), "MessageBody"),
        ("SendMessage", json!({ "MessageBody": "m" }), "QueueUrl"),
        ("DeleteMessage", json!({ "QueueUrl": URL }), "ReceiptHandle"),
        ("CreateQueue", json!({}), "QueueName"),
        ("StartMessageMoveTask", json!({}), "SourceArn"),
    ] {
        node.bad(
            action,
            body,
            (400, "MissingRequiredParameterException", "MissingParameter;Sender", &missing(name)),
        )
        .await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let node = Node::with("orders", json!({})).await;
    let none = (
        400,
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue;Sender",
        "The specified queue does not exist.",
    );
    node.bad("SendMessage", json!({ "QueueUrl": "http://x/1/other", "MessageBody": "m" }), none).await;
    node.bad("GetQueueUrl", json!({ "QueueName": "other" }), none).await;
    node.bad("GetQueueUrl", json!({ "QueueName": "orders", "QueueOwnerAWSAccountId": "1" }), none).await;
    let handle = (
        400,
        "ReceiptHandleIsInvalid",
        "ReceiptHandleIsInvalid;Sender",
        "The input receipt handle \"x\" is not a valid receipt handle.",
    );
    node.bad("DeleteMessage", json!({ "QueueUrl": URL, "ReceiptHandle": "x" }), handle).await;
    let permission = "Lambent does not support AddPermission: whoever may call this API may use every queue.";
    node.bad(
        "AddPermission",
        json!({}),
        (400, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation;Sender", permission),
    )
    .await;
    let (status, document, _) = node.call("SendMessage", json!([1])).await;
    assert_eq!(
        (status, document["__type"].as_str()),
        (400, Some("com.amazonaws.sqs#SerializationException"))
    );
}

#[tokio::test]
async fn a_signature_is_checked_before_a_form_is_read() {
    let mut node = Node::start().await;
    node.credentials = Credentials::new([], Strangers::Refused);
    for form in ["Action=ListQueues", "%ff", ""] {
        let refused = node.form("/", form).await;
        assert_eq!((refused.status, refused.text("Code")), (403, "MissingAuthenticationToken"));
    }
    node.credentials = Credentials::new([], Strangers::Admitted);
    let malformed = node.form("/", "Action=%ff").await;
    assert_eq!((malformed.status, malformed.text("Code")), (400, "MalformedQueryString"));
    let unknown = node.form("/", "Action=Fly").await;
    assert_eq!((unknown.status, unknown.text("Code")), (400, "InvalidAction"));
}
