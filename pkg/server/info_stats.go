package server

import (
	"fmt"
	"slices"

	"redisd/pkg/acl"
	"redisd/pkg/config"
	"redisd/pkg/pubsub"
)

func (s *Server) infoStats(w *infoWriter) {
	st, ks := s.stats, &s.ks.Stats
	w.uint("total_connections_received", st.connections)
	w.uint("total_commands_processed", st.commands)
	w.int("instantaneous_ops_per_sec", int64(st.ops.rate()))
	w.uint("total_net_input_bytes", st.netIn)
	w.uint("total_net_output_bytes", st.netOut)
	w.zeros("total_net_repl_input_bytes", "total_net_repl_output_bytes")
	w.decimal("instantaneous_input_kbps", st.in.rate()/1024, "")
	w.decimal("instantaneous_output_kbps", st.out.rate()/1024, "")
	w.decimal("instantaneous_input_repl_kbps", 0, "")
	w.decimal("instantaneous_output_repl_kbps", 0, "")
	w.uint("rejected_connections", st.rejected)
	w.zeros("sync_full", "sync_partial_ok", "sync_partial_err")
	w.uint("expired_keys", ks.Expired)
	w.decimal("expired_stale_perc", 100*ks.ExpiredStale, "")
	w.uint("expired_time_cap_reached_count", ks.ExpireTimeCap)
	w.uint("expire_cycle_cpu_milliseconds", ks.ExpireCycleUsec/1000)
	w.uint("evicted_keys", ks.Evicted)
	w.uint("evicted_clients", st.evictedClients)
	exceeded, exceededAll := s.evict.exceededMillis()
	w.int("total_eviction_exceeded_time", exceededAll)
	w.int("current_eviction_exceeded_time", exceeded)
	w.uint("evicted_scripts", s.scripts.evicted)
	w.uint("keyspace_hits", ks.Hits)
	w.uint("keyspace_misses", ks.Misses)
	w.int("pubsub_channels", int64(s.channels.hub.Len(pubsub.Channel)))
	w.int("pubsub_patterns", int64(s.channels.hub.Len(pubsub.Pattern)))
	w.int("pubsubshard_channels", int64(s.channels.hub.Len(pubsub.Shard)))
	w.int("latest_fork_usec", st.forkMicros)
	w.uint("total_forks", st.forks)
	w.int("migrate_cached_sockets", int64(len(s.migrants.open)))
	w.zeros("slave_expires_tracked_keys",
		"active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
		"total_active_defrag_time", "current_active_defrag_time")
	keys, pairs, prefixes := s.caches.figures()
	w.uint("tracking_total_keys", keys)
	w.uint("tracking_total_items", pairs)
	w.uint("tracking_total_prefixes", prefixes)
	w.uint("unexpected_error_replies", st.unexpectedErrors)
	w.uint("total_error_replies", st.errorReplies)
	w.uint("dump_payload_sanitizations", st.dumpErrors)
	w.uint("total_reads_processed", st.reads)
	w.uint("total_writes_processed", st.writes)
	w.zeros("io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks", "reply_buffer_expands")
	w.uint("eventloop_cycles", st.turns)
	w.uint("eventloop_duration_sum", st.turnNanos/1000)
	w.uint("eventloop_duration_cmd_sum", st.nanos/1000)
	w.int("instantaneous_eventloop_cycles_per_sec", int64(st.cycles.rate()))
	w.int("instantaneous_eventloop_duration_usec", st.turnMicros())
	w.uint("acl_access_denied_auth", st.denied[acl.DeniedAuth])
	w.uint("acl_access_denied_cmd", st.denied[acl.DeniedCommand])
	w.uint("acl_access_denied_key", st.denied[acl.DeniedKey])
	w.uint("acl_access_denied_channel", st.denied[acl.DeniedChannel])
	w.uint("protocol_errors", st.protocolErrors)
}

func (s *Server) infoCommandStats(w *infoWriter) {
	for _, spec := range s.table.All() {
		c := &s.stats.byCommand[spec.ID]
		if c.calls == 0 && c.rejected == 0 && c.failed == 0 {
			continue
		}
		per := 0.0
		usec := c.nanos / 1000
		if c.calls > 0 {
			per = float64(c.nanos) / 1000 / float64(c.calls)
		}
		w.text("cmdstat_"+safeInfoName(spec.FullName), fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			c.calls, usec, per, c.rejected, c.failed))
	}
}

func (s *Server) infoErrorStats(w *infoWriter) {
	codes := make([]string, 0, len(s.stats.byError))
	for code := range s.stats.byError {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		w.text("errorstat_"+safeInfoName(code), fmt.Sprintf("count=%d", s.stats.byError[code]))
	}
}

func (s *Server) infoLatencyStats(w *infoWriter) {
	percents := s.cfg.Percentiles()
	if !s.cfg.Bool(config.LatencyTracking) {
		return
	}
	for _, spec := range s.table.All() {
		h := s.stats.byCommand[spec.ID].took
		if h == nil || h.count == 0 {
			continue
		}
		line := make([]byte, 0, 64)
		for i, p := range percents {
			if i > 0 {
				line = append(line, ',')
			}
			line = fmt.Appendf(line, "p%g=%.3f", p, float64(h.percentile(p))/1000)
		}
		w.text("latency_percentiles_usec_"+safeInfoName(spec.FullName), string(line))
	}
}
