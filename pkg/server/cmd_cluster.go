package server

import "redisd/pkg/command"

// Flags of the subcommands of CLUSTER: those that ask, those that ask about other
// nodes, and those that change something.
const (
	clusterAsk    = command.Stale
	clusterWatch  = command.Admin | command.Stale
	clusterChange = command.Admin | command.Stale | command.NoAsyncLoading
)

// clusterSpecs are the commands of a cluster's nodes. A server that is none has them
// too, so that a client which asks is told why it gets no answer.
func (s *Server) clusterSpecs() []command.Spec {
	const connection, node = command.CatConnection, "O(1)"
	specs := []command.Spec{
		{Name: "asking", Arity: 1, Flags: command.Fast, Categories: connection, Summary: "Lets the next command reach a slot that moves here.", Complexity: node},
		{Name: "readonly", Arity: 1, Flags: command.Loading | command.Stale | command.Fast, Categories: connection, Summary: "Lets reads of this connection reach a replica.", Complexity: node},
		{Name: "readwrite", Arity: 1, Flags: command.Loading | command.Stale | command.Fast, Categories: connection, Summary: "Takes READONLY back.", Complexity: node},
		{Name: "cluster", Arity: -2, Summary: "Holds the commands of cluster nodes.", Complexity: "Depends on subcommand.", Sub: clusterSubs()},
	}
	noCluster(specs)
	return specs
}

// noCluster makes rows of commands that a server outside of a cluster refuses.
func noCluster(specs []command.Spec) {
	for i := range specs {
		sp := &specs[i]
		sp.Group = "cluster"
		if sp.Since == "" {
			sp.Since = "3.0.0"
		}
		if sp.Sub == nil {
			sp.Handler = func(c *command.Ctx) { c.Out.Error("ERR This instance has cluster support disabled") }
		}
	}
}

func clusterSubs() []command.Spec {
	const one, nodes, slots = "O(1)", "O(N) where N is the number of nodes", "O(N) where N is the number of slots"
	arg := func(name, kind string) []command.Arg { return []command.Arg{{Name: name, Type: kind}} }
	nodeID, slot := arg("node-id", "string"), arg("slot", "integer")
	many := []command.Arg{{Name: "slot", Type: "integer", Multiple: true}}
	ranges := []command.Arg{{Name: "start-slot_end-slot", Type: "block", Multiple: true, Sub: append(arg("start-slot", "integer"), arg("end-slot", "integer")...)}}
	words := func(name string, tokens ...[2]string) []command.Arg {
		a := command.Arg{Name: name, Type: "oneof", Optional: true}
		for _, t := range tokens {
			a.Sub = append(a.Sub, command.Arg{Name: t[0], Type: "pure-token", Token: t[1]})
		}
		return []command.Arg{a}
	}
	varies := []string{"nondeterministic_output"}
	states := command.Arg{Name: "subcommand", Type: "oneof", Sub: []command.Arg{
		{Name: "node-id", Type: "string", Token: "IMPORTING"}, {Name: "node-id", Type: "string", Token: "MIGRATING"},
		{Name: "node-id", Type: "string", Token: "NODE"}, {Name: "stable", Type: "pure-token", Token: "STABLE"}}}
	subs := []command.Spec{
		{Name: "addslots", Arity: -3, Flags: clusterChange, Args: many, Summary: "Gives slots to this node.", Complexity: slots},
		{Name: "addslotsrange", Arity: -4, Flags: clusterChange, Since: "7.0.0", Args: ranges, Summary: "Gives ranges of slots to this node.", Complexity: slots},
		{Name: "bumpepoch", Arity: 2, Flags: clusterChange, Hints: varies, Summary: "Raises the configuration epoch.", Complexity: one},
		{Name: "count-failure-reports", Arity: 3, Flags: clusterWatch, Hints: varies, Args: nodeID, Summary: "Counts the reports that a node failed.", Complexity: "O(N) where N is the number of reports"},
		{Name: "countkeysinslot", Arity: 3, Flags: clusterAsk, Args: slot, Summary: "Counts the keys of a slot.", Complexity: one},
		{Name: "delslots", Arity: -3, Flags: clusterChange, Args: many, Summary: "Takes slots from this node.", Complexity: slots},
		{Name: "delslotsrange", Arity: -4, Flags: clusterChange, Since: "7.0.0", Args: ranges, Summary: "Takes ranges of slots from this node.", Complexity: slots},
		{Name: "failover", Arity: -2, Flags: clusterChange, Args: words("options", [2]string{"force", "FORCE"}, [2]string{"takeover", "TAKEOVER"}), Summary: "Makes a replica the primary.", Complexity: one},
		{Name: "flushslots", Arity: 2, Flags: clusterChange, Summary: "Takes all slots from this node.", Complexity: one},
		{Name: "forget", Arity: 3, Flags: clusterChange, Args: nodeID, Summary: "Drops a node from the table of nodes.", Complexity: one},
		{Name: "getkeysinslot", Arity: 4, Flags: clusterAsk, Hints: varies, Args: append(arg("slot", "integer"), arg("count", "integer")...), Summary: "Gives keys of a slot.", Complexity: "O(N) where N is the number of keys asked for"},
		{Name: "info", Arity: 2, Flags: clusterAsk, Hints: varies, Summary: "Tells the state of the cluster.", Complexity: one},
		{Name: "keyslot", Arity: 3, Flags: clusterAsk, Args: arg("key", "string"), Summary: "Gives the slot of a key.", Complexity: "O(N) where N is the number of bytes of the key"},
		{Name: "links", Arity: 2, Flags: clusterAsk, Since: "7.0.0", Hints: varies, Summary: "Lists the links to other nodes.", Complexity: nodes},
		{Name: "meet", Arity: -4, Flags: clusterChange, Args: append(append(arg("ip", "string"), arg("port", "integer")...),
			command.Arg{Name: "cluster_bus_port", Type: "integer", Optional: true, Since: "4.0.0"}), Summary: "Joins another node.", Complexity: one,
			History: [][2]string{{"4.0.0", "Takes the port of the cluster bus."}}},
		{Name: "myid", Arity: 2, Flags: clusterAsk, Summary: "Gives the ID of this node.", Complexity: one},
		{Name: "myshardid", Arity: 2, Flags: clusterAsk, Since: "7.2.0", Hints: varies, Summary: "Gives the ID of this node's shard.", Complexity: one},
		{Name: "nodes", Arity: 2, Flags: clusterAsk, Hints: varies, Summary: "Tells what this node knows of the nodes.", Complexity: nodes},
		{Name: "replicas", Arity: 3, Flags: clusterWatch, Since: "5.0.0", Hints: varies, Args: nodeID, Summary: "Lists the replicas of a node.", Complexity: one},
		{Name: "replicate", Arity: 3, Flags: clusterChange, Args: nodeID, Summary: "Makes this node a replica of another.", Complexity: one},
		{Name: "reset", Arity: -2, Flags: command.Admin | command.NoScript | command.Stale, Args: words("hard_soft", [2]string{"hard", "HARD"}, [2]string{"soft", "SOFT"}), Summary: "Makes this node one without a cluster.", Complexity: nodes},
		{Name: "saveconfig", Arity: 2, Flags: clusterChange, Summary: "Writes the table of nodes to its file.", Complexity: one},
		{Name: "set-config-epoch", Arity: 3, Flags: clusterChange, Args: arg("config-epoch", "integer"), Summary: "Sets the configuration epoch of a new node.", Complexity: one},
		{Name: "setslot", Arity: -4, Flags: clusterChange, Args: append(arg("slot", "integer"), states), Summary: "Says where a slot is, or where it moves.", Complexity: one},
		{Name: "shards", Arity: 2, Flags: clusterAsk, Since: "7.0.0", Hints: varies, Summary: "Lists shards, with slots and nodes.", Complexity: nodes},
		{Name: "slaves", Arity: 3, Flags: clusterWatch, Hints: varies, Args: nodeID, Deprecated: "5.0.0", ReplacedBy: "`CLUSTER REPLICAS`", Summary: "Lists the replicas of a node.", Complexity: one},
		{Name: "slots", Arity: 2, Flags: clusterAsk, Hints: varies, Deprecated: "7.0.0", ReplacedBy: "`CLUSTER SHARDS`", Summary: "Lists slots with their nodes.", Complexity: nodes,
			History: [][2]string{{"4.0.0", "Tells the IDs of nodes."}, {"7.0.0", "Tells more about how to reach nodes."}}},
		{Name: "help", Arity: 2, Flags: command.Loading | command.Stale, Since: "5.0.0", Summary: "Explains the subcommands.", Complexity: one},
	}
	noCluster(subs)
	return subs
}
