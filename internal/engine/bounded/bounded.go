// Package bounded limits what one call in a CEL expression can cost. A cost
// limit is looked at after each call, which is too late for one that makes a
// text of any length at once.
package bounded

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
)

// Strings are the functions on strings that expressions may use: charAt, indexOf,
// join, lastIndexOf, lowerAscii, replace, split, substring, trim and upperAscii.
// What formats can make a text of any length in one call.
func Strings() cel.EnvOption { return ext.Strings(ext.StringsVersion(0)) }

// Compile compiles an expression that is bounded. An error is one line that names
// the place in the expression.
func Compile(env *cel.Env, source string) (*cel.Ast, error) {
	checked, issues := env.Compile(source)
	if issues.Err() != nil {
		return nil, problems(issues)
	}
	return checked, check(checked)
}

func problems(issues *cel.Issues) error {
	var all []string
	for _, e := range issues.Errors() {
		all = append(all, at(e.Location, strings.Join(strings.Fields(e.Message), " ")))
	}
	return errors.New(strings.Join(all, "; "))
}

func at(place common.Location, wrong string) string {
	return fmt.Sprintf("line %d, column %d: %s", place.Line(), place.Column()+1, wrong)
}

// check refuses an expression in which replace could make a text longer, or join
// one that is longer than what it is given: with texts from an alert they would
// make one as long as the product of two of them.
func check(checked *cel.Ast) error {
	var found error
	tree := checked.NativeRep()
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if found != nil || e.Kind() != ast.CallKind {
			return
		}
		if wrong := problem(e.AsCall()); wrong != "" {
			found = errors.New(at(tree.SourceInfo().GetStartLocation(e.ID()), wrong))
		}
	}))
	return found
}

func problem(call ast.CallExpr) string {
	switch {
	case call.FunctionName() == "replace" && !shortens(call.Args()):
		return "replace must not make a text longer: write out both of its texts, the second no longer than the first"
	case call.FunctionName() == "join" && (!given(call.Target()) || !separates(call.Args())):
		return fmt.Sprintf("join is for a list as it was given, not for one made here, and for a separator that is written out, of at most %d bytes", maxSeparator)
	}
	return ""
}

// maxSeparator is more than anybody puts between the items of a list.
const maxSeparator = 8

// given says whether a list is a field, or the parts of a text.
func given(list ast.Expr) bool {
	switch list.Kind() {
	case ast.IdentKind, ast.SelectKind:
		return true
	case ast.CallKind:
		call := list.AsCall()
		switch call.FunctionName() {
		case "split", "_[_]":
			return true
		case "orValue": // event.?field.orValue([])
			return len(call.Args()) == 1 && call.Args()[0].Kind() == ast.ListKind && call.Args()[0].AsList().Size() == 0
		}
	}
	return false
}

func separates(args []ast.Expr) bool {
	if len(args) == 0 {
		return true
	}
	separator, known := text(args[0])
	return known && len(separator) <= maxSeparator
}

// shortens says whether what is put in is never longer than what it replaces.
func shortens(args []ast.Expr) bool {
	if len(args) < 2 {
		return false
	}
	from, known := text(args[0])
	to, also := text(args[1])
	return known && also && len(from) > 0 && len(to) <= len(from)
}

func text(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}
