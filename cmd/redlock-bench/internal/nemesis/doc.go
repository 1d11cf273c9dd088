// Package nemesis breaks things between clients and nodes, and describes every fault of an
// experiment as data.
//
// Each client reaches each node through a TCP proxy of its own, a [Link], so a fault can hit
// the link of one client to one node, in one direction. What is guaranteed:
//
//   - A fault holds for whatever reaches the proxy after the method returned, on open and on
//     new connections alike. Order within a connection is changed by the fault [Reorder] only, and then the
//     replies are put back into the order of the requests.
//   - TCP can't lose a message and carry on, and neither do these links: a connection that has
//     lost bytes stays dead in that direction, and is reset when the direction passes again.
//     What was held is delivered then, even if its sender has given up and gone, as TCP's
//     retransmission does.
//   - Memory is bounded: a connection holds at most 256 KiB in each direction, after which the
//     sender's own buffers fill up and it blocks, as on a dead line.
//
// What is held, delayed or dropped are messages: what one read from a socket yields, normally one request, one
// pipeline or one reply. What is duplicated, replayed or reordered are RESP commands. A connection that speaks
// something else passes as it is. Connections to the proxy always succeed,
// because the kernel accepts them; on a link that is cut they then hear nothing.
package nemesis
