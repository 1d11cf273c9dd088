package redistest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"
)

// Version says which server program a test runs on. Servers word the same thing differently,
// and older ones lack something.
type Version struct {
	// Name is "redis" or "valkey".
	Name string
	// Major and Minor are the program's own.
	Major, Minor int
	// Redis is the version of Redis that it's compatible with, as INFO has it: Valkey 8.1 says 7.2.4.
	Redis string
}

// String returns the name and the version up to the minor one, such as redis-7.0.
func (v Version) String() string { return fmt.Sprintf("%s-%d.%d", v.Name, v.Major, v.Minor) }

// Before reports whether it's older than that version of Redis, or compatible with an older one.
func (v Version) Before(major, minor int) bool {
	m, n := majorMinor(v.Redis)
	return m < major || (m == major && n < minor)
}

// Version asks the server which program it is.
func (s *Server) Version() Version {
	s.tb.Helper()
	info := s.Do("INFO", "server").(string)
	v := Version{Name: "redis", Redis: infoField(info, "redis_version")}
	own := v.Redis
	if name := infoField(info, "server_name"); name != "" {
		v.Name, own = name, infoField(info, name+"_version")
	}
	v.Major, v.Minor = majorMinor(own)
	require.NotZero(s.tb, v.Major, "no version in %q", info)
	return v
}

func majorMinor(version string) (major, minor int) {
	parts := strings.SplitN(version+"..", ".", 3)
	major, _ = strconv.Atoi(parts[0])
	minor, _ = strconv.Atoi(parts[1])
	return major, minor
}

// infoField returns the value of a field in the reply to INFO; empty without one.
func infoField(info, name string) string {
	_, rest, _ := strings.Cut("\r\n"+info, "\r\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}
