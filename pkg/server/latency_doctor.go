package server

import (
	"fmt"
	"slices"
	"strings"

	"redisd/pkg/config"
)

// advice is one thing that LATENCY DOCTOR may say.
type advice int

const (
	adviseSlowlogOn advice = iota
	adviseSlowlogLimit
	adviseSlowlogLook
	adviseMachine
	adviseBigValues
	adviseDisk
	adviseNoSyncOnRewrite
	adviseEverysec
	adviseHz
	adviseEviction
)

// remedies are the texts of the advices, in the order of the constants.
var remedies = [...]string{
	adviseSlowlogOn:       "Commands are slow and the slow log is off. Turn it on with 'CONFIG SET slowlog-log-slower-than %d' to see which.",
	adviseSlowlogLimit:    "The slow log leaves out commands that this monitor counts. 'CONFIG SET slowlog-log-slower-than %d' brings the two together.",
	adviseSlowlogLook:     "Look into SLOWLOG GET: it shows which commands took long.",
	adviseMachine:         "Commands that do next to nothing took long, so the process did not get the processor. Look for other load on the machine, for a busy neighbour of the virtual machine, for swapping; 'redis-cli --intrinsic-latency 100' on this machine tells what the system itself costs.",
	adviseBigValues:       "Deleting and expiring very big values takes long. UNLINK, lazyfree-lazy-expire and lazyfree-lazy-server-del move that into the background.",
	adviseDisk:            "The disk is slow or shared with other load. Use a local disk, an SSD where the write load is high, and keep other programs that sync much away from it.",
	adviseNoSyncOnRewrite: "Writing is slow while a child writes its file. Where losing some seconds of writes in a power failure is acceptable, 'no-appendfsync-on-rewrite yes' avoids syncs in that time.",
	adviseEverysec:        "The policy 'appendfsync always' waits for the disk with every batch. 'everysec' is much faster and may lose one second of writes in a power failure.",
	adviseHz:              "Many keys expire at a time. A higher 'hz' spreads that over more and shorter slices.",
	adviseEviction:        "Memory had to be freed in a hurry. That happens after a lower 'maxmemory' and with very big values; smaller steps help.",
}

// eventAdvice pairs the events with what helps against them. A child does not copy
// page tables here, so there is nothing to say about forks.
var eventAdvice = map[string][]advice{
	"command":                 {adviseSlowlogLook, adviseBigValues},
	"fast-command":            {adviseMachine},
	"aof-write":               {adviseDisk},
	"aof-write-pending-fsync": {adviseDisk},
	"aof-write-active-child":  {adviseDisk, adviseNoSyncOnRewrite},
	"aof-write-alone":         {adviseDisk},
	"aof-fsync-always":        {adviseDisk, adviseEverysec},
	"aof-fstat":               {adviseDisk},
	"aof-rewrite-diff-write":  {adviseDisk},
	"aof-rename":              {adviseDisk},
	"rdb-unlink-temp-file":    {adviseDisk},
	"expire-cycle":            {adviseHz, adviseBigValues},
	"eviction-del":            {adviseBigValues},
	"eviction-cycle":          {adviseEviction},
}

// latencyReport is LATENCY DOCTOR.
func (s *Server) latencyReport() string {
	l := s.latency
	threshold := s.cfg.Int(config.LatencyMonitorThreshold)
	names := l.names()
	if len(names) == 0 {
		if threshold == 0 {
			return "The latency monitor is off. 'CONFIG SET latency-monitor-threshold <milliseconds>' turns it on.\n"
		}
		return fmt.Sprintf("Nothing took %d milliseconds or longer since the monitor was turned on or reset.\n", threshold)
	}
	var b strings.Builder
	b.WriteString("These events took long:\n\n")
	var wanted []advice
	for i, name := range names {
		b.WriteString(l.events[name].summary(i+1, name, s.stats.nowSec))
		wanted = append(wanted, eventAdvice[name]...)
		if name == "command" {
			wanted = append(wanted, s.slowlogAdvice(threshold)...)
		}
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	if len(wanted) == 0 {
		b.WriteString("\nThere is no simple remedy for these.\n")
		return b.String()
	}
	b.WriteString("\nWhat may help:\n\n")
	for _, a := range wanted {
		text := remedies[a]
		if strings.Contains(text, "%d") {
			text = fmt.Sprintf(text, threshold*1000)
		}
		b.WriteString("- " + text + "\n")
	}
	return b.String()
}

func (s *Server) slowlogAdvice(threshold int64) []advice {
	slow := s.cfg.Int(config.SlowLogLogSlowerThan)
	switch {
	case slow < 0:
		return []advice{adviseSlowlogOn}
	case slow > threshold*1000:
		return []advice{adviseSlowlogLimit}
	}
	return nil
}

// summary is one line about an event: how often, how long, how regular.
func (e *latencyEvent) summary(n int, name string, now int64) string {
	samples := e.history()
	sum, oldest := int64(0), samples[0].second
	for _, sm := range samples {
		sum += sm.millis
		oldest = min(oldest, sm.second)
	}
	count := int64(len(samples))
	mean, deviation := sum/count, int64(0)
	for _, sm := range samples {
		deviation += max(sm.millis-mean, mean-sm.millis)
	}
	period := float64(max(1, now-oldest)) / float64(count)
	return fmt.Sprintf("%d. %s: %d latency spikes (average %dms, mean deviation %dms, period %.2f sec). Worst all time event %dms.\n",
		n, name, count, mean, deviation/count, period, e.max)
}
