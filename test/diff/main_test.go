package diff

import (
	"os"
	"testing"

	"redisd/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
