package state

import (
	"fmt"
	"os"
	"strings"
)

// StartTime returns when a process started, in the kernel's own words, or
// nothing if there is no such process or it has ended.
func StartTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the program's name in parentheses and may itself
	// hold spaces; the fields after it are counted from its end.
	_, rest, ok := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), " ")
	fields := strings.Fields(rest)
	const state, startTime = 0, 19
	if !ok || len(fields) <= startTime || fields[state] == "Z" {
		return ""
	}
	return fields[startTime]
}

// Running says whether the cluster's first process, and with it the cluster,
// is alive.
func (c *Cluster) Running() bool {
	return c != nil && c.PID > 0 && c.Started != "" && StartTime(c.PID) == c.Started
}
