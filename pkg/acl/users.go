package acl

import (
	"slices"
	"strings"
)

// Users are all users by name. The default user is always among them, and stays the
// same *User.
type Users struct {
	Default *User

	book   *book
	byName map[string]*User
}

// NewUsers gives the users of a server that has none configured: the default user,
// who may do everything without a password.
func NewUsers(t *Table) *Users {
	us := &Users{book: &book{table: t}, byName: map[string]*User{}}
	us.Default = us.newDefault()
	us.byName["default"] = us.Default
	return us
}

// SetAllChannels is acl-pubsub-default: whether a new selector, or a reset one,
// allows all channels. Selectors that are there stay as they are.
func (us *Users) SetAllChannels(on bool) { us.book.allChannels = on }

func (us *Users) newDefault() *User {
	u := newUser(us.book, "default")
	if err := u.apply([]string{"+@all", "~*", "&*", "on", "nopass"}); err != nil {
		panic("BUG: acl: default user: " + err.Error())
	}
	return u
}

// Find gives a user, nil when there is none of that name.
func (us *Users) Find(name string) *User { return us.byName[name] }

// List gives the users by name.
func (us *Users) List() []*User {
	list := make([]*User, 0, len(us.byName))
	for _, u := range us.byName {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b *User) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Set makes a user or changes one, by all of the rules or, on an error, by none.
// revoked tells that it may have lost channels: its subscribers must be looked at,
// with Channel.
func (us *Users) Set(name string, rules []string) (u *User, revoked bool, err error) {
	if hasSpaces(name) {
		return nil, false, ErrUserName
	}
	merged, err := mergeSelectors(rules)
	if err != nil {
		return nil, false, err
	}
	staged := newUser(us.book, name)
	if u = us.byName[name]; u != nil {
		staged.copyFrom(u)
	}
	if err := staged.apply(merged); err != nil {
		return nil, false, err
	}
	if u == nil {
		us.byName[name] = staged
		return staged, false, nil
	}
	revoked = !staged.keepsChannels(u)
	*u = *staged
	return u, revoked, nil
}

// keepsChannels tells whether all that o allows of channels is allowed in the same
// words.
func (u *User) keepsChannels(o *User) bool {
	var mine [][]byte
	for _, s := range u.selectors {
		if s.allChannels {
			return true
		}
		mine = append(mine, s.channels...)
	}
	for _, s := range o.selectors {
		if s.allChannels {
			return false
		}
		for _, c := range s.channels {
			if !slices.ContainsFunc(mine, func(m []byte) bool { return string(m) == string(c) }) {
				return false
			}
		}
	}
	return true
}

// Define makes the user of a configuration line, which must not be there yet; the
// default user is made anew. It is called at the start only.
func (us *Users) Define(name string, rules []string) (*User, error) {
	if us.byName[name] != nil && name != "default" {
		return nil, ErrDuplicate
	}
	if name == "default" {
		rules = append([]string{"reset"}, rules...)
	}
	u, _, err := us.Set(name, rules)
	return u, err
}

// Delete takes a user away and gives it, nil when there is none. The default user
// must not be deleted.
func (us *Users) Delete(name string) *User {
	u := us.byName[name]
	if u != us.Default {
		delete(us.byName, name)
	}
	return u
}

// SetDefaultPassword is requirepass: the only password of the default user, or none
// at all.
func (us *Users) SetDefaultPassword(password string) {
	rule := "nopass"
	if password != "" {
		rule = ">" + password
	}
	if err := us.Default.apply([]string{"resetpass", rule}); err != nil {
		panic("BUG: acl: password of the default user: " + err.Error())
	}
}

// NewUsersLike gives what NewUsers did for the same commands.
func NewUsersLike(us *Users) *Users { return NewUsers(us.book.table) }
