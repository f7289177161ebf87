package period_test

import (
	"flag"
	"os"
	"testing"
)

// Seven properties of 200,000 cases each: a second or two, because nothing here touches a disk.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		_ = flag.Set("rapid.checks", "200000") // the flag is there: rapid is imported
	}
	os.Exit(m.Run())
}
