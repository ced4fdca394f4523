package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/config"
)

func TestTableIsWhole(t *testing.T) {
	for _, d := range config.Directives() {
		t.Run(d.Name, func(t *testing.T) {
			check.True(t, strings.HasSuffix(d.Doc, "."), "doc is no sentence")
			check.Eq(t, strings.ToLower(d.Name), d.Name)
			check.True(t, d.Table != "", "no table")
			words := d.Kind == config.KindEnum || d.Kind == config.KindEnumSet
			check.Eq(t, len(d.Enum) > 0, words)
			number := d.Kind == config.KindInt || d.Kind == config.KindMemory || d.Kind == config.KindOctal
			check.True(t, !number || d.Max > d.Min && d.Default != "", "number without bounds or default")
		})
	}
}

func TestDefaultsAsShown(t *testing.T) {
	c := config.New()
	for _, tt := range []struct {
		id   config.ID
		want string
	}{
		{config.Save, "3600 1 300 100 60 10000"},
		{config.ClientOutputBufferLimit, "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"},
		{config.LatencyTrackingInfoPercentiles, "50 99 99.9"},
		{config.Bind, "* -::*"},
		{config.AutoAOFRewriteMinSize, "67108864"},
		{config.OOMScoreAdjValues, "0 200 800"},
		{config.ShutdownOnSigInt, "default"},
		{config.UnixSocketPerm, "0"},
		{config.SignalOperations, "yes"},
		{config.HugePages, "yes"},
		{config.LogFormat, "redis"},
		{config.AOFLayout, "file"},
	} {
		check.Eq(t, c.Value(tt.id), tt.want)
	}
}

func TestReadersDoNotAllocate(t *testing.T) {
	c := config.New()
	var n int64
	allocs := testing.AllocsPerRun(100, func() {
		n += c.Int(config.Hz) + int64(c.Enum(config.AppendFsync)) + int64(len(c.String(config.Dir)))
		n += int64(len(c.SavePoints())) + c.OutputLimit(config.ClassPubSub).Hard + int64(c.OOMValue(config.OOMChild))
		n += c.Bytes(config.MaxMemoryClients, 1000) + int64(len(c.Percentiles())) + int64(len(c.List(config.Bind)))
		if c.Bool(config.AppendOnly) {
			n++
		}
	})
	check.Eq(t, allocs, 0)
	check.True(t, n > 0, "nothing read")
}

func TestTypedReaders(t *testing.T) {
	c := load(t, "save 9 1\nmaxmemory-clients 5%\nbind 127.0.0.1 -::1\noom-score-adj-values 1 2 3\n"+
		"client-output-buffer-limit replica 2mb 1mb 9\nlatency-tracking-info-percentiles 50 99.5\n"+
		"shutdown-on-sigterm save now\nappendfsync always\nnotify-keyspace-events KA\n")
	check.Eq(t, c.SavePoints(), []config.SavePoint{{Seconds: 9, Changes: 1}})
	check.Eq(t, c.Bytes(config.MaxMemoryClients, 1000), 50)
	check.Eq(t, c.List(config.Bind), []string{"127.0.0.1", "-::1"})
	check.Eq(t, c.OOMValue(config.OOMReplica), 2)
	check.Eq(t, c.OutputLimit(config.ClassReplica), config.OutputLimit{Hard: 2 << 20, Soft: 1 << 20, SoftSeconds: 9})
	check.Eq(t, c.OutputLimit(config.ClassPubSub).SoftSeconds, 60)
	check.Eq(t, c.Percentiles(), []float64{50, 99.5})
	check.Eq(t, c.Int(config.ShutdownOnSigTerm), config.ShutdownSave|config.ShutdownNow)
	check.Eq(t, c.Enum(config.AppendFsync), config.FsyncAlways)
	check.Eq(t, c.Word(config.AppendFsync), "always")
	check.Eq(t, c.Int(config.NotifyKeyspaceEvents), config.NotifyKeyspace|config.NotifyAll)
	_, _, ok := c.ReplicaOf()
	check.True(t, !ok, "a master out of nothing")
}

const manual = "../../configs/redisd.toml"

func TestManualShowsEveryDirective(t *testing.T) {
	text, err := os.ReadFile(manual)
	check.NoErr(t, err)
	table := ""
	shown := map[string]string{}
	docs := map[string]bool{}
	comment := false
	for line := range strings.SplitSeq(string(text), "\n") {
		if m := regexp.MustCompile(`^\[(.*)\]$`).FindStringSubmatch(line); m != nil {
			table = m[1]
		}
		if m := regexp.MustCompile(`^# ([a-z][a-z0-9-]*) = .`).FindStringSubmatch(line); m != nil {
			check.Eq(t, shown[m[1]], "")
			shown[m[1]] = table
			docs[m[1]] = comment
		}
		comment = strings.HasPrefix(line, "# ")
	}
	for _, d := range config.Directives() {
		if d.Is(config.Hidden) {
			check.Eq(t, shown[d.Name], "")
			continue
		}
		check.Eq(t, shown[d.Name], d.Table)
		check.True(t, docs[d.Name], d.Name+" is not explained")
		delete(shown, d.Name)
	}
	check.Eq(t, len(shown), 0)
}

func TestManualSaysWhatHasNoEffect(t *testing.T) {
	text, err := os.ReadFile(manual)
	check.NoErr(t, err)
	comments := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)((?:^# .*\n)*)^# ([a-z][a-z0-9-]*) = .`).FindAllStringSubmatch(string(text), -1) {
		comments[m[2]] = strings.Join(strings.Fields(strings.ReplaceAll(m[1], "# ", "")), " ")
	}
	for _, d := range config.Directives() {
		if d.Is(config.Hidden) {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			if d.Inert == "" {
				check.True(t, !strings.Contains(comments[d.Name], "No effect"), "it has one")
			} else if !strings.Contains(comments[d.Name], "Refused ") && !strings.Contains(comments[d.Name], "more is refused") {
				check.Contains(t, comments[d.Name], "No effect: "+d.Inert+".")
			}
		})
	}
}

// The document of differences names the directives without effect that do not belong to a
// part that it says is missing, and no others.
func TestCompatNamesWhatHasNoEffect(t *testing.T) {
	text, err := os.ReadFile("../../docs/compat.md")
	check.NoErr(t, err)
	_, list, found := strings.Cut(string(text), "Marked \"No effect\"")
	check.True(t, found, "there is a list")
	list, _, _ = strings.Cut(list, "The log names those")
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z-]+[a-z*])`").FindAllStringSubmatch(list, -1) {
		named[m[1]] = true
	}
	missingPart := regexp.MustCompile("^(repl|min-replicas|master|cluster|tls-|propagation-error|rdb-del-sync|loadmodule|enable-module)")
	without := map[string]bool{}
	for _, d := range config.Directives() {
		switch {
		case d.Inert == "":
		case d.Table == "defrag" || strings.HasPrefix(d.Name, "active-defrag"):
			without["active-defrag-*"] = true
		case d.Name == "activedefrag" || missingPart.MatchString(d.Name): // the first is refused
		default:
			without[d.Name] = true
		}
	}
	for name := range without {
		check.True(t, named[name], name+" has no effect, and is not named")
	}
	for name := range named {
		check.True(t, without[name], name+" has an effect, or is none")
	}
}

func TestManualYieldsTheDefaults(t *testing.T) {
	text, err := os.ReadFile(manual)
	check.NoErr(t, err)
	example := regexp.MustCompile(`(?m)^# ((?:include|user|rename-command|loadmodule) = )`)
	all := example.ReplaceAllString(string(text), "## $1")
	all = regexp.MustCompile(`(?m)^# ([a-z][a-z0-9-]* = .)`).ReplaceAllString(all, "$1")
	for name, text := range map[string]string{"as it is": string(text), "uncommented": all} {
		t.Run(name, func(t *testing.T) {
			fsys := vfs.NewMem()
			check.NoErr(t, vfs.WriteFile(fsys, "/r.toml", []byte(text), 0o644))
			c, err := config.Load(config.Source{FS: fsys, File: "/r.toml"})
			check.NoErr(t, err)
			for _, d := range config.Directives() {
				check.Eq(t, d.Name+" "+c.Value(d.ID), d.Name+" "+config.New().Value(d.ID))
			}
		})
	}
	check.True(t, strings.Count(all, "\nport = 6379\n") == 1, "nothing was uncommented")
}
