// SPDX-License-Identifier: MIT

package adapter

// Combine returns a Link that is also a Counter, Router and Log, as far as these are not
// nil, for buses that can do more or less depending on their settings.
func Combine(link Link, counter Counter, router Router, log Log) Link {
	switch {
	case counter != nil && router != nil && log != nil:
		return struct {
			Link
			Counter
			Router
			Log
		}{link, counter, router, log}
	case counter != nil && router != nil:
		return struct {
			Link
			Counter
			Router
		}{link, counter, router}
	case counter != nil && log != nil:
		return struct {
			Link
			Counter
			Log
		}{link, counter, log}
	case router != nil && log != nil:
		return struct {
			Link
			Router
			Log
		}{link, router, log}
	case counter != nil:
		return struct {
			Link
			Counter
		}{link, counter}
	case router != nil:
		return struct {
			Link
			Router
		}{link, router}
	case log != nil:
		return struct {
			Link
			Log
		}{link, log}
	}
	return link
}
