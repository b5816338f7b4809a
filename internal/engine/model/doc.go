// Package model holds the values that the engine decides over: alerts,
// entities, severities, tactics and verdicts, free of any API machinery.
//
// Names follow Microsoft Defender XDR and MITRE ATT&CK, in PascalCase.
package model
