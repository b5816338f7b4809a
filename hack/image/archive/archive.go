// Package archive writes container images without a container daemon: static
// binaries on an empty base, in the format that `docker save` writes, which
// containerd, Docker, Podman and kind all import.
package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// nobody is the user that distroless images call nonroot. It is a number, so
// that the kubelet can check runAsNonRoot without a user database.
const nobody = "65532:65532"

// Image says what goes into an image. The same Image with the same files
// gives the same bytes, whenever and wherever it is written.
type Image struct {
	// Name is the image's reference with its tag, as pods use it.
	Name string
	// Entrypoint is the program that a container runs by default.
	Entrypoint string
	// Binaries are paths of static binaries; each appears in the image's
	// root folder under its base name.
	Binaries []string
	// Links are symbolic links in the image, from their absolute path to
	// their target, for a binary that goes by several names.
	Links map[string]string
}

// Write writes the image as a tar archive.
func (i Image) Write(w io.Writer) error {
	if err := i.check(); err != nil {
		return err
	}
	layer, err := i.layer()
	if err != nil {
		return err
	}
	layerDigest := digest(layer)
	config, err := json.Marshal(i.config(layerDigest))
	if err != nil {
		return fmt.Errorf("writing the configuration of image %s: %w", i.Name, err)
	}
	configName, layerName := digest(config)+".json", layerDigest+".tar"
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{i.Name}, "Layers": []string{layerName},
	}})
	if err != nil {
		return fmt.Errorf("writing the manifest of image %s: %w", i.Name, err)
	}

	out := tar.NewWriter(w)
	for _, part := range []struct {
		name    string
		content []byte
	}{{"manifest.json", manifest}, {configName, config}, {layerName, layer}} {
		if err := addFile(out, part.name, 0o644, part.content); err != nil {
			return err
		}
	}
	return out.Close()
}

func (i Image) check() error {
	last := i.Name[strings.LastIndex(i.Name, "/")+1:]
	switch {
	case !strings.Contains(last, ":"):
		return fmt.Errorf("image name %q has no tag: give one, as in tocsin.dev/tocsin:dev", i.Name)
	case !path.IsAbs(i.Entrypoint):
		return fmt.Errorf("entrypoint %q is not an absolute path: binaries are in the root folder, as in /manager", i.Entrypoint)
	case len(i.Binaries) == 0:
		return fmt.Errorf("image %s has no binary", i.Name)
	}
	return nil
}

// layer is the image's only layer, uncompressed: it never crosses a network.
func (i Image) layer() ([]byte, error) {
	var buffer bytes.Buffer
	out := tar.NewWriter(&buffer)
	for _, file := range sortedByBase(i.Binaries) {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a binary for image %s: %w", i.Name, err)
		}
		if err := addFile(out, filepath.Base(file), 0o755, content); err != nil {
			return nil, err
		}
	}
	if err := addLinks(out, i.Links); err != nil {
		return nil, err
	}
	if err := out.Close(); err != nil {
		return nil, fmt.Errorf("closing the layer of image %s: %w", i.Name, err)
	}
	return buffer.Bytes(), nil
}

func (i Image) config(layerDigest string) map[string]any {
	return map[string]any{
		"created":      epoch.Format(time.RFC3339),
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config": map[string]any{
			"User":       nobody,
			"Entrypoint": []string{i.Entrypoint},
			"Env":        []string{"PATH=/:/bin"},
			"WorkingDir": "/",
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + layerDigest}},
		"history": []map[string]any{{"created": epoch.Format(time.RFC3339), "created_by": "tocsin hack/image"}},
	}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
