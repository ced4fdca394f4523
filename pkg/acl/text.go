package acl

import (
	"encoding/hex"
	"strings"

	"redisd/pkg/config"
)

// Here: users and selectors as text that gives them again.

// Flags are the words of GETUSER's flags.
func (u *User) Flags() []string {
	flags := []string{"off"}
	if u.enabled {
		flags[0] = "on"
	}
	if u.noPass {
		flags = append(flags, "nopass")
	}
	if u.skip {
		return append(flags, "skip-sanitize-payload")
	}
	return append(flags, "sanitize-payload")
}

// Passwords are the hashes, in hexadecimal.
func (u *User) Passwords() []string {
	list := make([]string, len(u.passwords))
	for i := range u.passwords {
		list[i] = hex.EncodeToString(u.passwords[i][:])
	}
	return list
}

// Rights describes one selector, each part in the words of ACL GETUSER.
type Rights struct{ Commands, Keys, Channels string }

// Rights describes the selectors, that of the user itself first.
func (u *User) Rights() []Rights {
	list := make([]Rights, len(u.selectors))
	for i, s := range u.selectors {
		list[i] = Rights{strings.Join(s.commandWords(), " "), strings.Join(s.keyWords(), " "), strings.Join(s.channelWords(), " ")}
	}
	return list
}

// Text is the user as ACL LIST and an ACL file have it, behind its name.
func (u *User) Text() string {
	words := append(u.head(), u.selectors[0].words()...)
	for _, s := range u.selectors[1:] {
		words = append(words, s.text())
	}
	return strings.Join(words, " ")
}

// Line is Text with its name for the directive "user": what config.SplitArgs would
// change is quoted.
func (u *User) Line() string {
	words := []string{u.Name}
	words = append(words, u.head()...)
	words = append(words, u.selectors[0].words()...)
	for i, w := range words {
		words[i] = quoteWord(w)
	}
	for _, s := range u.selectors[1:] {
		text := s.text()
		if strings.ContainsAny(text, `"'`) {
			text = config.Quote(text)
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

func (u *User) head() []string {
	words := u.Flags()
	for _, p := range u.Passwords() {
		words = append(words, "#"+p)
	}
	return words
}

// text is the selector in parentheses. The words in there are split as those of a
// configuration line are, and a closing parenthesis ends it.
func (s *selector) text() string {
	words := s.words()
	for i, w := range words {
		if strings.HasSuffix(w, ")") {
			words[i] = config.Quote(w)
			continue
		}
		words[i] = quoteWord(w)
	}
	return "(" + strings.Join(words, " ") + ")"
}

// quoteWord quotes a word that holds quotes, which would be taken away, or nothing.
func quoteWord(w string) string {
	if w == "" || strings.ContainsAny(w, `"'`) {
		return config.Quote(w)
	}
	return w
}

// words are the rules that give the selector: keys, channels, commands, as Redis
// orders them.
func (s *selector) words() []string {
	words := s.keyWords()
	if !s.allChannels {
		words = append(words, "resetchannels")
	}
	words = append(words, s.channelWords()...)
	return append(words, s.commandWords()...)
}

func (s *selector) keyWords() []string {
	if s.allKeys {
		return []string{"~*"}
	}
	words := make([]string, len(s.keys))
	for i, k := range s.keys {
		sign := "~"
		switch {
		case k.access == Read:
			sign = "%R~"
		case k.access == Write:
			sign = "%W~"
		case string(k.glob) == "*":
			sign = "%RW~" // "~*" is allkeys, behind which no pattern may come
		}
		words[i] = sign + string(k.glob)
	}
	return words
}

func (s *selector) channelWords() []string {
	if s.allChannels {
		return []string{"&*"}
	}
	words := make([]string, len(s.channels))
	for i, c := range s.channels {
		words[i] = "&" + string(c)
	}
	return words
}

// commandWords begin with +@all or -@all; then come the rules in force, in the order
// in which they were given, because later ones win.
func (s *selector) commandWords() []string {
	words := []string{"-@all"}
	if s.future {
		words[0] = "+@all"
	}
	return append(words, s.rules...)
}
