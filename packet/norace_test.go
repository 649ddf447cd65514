// SPDX-License-Identifier: MIT

//go:build !race

package packet_test

// raceEnabled tells that allocations cannot be counted.
const raceEnabled = false
