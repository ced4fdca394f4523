package check

import (
	"fmt"
	"reflect"
)

// showMax keeps the output of a failed comparison of two big values readable.
const showMax = 2000

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

func show(v any) string {
	var s string
	switch x := v.(type) {
	case []byte:
		s = fmt.Sprintf("%q", x)
	case string:
		s = fmt.Sprintf("%q", x)
	case error:
		s = fmt.Sprintf("%T(%v)", x, x)
	default:
		s = fmt.Sprintf("%+v", x)
	}
	if len(s) > showMax {
		return s[:showMax] + "..."
	}
	return s
}

func window(b []byte, i int) []byte {
	from, to := max(0, i-20), min(len(b), i+60)
	return b[from:to]
}
