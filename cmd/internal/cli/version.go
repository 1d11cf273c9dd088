package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is that of the module as the Go tool has stamped it into the binary.
func Version() string {
	module, revision := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		module = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	return fmt.Sprintf("%s%s (%s, %s/%s)", module, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
