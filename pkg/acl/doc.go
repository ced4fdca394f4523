// Package acl is the rule engine of access control lists: users, their passwords,
// and what they may do with which commands, keys and channels. It reads rules as
// ACL SETUSER takes them, writes them back as ACL LIST shows them, and decides
// whether a user may run a command.
//
// A user has a root selector and any number of further ones. Each selector allows
// commands, key patterns and channel patterns; a command may run when one selector
// allows all of it. Selectors do not add up.
//
// The package knows no server. Which commands there are, it is told once with a
// Table; which words of a call are keys and channels, it asks the caller through
// Words, and only when a pattern has to be looked at.
//
// Guarantees: a rule that is refused changes nothing; the text of a user, read
// again, gives a user with the same rights; no rule panics. Passwords are kept as
// SHA-256 only, and are compared in constant time.
//
// Non-guarantees: nothing here locks. One goroutine, the server's loop, owns the
// users; a *User that was deleted stays readable for those who still hold it.
package acl
