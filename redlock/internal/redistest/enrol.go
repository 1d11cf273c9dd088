package redistest

import "github.com/a5bbb083/redlock/redlock/internal/member"

// Enrol makes the server one that has been voting for years. Package redlock lets a server
// that it doesn't know wait for its MaxTTL, since it can't tell it from one that has forgotten
// its locks. After a Restart the server is one that has forgotten.
func (s *Server) Enrol() *Server {
	s.tb.Helper()
	run := infoField(s.Do("INFO", "server").(string), "run_id")
	s.Do("HSET", "redlock:voter", "run", run, "promoted", "", "number", 1, "until", 1, "longest", 0)
	return s
}

// Form makes the servers ones that have been voting for years, for lockers that name their voters so and for no others.
func Form(servers []*Server, names []string) {
	known := member.Known{Set: member.NewSet(names), Generation: 1}
	for _, s := range servers {
		s.Enrol().Do("HSET", "redlock:voter", "voters", known.String())
	}
}
