package config

import (
	"slices"
	"strings"
)

// Here: the lines of the directive user, which CONFIG REWRITE writes from what the
// daemon tells about its users.

// UserLine is a user that the file is to define.
type UserLine struct {
	Name string
	Text string // name and rules, as SplitArgs takes them apart
	Same bool   // the file's line, if it has one, gives this user: it stays as it is
}

// userName is the user's name that a line's arguments begin with.
func userName(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// rewriteUsers keeps, exchanges and removes the user lines of a redis.conf, and
// gives those that are to be added.
func (f *confFile) rewriteUsers(users []UserLine) (added []string) {
	there := map[string]bool{}
	for _, n := range f.at[User] {
		args, _ := SplitArgs(f.lines[n])
		name := userName(args[1:])
		i := slices.IndexFunc(users, func(u UserLine) bool { return u.Name == name })
		switch {
		case i < 0 || there[name]:
			f.replace[n] = nil
		case !users[i].Same:
			f.replace[n] = []string{"user " + users[i].Text}
		}
		there[name] = true
	}
	for _, u := range users {
		if !there[u.Name] {
			added = append(added, "user "+u.Text)
		}
	}
	return added
}

// tomlUsers is the TOML value for the users; changed is false when the file's own
// one, which holds lines, gives them.
func (c *Config) tomlUsers(users []UserLine, lines []Line) (text string, changed bool, err error) {
	changed = len(lines) != len(users)
	rows := make([]string, len(users))
	for i, u := range users {
		row := u.Text
		at := slices.IndexFunc(lines, func(l Line) bool { return userName(l.Args) == u.Name })
		if u.Same && at >= 0 {
			row = joinArgs(lines[at].Args)
		} else {
			changed = true
		}
		quoted, err := tomlString(&c.index.rows[User], row)
		if err != nil {
			return "", false, err
		}
		rows[i] = "    " + quoted + ",\n"
	}
	if len(rows) == 0 {
		return "[]", changed, nil
	}
	return "[\n" + strings.Join(rows, "") + "]", changed, nil
}

// joinArgs makes a line that SplitArgs takes apart into args.
func joinArgs(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if a == "" || strings.ContainsAny(a, "\"' \t\r\n\v\f\x00") {
			words[i] = Quote(a)
		}
	}
	return strings.Join(words, " ")
}

// verifyUsers makes sure that the lines of a new text give the users.
func verifyUsers(path string, lines []Line, users []UserLine) error {
	bad := &Error{File: path, Reason: "the users cannot be written so that they are read back the same"}
	if len(lines) != len(users) {
		return bad
	}
	for _, l := range lines {
		i := slices.IndexFunc(users, func(u UserLine) bool { return u.Name == userName(l.Args) })
		if i < 0 {
			return bad
		}
		if want, ok := SplitArgs(users[i].Text); !users[i].Same && (!ok || !slices.Equal(want, l.Args)) {
			return bad
		}
	}
	return nil
}
