package assets

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tocsin-dev/tocsin/hack/image/archive"
)

// PauseImage is the name of the image that holds each pod's namespaces.
const PauseImage = "tocsin.dev/pause:local"

// WritePause builds the pause program and writes its image to a file beside it.
func WritePause(ctx context.Context, module, path string) error {
	binary := filepath.Join(filepath.Dir(path), "pause")
	if err := Go(ctx, module, "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./pause"); err != nil {
		return fmt.Errorf("building the pause program: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing the pause image: %w", err)
	}
	image := archive.Image{Name: PauseImage, Entrypoint: "/pause", Binaries: []string{binary}}
	if err := image.Write(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
