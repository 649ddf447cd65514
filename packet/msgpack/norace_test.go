// SPDX-License-Identifier: MIT

//go:build !race

package msgpack_test

// raceEnabled tells that allocations cannot be counted.
const raceEnabled = false
