package main

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// lookupHost resolves a host name for MIGRATE. The loop waits for it, as Redis does.
func lookupHost(name string, timeoutMs int64) ([]netip.Addr, error) {
	const longest = time.Minute
	limit := min(time.Duration(timeoutMs), longest/time.Millisecond) * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	return ips, err
}
