package faults_test

import "github.com/tocsin-dev/tocsin/test/faults/harness"

func mainJobFlips() []harness.Flip { return nil }
