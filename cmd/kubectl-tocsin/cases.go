package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tocsin-dev/tocsin/internal/replay/cases"
)

// suffixes are how the file of a case may end.
var suffixes = []string{"_test.yaml", "_test.yml"}

func newTest() *cobra.Command {
	return &cobra.Command{
		Use:   "test DIR",
		Short: "Test alert sources and correlation policies against recorded events",
		Long: `Test alert sources and correlation policies against recorded events, without a
cluster: in the pipeline of a Git repository, say.

Each file in DIR, and in the folders in it, whose name ends in _test.yaml or
_test.yml is a case: it names AlertSources, perhaps a CorrelationPolicy, and events, and says
what is expected to become of them:

  name: A shell in a pod, and the Secrets that it reads, are one incident
  sources: [sources.yaml]        # files are named relative to this one
  policy: policy.yaml            # may be left out
  tuning: [tuning.yaml]          # files with TuningRules; may be left out
  sort: false                    # take the events by their own time
  inputs:
  - source: falco                # may be left out if there is one AlertSource
    file: falco.ndjson
  - source: audit
    events: [{...}, {...}]
  expect:                        # all of it may be left out, but not everything
    incidents: 2                 # how many there are
    together: [[0, 1, 4]]        # these events are in one incident
    apart: [[0, 7]]              # no two of these are
    events:
      2: {state: duplicate}      # new, duplicate, rolledUp, suppressed or rejected
      3: {tuning: backup}        # the tuning rule that acted on its alert
      4: {link: {reason: SameAccount, entity: ServiceAccount/shop/cart}}
    details:                     # of the incident that an event is in
    - event: 0
      title: Terminal shell in container on pod shop/cart-0
      severity: High
      alerts: 3
      tactics: [Execution, CredentialAccess]

Events are meant by their number over all inputs, counted from 0: what
"kubectl tocsin replay -o jsonl" calls input.

The exit code is 1 if anything came out otherwise, and 2 if a file cannot be
used; the other cases are run all the same.`,
		Example: `  # All cases of a repository
  kubectl tocsin test .

  # One case
  kubectl tocsin test detection/shell_test.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("test: name one folder or case")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return runTests(c.OutOrStdout(), c.ErrOrStderr(), args[0])
		},
	}
}

func runTests(out, notes io.Writer, dir string) error {
	files, err := findCases(dir)
	if err != nil {
		return err
	}
	failed, unusable := 0, 0
	for _, file := range files {
		c, wrong, noted, err := runCase(file)
		for _, note := range noted {
			fmt.Fprintf(notes, "%s: %s\n", file, note)
		}
		switch {
		case err != nil:
			unusable++
			fmt.Fprintf(out, "ERROR %s: %s\n", file, indent(err.Error()))
			continue
		case len(wrong) > 0:
			failed++
			fmt.Fprintf(out, "FAIL  %s: %s\n", file, c.Name)
		default:
			fmt.Fprintf(out, "ok    %s: %s\n", file, c.Name)
		}
		for _, text := range wrong {
			fmt.Fprintln(out, margin+indent(text))
		}
	}
	fmt.Fprintf(out, "%s, %d failed", plural(len(files), "case"), failed)
	if unusable > 0 {
		fmt.Fprintf(out, ", %d could not be run", unusable)
	}
	fmt.Fprintln(out)
	switch {
	case unusable > 0:
		return errUnusable
	case failed > 0:
		return errFailed
	}
	return nil
}

// margin is before what is told of a case.
const margin = "      "

func indent(text string) string { return strings.ReplaceAll(text, "\n", "\n"+margin) }

// runCase returns what is not as expected, and notes. The error is about files that cannot be used.
func runCase(file string) (c cases.Case, wrong, notes []string, err error) {
	data, err := readDeclaration(file)
	if err != nil {
		return c, nil, nil, withoutPath(err)
	}
	if c, err = cases.Read(data); err != nil {
		return c, nil, nil, err
	}
	wrong, notes, err = c.Run(besides(file))
	return c, wrong, notes, err
}

// findCases lists the cases below a folder, sorted; or the one that is named.
func findCases(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && (path == dir || isCase(path)) {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: there is no file whose name ends in %s", dir, strings.Join(suffixes, " or "))
	}
	return files, err
}

func isCase(path string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(path, suffix) })
}

// besides opens files relative to the one of a case.
func besides(file string) cases.Open {
	return func(name string) (io.ReadCloser, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		return os.Open(name)
	}
}
