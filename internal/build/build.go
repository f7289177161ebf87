// Package build says which build this is: the version that the source states and the commit that
// the linker was told.
//
// What must always hold: nothing here depends on when, where or by whom the program was built, so
// that one commit gives one binary.
package build

import "runtime"

// Version is the release that the source belongs to. It is part of the source, so a commit has
// exactly one.
const Version = "0.1.0"

// commit is set by the Makefile: -ldflags "-X igny8.com/accounts/internal/build.commit=…". A tree
// with changes that are not committed has "-dirty" at the end.
var commit = "unknown"

// Info is what a build says of itself.
type Info struct {
	// Version is the release, e.g. 0.1.0.
	Version string `json:"version"`
	// Commit is the full hash of the commit, with "-dirty" at the end if the tree had changes on
	// top of it, or "unknown" for a program that make did not build.
	Commit string `json:"commit"`
	// Go is the version of Go that compiled it, e.g. go1.26.8.
	Go string `json:"go"`
	// Platform is the system and the processor, e.g. linux/amd64.
	Platform string `json:"platform"`
}

// Current is this program.
func Current() Info {
	return Info{
		Version:  Version,
		Commit:   commit,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// String is the build in one line, for people.
func (i Info) String() string {
	return "igny8 " + i.Version + " (commit " + i.Commit + ", " + i.Go + ", " + i.Platform + ")"
}
