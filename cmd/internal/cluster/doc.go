// Package cluster runs the Redis nodes that an experiment locks on, and breaks them on demand.
//
// There are two backends with one meaning. [Embedded] nodes live in this process and need
// nothing installed. [Redis] nodes are real redis-server processes, one directory and one
// port each, bound to the loopback address. Scenarios see only [Node] and don't know which of
// the two they run on.
//
// What is guaranteed:
//
//   - A fault method returns only after the fault was seen to be in effect, and says in its
//     [effect.Proof] what was seen. A fault that a backend can't inject is an error that matches
//     [ErrUnsupported]; one that was tried but not seen matches [ErrNotProven]. A verdict
//     built on either can only be "unknown".
//   - Every call is bounded in time, even on a node that is stopped or gone.
//   - [Cluster.Close] ends every process and removes every directory that [Start] made. On
//     Linux the processes also end, and the directories also go, when this process is killed
//     with SIGKILL. Elsewhere servers outlive such a kill.
//
// It needs a Unix: faults are signals. Bending the clock of a real server, and ending it with
// its parent, need Linux.
package cluster
