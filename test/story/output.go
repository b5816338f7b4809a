package story

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

func (w *World) heading(number int, title string) {
	fmt.Fprintf(w.Out, "\n%d. %s\n%s\n", number, title, strings.Repeat("-", len(title)+len(fmt.Sprint(number))+2))
}

// say writes a line.
func (w *World) say(format string, arguments ...any) { fmt.Fprintf(w.Out, format+"\n", arguments...) }

// note writes a line that matters less.
func (w *World) note(format string, arguments ...any) {
	fmt.Fprintf(w.Out, "   "+format+"\n", arguments...)
}

// table writes rows under a header, as kubectl would.
func (w *World) table(header string, rows [][]string) {
	out := tabwriter.NewWriter(w.Out, 0, 8, 3, ' ', 0)
	fmt.Fprintln(out, strings.ReplaceAll(header, "|", "\t"))
	for _, row := range rows {
		fmt.Fprintln(out, strings.Join(row, "\t"))
	}
	_ = out.Flush()
}

// short cuts a text that is too long for a line.
func short(text string, limit int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
