package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// progress shows on a terminal how much of a file was read.
type progress struct {
	out        io.Writer
	file       string
	size, read int64
	shown      int64
}

// newProgress shows nothing where nobody watches, or where there is little to do.
func newProgress(out io.Writer, file string, size int64) *progress {
	p := &progress{file: file, size: size, shown: -1}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) && size > 1<<20 {
		p.out = out
	}
	return p
}

func (p *progress) reading(in io.Reader) io.Reader {
	if p.out == nil {
		return in
	}
	return &watched{in, p}
}

type watched struct {
	io.Reader
	*progress
}

func (w *watched) Read(data []byte) (int, error) {
	n, err := w.Reader.Read(data)
	w.read += int64(n)
	if percent := 100 * w.read / w.size; percent != w.shown {
		w.shown = percent
		fmt.Fprintf(w.out, "\r%3d%% of %s", percent, w.file)
	}
	return n, err
}

// clear takes the line away again.
func (p *progress) clear() {
	if p.shown >= 0 {
		fmt.Fprint(p.out, "\r\033[K")
	}
}

// interruptible is a reader that ends when the user presses Ctrl-C.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

func (i interruptible) Read(data []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.in.Read(data)
}
