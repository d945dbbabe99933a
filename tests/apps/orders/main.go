// Orders: the HTTP API that Slipway's demo and scenarios ship. A plain Go service over PostgreSQL, with three things for tests: it
// crashes (FAIL_START=1) or eats memory (ALLOCATE_MIB) when told to, and it can be its own load client. This file reads the command line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"slipway.dev/apps/orders/internal/load"
	"slipway.dev/apps/orders/internal/settings"
)

// version is set by the linker: -ldflags "-X main.version=1.0.0".
var version = "development"

const usage = `orders                                    serve the API; see README.md for its variables
orders load [-for 30s] [-every 20ms] URL  ask URL until SIGTERM, SIGINT or -for; prints {"requests","failed","first_failure"}
orders version                            print the version
`

// Exit codes: 0 all went well, 1 it went wrong or requests failed, 2 wrong use or settings.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(arguments []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	if len(arguments) == 0 {
		return runServer(ctx, stop, log)
	}
	switch arguments[0] {
	case "load":
		return runLoad(ctx, arguments[1:], os.Stdout)
	case "version":
		fmt.Println(version)
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
	if values.FailStart {
		log.Error("cannot start: FAIL_START=1 asks for it")
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

func runLoad(ctx context.Context, arguments []string, out io.Writer) int {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	length := flags.Duration("for", 0, "how long; 0 is until a signal")
	interval := flags.Duration("every", 20*time.Millisecond, "time between two requests")
	url, err := urlAndFlags(flags, arguments)
	if err == nil && *interval <= 0 {
		err = errors.New("-every must be above 0")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitUsage
	}
	if *length > 0 {
		limited, cancel := context.WithTimeout(ctx, *length)
		defer cancel()
		ctx = limited
	}
	report := load.Run(ctx, url, *interval)
	if err := json.NewEncoder(out).Encode(report); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	if report.Failed > 0 {
		return exitFailed
	}
	return exitOK
}

// urlAndFlags takes the flags before and after the URL, as package flag stops at the first word that is none.
func urlAndFlags(flags *flag.FlagSet, arguments []string) (string, error) {
	if err := flags.Parse(arguments); err != nil {
		return "", err
	}
	url := flags.Arg(0)
	if url == "" {
		return "", errors.New("load needs a URL")
	}
	if err := flags.Parse(flags.Args()[1:]); err != nil {
		return "", err
	}
	if flags.NArg() > 0 {
		return "", fmt.Errorf("load takes one URL, not %q too", flags.Arg(0))
	}
	return url, nil
}
