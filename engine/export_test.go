// SPDX-License-Identifier: MIT

package engine

// Defaults returns the settings that a nil Config means.
func Defaults() Config { return (*Config)(nil).withDefaults() }
