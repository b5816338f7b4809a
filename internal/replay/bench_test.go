package replay

import (
	"bytes"
	"fmt"
	"testing"
)

const scanner = `
apiVersion: tocsin.dev/v1alpha1
kind: AlertSource
metadata: {name: scanner}
spec:
  type: Generic
  generic:
    title: event.name
    time: event.time
    severity: "'Medium'"
    entities:
    - {kind: Device, name: event.host, role: Attacked}
    - {kind: IP, name: event.ip}
`

// BenchmarkReplay is CSV, of which nearly all repeats what was there.
func BenchmarkReplay(b *testing.B) {
	from := sourceOf(b, scanner)
	var rows bytes.Buffer
	rows.WriteString("time,name,host,ip\n")
	const events = 10_000
	for i := range events {
		fmt.Fprintf(&rows, "%d,Signal %d,host-%d,192.0.2.%d\n", 1_700_000_000+i*10, i%20, i%7, i%7)
	}
	for b.Loop() {
		run := New(DefaultPolicies())
		feed := NewFeed(run, false, func(int, Outcome) {})
		records, err := Open(bytes.NewReader(rows.Bytes()), "rows.csv", from)
		if err == nil {
			err = feed.Read(records, from)
		}
		if err != nil || feed.Events() != events {
			b.Fatal(err, feed.Events())
		}
		feed.End()
	}
	b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
