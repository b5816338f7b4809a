package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/internal/replay"
)

// replayOptions are the flags of replay.
type replayOptions struct {
	sources []string
	policy  string
	tuning  []string
	sorted  bool
	output  string
	limit   int
}

// outputs are what -o takes.
var outputs = []string{"story", "jsonl", "incidents"}

func newReplay() *cobra.Command {
	var o replayOptions
	c := &cobra.Command{
		Use:   "replay --source FILE INPUT...",
		Short: "Show what incidents recorded events would become",
		Long: `Show what incidents recorded events would become, without a cluster.

Each INPUT is a file of events as a sender sends them: JSON, one object or many,
one a line or in an array; for an AlertSource of type Generic also CSV whose
first line names the columns. It may be packed with gzip. "-" is standard input.

The files of --source hold AlertSources, as they are in Git. Where there are
several, an INPUT says whose events it holds: NAME=FILE. Those of --tuning hold
TuningRules; the story tells what each of them did. One that failed, is suspended,
expired before it matched anything, or is of another namespace than the events is
told on standard error.

Inputs are read one after the other, and events are taken in that order, as a
sender sends them in order. Where a file was put together from several, give
--sort: events are then taken by their own time. The time is that of the events
throughout; the clock is not looked at. The same input gives the same output.
How many events have no time that can be read is told on standard error.

What comes out (-o):
  story      each incident as a text: where it began, how far it went, and why
             each alert is in it; the incidents with the most assets first
  jsonl      a line of JSON for each event, in the order of the input: its alert,
             the incident that the alert is in at the end, and why; where it
             opened the alert also title, rule, severity, time, tactics,
             techniques, entities and tuning: what became of its fields
  incidents  a line of JSON for each incident

Events that cannot be read are counted, and the first ones told on standard
error. That is no failure: the exit code is 0. It is 1 if there were events and
none could be read, and 2 if a file cannot be used.`,
		Example: `  # What would these events of Falco become?
  kubectl tocsin replay --source falco.yaml events.ndjson

  # Two senders, told apart by the names of their AlertSources, in the order of time
  kubectl tocsin replay --source sources.yaml --sort falco=falco.json.gz audit=audit.json

  # How do incidents change with another policy?
  kubectl tocsin replay --source falco.yaml -o incidents events.ndjson > before
  kubectl tocsin replay --source falco.yaml -o incidents --policy policy.yaml events.ndjson | diff before -

  # What would these tuning rules hide, resolve and rescore?
  kubectl tocsin replay --source falco.yaml --tuning tuning.yaml events.ndjson`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("replay: name an INPUT")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return runReplay(c, o, args) },
	}
	c.Flags().StringArrayVar(&o.sources, "source", nil, "`FILE` with the AlertSource that the events were sent to; may be given several times")
	c.Flags().StringVar(&o.policy, "policy", "", "`FILE` with the CorrelationPolicy; the defaults hold without")
	c.Flags().StringArrayVar(&o.tuning, "tuning", nil, "`FILE` with TuningRules; may be given several times")
	c.Flags().BoolVar(&o.sorted, "sort", false, "take the events by their own time, not in the order of the inputs; all are held in memory")
	c.Flags().StringVarP(&o.output, "output", "o", "story", "what comes out: story, jsonl or incidents")
	c.Flags().IntVar(&o.limit, "limit", 20, "how many incidents the story tells; 0 tells all")
	_ = c.MarkFlagRequired("source")
	_ = c.MarkFlagFilename("source", "yaml", "yml", "json")
	_ = c.MarkFlagFilename("policy", "yaml", "yml", "json")
	_ = c.MarkFlagFilename("tuning", "yaml", "yml", "json")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func runReplay(c *cobra.Command, o replayOptions, args []string) error {
	if !slices.Contains(outputs, o.output) {
		return fmt.Errorf("--output: must be one of %v, is %q", outputs, o.output)
	}
	if o.limit < 0 {
		return fmt.Errorf("--limit: must not be negative, is %d", o.limit)
	}
	sources, err := readSources(o.sources)
	if err != nil {
		return err
	}
	policies, err := readPolicy(o.policy)
	if err != nil {
		return err
	}
	inputs, err := parseInputs(args, sources)
	if err != nil {
		return err
	}
	tenant, err := tenantOf(inputs)
	if err != nil {
		return err
	}
	var notes []string
	if policies.Tuning, notes, err = readTuning(o.tuning, tenant); err != nil {
		return err
	}
	run := replay.New(policies)
	book := &book{keep: o.output == "jsonl"}
	if err := book.read(c, replay.NewFeed(run, o.sorted, book.note), inputs); err != nil {
		return err
	}
	out := bufio.NewWriterSize(c.OutOrStdout(), 64<<10)
	if err := write(out, o, run, book); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for _, note := range append(notes, run.TuningNotes()...) {
		fmt.Fprintln(c.ErrOrStderr(), note)
	}
	book.summarize(c.ErrOrStderr())
	if book.useless() {
		return errFailed
	}
	return nil
}

func write(out io.Writer, o replayOptions, run *replay.Run, b *book) error {
	switch o.output {
	case "jsonl":
		return writeEvents(out, run, b.outcomes)
	case "incidents":
		return writeIncidents(out, run.Incidents())
	}
	writeStory(out, run, o.limit, b)
	return nil
}
