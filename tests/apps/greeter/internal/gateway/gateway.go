// Package gateway offers the greeter's calls as HTTP and JSON. It is a client of the gRPC server, in the same process, so that both ways in
// meet the same checks; messages become JSON by the rules of Protocol Buffers.
package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"slipway.dev/apps/greeter/internal/greeterpb"
)

const (
	// callTimeout is longer than the server's own, so that its answer arrives.
	callTimeout = 6 * time.Second
	// readyTimeout is shorter than a probe's, Slipway's default being 2 s.
	readyTimeout = 1500 * time.Millisecond
)

// gateway serves the routes.
type gateway struct {
	greeter greeterpb.GreeterServiceClient
	health  healthpb.HealthClient
	version string
}

// New makes the handler of all routes, over a connection to the gRPC server.
func New(connection grpc.ClientConnInterface, version string) http.Handler {
	served := &gateway{
		greeter: greeterpb.NewGreeterServiceClient(connection),
		health:  healthpb.NewHealthClient(connection),
		version: version,
	}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /v1/greet/{name}", served.greet)
	routes.HandleFunc("GET /v1/greetings", served.listGreetings)
	routes.HandleFunc("GET /livez", served.alive)
	routes.HandleFunc("GET /readyz", served.ready)
	routes.HandleFunc("GET /version", served.showVersion)
	return routes
}

func (g *gateway) greet(response http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), callTimeout)
	defer cancel()
	greeted, err := g.greeter.Greet(ctx, &greeterpb.GreetRequest{
		Name:     request.PathValue("name"),
		Language: request.URL.Query().Get("language"),
	})
	reply(response, greeted, err)
}

func (g *gateway) listGreetings(response http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), callTimeout)
	defer cancel()
	listed, err := g.greeter.ListGreetings(ctx, &greeterpb.ListGreetingsRequest{})
	reply(response, listed, err)
}

// alive says that the process answers, whatever the database does.
func (g *gateway) alive(response http.ResponseWriter, _ *http.Request) {
	answer(response, http.StatusOK, map[string]any{"alive": true})
}

// ready is the health of the gRPC server.
func (g *gateway) ready(response http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), readyTimeout)
	defer cancel()
	checked, err := g.health.Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil || checked.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		answer(response, http.StatusServiceUnavailable, map[string]any{"ready": false})
		return
	}
	answer(response, http.StatusOK, map[string]any{"ready": true})
}

func (g *gateway) showVersion(response http.ResponseWriter, _ *http.Request) {
	answer(response, http.StatusOK, map[string]any{"version": g.version})
}

// reply writes the message as JSON, or the status of its failure.
func reply(response http.ResponseWriter, message proto.Message, err error) {
	if err != nil {
		failed := status.Convert(err)
		answer(response, httpStatus(failed.Code()), map[string]any{"code": failed.Code().String(), "error": failed.Message()})
		return
	}
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(message)
	if err != nil {
		answer(response, http.StatusInternalServerError, map[string]any{"code": codes.Internal.String(), "error": "the answer is not valid text"})
		return
	}
	// protojson puts blanks where it likes, on purpose.
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		compact = *bytes.NewBuffer(text)
	}
	compact.WriteByte('\n')
	response.Header().Set("Content-Type", "application/json")
	_, _ = compact.WriteTo(response)
}

func answer(response http.ResponseWriter, code int, value any) {
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(code)
	_ = json.NewEncoder(response).Encode(value)
}

// httpStatus is the mapping of google.rpc.Code, for the codes that the greeter and gRPC itself give.
func httpStatus(code codes.Code) int {
	switch code {
	case codes.InvalidArgument:
		return http.StatusBadRequest
	case codes.FailedPrecondition, codes.Unavailable:
		// google.rpc says 400 for FailedPrecondition, but here it is the schema that is behind, not the client that is wrong.
		return http.StatusServiceUnavailable
	case codes.NotFound:
		return http.StatusNotFound
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}
