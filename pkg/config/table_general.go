package config

// This file holds the rows of [general]. Bounds and defaults are those
// of Redis 7.2 where Redis has the directive.

import "math"

// generalRows is the table [general].
func generalRows() []Directive {
	return []Directive{
		{ID: Databases, Name: "databases", Kind: KindInt, Default: "16", Min: 1, Max: math.MaxInt32, Flags: Immutable,
			Doc: "Number of databases."},
		{ID: Hz, Name: "hz", Kind: KindInt, Default: "10", Max: math.MaxInt32, check: clampHz,
			Doc: "Heartbeat of the background work, in beats a second: expiry of keys nobody reads, closing of idle clients, resizing of tables, checking of save points."},
		{ID: DynamicHz, Name: "dynamic-hz", Kind: KindBool, Default: "yes", Inert: "the heartbeat always follows hz",
			Doc: "Raises the heartbeat for a while when very many clients are connected, so that each beat has a bounded number of clients to look at."},
		{ID: ActiveExpireEffort, Name: "active-expire-effort", Kind: KindInt, Default: "1", Min: 1, Max: 10,
			Doc: "How hard the heartbeat looks for expired keys, from 1 to 10."},
		{ID: ActiveRehashing, Name: "activerehashing", Kind: KindBool, Default: "yes",
			Doc: "Finishes the resizing of tables during idle moments instead of only when they are used."},
		{ID: NotifyKeyspaceEvents, Name: "notify-keyspace-events", Kind: KindEvents,
			Doc: "Which changes of keys are published to channels."},
		{ID: Include, Name: "include", Kind: KindLines, Flags: FileOnly,
			Doc: "Reads other configuration files at this place, as if their text stood here."},
	}
}
