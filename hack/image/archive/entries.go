package archive

import (
	"archive/tar"
	"cmp"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// epoch is the time of everything in an image: a build time would make each
// build another image.
var epoch = time.Unix(0, 0).UTC()

func addFile(out *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: epoch}
	if err := out.WriteHeader(header); err != nil {
		return fmt.Errorf("adding %s to the archive: %w", name, err)
	}
	if _, err := out.Write(content); err != nil {
		return fmt.Errorf("adding %s to the archive: %w", name, err)
	}
	return nil
}

// addLinks adds symbolic links and the folders that hold them.
func addLinks(out *tar.Writer, links map[string]string) error {
	folders := map[string]bool{"": true}
	for _, link := range slices.Sorted(maps.Keys(links)) {
		name := strings.TrimPrefix(path.Clean(link), "/")
		if err := addFolders(out, path.Dir(name), folders); err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: links[link], Mode: 0o777, ModTime: epoch}
		if err := out.WriteHeader(header); err != nil {
			return fmt.Errorf("adding link %s to the archive: %w", link, err)
		}
	}
	return nil
}

func addFolders(out *tar.Writer, folder string, done map[string]bool) error {
	if folder == "." || done[folder] {
		return nil
	}
	if err := addFolders(out, path.Dir(folder), done); err != nil {
		return err
	}
	done[folder] = true
	header := &tar.Header{Typeflag: tar.TypeDir, Name: folder + "/", Mode: 0o755, ModTime: epoch}
	if err := out.WriteHeader(header); err != nil {
		return fmt.Errorf("adding folder %s to the archive: %w", folder, err)
	}
	return nil
}

func sortedByBase(files []string) []string {
	return slices.SortedFunc(slices.Values(files), func(a, b string) int {
		return cmp.Compare(filepath.Base(a), filepath.Base(b))
	})
}
