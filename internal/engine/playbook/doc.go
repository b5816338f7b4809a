// Package playbook decides which playbook an alert starts, what a new
// investigation examines, and which remediations follow from its verdicts.
//
// It is made of functions of values: the same facts give the same decision, to
// the byte, in whatever order they come.
package playbook
