// SPDX-License-Identifier: MIT

package load

// processes are what is measured together: a server, or those of a cluster.
type processes []process

// usage adds up what all have used.
func (list processes) usage() (sum usage, err error) {
	for _, p := range list {
		u, err := p.usage()
		if err != nil {
			return sum, err
		}
		sum.cpu += u.cpu
		sum.rss += u.rss
	}
	return sum, nil
}
