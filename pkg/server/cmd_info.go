package server

import "redisd/pkg/command"

func (s *Server) infoSpecs() []command.Spec {
	return []command.Spec{
		{Name: "info", Arity: -1, Flags: command.Loading | command.Stale | command.Sentinel, Categories: command.CatDangerous,
			Group: "server", Since: "1.0.0", Summary: "Tells the server's state and statistics.", Complexity: "O(1)",
			History: [][2]string{{"7.0.0", "Takes several sections."}},
			Hints:   []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			Args:    []command.Arg{{Name: "section", Type: "string", Multiple: true, Optional: true}},
			Handler: s.cmdInfo},
	}
}

func (s *Server) cmdInfo(c *command.Ctx) {
	words := make([]string, 0, len(c.Args)-1)
	for _, a := range c.Args[1:] {
		words = append(words, string(a))
	}
	c.Out.Verbatim("txt", s.info(words))
}
