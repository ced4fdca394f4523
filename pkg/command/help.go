package command

import "bytes"

// Help is the handler of a container's HELP subcommand. It prints the Help lines
// of the container's rows in the order of the table: of each row the first line is
// the syntax, the others are the explanation.
func Help(c *Ctx) {
	container := c.Spec.Parent
	n := 0
	head := c.Out.DeferArray()
	line := func(indent, s string) {
		c.Out.Simple(indent + s)
		n++
	}
	line("", string(bytes.ToUpper(c.Args[0]))+" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for i := range container.Sub {
		for j, s := range container.Sub[i].Help {
			indent := "    "
			if j == 0 {
				indent = ""
			}
			line(indent, s)
		}
	}
	line("", "HELP")
	line("    ", "Print this help.")
	c.Out.EndArray(head, n)
}
