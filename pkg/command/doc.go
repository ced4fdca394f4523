// Package command holds the data commands: one file a family, its table of Specs
// on top and the handlers below. A handler reads its arguments from a Ctx,
// changes the keyspace, appends the reply and says in Effects what it did; who
// logs, notifies and counts that is the server's business.
//
// Guarantees: handlers keep no state between calls and touch nothing but the
// keyspace, the reply and the effects. A command of the hot way (GET, SET, INCR,
// DEL, EXPIRE) allocates nothing.
//
// Non-guarantees: a handler does not check arity, permissions, memory or the
// state of the server; gates do that before it runs. All of it runs on the
// goroutine of the event loop.
package command
