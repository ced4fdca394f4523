package acl

import (
	"errors"
	"fmt"
)

// What can be wrong with a rule. The texts are Redis's: users see them.
var (
	ErrUnknown   = errors.New("Unknown command or category name in ACL")
	ErrSyntax    = errors.New("Syntax error")
	ErrAllKeys   = errors.New("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns")
	ErrAllChans  = errors.New("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels")
	ErrNoPass    = errors.New("The password you are trying to remove from the user does not exist")
	ErrHash      = errors.New("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")
	ErrDuplicate = errors.New("Duplicate user found. A user can only be defined once in config files")
	ErrFirstArg  = errors.New("Allowing first-arg of a subcommand is not supported")
	ErrUserName  = errors.New("Usernames can't contain spaces or null characters")
	ErrDefault   = errors.New("The 'default' user cannot be removed")
)

// RuleError is a rule that was refused, and why.
type RuleError struct {
	Rule string
	Err  error
}

// Error is the text of ACL SETUSER. It repeats the rule, which may be a password:
// it is for the one who sent it, not for a log.
func (e *RuleError) Error() string {
	return fmt.Sprintf("Error in ACL SETUSER modifier '%s': %s", e.Rule, e.Err)
}

// Unwrap gives the reason.
func (e *RuleError) Unwrap() error { return e.Err }

// ParenError is a selector that is not closed.
type ParenError struct{ Word string }

// Error is the text of ACL SETUSER.
func (e *ParenError) Error() string {
	return fmt.Sprintf("Unmatched parenthesis in acl selector starting at '%s'.", e.Word)
}
