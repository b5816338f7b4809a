// Package crd holds the definitions of the kinds, as they are installed.
package crd

import "embed"

// Files are the definitions: "tocsin.dev_alerts.yaml" and so on.
//
//go:embed tocsin.dev_*.yaml
var Files embed.FS
