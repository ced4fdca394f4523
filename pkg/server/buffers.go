package server

// bufferPool keeps reply and query buffers for the next who needs one, so that
// idle clients hold none, and long arguments and replies cost the collector nothing.
type bufferPool struct {
	free  [][]byte // of poolBuffer bytes, about
	large [][]byte // of more, up to largeMost
	held  int      // bytes of large
	spare int      // the fewest there were in large since trim
}

const (
	poolBuffer = 16 << 10
	poolKeep   = 256

	largeStep = 16 << 10 // large buffers have a multiple of it, so that one fits the next need
	largeMost = 4 << 20
	largeKeep = 16 << 20 // bytes of all that are kept
)

func (p *bufferPool) get() []byte {
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	return make([]byte, 0, poolBuffer)
}

// getLarge gives an empty buffer for n bytes, more than poolBuffer. It is not much longer,
// so that memory follows what is needed.
func (p *bufferPool) getLarge(n int) []byte {
	for i := len(p.large) - 1; i >= 0; i-- {
		if c := cap(p.large[i]); c >= n && c <= n+n/4+largeStep {
			return p.takeLarge(i)
		}
	}
	if n > 4*poolBuffer && n <= largeMost { // others will not be kept as large ones
		n = (n + largeStep - 1) / largeStep * largeStep
	}
	return make([]byte, 0, n)
}

func (p *bufferPool) takeLarge(i int) []byte {
	b, last := p.large[i], len(p.large)-1
	p.large[i], p.large[last] = p.large[last], nil
	p.large = p.large[:last]
	p.held -= cap(b)
	p.spare = min(p.spare, last)
	return b
}

func (p *bufferPool) put(b []byte) {
	switch c := cap(b); {
	case c < 1024:
	case c <= 4*poolBuffer:
		if len(p.free) < poolKeep {
			p.free = append(p.free, b[:0])
		}
	case c <= largeMost && p.held+c <= largeKeep:
		p.large = append(p.large, b[:0])
		p.held += c
	}
}

// trim drops the large buffers that nobody has wanted since it was last called. Cron
// calls it.
func (p *bufferPool) trim() {
	for range p.spare {
		p.takeLarge(0)
	}
	p.spare = len(p.large)
}
