package config

import (
	"strings"

	"redisd/internal/num"
)

// This file holds the checks of single directives that their kind cannot make,
// and the check of the whole.

const (
	hzMin, hzMax  = 1, 500
	hostMax       = 256 // Redis's NET_HOST_STR_LEN
	socketPathMax = 107 // sun_path less its final zero
)

// clampHz brings the heartbeat into range: Redis takes it as a hint.
func clampHz(v *value) error {
	v.n = min(max(v.n, hzMin), hzMax)
	return nil
}

func checkSocketPath(v *value) error {
	if len(v.s) > socketPathMax {
		return reason("path of a unix socket is longer than 107 bytes")
	}
	return nil
}

func isBaseName(s string) bool { return !strings.ContainsAny(s, "/\\\x00") && s != "." && s != ".." }

func checkDir(v *value) error {
	if v.s == "" || strings.ContainsRune(v.s, 0) {
		return reason("No such file or directory")
	}
	return nil
}

func checkDBFilename(v *value) error {
	if v.s == "" {
		return reason("dbfilename can't be empty")
	}
	if !isBaseName(v.s) {
		return reason("dbfilename can't be a path, just a filename")
	}
	return nil
}

// RateAuto is the word of snapshot-max-bytes-per-sec for a rate that follows the disk.
const RateAuto = "auto"

func checkSnapshotRate(v *value) error {
	if v.s == RateAuto {
		return nil
	}
	if n, err := num.ParseMemory(v.s); err != nil || n < 0 || v.s == "" {
		return reason("must be a number of bytes a second, 0 or auto")
	}
	return nil
}

func checkAppendFilename(v *value) error {
	if v.s == "" {
		return reason("appendfilename can't be empty")
	}
	if !isBaseName(v.s) {
		return reason("appendfilename can't be a path, just a filename")
	}
	return nil
}

func checkAppendDirname(v *value) error {
	if v.s == "" {
		return reason("appenddirname can't be empty")
	}
	if !isBaseName(v.s) {
		return reason("appenddirname can't be a path, just a dirname")
	}
	return nil
}

func checkShutdownFlags(v *value) error {
	if v.n&ShutdownSave != 0 && v.n&ShutdownNoSave != 0 {
		return reason("shutdown options SAVE and NOSAVE can't be used simultaneously")
	}
	return nil
}

// checkCPUList knows the characters only; the system knows the processors.
func checkCPUList(v *value) error {
	if strings.Trim(v.s, "0123456789,-: ") != "" {
		return reason("a list of processors consists of numbers, ranges and steps, as in 0-7:2,9")
	}
	return nil
}

func checkHostname(v *value) error {
	if len(v.s) >= hostMax {
		return reason("Hostnames must be less than 256 characters")
	}
	for i := range len(v.s) {
		c := v.s[i] | 0x20
		if (c < 'a' || c > 'z') && (v.s[i] < '0' || v.s[i] > '9') && v.s[i] != '-' && v.s[i] != '.' {
			return reason("Hostnames may only contain alphanumeric characters, hyphens or dots")
		}
	}
	return nil
}

func checkTitleTemplate(v *value) error {
	title, ok := ExpandTitle(v.s, func(name string) (string, bool) {
		switch name {
		case "title", "server-mode", "unixsocket":
			return "", true
		case "listen-addr", "config-file", "port", "tls-port":
			return "-", true
		}
		return "", false
	})
	if !ok || title == "" {
		return reason("template format is invalid or contains unknown variables")
	}
	return nil
}

func checkActiveDefrag(v *value) error {
	if v.n != 0 {
		return reason("Active defragmentation cannot be enabled: redisd's allocator has nothing to defragment")
	}
	return nil
}

// The features below are refused when they are asked for: to go on without them
// would lose data or open the server, which no warning makes good.

func checkReplicaOf(v *value) error {
	if v.s != "" {
		return reason(noReplication + ", so replicaof cannot be used")
	}
	return nil
}

func checkCluster(v *value) error {
	if v.n != 0 {
		return reason(noCluster + ", so cluster-enabled must be no")
	}
	return nil
}

func checkMinReplicas(v *value) error {
	if v.n != 0 {
		return reason(noReplication + ", so min-replicas-to-write must be 0")
	}
	return nil
}

// ExpandTitle puts a process title together: {name} is replaced by what lookup
// returns, {{ is a brace, and blanks at both ends are cut. It is false when the
// template is malformed or lookup does not know a name.
func ExpandTitle(template string, lookup func(name string) (string, bool)) (string, bool) {
	var b strings.Builder
	for template != "" {
		i := strings.IndexByte(template, '{')
		if i < 0 {
			b.WriteString(template)
			break
		}
		b.WriteString(template[:i])
		template = template[i+1:]
		if strings.HasPrefix(template, "{") {
			b.WriteByte('{')
			template = template[1:]
			continue
		}
		name, rest, closed := strings.Cut(template, "}")
		if !closed {
			return "", false
		}
		text, known := lookup(name)
		if !known {
			return "", false
		}
		b.WriteString(text)
		template = rest
	}
	return strings.Trim(b.String(), " "), true
}

// validate finds contradictions between directives. sockets is the number of
// listening sockets that the service manager handed over.
func (c *Config) validate(sockets int) error {
	port := c.Int(Port) != 0 || c.Int(TLSPort) != 0
	tcp := port && len(c.List(Bind)) > 0
	switch {
	case !tcp && c.String(UnixSocket) == "" && sockets == 0:
		id := Port
		if port {
			id = Bind
		}
		return c.contradiction(id, "Configured to not listen anywhere: there is no TCP port to bind to (port, bind), no unixsocket and no socket from systemd")
	case c.Int(Port) != 0 && c.Int(Port) == c.Int(TLSPort):
		return c.contradiction(TLSPort, "port and tls-port are the same")
	case len(c.Lines(User)) > 0 && c.String(ACLFile) != "":
		return c.Lines(User)[0].Error("Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. " +
			"This setup is very likely to lead to configuration errors and security holes, please define either an ACL file or declare " +
			"users directly in your redis.conf, but not both.")
	case c.String(DBFilename) == c.String(AppendFilename):
		return c.contradiction(AppendFilename, "dbfilename and appendfilename name the same file")
	}
	return nil
}

// contradiction points at the place that set id, if one did.
func (c *Config) contradiction(id ID, reason string) *Error {
	o := c.origin[id]
	return &Error{File: o.file, Line: o.line, Text: o.text, Reason: reason}
}
