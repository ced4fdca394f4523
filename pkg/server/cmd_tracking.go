package server

import (
	"fmt"
	"slices"
	"strings"

	"redisd/pkg/command"
)

// trackingSpecs are the subcommands of CLIENT about caches on the side of clients.
func (s *Server) trackingSpecs() []command.Spec {
	token := func(name string) command.Arg {
		return command.Arg{Name: name, Type: "pure-token", Token: strings.ToUpper(name), Optional: true}
	}
	return []command.Spec{
		{Name: "caching", Arity: 3, Flags: clientFlagsSelf, Since: "6.0.0", Summary: "Chooses whether the keys of the next command are tracked.",
			Complexity: "O(1)", Args: onOff("mode", "YES", "NO"),
			Help:    []string{"CACHING (YES|NO)", "With OPTIN, track the keys of the next command; with OPTOUT, do not."},
			Handler: s.clientCaching},
		{Name: "getredir", Arity: 2, Flags: clientFlagsSelf, Since: "6.0.0", Summary: "Tells which connection is told of stale keys in this one's place.",
			Complexity: "O(1)", Help: []string{"GETREDIR", "Tell the number of the connection that is told of stale keys; 0 is this one, -1 none."},
			Handler: func(c *command.Ctx) { c.Out.Int(s.exec.client.redirection()) }},
		{Name: "tracking", Arity: -3, Flags: clientFlagsSelf, Since: "6.0.0", Summary: "Tells the connection when keys that it has read change.",
			Complexity: "O(1). Some options may introduce additional complexity.",
			Args: append(onOff("status", "ON", "OFF"),
				command.Arg{Name: "client-id", Type: "integer", Token: "REDIRECT", Optional: true},
				command.Arg{Name: "prefix", Type: "string", Token: "PREFIX", Optional: true, Multiple: true, MultipleToken: true},
				token("bcast"), token("optin"), token("optout"), token("noloop")),
			Help: []string{"TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]",
				"Tell this connection, or the connection <id>, when keys that it has read change."},
			Handler: s.clientTracking},
		{Name: "trackinginfo", Arity: 2, Flags: clientFlagsSelf, Since: "6.2.0", Summary: "Describes how the connection tracks keys.",
			Complexity: "O(1)", Help: []string{"TRACKINGINFO", "Describe how this connection tracks keys."},
			Handler: s.clientTrackingInfo},
	}
}

// redirection is the number that GETREDIR tells.
func (c *client) redirection() int64 {
	if !c.has(flagTracking) {
		return -1
	}
	return int64(c.cache.redirect)
}

// Words of CLIENT TRACKING that choose a state.
var trackingWords = [...]struct {
	word string
	flag clientFlags
}{
	{"BCAST", flagBroadcast}, {"OPTIN", flagOptIn}, {"OPTOUT", flagOptOut}, {"NOLOOP", flagNoLoop},
}

// trackingOptions are what follows ON or OFF.
type trackingOptions struct {
	how      clientFlags
	redirect *client
	prefixes []string
}

// parse reads the options. What is wrong with them is replied.
func (o *trackingOptions) parse(s *Server, c *command.Ctx) bool {
words:
	for words := c.Args[3:]; len(words) > 0; words = words[1:] {
		more := len(words) > 1
		switch {
		case command.Is(words[0], "REDIRECT") && more:
			words = words[1:]
			if o.redirect != nil {
				c.Out.Error("ERR A client can only redirect to a single other client")
				return false
			}
			id, ok := c.Int(words[0])
			if !ok {
				return false
			}
			if o.redirect = s.clients.byID(uint64(id)); o.redirect == nil {
				c.Out.Error("ERR The client ID you want redirect to does not exist")
				return false
			}
			continue
		case command.Is(words[0], "PREFIX") && more:
			words = words[1:]
			o.prefixes = append(o.prefixes, string(words[0]))
			continue
		}
		for _, w := range trackingWords {
			if command.Is(words[0], w.word) {
				o.how |= w.flag
				continue words
			}
		}
		c.Out.Error(command.ErrSyntax)
		return false
	}
	return true
}

const errSwitchMode = " before disabling tracking for this client, and then re-enabling it with a different mode."

// conflict is what is wrong with the options for cl, or "".
func (o *trackingOptions) conflict(cl *client) string {
	on := func(f clientFlags) bool { return o.how&f != 0 }
	switch {
	case len(o.prefixes) > 0 && !on(flagBroadcast):
		return "ERR PREFIX option requires BCAST mode to be enabled"
	case cl.has(flagTracking) && cl.has(flagBroadcast) != on(flagBroadcast):
		return "ERR You can't switch BCAST mode on/off" + errSwitchMode
	case on(flagBroadcast) && on(flagOptIn|flagOptOut):
		return "ERR OPTIN and OPTOUT are not compatible with BCAST"
	case on(flagOptIn) && on(flagOptOut):
		return "ERR You can't specify both OPTIN mode and OPTOUT mode"
	case on(flagOptIn) && cl.has(flagOptOut) || on(flagOptOut) && cl.has(flagOptIn):
		return "ERR You can't switch OPTIN/OPTOUT mode" + errSwitchMode
	case on(flagBroadcast):
		return o.overlap(cl)
	}
	return ""
}

// overlap tells of prefixes of which one begins with another: a key would be told twice.
func (o *trackingOptions) overlap(cl *client) string {
	meet := func(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
	const only = " Prefixes for a single client must not overlap."
	for i, p := range o.prefixes {
		if cl.cache != nil {
			if j := slices.IndexFunc(cl.cache.prefixes, func(old string) bool { return meet(old, p) }); j >= 0 {
				return fmt.Sprintf("ERR Prefix '%s' overlaps with an existing prefix '%s'.%s", p, cl.cache.prefixes[j], only)
			}
		}
		for _, other := range o.prefixes[i+1:] {
			if meet(p, other) {
				return fmt.Sprintf("ERR Prefix '%s' overlaps with another provided prefix '%s'.%s", p, other, only)
			}
		}
	}
	return ""
}

func (s *Server) clientTracking(c *command.Ctx) {
	cl := s.exec.client
	var o trackingOptions
	if !o.parse(s, c) {
		return
	}
	switch {
	case command.Is(c.Args[2], "ON"):
		if problem := o.conflict(cl); problem != "" {
			c.Out.Error(problem)
			return
		}
		if o.how&flagBroadcast != 0 && len(o.prefixes) == 0 {
			o.prefixes = []string{""}
		}
		s.caches.enable(cl, o.how, o.redirect, o.prefixes)
	case command.Is(c.Args[2], "OFF"):
		s.caches.disable(cl)
	default:
		c.Out.Error(command.ErrSyntax)
		return
	}
	c.Out.OK()
}

func (s *Server) clientCaching(c *command.Ctx) {
	cl := s.exec.client
	yes, no := command.Is(c.Args[2], "YES"), command.Is(c.Args[2], "NO")
	switch {
	case !cl.has(flagTracking):
		c.Out.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
	case yes && !cl.has(flagOptIn):
		c.Out.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
	case no && !cl.has(flagOptOut):
		c.Out.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
	case yes || no:
		cl.set(flagCaching, true)
		c.Out.OK()
	default:
		c.Out.Error(command.ErrSyntax)
	}
}

func (s *Server) clientTrackingInfo(c *command.Ctx) {
	cl, w := s.exec.client, c.Out
	w.Map(3)
	w.BulkString("flags")
	words := cl.trackingWords()
	w.Set(len(words))
	for _, word := range words {
		w.BulkString(word)
	}
	w.BulkString("redirect")
	w.Int(cl.redirection())
	w.BulkString("prefixes")
	if cl.cache == nil {
		w.Array(0)
		return
	}
	w.Array(len(cl.cache.prefixes))
	for _, p := range cl.cache.prefixes {
		w.BulkString(p)
	}
}

// trackingWords describes how c tracks, in Redis's order.
func (c *client) trackingWords() []string {
	if !c.has(flagTracking) {
		return []string{"off"}
	}
	words := []string{"on"}
	for _, w := range [...]struct {
		all  clientFlags
		word string
	}{
		{flagBroadcast, "bcast"}, {flagOptIn, "optin"}, {flagOptIn | flagCaching, "caching-yes"}, {flagOptOut, "optout"},
		{flagOptOut | flagCaching, "caching-no"}, {flagNoLoop, "noloop"}, {flagBrokenRedirect, "broken_redirect"},
	} {
		if c.flags&w.all == w.all {
			words = append(words, w.word)
		}
	}
	return words
}
