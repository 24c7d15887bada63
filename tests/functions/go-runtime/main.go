// A function on the unmodified aws-lambda-go client. The handler is the last part of
// _HANDLER, so "echo" and "app.echo" are the same.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type Boom struct{}

func (Boom) Error() string { return "deliberate failure" }

type streamEvent struct {
	Chunks  *int `json:"chunks"`
	DelayMs *int `json:"delayMs"`
}

var count int

func echo(ctx context.Context, event json.RawMessage) (map[string]any, error) {
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return nil, errors.New("no lambda context")
	}
	deadline, _ := ctx.Deadline()
	count++
	return map[string]any{
		"echo":          event,
		"count":         count,
		"requestId":     lc.AwsRequestID,
		"deadline":      deadline.UnixMilli(),
		"arn":           lc.InvokedFunctionArn,
		"trace":         ctx.Value("x-amzn-trace-id"),
		"traceEnv":      os.Getenv("_X_AMZN_TRACE_ID"),
		"clientContext": lc.ClientContext,
		"identity":      lc.Identity,
		"tenantId":      lc.TenantID,
	}, nil
}

func fail(context.Context, json.RawMessage) (any, error) { return nil, Boom{} }

// A string of `bytes` letters.
func large(_ context.Context, event struct{ Bytes int }) (string, error) {
	return strings.Repeat("x", event.Bytes), nil
}

// Sends `chunks` lines, `delayMs` apart (event members, 3 and 100 by default).
func stream(event streamEvent, end error) *events.LambdaFunctionURLStreamingResponse {
	chunks, delay := 3, 100
	if event.Chunks != nil {
		chunks = *event.Chunks
	}
	if event.DelayMs != nil {
		delay = *event.DelayMs
	}
	r, w := io.Pipe()
	go func() {
		for i := range chunks {
			time.Sleep(time.Duration(delay) * time.Millisecond)
			if _, err := fmt.Fprintf(w, "chunk %d\n", i); err != nil {
				return
			}
		}
		w.CloseWithError(end)
	}()
	return &events.LambdaFunctionURLStreamingResponse{
		StatusCode: 201,
		Headers:    map[string]string{"content-type": "text/plain", "x-lambent": "stream"},
		Cookies:    []string{"a=1", "b=2"},
		Body:       r,
	}
}

func main() {
	handler := os.Getenv("_HANDLER")
	switch handler[strings.LastIndex(handler, ".")+1:] {
	case "echo":
		lambda.Start(echo)
	case "fail":
		lambda.Start(fail)
	case "large":
		lambda.Start(large)
	case "stream":
		lambda.Start(func(_ context.Context, event streamEvent) (any, error) {
			return stream(event, nil), nil
		})
	case "stream_fail":
		lambda.Start(func(_ context.Context, event streamEvent) (any, error) {
			return stream(event, Boom{}), nil
		})
	case "panic":
		lambda.Start(func(context.Context, json.RawMessage) error { panic("deliberate panic") })
	case "exit":
		lambda.Start(func(context.Context, json.RawMessage) error { os.Exit(7); return nil })
	default:
		fmt.Fprintf(os.Stderr, "no handler named %q\n", handler)
		os.Exit(1)
	}
}
