// Package worker runs a client under test as a process of its own, so that it can be stopped,
// as a whole and at any instant, in the way in which operating systems stop processes.
//
// It has both ends of the protocol: [Serve] is the built-in worker, [Start] and [Process] are
// how the harness runs that one or any other.
//
// What is guaranteed: a worker that exits, hangs, talks garbage or reports times that can't be
// makes the call in question fail with an error matching [ErrWorker], in bounded time. A worker
// ends with its harness, however that ends (Linux), and [Process.Close] waits for its end.
package worker
