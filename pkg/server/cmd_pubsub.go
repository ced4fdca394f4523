package server

import (
	"strings"

	"redisd/internal/glob"
	"redisd/pkg/command"
	"redisd/pkg/pubsub"
)

// Flags of the commands of publish/subscribe.
const (
	listenFlags  = command.PubSub | command.NoScript | command.Loading | command.Stale
	publishFlags = command.PubSub | command.Loading | command.Stale | command.Fast | command.MayReplicate
	inspectFlags = command.PubSub | command.Loading | command.Stale
)

// pubsubSpecs is the publish/subscribe family.
func (s *Server) pubsubSpecs() []command.Spec {
	some := func(name, kind string) []command.Arg { return []command.Arg{{Name: name, Type: kind, Multiple: true}} }
	maybe := func(name, kind string) []command.Arg {
		return []command.Arg{{Name: name, Type: kind, Optional: true, Multiple: true}}
	}
	notKeys := command.AllKeys(1, 1, command.KeyNotKey)
	return []command.Spec{
		{Name: "subscribe", Arity: -2, Flags: listenFlags | command.Sentinel, Group: "pubsub", Since: "2.0.0",
			Summary: "Listens to channels.", Complexity: "O(N) where N is the number of channels",
			Args: some("channel", "string"), Handler: func(c *command.Ctx) { s.subscribe(c, pubsub.Channel) }},
		{Name: "unsubscribe", Arity: -1, Flags: listenFlags | command.Sentinel, Group: "pubsub", Since: "2.0.0",
			Summary: "Stops listening to channels, or to all.", Complexity: "O(N) where N is the number of channels",
			Args: maybe("channel", "string"), Handler: func(c *command.Ctx) { s.unsubscribe(c, pubsub.Channel) }},
		{Name: "psubscribe", Arity: -2, Flags: listenFlags | command.Sentinel, Group: "pubsub", Since: "2.0.0",
			Summary: "Listens to all channels whose names fit patterns.", Complexity: "O(N) where N is the number of patterns",
			Args:    []command.Arg{{Name: "pattern", Type: "block", Multiple: true, Sub: []command.Arg{{Name: "pattern", Type: "pattern"}}}},
			Handler: func(c *command.Ctx) { s.subscribe(c, pubsub.Pattern) }},
		{Name: "punsubscribe", Arity: -1, Flags: listenFlags | command.Sentinel, Group: "pubsub", Since: "2.0.0",
			Summary: "Stops listening by patterns, or by all.", Complexity: "O(N) where N is the number of patterns",
			Args: maybe("pattern", "pattern"), Handler: func(c *command.Ctx) { s.unsubscribe(c, pubsub.Pattern) }},
		{Name: "ssubscribe", Arity: -2, Flags: listenFlags, Group: "pubsub", Since: "7.0.0", Keys: notKeys,
			Summary: "Listens to shard channels.", Complexity: "O(N) where N is the number of channels",
			Args: some("shardchannel", "string"), Handler: func(c *command.Ctx) { s.subscribe(c, pubsub.Shard) }},
		{Name: "sunsubscribe", Arity: -1, Flags: listenFlags, Group: "pubsub", Since: "7.0.0", Keys: notKeys,
			Summary: "Stops listening to shard channels, or to all.", Complexity: "O(N) where N is the number of channels",
			Args: maybe("shardchannel", "string"), Handler: func(c *command.Ctx) { s.unsubscribe(c, pubsub.Shard) }},
		{Name: "publish", Arity: 3, Flags: publishFlags | command.Sentinel, Group: "pubsub", Since: "2.0.0",
			Summary:    "Sends a message to a channel.",
			Complexity: "O(N+M) where N is the number of subscribers of the channel and M the number of all patterns",
			Args:       []command.Arg{{Name: "channel", Type: "string"}, {Name: "message", Type: "string"}},
			Handler:    func(c *command.Ctx) { c.Out.Int(int64(s.channels.hub.Publish(c.Args[1], c.Args[2]))) }},
		{Name: "spublish", Arity: 3, Flags: publishFlags, Group: "pubsub", Since: "7.0.0", Keys: command.OneKey(1, command.KeyNotKey),
			Summary: "Sends a message to a shard channel.", Complexity: "O(N) where N is the number of subscribers of the channel",
			Args:    []command.Arg{{Name: "shardchannel", Type: "string"}, {Name: "message", Type: "string"}},
			Handler: func(c *command.Ctx) { c.Out.Int(int64(s.channels.hub.PublishShard(c.Args[1], c.Args[2]))) }},
		{Name: "pubsub", Arity: -2, Group: "pubsub", Since: "2.8.0",
			Summary: "Holds the commands that tell about subscriptions.", Complexity: "Depends on the subcommand.", Sub: s.pubsubSubs()},
	}
}

func (s *Server) pubsubSubs() []command.Spec {
	pattern := []command.Arg{{Name: "pattern", Type: "pattern", Optional: true}}
	return []command.Spec{
		{Name: "channels", Arity: -2, Flags: inspectFlags, Since: "2.8.0", Args: pattern,
			Summary: "Lists the channels that have subscribers.", Complexity: "O(N) where N is the number of channels",
			Help:    []string{"CHANNELS [<pattern>]", "List the channels that have subscribers and fit <pattern> (all by default)."},
			Handler: func(c *command.Ctx) { s.listTopics(c, pubsub.Channel) }},
		{Name: "numpat", Arity: 2, Flags: inspectFlags, Since: "2.8.0",
			Summary: "Tells how many patterns have subscribers.", Complexity: "O(1)",
			Help:    []string{"NUMPAT", "Tell how many patterns have subscribers."},
			Handler: func(c *command.Ctx) { c.Out.Int(int64(s.channels.hub.Len(pubsub.Pattern))) }},
		{Name: "numsub", Arity: -2, Flags: inspectFlags, Since: "2.8.0",
			Args:    []command.Arg{{Name: "channel", Type: "string", Optional: true, Multiple: true}},
			Summary: "Tells how many subscribers channels have.", Complexity: "O(N) where N is the number of channels asked for",
			Help:    []string{"NUMSUB [<channel> ...]", "Tell how many subscribers each channel has, not counting patterns."},
			Handler: func(c *command.Ctx) { s.countSubscribers(c, pubsub.Channel) }},
		{Name: "shardchannels", Arity: -2, Flags: inspectFlags, Since: "7.0.0", Args: pattern,
			Summary: "Lists the shard channels that have subscribers.", Complexity: "O(N) where N is the number of shard channels",
			Help:    []string{"SHARDCHANNELS [<pattern>]", "List the shard channels that have subscribers and fit <pattern> (all by default)."},
			Handler: func(c *command.Ctx) { s.listTopics(c, pubsub.Shard) }},
		{Name: "shardnumsub", Arity: -2, Flags: inspectFlags, Since: "7.0.0",
			Args:    []command.Arg{{Name: "shardchannel", Type: "string", Optional: true, Multiple: true}},
			Summary: "Tells how many subscribers shard channels have.", Complexity: "O(N) where N is the number of shard channels asked for",
			Help:    []string{"SHARDNUMSUB [<shardchannel> ...]", "Tell how many subscribers each shard channel has."},
			Handler: func(c *command.Ctx) { s.countSubscribers(c, pubsub.Shard) }},
		helpSub("6.2.0", 0, 0),
	}
}

// listenWords are the first words of what (P|S)SUBSCRIBE and (P|S)UNSUBSCRIBE answer, by kind.
var listenWords = [...][2]string{
	pubsub.Channel: {"subscribe", "unsubscribe"},
	pubsub.Pattern: {"psubscribe", "punsubscribe"},
	pubsub.Shard:   {"ssubscribe", "sunsubscribe"},
}

// subscriptions counts what the answers to commands about a kind tell: channels and
// patterns together, shard channels alone.
func (c *client) subscriptions(k pubsub.Kind) int64 {
	if k == pubsub.Shard {
		return int64(c.subs.Count(k))
	}
	return int64(c.subs.Count(pubsub.Channel) + c.subs.Count(pubsub.Pattern))
}

func (s *Server) subscribe(c *command.Ctx, k pubsub.Kind) {
	cl := s.exec.client
	// In a transaction and in a script every command has one reply. SUBSCRIBE and
	// PSUBSCRIBE are allowed in the first nevertheless, because they always were.
	if c.NoBlock && (k == pubsub.Shard || c.Script) {
		c.Out.Errorf("ERR %s isn't allowed for a DENY BLOCKING client", strings.ToUpper(listenWords[k][0]))
		return
	}
	if cl.subs == nil {
		cl.subs = pubsub.NewSet(cl)
	}
	for _, name := range c.Args[1:] {
		s.channels.hub.Subscribe(cl.subs, k, name)
		c.Out.Push(3)
		c.Out.BulkString(listenWords[k][0])
		c.Out.Bulk(name)
		c.Out.Int(cl.subscriptions(k))
	}
	cl.set(flagPubSub, true)
}

func (s *Server) unsubscribe(c *command.Ctx, k pubsub.Kind) {
	cl, hub := s.exec.client, s.channels.hub
	told := false
	leave := func(name []byte) {
		if cl.subs != nil {
			hub.Unsubscribe(cl.subs, k, name)
		}
		told = true
		c.Out.Push(3)
		c.Out.BulkString(listenWords[k][1])
		c.Out.Bulk(name)
		c.Out.Int(cl.subscriptions(k))
	}
	for _, name := range c.Args[1:] {
		leave(name)
	}
	if len(c.Args) == 1 {
		cl.subs.Each(k, func(name string) bool {
			leave([]byte(name))
			return true
		})
	}
	if !told {
		c.Out.Push(3)
		c.Out.BulkString(listenWords[k][1])
		c.Out.Null()
		c.Out.Int(cl.subscriptions(k))
	}
	if cl.subs.Total() == 0 {
		cl.subs = nil
		cl.set(flagPubSub, false)
	}
}

func (s *Server) listTopics(c *command.Ctx, k pubsub.Kind) {
	if len(c.Args) > 3 {
		wrongArity(c)
		return
	}
	at, n := c.Out.DeferArray(), 0
	s.channels.hub.Each(k, func(name string) {
		if len(c.Args) == 2 || glob.Match(c.Args[2], []byte(name), false) {
			c.Out.BulkString(name)
			n++
		}
	})
	c.Out.EndArray(at, n)
}

func (s *Server) countSubscribers(c *command.Ctx, k pubsub.Kind) {
	c.Out.Array(2 * (len(c.Args) - 2))
	for _, name := range c.Args[2:] {
		c.Out.Bulk(name)
		c.Out.Int(int64(s.channels.hub.Subscribers(k, name)))
	}
}
