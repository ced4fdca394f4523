package server

import (
	"redisd/internal/clock"
	"redisd/pkg/config"
)

// saves is the account of RDB saves: what changed since the last one, and how it
// went.
type saves struct {
	dirty       int64 // changes since the last save
	dirtyBefore int64 // dirty when the running BGSAVE started
	last        int64 // Unix seconds of the last good save
	lastTry     int64 // Unix seconds of the last BGSAVE
	ok          bool  // the last save went well
	count       int64 // saves done (rdb_saves)
	lastSeconds int64 // how long the last BGSAVE took, -1 for none
	started     int64 // Unix seconds of the running BGSAVE, -1 for none
	lastLoaded  uint64
	lastExpired uint64
}

func newSaves(c clock.Clock) *saves {
	return &saves{ok: true, last: c.Now().Unix(), lastSeconds: -1, started: -1}
}

// retryDelay is how many seconds a failed BGSAVE rests before save points start
// another (Redis's CONFIG_BGSAVE_RETRY_DELAY).
const retryDelay = 5

// follow makes up for a clock that was set back: what is in the future now was just now.
func (sv *saves) follow(now int64) {
	sv.last, sv.lastTry = min(sv.last, now), min(sv.lastTry, now)
}

// due gives the save point that asks for a save now.
func (sv *saves) due(points []config.SavePoint, now int64) (config.SavePoint, bool) {
	for _, p := range points {
		if sv.dirty >= int64(p.Changes) && now-sv.last > int64(p.Seconds) && sv.mayTry(now) {
			return p, true
		}
	}
	return config.SavePoint{}, false
}

// mayTry tells whether a failure, if the last save was one, is long enough ago.
func (sv *saves) mayTry(now int64) bool {
	return sv.ok || now-sv.lastTry > retryDelay
}

// saved records a complete save of everything up to before changes ago.
func (sv *saves) saved(now, before int64) {
	sv.dirty -= before
	sv.last, sv.ok = now, true
	sv.count++
}
