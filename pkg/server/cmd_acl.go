package server

import (
	"redisd/pkg/command"
)

// aclSpecs is ACL: users, and what was refused to them.
func (s *Server) aclSpecs() []command.Spec {
	return []command.Spec{{
		Name: "acl", Arity: -2, Flags: command.Sentinel, Group: "server", Since: "6.0.0",
		Summary: "Holds the commands about users and their rights.", Complexity: "Depends on the subcommand.",
		Sub: append(s.aclUserSpecs(), append(s.aclOtherSpecs(), helpSub("6.0.0", command.Sentinel, 0))...),
	}}
}

// Flags of ACL's subcommands: those that everybody may run, and those that manage
// users.
const (
	aclFlags      = command.NoScript | command.Loading | command.Stale | command.Sentinel
	aclFlagsAdmin = aclFlags | command.Admin
)

// aclUserSpecs are the subcommands about users.
func (s *Server) aclUserSpecs() []command.Spec {
	user := command.Arg{Name: "username", Type: "string"}
	users := user
	users.Multiple = true
	const perUser = "O(N) where N is the number of users"
	return []command.Spec{
		{Name: "setuser", Arity: -3, Flags: aclFlagsAdmin, Since: "6.0.0", Summary: "Makes a user, or changes what one may do.",
			Complexity: "O(N) where N is the number of rules",
			History:    [][2]string{{"6.2.0", "Takes patterns of channels."}, {"7.0.0", "Takes selectors, and patterns of keys to read or to write."}},
			Args:       []command.Arg{user, {Name: "rule", Type: "string", Optional: true, Multiple: true}},
			Help:       []string{"SETUSER <username> <rule> [<rule> ...]", "Make a user, or change one, by all of the rules or by none."},
			Handler:    s.aclSetUser},
		{Name: "getuser", Arity: 3, Flags: aclFlagsAdmin, Since: "6.0.0", Summary: "Describes a user.",
			Complexity: "O(N) where N is the number of the user's passwords, patterns and rules",
			History:    [][2]string{{"6.2.0", "Tells patterns of channels."}, {"7.0.0", "Tells selectors; patterns come as the rules that give them."}},
			Args:       []command.Arg{user}, Help: []string{"GETUSER <username>", "Describe a user."}, Handler: s.aclGetUser},
		{Name: "deluser", Arity: -3, Flags: aclFlagsAdmin, Since: "6.0.0", Summary: "Takes users away and closes their connections.",
			Complexity: "O(1) for every user, and O(N) where N is the number of connections",
			Args:       []command.Arg{users}, Help: []string{"DELUSER <username> [<username> ...]", "Take users away and close their connections."},
			Handler: s.aclDelUser},
		{Name: "list", Arity: 2, Flags: aclFlagsAdmin, Since: "6.0.0", Summary: "Describes the users, as a configuration file would.",
			Complexity: perUser, Help: []string{"LIST", "Describe the users, as lines of a configuration file."}, Handler: s.aclList},
		{Name: "users", Arity: 2, Flags: aclFlagsAdmin, Since: "6.0.0", Summary: "Tells the names of the users.",
			Complexity: perUser, Help: []string{"USERS", "Tell the names of the users."}, Handler: s.aclUsers},
		{Name: "load", Arity: 2, Flags: aclFlagsAdmin, Since: "6.0.0", Summary: "Reads the users from the ACL file.",
			Complexity: perUser, Help: []string{"LOAD", "Replace the users by those of the ACL file; a mistake in it changes nothing."}, Handler: s.aclLoad},
		{Name: "save", Arity: 2, Flags: aclFlagsAdmin, Since: "6.0.0", Summary: "Writes the users into the ACL file.",
			Complexity: perUser, Help: []string{"SAVE", "Write the users into the ACL file."}, Handler: s.aclSave},
	}
}

// aclOtherSpecs are the other subcommands.
func (s *Server) aclOtherSpecs() []command.Spec {
	return []command.Spec{
		{Name: "cat", Arity: -2, Flags: aclFlags, Since: "6.0.0", Summary: "Tells the categories, or the commands of one.",
			Complexity: "O(N) where N is the number of commands",
			Args:       []command.Arg{{Name: "category", Type: "string", Optional: true}},
			Help:       []string{"CAT [<category>]", "Tell the categories of commands, or the commands of one."}, Handler: s.aclCat},
		{Name: "whoami", Arity: 2, Flags: aclFlags, Since: "6.0.0", Summary: "Tells the user of the connection.", Complexity: "O(1)",
			Help:    []string{"WHOAMI", "Tell the user of this connection."},
			Handler: func(c *command.Ctx) { c.Out.BulkString(s.exec.client.userName()) }},
		{Name: "genpass", Arity: -2, Flags: aclFlags, Since: "6.0.0", Summary: "Makes a password that nobody can guess.", Complexity: "O(1)",
			Args: []command.Arg{{Name: "bits", Type: "integer", Optional: true}},
			Help: []string{"GENPASS [<bits>]", "Make a random password of so many bits, 256 without a number."}, Handler: s.aclGenPass},
		{Name: "log", Arity: -2, Flags: aclFlagsAdmin, Since: "6.0.0", Summary: "Tells what was refused of late.",
			Complexity: "O(N) where N is the number of entries",
			History:    [][2]string{{"7.2.0", "Tells `entry-id`, `timestamp-created` and `timestamp-last-updated`."}},
			Args: []command.Arg{{Name: "operation", Type: "oneof", Optional: true, Sub: []command.Arg{
				{Name: "count", Type: "integer"}, {Name: "reset", Type: "pure-token", Token: "RESET"}}}},
			Help: []string{"LOG [<count> | RESET]", "Tell the last commands and logins that were refused, 10 without a number, or forget them."}, Handler: s.aclLog},
		{Name: "dryrun", Arity: -4, Flags: aclFlagsAdmin, Since: "7.0.0", Summary: "Tells whether a user may run a command, without running it.",
			Complexity: "O(1)",
			Args: []command.Arg{{Name: "username", Type: "string"}, {Name: "command", Type: "string"},
				{Name: "arg", Type: "string", Optional: true, Multiple: true}},
			Help: []string{"DRYRUN <username> <command> [<arg> ...]", "Tell whether the user may run the command, without running it."}, Handler: s.aclDryRun},
	}
}
