// Package client asks running greeters: is each of them serving, and what does it say to a name. Without a shell in the image, this
// is how a test asks from inside the cluster.
package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"slipway.dev/apps/greeter/internal/greeterpb"
)

// Dial makes a connection to one address, HOST:PORT, without TLS and past any proxy. It connects with the first call.
func Dial(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
}

// Probe asks the health of each address, HOST:PORT, and prints a line for each. A name that stands for several hosts, as a headless Service
// does, is asked at each of them. False where one of them does not serve within timeout.
func Probe(ctx context.Context, addresses []string, timeout time.Duration, out io.Writer) bool {
	allServe := true
	for _, address := range addresses {
		hosts, err := resolve(ctx, address, timeout)
		if err != nil {
			fmt.Fprintf(out, "%s %v\n", address, err)
			allServe = false
		}
		for _, host := range hosts {
			state, err := health(ctx, host, timeout)
			if err != nil {
				fmt.Fprintf(out, "%s %v\n", host, err)
			} else {
				fmt.Fprintf(out, "%s %s\n", host, state)
			}
			allServe = allServe && err == nil && state == healthpb.HealthCheckResponse_SERVING
		}
	}
	return allServe
}

// Call greets name at address and gives the greeting. An empty language is the server's default.
func Call(ctx context.Context, address, name, language string, timeout time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	connection, err := Dial(address)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	greeted, err := greeterpb.NewGreeterServiceClient(connection).Greet(ctx, &greeterpb.GreetRequest{Name: name, Language: language})
	return greeted.GetMessage(), err
}

// resolve gives each host behind the address, with its port. An address that is an IP stands for itself.
func resolve(ctx context.Context, address string, timeout time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	hosts, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return nil, err
	}
	resolved := make([]string, 0, len(hosts))
	for _, host := range hosts {
		resolved = append(resolved, net.JoinHostPort(host, port))
	}
	return resolved, nil
}

func health(ctx context.Context, address string, timeout time.Duration) (healthpb.HealthCheckResponse_ServingStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	connection, err := Dial(address)
	if err != nil {
		return healthpb.HealthCheckResponse_UNKNOWN, err
	}
	defer connection.Close()
	checked, err := healthpb.NewHealthClient(connection).Check(ctx, &healthpb.HealthCheckRequest{})
	return checked.GetStatus(), err
}
