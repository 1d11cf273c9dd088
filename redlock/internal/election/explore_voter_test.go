package election

// mutation is one rule of the protocol that is broken on purpose, to prove that the search can
// fail. The zero value is the protocol that ships.
type mutation uint8

const (
	shipped mutation = iota
	maximumUnconfirmed
	majorityOfHalf
	grantKeepsRegister
	grantMayRepeat
	grantTrustsClock
	confirmForAnyone
	confirmKeepsRegister
	confirmLowers
	confirmAboveRegister
	restoreLowers
	forgetsAgainstClock
	forgetsRegisterOnly
)

// modelVoter is one voter as the Lua scripts leave it, less the key and the deadline: the owner is the record's last owner until it gives
// back or another is granted. TestTwinMatchesScripts in package redlock holds its twin against the scripts themselves.
type modelVoter struct {
	owner    uint8 // who holds the lock: a client, numbered from 1, or 0 for nobody
	register int64
	// lost is the register that the voter once had and has forgotten. It isn't part of a voter:
	// the explorer notes there what the clock must have passed by now.
	lost int64
}

// grant is grant.lua, but for the voter's own clock.
func (v *modelVoter) grant(m mutation, client uint8, proposal int64) (value int64, ok bool) {
	if v.owner == client {
		return v.register, true
	}
	if v.owner != 0 {
		return 0, false
	}
	value = max(v.register+1, proposal)
	switch m {
	case grantMayRepeat:
		value = max(v.register, proposal, 1)
	case grantTrustsClock:
		value = max(proposal, 1)
	}
	v.owner = client
	if m != grantKeepsRegister {
		v.register = value
	}
	return value, true
}

// confirm is confirm.lua.
func (v *modelVoter) confirm(m mutation, client uint8, value int64) bool {
	if v.owner != client && m != confirmForAnyone {
		return false
	}
	if v.register > value && m != confirmLowers && m != confirmAboveRegister {
		return false
	}
	switch m {
	case confirmKeepsRegister:
	case confirmAboveRegister:
		v.register = max(v.register, value)
	default:
		v.register = value
	}
	return true
}

// extend is extend.lua.
func (v *modelVoter) extend(m mutation, client uint8, token int64, restore bool) {
	switch {
	case v.owner == client:
		v.register = max(v.register, token)
	case v.owner == 0 && restore:
		v.owner = client
		if v.register < token || m == restoreLowers {
			v.register = token
		}
	}
}

// release is release.lua.
func (v *modelVoter) release(client uint8) {
	if v.owner == client {
		v.owner = 0
	}
}

// expire is what time does to a lock, and a crash that loses the lock but not the register.
func (v *modelVoter) expire() { v.owner = 0 }

// forget is the loss of the voter's memory.
func (v *modelVoter) forget(m mutation) {
	if m != forgetsAgainstClock {
		v.lost = max(v.lost, v.register)
	}
	if m != forgetsRegisterOnly {
		v.owner = 0
	}
	v.register = 0
}
