package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/internal/engine/tuning"
	"github.com/tocsin-dev/tocsin/internal/replay"
)

// maxDeclaration bounds a file of declarations: etcd keeps no object over 1.5 MiB.
const maxDeclaration = 8 << 20

// readDeclaration reads a whole file that is not long.
func readDeclaration(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDeclaration+1))
	if err == nil && len(data) > maxDeclaration {
		err = fmt.Errorf("is longer than %d bytes; is it a file of events?", maxDeclaration)
	}
	return data, err
}

// withoutPath is why a file could not be read: where it is named already.
func withoutPath(err error) error {
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

func readSources(files []string) (replay.Sources, error) {
	sources := replay.Sources{}
	for _, file := range files {
		data, err := readDeclaration(file)
		if err == nil {
			err = sources.Read(data)
		}
		if err != nil {
			return nil, fmt.Errorf("--source: %s: %w", file, withoutPath(err))
		}
	}
	return sources, nil
}

func readPolicy(file string) (replay.Policies, error) {
	if file == "" {
		return replay.DefaultPolicies(), nil
	}
	data, err := readDeclaration(file)
	policies := replay.Policies{}
	if err == nil {
		policies, err = replay.ReadPolicy(data)
	}
	if err != nil {
		err = fmt.Errorf("--policy: %s: %w", file, withoutPath(err))
	}
	return policies, err
}

// readTuning returns the rules that hold for a tenant, and a line for each of the
// others.
func readTuning(files []string, tenant string) (*tuning.Set, []string, error) {
	var rules replay.TuningRules
	for _, file := range files {
		data, err := readDeclaration(file)
		if err == nil {
			err = rules.Read(data)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("--tuning: %s: %w", file, withoutPath(err))
		}
	}
	set, notes, err := rules.For(tenant)
	if err != nil {
		err = fmt.Errorf("--tuning: %w", err)
	}
	return set, notes, err
}

// input is a file of events and whose they are.
type input struct {
	file   string
	source replay.Source
}

// tenantOf is the namespace whose events the inputs are.
func tenantOf(inputs []input) (string, error) {
	var used []replay.Source
	for _, in := range inputs {
		used = append(used, in.source)
	}
	return replay.Tenant(used...)
}

// parseInputs reads "FILE", or "NAME=FILE" where there are several sources.
func parseInputs(args []string, sources replay.Sources) ([]input, error) {
	inputs := make([]input, 0, len(args))
	stdin := false
	for _, arg := range args {
		in, err := parseInput(arg, sources)
		if err == nil && in.file == "-" && stdin {
			err = errors.New("standard input can be read only once")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", arg, err)
		}
		stdin = stdin || in.file == "-"
		inputs = append(inputs, in)
	}
	return inputs, nil
}

func parseInput(arg string, sources replay.Sources) (input, error) {
	name, file, found := strings.Cut(arg, "=")
	if _, known := sources[name]; !known && exists(arg) {
		found = false // "=" is part of the name of the file.
	}
	switch {
	case !found:
		from, err := sources.Find("")
		if err != nil {
			err = fmt.Errorf("%w: NAME=%s", err, arg)
		}
		return input{arg, from}, err
	case name == "":
		return input{}, errors.New(`name an AlertSource before "="`)
	case file == "":
		return input{}, errors.New(`name a file behind "="`)
	}
	from, err := sources.Find(name)
	return input{file, from}, err
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// book keeps what became of events.
type book struct {
	// keep says whether the outcome of each event is kept, not only counted.
	keep     bool
	outcomes []replay.Outcome
	counts   map[replay.State]int
	// hidden counts the events in alerts that tuning rules hide.
	hidden int
	// rejected are the first events that could not be read.
	rejected []rejection
	// undated is how many events have no time of their own.
	undated int
	inputs  []string
	starts  []int
}

type rejection struct {
	event  int
	reason string
}

// maxRejections is how many events that cannot be read are told.
const maxRejections = 5

// note takes the outcome of an event. They come out of order where events are held back.
func (b *book) note(event int, o replay.Outcome) {
	if b.counts == nil {
		b.counts = map[replay.State]int{}
	}
	b.counts[o.State]++
	if o.Hidden {
		b.hidden++
	}
	if o.State == replay.StateRejected && len(b.rejected) < maxRejections {
		b.rejected = append(b.rejected, rejection{event, o.Reason})
	}
	if !b.keep {
		return
	}
	if missing := event + 1 - len(b.outcomes); missing > 0 {
		b.outcomes = append(b.outcomes, make([]replay.Outcome, missing)...)
	}
	b.outcomes[event] = o
}

// read reads all inputs, one after the other.
func (b *book) read(c *cobra.Command, feed *replay.Feed, inputs []input) error {
	for _, in := range inputs {
		b.inputs, b.starts = append(b.inputs, in.file), append(b.starts, feed.Events())
		before := feed.Events()
		if err := readInput(c, feed, in); err != nil && feed.Events() > before {
			return fmt.Errorf("%s: after %s: %w", in.file, plural(feed.Events()-before, "event"), err)
		} else if err != nil {
			return fmt.Errorf("%s: %w", in.file, err)
		}
	}
	feed.End()
	b.undated = feed.Undated()
	return nil
}

func readInput(c *cobra.Command, feed *replay.Feed, in input) error {
	from, size := c.InOrStdin(), int64(0)
	if in.file != "-" {
		f, err := os.Open(in.file)
		if err != nil {
			return withoutPath(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		from = f
	}
	shown := newProgress(c.ErrOrStderr(), in.file, size)
	defer shown.clear()
	records, err := replay.Open(shown.reading(interruptible{c.Context(), from}), in.file, in.source)
	if err != nil {
		return err
	}
	return feed.Read(records, in.source)
}

// summarize says what could not be read, and where.
func (b *book) summarize(out io.Writer) {
	switch b.undated {
	case 0:
	case 1:
		fmt.Fprintln(out, "1 event has no time that can be read; it was given that of the newest before it")
	default:
		fmt.Fprintf(out, "%d events have no time that can be read; they were given that of the newest before them\n", b.undated)
	}
	total := b.counts[replay.StateRejected]
	if total == 0 {
		return
	}
	fmt.Fprintf(out, "%s could not be read:\n", plural(total, "event"))
	for _, r := range b.rejected {
		file, position := b.place(r.event)
		fmt.Fprintf(out, "  %s, event %d: %s\n", file, position, r.reason)
	}
	if more := total - len(b.rejected); more > 0 {
		fmt.Fprintf(out, "  and %d more; -o jsonl names them all\n", more)
	}
}

// useless says that there were events, and that none could be read.
func (b *book) useless() bool { return len(b.counts) == 1 && b.counts[replay.StateRejected] > 0 }

// place is the file of an event, and its number there.
func (b *book) place(event int) (file string, position int) {
	for i := len(b.starts) - 1; i >= 0; i-- {
		if event >= b.starts[i] {
			return b.inputs[i], event - b.starts[i]
		}
	}
	return "", event
}
