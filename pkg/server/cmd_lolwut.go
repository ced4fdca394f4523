package server

import (
	"strings"

	"redisd/pkg/command"
)

// lolwutRows is the height of the picture; a power of two makes it whole.
const lolwutRows = 16

// cmdLolwut draws Sierpinski's triangle, which is Pascal's modulo two. VERSION is
// taken for compatibility; there is one picture.
func (s *Server) cmdLolwut(c *command.Ctx) {
	if len(c.Args) >= 3 && command.Is(c.Args[1], "VERSION") {
		if _, ok := c.Int(c.Args[2]); !ok {
			return
		}
	}
	var b strings.Builder
	for y := range lolwutRows {
		b.WriteString(strings.Repeat(" ", lolwutRows-1-y))
		for x := range y + 1 {
			if x&(y-x) == 0 {
				b.WriteString("▲ ")
			} else {
				b.WriteString("  ")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\nRedis ver. " + RedisVersion + ", redisd " + s.opt.Version + "\n")
	c.Out.Verbatim("txt", b.String())
}
