// Greeter: the gRPC service, with a JSON gateway in the same binary, that Slipway's scenarios ship. Its greetings come from PostgreSQL. It is also
// its own client: probe and call. This file reads the command line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"slipway.dev/apps/greeter/internal/client"
	"slipway.dev/apps/greeter/internal/settings"
)

// version is set by the linker: -ldflags "-X main.version=1.0.0".
var version = "development"

const usage = `greeter                                                serve gRPC and JSON; see README.md for its variables
greeter probe [-timeout 3s] HOST:PORT...               ask the health of each, and of each host behind a name; exits 1 if one does not serve
greeter call [-timeout 3s] [-language en] HOST:PORT NAME   print the greeting
greeter version                                        print the version
`

// Exit codes: 0 all went well, 1 it went wrong or one does not serve, 2 wrong use or settings.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// clientTimeout is how long a client waits for one answer, if not told otherwise.
const clientTimeout = 3 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, stop, os.Args[1:], os.Stdout))
}

func run(ctx context.Context, stop context.CancelFunc, arguments []string, out io.Writer) int {
	if len(arguments) == 0 {
		return runServer(ctx, stop, slog.New(slog.NewJSONHandler(out, nil)))
	}
	switch arguments[0] {
	case "probe":
		return runProbe(ctx, arguments[1:], out)
	case "call":
		return runCall(ctx, arguments[1:], out)
	case "version":
		fmt.Fprintln(out, version)
		return exitOK
	default:
		fmt.Fprint(os.Stderr, usage)
		return exitUsage
	}
}

func runServer(ctx context.Context, stop context.CancelFunc, log *slog.Logger) int {
	values, err := settings.FromEnvironment(os.LookupEnv)
	if err != nil {
		log.Error("cannot start: wrong setting", "error", err)
		return exitUsage
	}
	if values.Version == "" {
		values.Version = version
	}
	if err := serve(ctx, stop, values, log); err != nil {
		log.Error("stopped with an error", "error", err)
		return exitFailed
	}
	return exitOK
}

func runProbe(ctx context.Context, arguments []string, out io.Writer) int {
	flags := clientFlags("probe")
	timeout := flags.Duration("timeout", clientTimeout, "how long to wait for each answer")
	if err := flags.Parse(arguments); err != nil {
		return exitUsage
	}
	if flags.NArg() == 0 {
		return misused(errors.New("probe needs an address, HOST:PORT"))
	}
	if !client.Probe(ctx, flags.Args(), *timeout, out) {
		return exitFailed
	}
	return exitOK
}

func runCall(ctx context.Context, arguments []string, out io.Writer) int {
	flags := clientFlags("call")
	timeout := flags.Duration("timeout", clientTimeout, "how long to wait for the answer")
	language := flags.String("language", "", "language of the greeting; the server's default is en")
	if err := flags.Parse(arguments); err != nil {
		return exitUsage
	}
	if flags.NArg() != 2 {
		return misused(errors.New("call needs an address, HOST:PORT, and a name"))
	}
	message, err := client.Call(ctx, flags.Arg(0), flags.Arg(1), *language, *timeout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	fmt.Fprintln(out, message)
	return exitOK
}

func clientFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	return flags
}

func misused(err error) int {
	fmt.Fprintf(os.Stderr, "%v\n%s", err, usage)
	return exitUsage
}
