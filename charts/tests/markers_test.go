package charts_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// controller-gen does not see markers within a function's doc comment: rights
// declared there would be missing in the role.
func TestMarkersAreSeen(t *testing.T) {
	for _, folder := range []string{"cmd", "controllers", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			for _, declaration := range file.Decls {
				function, ok := declaration.(*ast.FuncDecl)
				if !ok || function.Doc == nil {
					continue
				}
				for _, comment := range function.Doc.List {
					if strings.HasPrefix(comment.Text, "// +kubebuilder:rbac") {
						t.Errorf("%s: put the marker before the doc comment, with an empty line between", files.Position(comment.Pos()))
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
