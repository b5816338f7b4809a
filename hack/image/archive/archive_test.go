package archive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSameImageSameBytes(t *testing.T) {
	folder := t.TempDir()
	manager, investigator := file(t, folder, "manager"), file(t, folder, "investigator")
	image := Image{
		Name: "tocsin.dev/tocsin:dev", Entrypoint: "/manager",
		Binaries: []string{manager, investigator},
		Links:    map[string]string{"/bin/sh": "/manager", "/bin/ls": "/manager"},
	}
	first := write(t, image)

	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(manager, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	image.Binaries = []string{investigator, manager}
	if !bytes.Equal(first, write(t, image)) {
		t.Error("file times or the order of binaries change the image")
	}
}

func TestImageHoldsWhatItSays(t *testing.T) {
	image := Image{
		Name: "tocsin.dev/app:dev", Entrypoint: "/app",
		Binaries: []string{file(t, t.TempDir(), "app")},
		Links:    map[string]string{"/bin/sh": "/app"},
	}
	parts := unpack(t, write(t, image))

	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(parts["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	if got := manifest[0].RepoTags; len(got) != 1 || got[0] != image.Name {
		t.Errorf("tags %v, want %s", got, image.Name)
	}
	var config struct {
		Config struct {
			User       string
			Entrypoint []string
		}
	}
	if err := json.Unmarshal(parts[manifest[0].Config], &config); err != nil {
		t.Fatal(err)
	}
	if config.Config.User != nobody || config.Config.Entrypoint[0] != "/app" {
		t.Errorf("runs %v as %s", config.Config.Entrypoint, config.Config.User)
	}
	layer := unpack(t, parts[manifest[0].Layers[0]])
	for _, want := range []string{"app", "bin/", "bin/sh"} {
		if _, ok := layer[want]; !ok {
			t.Errorf("layer lacks %s", want)
		}
	}
}

func TestImageRefusesWhatNobodyCouldRun(t *testing.T) {
	binary := file(t, t.TempDir(), "app")
	for name, c := range map[string]struct {
		image Image
		want  string
	}{
		"no tag, though the host has a port": {Image{Name: "host:5000/app", Entrypoint: "/app", Binaries: []string{binary}}, "no tag"},
		"relative entrypoint":                {Image{Name: "app:dev", Entrypoint: "app", Binaries: []string{binary}}, "absolute"},
		"no binary":                          {Image{Name: "app:dev", Entrypoint: "/app"}, "no binary"},
		"missing file":                       {Image{Name: "app:dev", Entrypoint: "/app", Binaries: []string{binary + "x"}}, "reading a binary"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.image.Write(io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

func file(t *testing.T, folder, name string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte("binary "+name), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t *testing.T, image Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := image.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unpack(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	parts := map[string][]byte{}
	for in := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := in.Next()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		if !header.ModTime.Equal(epoch) {
			t.Errorf("%s has time %s", header.Name, header.ModTime)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		parts[header.Name] = content
	}
}
