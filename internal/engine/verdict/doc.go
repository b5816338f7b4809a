// Package verdict decides what came of an investigation: what the outcome of a
// step is from what is seen of its Job, which verdict stands for each entity,
// and which state follows for the investigation as a whole.
package verdict
