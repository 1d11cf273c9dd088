package main

import (
	"context"
	"errors"
	"testing"

	"github.com/go-redsync/redsync/v4"
	"github.com/stretchr/testify/assert"
)

// A report counts failures by kind: redsync names the nodes, so each split vote used to be a kind of its own.
func TestKindsOfRedsyncsFailures(t *testing.T) {
	for want, err := range map[string]error{
		"taken":      &redsync.ErrTaken{Nodes: []int{0, 2}},
		"split vote": errors.Join(&redsync.ErrNodeTaken{Node: 3}, &redsync.ErrNodeTaken{Node: 1}),
		"lost":       redsync.ErrLockAlreadyExpired,
		"no quorum":  redsync.ErrFailed,
		"time-out":   context.DeadlineExceeded,
	} {
		assert.Equal(t, want, redsyncLoad{}.Kind(err))
	}
}
