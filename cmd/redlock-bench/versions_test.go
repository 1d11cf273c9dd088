package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestProgramVersion(t *testing.T) {
	for says, want := range map[string]string{
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=e0": "redis-server 7.0.15",
		"Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=38": "valkey-server 8.1.1",
		"": "redis-server, version unknown",
	} {
		assert.Equal(t, want, programVersion(says))
	}
}
