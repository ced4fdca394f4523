package acl

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"

	"redisd/pkg/config"
)

// User is somebody who may log in. Its address is its identity: it stays when the
// rules change.
type User struct {
	Name      string
	book      *book
	enabled   bool
	noPass    bool // every password is right
	skip      bool // skip-sanitize-payload
	free      bool // a selector allows everything; see Free
	passwords [][sha256.Size]byte
	selectors []*selector // the root selector first
}

// Free tells whether the user may do everything: nothing else has to be asked. A
// nil user, who is the server itself, may.
func (u *User) Free() bool { return u == nil || u.free }

// Enabled tells whether the user is on.
func (u *User) Enabled() bool { return u.enabled }

// NoPass tells whether every password is right.
func (u *User) NoPass() bool { return u.noPass }

// SkipSanitize tells whether RESTORE may trust this user's payloads.
func (u *User) SkipSanitize() bool { return u.skip }

// book is what all users share.
type book struct {
	table       *Table
	allChannels bool // acl-pubsub-default: what a new selector may use
}

// newUser gives one who may do nothing and is off.
func newUser(b *book, name string) *User {
	return &User{Name: name, book: b, selectors: []*selector{newSelector(b)}}
}

// copyFrom takes over all that another user is, but for its name.
func (u *User) copyFrom(o *User) {
	name := u.Name
	*u = *o
	u.Name = name
	u.passwords = slices.Clone(o.passwords)
	u.selectors = make([]*selector, len(o.selectors))
	for i, s := range o.selectors {
		u.selectors[i] = s.clone()
	}
}

// settle works out what is asked most often, after a change.
func (u *User) settle() {
	u.free = slices.ContainsFunc(u.selectors, func(s *selector) bool { return s.allCommands && s.allKeys && s.allChannels })
}

// apply carries rules out, selectors in one word each. It stops at the first that is
// wrong; those before it are done.
func (u *User) apply(rules []string) error {
	for _, r := range rules {
		if err := u.set(r); err != nil {
			return &RuleError{r, err}
		}
	}
	u.settle()
	return nil
}

func (u *User) set(rule string) error {
	switch strings.ToLower(rule) {
	case "":
	case "on":
		u.enabled = true
	case "off":
		u.enabled = false
	case "skip-sanitize-payload":
		u.skip = true
	case "sanitize-payload":
		u.skip = false
	case "nopass":
		u.noPass, u.passwords = true, nil
	case "resetpass":
		u.noPass, u.passwords = false, nil
	case "clearselectors":
		u.selectors = u.selectors[:1]
	case "reset":
		name := u.Name
		*u = *newUser(u.book, name)
	default:
		return u.setOther(rule)
	}
	return nil
}

func (u *User) setOther(rule string) error {
	switch rule[0] {
	case '>', '<':
		return u.setPassword(rule[0] == '>', sha256.Sum256([]byte(rule[1:])))
	case '#', '!':
		hash, ok := parseHash(rule[1:])
		if !ok {
			return ErrHash
		}
		return u.setPassword(rule[0] == '#', hash)
	case '(':
		if strings.HasSuffix(rule, ")") {
			return u.addSelector(rule[1 : len(rule)-1])
		}
	}
	return u.selectors[0].set(u.book.table, rule)
}

func (u *User) setPassword(add bool, hash [sha256.Size]byte) error {
	i := slices.Index(u.passwords, hash)
	switch {
	case add:
		u.noPass = false
		if i < 0 {
			u.passwords = append(u.passwords, hash)
		}
	case i < 0:
		return ErrNoPass
	default:
		u.passwords = slices.Delete(u.passwords, i, i+1)
	}
	return nil
}

func (u *User) addSelector(text string) error {
	words, ok := config.SplitArgs(text)
	if !ok {
		return ErrSyntax
	}
	s := newSelector(u.book)
	for _, w := range words {
		if err := s.set(u.book.table, w); err != nil {
			return err
		}
	}
	u.selectors = append(u.selectors, s)
	return nil
}

// parseHash reads 64 hexadecimal digits in lower case.
func parseHash(s string) (hash [sha256.Size]byte, ok bool) {
	if len(s) != 2*sha256.Size || strings.ToLower(s) != s {
		return hash, false
	}
	_, err := hex.Decode(hash[:], []byte(s))
	return hash, err == nil
}

// Password tells whether the user may log in with a password. Hashes are compared,
// all of them and to their end, so that the time it takes tells nothing.
func (u *User) Password(password []byte) bool {
	hash := sha256.Sum256(password)
	right := 0
	for i := range u.passwords {
		right |= subtle.ConstantTimeCompare(hash[:], u.passwords[i][:])
	}
	return u.enabled && (u.noPass || right == 1)
}

// mergeSelectors joins the words of selectors that are spread over several, as in
// "(~a", "+get)".
func mergeSelectors(words []string) ([]string, error) {
	merged := make([]string, 0, len(words))
	open := -1
	for i, w := range words {
		closes := strings.HasSuffix(w, ")")
		switch {
		case strings.HasPrefix(w, "(") && !closes:
			if open >= 0 {
				return nil, &ParenError{words[open]}
			}
			open = i
		case open >= 0 && closes:
			merged = append(merged, strings.Join(words[open:i+1], " "))
			open = -1
		case open < 0:
			merged = append(merged, w)
		}
	}
	if open >= 0 {
		return nil, &ParenError{words[open]}
	}
	return merged, nil
}
