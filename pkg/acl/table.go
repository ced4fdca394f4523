package acl

import "strings"

// Command is what the rules have to know of a command or subcommand.
type Command struct {
	Name       string // lower case, of a subcommand with its container: "config|get"
	Categories uint32 // bit i: it is in the i-th category of the table
	Subs       []int  // positions of its subcommands
	Parent     int    // position of its container; -1 for none
	NoAuth     bool   // may be run by everybody: AUTH, HELLO, QUIT, RESET
}

// Table holds the commands and the names of the categories. It never changes.
type Table struct {
	commands   []Command
	categories []string
	byName     map[string]int
}

// NewTable makes a table; a command's position is the ID by which Check is asked.
func NewTable(commands []Command, categories []string) *Table {
	t := &Table{commands: commands, categories: categories, byName: make(map[string]int, len(commands))}
	for i := range commands {
		t.byName[commands[i].Name] = i
	}
	return t
}

// find gives the position of a command by its full name in any case.
func (t *Table) find(name string) (int, bool) {
	id, ok := t.byName[strings.ToLower(name)]
	return id, ok
}

// category gives the bit of a category by its name in any case, without the @.
func (t *Table) category(name string) (uint32, bool) {
	for i, c := range t.categories {
		if strings.EqualFold(c, name) {
			return 1 << i, true
		}
	}
	return 0, false
}
