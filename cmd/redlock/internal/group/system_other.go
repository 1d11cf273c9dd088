//go:build !linux

package group

import "os"

func adoptOrphans() {}

func executable() (string, error) { return os.Executable() }
