package redlocktest

import (
	"slices"
	"time"
)

// Now returns the node's wall clock, which TIME shows and by which keys expire.
func (n *Node) Now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.clock.now()
}

// Jump moves the node's clock by d, forward or backward. As on a real server, where a key
// expires at an instant of the wall clock, keys have that much less or more time left.
func (n *Node) Jump(d time.Duration) {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.expire()
	n.mu.Lock()
	n.clock.jump(d)
	n.mu.Unlock()
	n.redis.SetTime(n.Now())
	if d < 0 {
		n.redis.FastForward(d) // miniredis doesn't give back time by itself
	}
}

// SetRate makes the node's clock run r times as fast as real time from now on: 1.1 is a clock
// that gains six minutes an hour. The clock doesn't jump. It panics unless r is positive.
func (n *Node) SetRate(r float64) {
	if !(r > 0) {
		panic("redlocktest: SetRate: a clock's rate must be positive")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock.setRate(r)
}

// expire removes the keys whose time has come by now. The caller holds exec.
func (n *Node) expire() {
	n.redis.SetTime(n.Now())
	n.redis.DB(0) // any access does it, for all databases
}

// Get returns the string at the key in database 0. It works on a node that is paused or
// crashed, too: then it is what a restart with memory would find.
func (n *Node) Get(key string) (string, bool) {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.expire()
	value, err := n.redis.Get(key)
	return value, err == nil
}

// HGet returns a field of the hash at the key in database 0, as Get returns a string.
func (n *Node) HGet(key, field string) (string, bool) {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.expire()
	value := n.redis.HGet(key, field)
	return value, value != ""
}

// PTTL returns the time left to the key in database 0, and whether the key exists. A key that
// never expires has 0.
func (n *Node) PTTL(key string) (time.Duration, bool) {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.expire()
	return n.redis.TTL(key), n.redis.Exists(key)
}

// markerKey is where package redlock keeps what it knows of a node. See WithFreshNodes.
const markerKey = "redlock:voter"

// Keys returns the keys of database 0, sorted, without the marker by which package redlock
// tells a node that may have forgotten locks.
func (n *Node) Keys() []string {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.expire()
	return slices.DeleteFunc(n.redis.Keys(), func(key string) bool { return key == markerKey })
}

// Set stores a string in database 0, in place of whatever was at the key, that expires after
// ttl, or never if ttl is 0.
func (n *Node) Set(key, value string, ttl time.Duration) {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.expire()
	n.redis.Del(key)
	_ = n.redis.Set(key, value) // fails only on a key of another type
	if ttl > 0 {
		n.redis.SetTTL(key, ttl)
	}
}

// Flush removes everything, as FLUSHALL does.
func (n *Node) Flush() {
	n.exec.Lock()
	defer n.exec.Unlock()
	n.redis.FlushAll()
}
