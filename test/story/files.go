package story

import (
	"embed"
	"strings"
)

//go:embed files
var files embed.FS

// file returns an embedded file with its upper-case names replaced.
func (w *World) file(name string, replace ...string) (string, error) {
	content, err := files.ReadFile("files/" + name)
	if err != nil {
		return "", err
	}
	return strings.NewReplacer(append(replace, "APP_IMAGE", w.AppImage)...).Replace(string(content)), nil
}
