// Tests of the JSON routes over a connection that answers in place: paths, bodies, and the HTTP status of each gRPC code.
package gateway

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"slipway.dev/apps/greeter/internal/greeterpb"
)

// inPlace is a connection whose other end is this struct.
type inPlace struct {
	failure error
	health  healthpb.HealthCheckResponse_ServingStatus
}

// Invoke implements grpc.ClientConnInterface.
func (i inPlace) Invoke(_ context.Context, method string, request, response any, _ ...grpc.CallOption) error {
	switch method {
	case greeterpb.GreeterService_Greet_FullMethodName:
		asked := request.(*greeterpb.GreetRequest)
		response.(*greeterpb.GreetResponse).Message = "Hei, " + asked.GetName() + " (" + asked.GetLanguage() + ")"
	case healthpb.Health_Check_FullMethodName:
		response.(*healthpb.HealthCheckResponse).Status = i.health
	}
	return i.failure
}

// NewStream implements grpc.ClientConnInterface.
func (i inPlace) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "the gateway streams nothing")
}

func expect(t *testing.T, connection grpc.ClientConnInterface, path, want string) {
	t.Helper()
	recorded := httptest.NewRecorder()
	New(connection, "1.0.0").ServeHTTP(recorded, httptest.NewRequest("GET", path, nil))
	if got := strings.TrimSpace(fmt.Sprintf("%d %s", recorded.Code, recorded.Body)); got != want {
		t.Errorf("%s\ngot  %s\nwant %s", path, got, want)
	}
}

func TestACallIsAPath(t *testing.T) {
	expect(t, inPlace{}, "/v1/greet/Ada%20L?language=no", `200 {"message":"Hei, Ada L (no)"}`)
	expect(t, inPlace{}, "/v1/greetings", `200 {"greetings":[]}`)
	expect(t, inPlace{}, "/version", `200 {"version":"1.0.0"}`)
}

func TestAGRPCCodeIsAnHTTPStatus(t *testing.T) {
	for code, want := range map[codes.Code]string{
		codes.InvalidArgument:    `400 {"code":"InvalidArgument","error":"why"}`,
		codes.NotFound:           `404 {"code":"NotFound","error":"why"}`,
		codes.Unavailable:        `503 {"code":"Unavailable","error":"why"}`,
		codes.FailedPrecondition: `503 {"code":"FailedPrecondition","error":"why"}`,
		codes.DeadlineExceeded:   `504 {"code":"DeadlineExceeded","error":"why"}`,
		codes.Internal:           `500 {"code":"Internal","error":"why"}`,
	} {
		expect(t, inPlace{failure: status.Error(code, "why")}, "/v1/greetings", want)
	}
}

func TestReadyIsTheHealthOfTheServer(t *testing.T) {
	expect(t, inPlace{health: healthpb.HealthCheckResponse_SERVING}, "/readyz", `200 {"ready":true}`)
	expect(t, inPlace{health: healthpb.HealthCheckResponse_NOT_SERVING}, "/readyz", `503 {"ready":false}`)
	expect(t, inPlace{failure: status.Error(codes.Unavailable, "why")}, "/readyz", `503 {"ready":false}`)
	expect(t, inPlace{failure: status.Error(codes.Unavailable, "why")}, "/livez", `200 {"alive":true}`)
}
