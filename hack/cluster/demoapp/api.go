package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	// identity is where the kubelet puts a pod's token.
	identity = "/var/run/secrets/kubernetes.io/serviceaccount"
	// shown is how much of an answer is printed.
	shown = 2 << 10
)

// api calls the API server as the pod's service account.
func api(ctx context.Context, arguments []string) error {
	if len(arguments) < 2 {
		return fmt.Errorf("use api METHOD PATH [--file FILE|-]")
	}
	flags := flag.NewFlagSet("api", flag.ContinueOnError)
	file := flags.String("file", "", "a `file` to send, - for standard input")
	if err := flags.Parse(arguments[2:]); err != nil {
		return err
	}
	var body io.Reader
	switch *file {
	case "":
	case "-":
		body = os.Stdin
	default:
		opened, err := os.Open(*file)
		if err != nil {
			return err
		}
		defer opened.Close()
		body = opened
	}
	return call(ctx, arguments[0], arguments[1], body)
}

func call(ctx context.Context, method, path string, body io.Reader) error {
	token, err := os.ReadFile(identity + "/token")
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(identity + "/ca.crt")
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	server := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequestWithContext(ctx, method, "https://"+server+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	fmt.Println(answer.Status)
	if _, err := io.CopyN(os.Stdout, answer.Body, shown); err != nil && err != io.EOF {
		return err
	}
	fmt.Println()
	if answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	return nil
}
