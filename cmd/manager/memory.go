package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
)

// memoryLimit is the variable with the container's memory limit in bytes.
const memoryLimit = "TOCSIN_MEMORY_LIMIT"

// limitMemory has the runtime collect garbage more often from nine tenths of the
// container's limit on. At the limit itself the container would be ended first: the
// runtime passes its own for a while where it must, and does not count what the
// kernel keeps for the process. GOMEMLIMIT, where it is set, stands.
func limitMemory() error {
	value := os.Getenv(memoryLimit)
	if value == "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	limit, err := strconv.ParseInt(value, 10, 64)
	if err != nil || limit <= 0 {
		return fmt.Errorf("%s: %q is not a number of bytes above 0, such as 1073741824", memoryLimit, value)
	}
	debug.SetMemoryLimit(limit / 10 * 9)
	return nil
}
