package main

import (
	"math"
	"runtime/debug"
	"strings"
	"testing"
)

func TestLimitMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		limit, runtimes string
		want            int64
		wrong           bool
	}{
		"a limit":           {limit: "1073741824", want: 966367638},
		"none":              {want: math.MaxInt64},
		"the runtime's own": {limit: "1073741824", runtimes: "1GiB", want: math.MaxInt64},
		"no bytes":          {limit: "1Gi", want: math.MaxInt64, wrong: true},
		"nothing":           {limit: "0", want: math.MaxInt64, wrong: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(memoryLimit, tc.limit)
			t.Setenv("GOMEMLIMIT", tc.runtimes)
			before := debug.SetMemoryLimit(math.MaxInt64)
			defer debug.SetMemoryLimit(before)
			err := limitMemory()
			if wrong := err != nil && strings.Contains(err.Error(), memoryLimit); wrong != tc.wrong {
				t.Errorf("err = %v", err)
			}
			if got := debug.SetMemoryLimit(-1); got != tc.want {
				t.Errorf("the runtime's limit is %d, want %d", got, tc.want)
			}
		})
	}
}
