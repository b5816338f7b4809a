// Command image puts static binaries into a container image, without a
// container daemon:
//
//	go -C hack/image run . --output X.tar --name tocsin.dev/tocsin:dev \
//	    --entrypoint /manager --binary bin/manager --binary bin/investigator
//
// Each binary lies in the image's root folder. Paths that are not absolute
// start from the folder that the command runs in. --link /bin/sh=/app gives a
// binary another name.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tocsin-dev/tocsin/hack/image/archive"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run() error {
	image := archive.Image{Links: map[string]string{}}
	output := flag.String("output", "", "the `file` to write")
	flag.StringVar(&image.Name, "name", "", "the image's `reference`, with its tag")
	flag.StringVar(&image.Entrypoint, "entrypoint", "", "the `program` that a container runs")
	flag.Func("binary", "a static binary's `path`; may be repeated", func(path string) error {
		image.Binaries = append(image.Binaries, path)
		return nil
	})
	flag.Func("link", "a symbolic link, `name=target`; may be repeated", func(link string) error {
		name, target, ok := strings.Cut(link, "=")
		if !ok || !filepath.IsAbs(name) {
			return fmt.Errorf("%q is not of the form /name=/target", link)
		}
		image.Links[name] = target
		return nil
	})
	flag.Parse()
	if *output == "" {
		return fmt.Errorf("say with --output which file to write")
	}
	return writeFile(*output, image)
}

// writeFile writes beside the file and renames, so that a build that fails
// never leaves half an image under the image's name.
func writeFile(path string, image archive.Image) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("creating the image file: %w", err)
	}
	defer os.Remove(file.Name()) // a no-op once it is renamed
	if err := image.Write(file); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", file.Name(), err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("putting the image in place: %w", err)
	}
	return nil
}
