// Package story plays an attack on a small application in a real cluster, and
// the response of Tocsin to it. `make demo` shows it to people; test/e2e
// asserts it. Each step acts and waits, for a bounded time, until its effect is
// to be seen.
package story
