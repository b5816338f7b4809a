package execute

// RemediationsOf is what a change of an incident wakes.
var RemediationsOf = (*Controller).remediationsOf
