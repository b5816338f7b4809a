// Command app is the small application of the demo: a shop that answers over
// HTTP, with just enough inside its container for someone to misuse it.
//
//	app serve [--listen ADDRESS]          the shop
//	app get [--timeout D] URL             print what a URL answers
//	app api METHOD PATH [--file FILE|-]   call the API server with the pod's token
//	app sh [-c LINE]                      a shell that knows these commands
//
// Under the name sh it is that shell.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	arguments := os.Args[1:]
	if filepath.Base(os.Args[0]) == "sh" {
		arguments = append([]string{"sh"}, arguments...)
	}
	if err := run(ctx, arguments); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("use serve, get, api or sh")
	}
	switch rest := arguments[1:]; arguments[0] {
	case "serve":
		return serve(ctx, rest)
	case "get":
		return get(ctx, rest)
	case "api":
		return api(ctx, rest)
	case "sh":
		return shell(ctx, rest)
	default:
		return fmt.Errorf("%s: not found: use serve, get, api or sh", arguments[0])
	}
}

func serve(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	listen := flags.String("listen", ":8080", "the `address` to listen on")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	server := &http.Server{Addr: *listen, ReadHeaderTimeout: 5 * time.Second}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Welcome to the shop.")
	})
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", *listen, err)
	}
	return nil
}

func get(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("get", flag.ContinueOnError)
	timeout := flags.Duration("timeout", 3*time.Second, "how long to wait")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, flags.Arg(0), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return errors.New(answer.Status)
	}
	return nil
}

// shell runs one line, or the lines of its standard input. Words are what is
// between spaces; quotes around a line's words are dropped.
func shell(ctx context.Context, arguments []string) error {
	if len(arguments) >= 2 && arguments[0] == "-c" {
		return run(ctx, words(strings.Join(arguments[1:], " ")))
	}
	in := bufio.NewScanner(os.Stdin)
	for fmt.Print("$ "); in.Scan(); fmt.Print("$ ") {
		line := words(in.Text())
		if len(line) == 0 {
			continue
		}
		if line[0] == "exit" {
			return nil
		}
		if err := run(ctx, line); err != nil {
			fmt.Println(err)
		}
	}
	return in.Err()
}

func words(line string) []string {
	return strings.Fields(strings.NewReplacer(`"`, "", `'`, "").Replace(line))
}
