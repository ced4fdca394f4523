// Protocol errors: what the client is told, and what the log says.

package resp

// ProtocolError is a request that cannot be parsed. The connection is of no use
// after it: where the next request would begin is unknown.
type ProtocolError struct {
	// Message is the reply without its error code.
	Message string
	// Reason is the wording of the log line "Protocol error (reason) from client".
	Reason string
}

// Error is the text for the client, "Protocol error: ...", to be sent with the
// code ERR. It may hold any byte that the client sent; Writer.Error makes a line
// of it.
func (e *ProtocolError) Error() string { return e.Message }

func protocolError(message, reason string) *ProtocolError {
	return &ProtocolError{Message: "Protocol error: " + message, Reason: reason}
}

func errInlineTooBig() error {
	return protocolError("too big inline request", "too big inline request")
}

func errQuotes() error {
	return protocolError("unbalanced quotes in request", "unbalanced quotes in inline request")
}

func errCountLine() error {
	return protocolError("too big mbulk count string", "too big mbulk count string")
}

func errBulkLine() error {
	return protocolError("too big bulk count string", "too big bulk count string")
}

func errCount() error {
	return protocolError("invalid multibulk length", "invalid mbulk count")
}

func errCountUnauthenticated() error {
	return protocolError("unauthenticated multibulk length", "unauth mbulk count")
}

func errBulkLength() error {
	return protocolError("invalid bulk length", "invalid bulk length")
}

func errBulkUnauthenticated() error {
	return protocolError("unauthenticated bulk length", "unauth bulk length")
}

func errDollar(got byte) error {
	return protocolError("expected '$', got '"+string([]byte{got})+"'", "expected $ but got something else")
}
