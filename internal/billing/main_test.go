package billing_test

import (
	"flag"
	"os"
	"testing"
)

// A step of the state machine is a transaction or two: fifteen an account are enough to renew, change, cancel and
// come back, and a hundred accounts take seconds.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.steps" })
	if !asked {
		_ = flag.Set("rapid.steps", "15") // the flag is there: rapid is imported
	}
	os.Exit(m.Run())
}
