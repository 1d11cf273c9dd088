package redistest

import (
	"strings"
)

// Enrol makes the server one that has been voting for years. Package redlock lets a server
// that it doesn't know wait for its MaxTTL, since it can't tell it from one that has forgotten
// its locks. After a Restart the server is one that has forgotten.
func (s *Server) Enrol() *Server {
	s.tb.Helper()
	_, rest, _ := strings.Cut(s.Do("INFO", "server").(string), "run_id:")
	run, _, _ := strings.Cut(rest, "\r\n")
	s.Do("HSET", "redlock:voter", "run", run, "promoted", "", "number", 1, "until", 1, "longest", 0)
	return s
}
