// Package history records every revision of the chosen kinds, as etcd had
// them, and puts those of different kinds into the one order in which they
// were written.
package history
