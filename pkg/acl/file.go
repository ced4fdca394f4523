package acl

import (
	"errors"
	"fmt"
	"strings"
)

// Here: the text of an ACL file.

// Lines is the content of an ACL file that gives the users.
func (us *Users) Lines() string {
	var b strings.Builder
	for _, u := range us.List() {
		fmt.Fprintf(&b, "user %s %s\n", u.Name, u.Text())
	}
	return b.String()
}

// Load replaces the users by those of an ACL file, all of them or, when there is a
// mistake in it, none: then the error names file and line of each. A file without a
// default user gives the usual one. It tells the users that are gone, which are all
// but the default one.
func (us *Users) Load(file, text string) (gone []*User, err error) {
	fresh := &Users{book: us.book, byName: map[string]*User{}}
	var wrong []string
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if problem := fresh.loadLine(fmt.Sprintf("%s:%d", file, n), n, strings.Trim(line, " \t\r\n")); problem != "" {
			wrong = append(wrong, problem)
		}
	}
	if wrong != nil {
		wrong = append(wrong, "WARNING: ACL errors detected, no change to the previously active ACL rules was performed")
		return nil, errors.New(strings.Join(wrong, " "))
	}
	def := fresh.byName["default"]
	if def == nil {
		def = us.newDefault()
	}
	for _, u := range us.List() {
		if u != us.Default {
			gone = append(gone, u)
		}
	}
	*us.Default = *def
	fresh.byName["default"] = us.Default
	us.byName = fresh.byName
	return gone, nil
}

// loadLine reads one line into us and gives what is wrong with it. Only an unknown
// command is told by name: other rules may be secrets.
func (us *Users) loadLine(at string, n int, line string) string {
	if line == "" {
		return ""
	}
	words := strings.Split(line, " ")
	if words[0] != "user" || len(words) < 2 {
		return at + " should start with user keyword followed by the username."
	}
	name := words[1]
	switch {
	case hasSpaces(name):
		return fmt.Sprintf("%s: username '%s' contains invalid characters.", at, name)
	case us.byName[name] != nil:
		return fmt.Sprintf("WARNING: Duplicate user '%s' found on line %d.", name, n)
	}
	for i := range words {
		words[i] = strings.Trim(words[i], "\t\r\n")
	}
	_, _, err := us.Set(name, words[2:])
	if err == nil {
		return ""
	}
	us.byName[name] = newUser(us.book, name) // so that a second one is told as such
	var rule *RuleError
	var paren *ParenError
	switch {
	case errors.As(err, &paren):
		return at + ": Unmatched parenthesis in selector definition."
	case errors.As(err, &rule) && errors.Is(err, ErrUnknown):
		return fmt.Sprintf("%s: Error in applying operation '%s': %s.", at, rule.Rule, rule.Err)
	case errors.As(err, &rule):
		return fmt.Sprintf("%s: %s.", at, rule.Err)
	}
	return fmt.Sprintf("%s: %s.", at, err)
}
