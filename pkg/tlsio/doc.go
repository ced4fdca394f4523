// Package tlsio speaks TLS over the raw non-blocking sockets of an event loop. It wraps
// crypto/tls and knows nothing of Redis.
//
// A connection has two lives:
//
//   - The handshake runs on a goroutine of its own, over a duplicate of the descriptor
//     that the runtime's poller watches: public-key arithmetic and peers that dawdle cost
//     the loop nothing, and a goroutine that waits costs no thread.
//   - Afterwards the loop reads and writes. crypto/tls is put over a link that never
//     waits: a read is given what one read(2) brought and then an error that crypto/tls
//     takes for temporary; a write is kept as ciphertext, and never fails, because
//     crypto/tls would take that for the end of the connection.
//
// # Guarantees
//
//   - Conn.Read and Conn.Write have the results of event.Read and event.Write, so whoever
//     calls them treats plain and encrypted connections alike.
//   - One Read makes at most one read(2), and none while something decrypted or received
//     is left over; More tells of that. What is left over is bounded by ReadSize.
//   - Write encrypts no further than the socket takes, give or take writeChunk bytes:
//     plaintext that waits is the caller's, ciphertext that waits is counted by Queued.
//
// # Non-guarantees
//
//   - What the peer sent before the handshake was over lies in the Conn: the first Read
//     must not wait for the socket. More is true from the start.
//   - Renegotiation (TLS 1.2) is refused. Which suite of TLS 1.3 is used, and which suite
//     of TLS 1.2 among those allowed, is decided by crypto/tls.
//
// # Goroutines
//
// Accept's callback runs on the handshake's goroutine. A Conn and its Buffers belong to
// the loop from the moment at which the loop has heard of the Conn. The caller owns the
// descriptor all the time and closes it. A Config may be used from any goroutine.
package tlsio
