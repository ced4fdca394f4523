package server

import (
	"fmt"
	"reflect"

	"redisd/pkg/command"
)

const protocolTypes = "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false"

// debugProtocol replies with a value of each kind the protocol has.
func debugProtocol(c *command.Ctx) {
	w := c.Out
	numbers := func() {
		for i := range int64(3) {
			w.Int(i)
		}
	}
	replies := map[string]func(){
		"STRING":   func() { w.BulkString("Hello World") },
		"INTEGER":  func() { w.Int(12345) },
		"DOUBLE":   func() { w.Double(3.141) },
		"BIGNUM":   func() { w.BigNumber("1234567999999999999999999999999999999") },
		"NULL":     w.Null,
		"ARRAY":    func() { w.Array(3); numbers() },
		"SET":      func() { w.Set(3); numbers() },
		"MAP":      func() { debugMap(c) },
		"ATTRIB":   func() { debugAttribute(c) },
		"PUSH":     func() { debugPush(c) },
		"VERBATIM": func() { w.Verbatim("txt", "This is a verbatim\nstring") },
		"TRUE":     func() { w.Bool(true) },
		"FALSE":    func() { w.Bool(false) },
	}
	for name, reply := range replies {
		if command.Is(c.Args[2], name) {
			reply()
			return
		}
	}
	w.Error("ERR Wrong protocol type name. Please use one of the following: " + protocolTypes)
}

func debugMap(c *command.Ctx) {
	c.Out.Map(3)
	for i := range int64(3) {
		c.Out.Int(i)
		c.Out.Bool(i == 1)
	}
}

// debugAttribute puts an attribute before a reply; RESP2 has none.
func debugAttribute(c *command.Ctx) {
	w := c.Out
	if w.Proto >= 3 {
		w.Attribute(1)
		w.BulkString("key-popularity")
		w.Array(2)
		w.BulkString("key:123")
		w.Int(90)
	}
	w.BulkString("Some real reply following the attribute")
}

func debugPush(c *command.Ctx) {
	w := c.Out
	if w.Proto < 3 {
		w.Error("ERR RESP2 is not supported by this command")
		return
	}
	w.Push(2)
	w.BulkString("server-cpu-usage")
	w.Int(42)
	w.BulkString("Some real reply following the push reply")
}

func debugStructSize(c *command.Ctx) {
	c.Out.BulkString(fmt.Sprintf("bits:64 client:%d spec:%d ctx:%d", reflect.TypeFor[client]().Size(),
		reflect.TypeFor[command.Spec]().Size(), reflect.TypeFor[command.Ctx]().Size()))
}
