// Package config owns the directives: one table of them, their values, and the
// ways values come in (defaults, a TOML or redis.conf file, standard input,
// arguments, CONFIG SET) and go out (CONFIG GET, CONFIG REWRITE).
//
// A value is read by constant, for example c.Int(config.Hz) or
// c.Bool(config.AppendOnly): an index into an array, no look-up, no allocation.
// Names, kinds, bounds, formats and error texts are those of Redis 7.2; what
// redisd adds follows the same rules.
//
// Guarantees:
//   - Set and Reload change all of their values or none: when a value is refused
//     or a hook fails, old values come back and the hooks run again.
//   - Rewrite keeps comments, order and every line it does not have to change. It
//     loads its own result before it writes it, so a rewritten file means what
//     the daemon had. The file is replaced atomically; only where that cannot be
//     (a bind-mounted file, a folder that is not writable) it is written in place.
//   - Every error in a configuration names file, line, text and reason (*Error).
//
// Non-guarantees: no value is compared with the system (whether a folder exists,
// an address is there, a command to rename is known): the hooks and the start of
// the server do that, and Error is theirs to return too. Rewrite changes the main
// file only, never an included one; what an include after a directive sets wins
// over it at the next start. In-place writing is not atomic.
//
// A Config belongs to one goroutine, the event loop once the daemon runs. Values
// that hold slices are replaced, never changed, so a slice once read stays valid.
//
// # Formats
//
// A file whose name ends in .toml is TOML. Tables only group: a key is the name of
// a directive (words joined by - or _), it may stand in its own table or before the
// first one, and nowhere else. Lists are arrays; yes and no are booleans; sizes are
// numbers or strings with a unit.
//
// Any other file is read as redis.conf: one directive a line, arguments separated
// by blanks and quoted with " (escapes \n \r \t \b \a \xHH) or ' (escape \').
package config
