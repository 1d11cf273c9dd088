package fence

// RegisterKey lets the tests in package fence_test put their data beside a register.
var RegisterKey = registerKey

// Names returns how many names the guard remembers.
func (m *Memory) Names() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.marks)
}
