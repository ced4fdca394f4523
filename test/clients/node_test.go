//go:build clients

package clients_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"redisd/internal/check"
)

// TestNodeLibraries is the page with ioredis and node-redis, as page.mjs has it.
func TestNodeLibraries(t *testing.T) {
	for _, library := range []string{"ioredis", "node-redis"} {
		t.Run(library, func(t *testing.T) {
			d := start(t)
			cmd := exec.Command("node", "page.mjs", library)
			cmd.Env = append(os.Environ(), fmt.Sprintf("REDISD_PORT=%d", d.Port), fmt.Sprintf("REDISD_TLS_PORT=%d", d.tlsPort),
				"REDISD_CA="+d.authority.File)
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			check.NoErr(t, err)
		})
	}
}
