package event

// Nested tells whether the caller runs in a turn inside of a handler.
func (l *Loop) Nested() bool { return l.depth > 1 }
