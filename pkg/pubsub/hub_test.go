package pubsub_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/glob"
	"redisd/pkg/pubsub"
)

// ear is a Subscriber that notes what it hears, in a list that it may share.
type ear struct {
	name  string
	proto int
	heard *[]string
	set   *pubsub.Set
}

func newEar(name string, proto int, heard *[]string) *ear {
	e := &ear{name: name, proto: proto, heard: heard}
	e.set = pubsub.NewSet(e)
	return e
}

func (e *ear) Deliver(m *pubsub.Message) {
	*e.heard = append(*e.heard, e.name+" "+strings.ReplaceAll(string(m.Encoded(e.proto)), "\r\n", " "))
}

func TestMessagesOnTheWire(t *testing.T) {
	const (
		two   = "$7 message $2 ch $1 m "
		two3  = "*3 " + two
		three = ">3 " + two
	)
	for _, tt := range []struct {
		kind  pubsub.Kind
		name  string
		proto int
		want  string
	}{
		{pubsub.Channel, "ch", 2, two3},
		{pubsub.Channel, "ch", 3, three},
		{pubsub.Pattern, "c?", 2, "*4 $8 pmessage $2 c? $2 ch $1 m "},
		{pubsub.Pattern, "c?", 3, ">4 $8 pmessage $2 c? $2 ch $1 m "},
		{pubsub.Shard, "ch", 2, "*3 $8 smessage $2 ch $1 m "},
		{pubsub.Shard, "ch", 3, ">3 $8 smessage $2 ch $1 m "},
	} {
		h, heard := pubsub.New(), []string{}
		e := newEar("a", tt.proto, &heard)
		check.True(t, h.Subscribe(e.set, tt.kind, []byte(tt.name)), "a new subscription")
		publish := h.Publish
		if tt.kind == pubsub.Shard {
			check.Eq(t, h.Publish([]byte("ch"), []byte("m")), 0)
			publish = h.PublishShard
		} else {
			check.Eq(t, h.PublishShard([]byte("ch"), []byte("m")), 0)
		}
		check.Eq(t, publish([]byte("ch"), []byte("m")), 1)
		check.Eq(t, heard, []string{"a " + tt.want})
	}
}

// seen is a Subscriber that keeps what a message tells.
type seen struct {
	texts []string
	bytes [][]byte
}

func (s *seen) Deliver(m *pubsub.Message) {
	s.texts = append(s.texts, fmt.Sprint(m.Kind(), " ", m.Pattern(), " ", string(m.Channel()), " ", string(m.Payload())))
	s.bytes = append(s.bytes, m.Encoded(2))
}

func TestAMessageIsEncodedOnceForAll(t *testing.T) {
	h, s := pubsub.New(), &seen{}
	for range 3 {
		h.Subscribe(pubsub.NewSet(s), pubsub.Channel, []byte("ch"))
	}
	h.Subscribe(pubsub.NewSet(s), pubsub.Pattern, []byte("c*"))
	check.Eq(t, h.Publish([]byte("ch"), []byte("m")), 4)
	check.Eq(t, s.texts, []string{"0  ch m", "0  ch m", "0  ch m", "1 c* ch m"})
	check.True(t, &s.bytes[0][0] == &s.bytes[1][0] && &s.bytes[0][0] == &s.bytes[2][0], "one encoding")
}

func TestPublishAllocatesNothing(t *testing.T) {
	h := pubsub.New()
	quiet := quietEar{}
	for range 10 {
		set := pubsub.NewSet(quiet)
		h.Subscribe(set, pubsub.Channel, []byte("channel"))
		h.Subscribe(set, pubsub.Pattern, []byte("chan*"))
		h.Subscribe(set, pubsub.Pattern, []byte("no*"))
	}
	channel, payload := []byte("channel"), []byte(strings.Repeat("x", 1000))
	check.Eq(t, testing.AllocsPerRun(100, func() { h.Publish(channel, payload) }), 0.0)
}

type quietEar struct{}

func (quietEar) Deliver(m *pubsub.Message) { _ = m.Encoded(2); _ = m.Encoded(3) }

// meddler changes subscriptions while it is given a message, or publishes another.
type meddler struct{ do func() }

func (m meddler) Deliver(*pubsub.Message) { m.do() }

func TestMeddlingWithADeliveryPanics(t *testing.T) {
	for name, do := range map[string]func(*pubsub.Hub, *pubsub.Set){
		"subscribe":   func(h *pubsub.Hub, s *pubsub.Set) { h.Subscribe(s, pubsub.Channel, []byte("b")) },
		"unsubscribe": func(h *pubsub.Hub, s *pubsub.Set) { h.Unsubscribe(s, pubsub.Channel, []byte("a")) },
		"drop":        func(h *pubsub.Hub, s *pubsub.Set) { h.Drop(s) },
		"publish":     func(h *pubsub.Hub, _ *pubsub.Set) { h.Publish([]byte("a"), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			h := pubsub.New()
			var set *pubsub.Set
			set = pubsub.NewSet(meddler{func() { do(h, set) }})
			h.Subscribe(set, pubsub.Channel, []byte("a"))
			check.Panics(t, func() { h.Publish([]byte("a"), nil) })
		})
	}
}

func TestANilSetIsEmpty(t *testing.T) {
	var s *pubsub.Set
	check.Eq(t, s.Total(), 0)
	check.Eq(t, s.Bytes(), 0)
	s.Each(pubsub.Channel, func(string) bool { t.Fatal("it has a name"); return false })
}

// model is the same in the plainest form: all subscriptions in their order.
type model []subscription

type subscription struct {
	who  *ear
	kind pubsub.Kind
	name string
}

func (m model) names(k pubsub.Kind, who *ear) []string {
	names := []string{}
	for _, s := range m {
		if s.kind == k && (who == nil || s.who == who) && !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

func TestHubIsLikeTheModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	h, m := pubsub.New(), model{}
	var heard []string
	ears := []*ear{}
	for i := range 5 {
		ears = append(ears, newEar(fmt.Sprint(i), 2, &heard))
	}
	names := []string{"a", "b", "ab", "a*", "*b", "?", "[ab]", "*", ""}
	for range 20000 {
		e, k, name := ears[rnd.IntN(len(ears))], pubsub.Kind(rnd.IntN(3)), names[rnd.IntN(len(names))]
		one := subscription{e, k, name}
		at := slices.Index(m, one)
		switch rnd.IntN(20) {
		case 0:
			h.Drop(e.set)
			m = slices.DeleteFunc(m, func(s subscription) bool { return s.who == e })
		case 1, 2, 3, 4, 5, 6:
			check.Eq(t, h.Unsubscribe(e.set, k, []byte(name)), at >= 0)
			if at >= 0 {
				m = slices.Delete(m, at, at+1)
			}
		case 7:
			e.set.Each(k, func(name string) bool { return h.Unsubscribe(e.set, k, []byte(name)) })
			m = slices.DeleteFunc(m, func(s subscription) bool { return s.who == e && s.kind == k })
		case 8, 9, 10, 11, 12, 13, 14:
			check.Eq(t, h.Subscribe(e.set, k, []byte(name)), at < 0)
			if at < 0 {
				m = append(m, one)
			}
		default:
			comparePublish(t, h, m, &heard, name)
		}
		compareCounts(t, h, m, e, k, name)
	}
}

func comparePublish(t *testing.T, h *pubsub.Hub, m model, heard *[]string, channel string) {
	t.Helper()
	want := []string{}
	for _, s := range m {
		if s.kind == pubsub.Channel && s.name == channel {
			want = append(want, s.who.name)
		}
	}
	// Patterns in no order that anybody may rely on, but each one's subscribers in theirs.
	byPattern := map[string][]string{}
	n := len(want)
	for _, s := range m {
		if s.kind == pubsub.Pattern && glob.Match([]byte(s.name), []byte(channel), false) {
			byPattern[s.name] = append(byPattern[s.name], s.who.name)
			n++
		}
	}
	*heard = nil
	check.Eq(t, h.Publish([]byte(channel), []byte("x")), n)
	got := []string{}
	gotPattern := map[string][]string{}
	for _, line := range *heard {
		words := strings.Split(line, " ")
		if words[3] == "message" {
			check.Eq(t, len(gotPattern), 0)
			got = append(got, words[0])
		} else {
			gotPattern[words[5]] = append(gotPattern[words[5]], words[0])
		}
	}
	check.Eq(t, got, want)
	check.Eq(t, gotPattern, byPattern)
}

func compareCounts(t *testing.T, h *pubsub.Hub, m model, e *ear, k pubsub.Kind, name string) {
	t.Helper()
	subscribers, all := 0, 0
	for _, s := range m {
		if s.kind == k && s.name == name {
			subscribers++
		}
		if s.who == e {
			all++
		}
	}
	check.Eq(t, h.Subscribers(k, []byte(name)), subscribers)
	check.Eq(t, e.set.Total(), all)
	check.Eq(t, e.set.Bytes() == 0, all == 0)
	check.Eq(t, h.Heard(), len(m.names(pubsub.Channel, nil))+len(m.names(pubsub.Pattern, nil)) > 0)
	mine := []string{}
	e.set.Each(k, func(name string) bool { mine = append(mine, name); return true })
	check.Eq(t, mine, m.names(k, e))
	check.Eq(t, e.set.Count(k), len(mine))
	names := []string{}
	h.Each(k, func(name string) { names = append(names, name) })
	check.Eq(t, h.Len(k), len(names))
	want := m.names(k, nil)
	slices.Sort(names)
	slices.Sort(want)
	check.Eq(t, names, want)
}

func TestManyTopicsComeAndGo(t *testing.T) {
	h, e := pubsub.New(), newEar("a", 2, new([]string))
	for range 2 {
		for i := range 2000 {
			check.True(t, h.Subscribe(e.set, pubsub.Channel, fmt.Append(nil, i)), "new")
		}
		check.Eq(t, h.Len(pubsub.Channel), 2000)
		h.Drop(e.set)
		check.Eq(t, h.Len(pubsub.Channel), 0)
	}
}
