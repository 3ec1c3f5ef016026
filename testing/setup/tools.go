//go:build tools

// Package setup pins the Go programs that the tests talk to Mecha with; nothing imports it.
package setup

import _ "github.com/summerwind/h2spec/cmd/h2spec"
