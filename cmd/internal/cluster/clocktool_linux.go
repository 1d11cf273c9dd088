package cluster

import (
	"context"
	_ "embed" // for the shim's source
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

//go:embed shim/clock.c
var clockSource []byte

//go:embed shim/disk.c
var diskSource []byte

// compileTimeout bounds the compiler's run, which takes some 50 ms.
const compileTimeout = 30 * time.Second

// findClockTool prefers the shim, which costs nothing and changes rates without a jump, to
// libfaketime. Without either it says what to install.
func findClockTool(ctx context.Context, dir string) (clockTool, error) {
	shim, shimErr := newShim(ctx, dir)
	if shimErr == nil {
		return shim, nil
	}
	fake, fakeErr := newFaketime()
	if fakeErr == nil {
		return fake, nil
	}
	return nil, fmt.Errorf("%w: bending the clock of a real redis-server takes a C compiler or libfaketime "+
		"(on Debian and Ubuntu: apt-get install gcc libc6-dev, or apt-get install libfaketime): %w",
		ErrUnsupported, errors.Join(shimErr, fakeErr))
}

// shim is the project's own preloaded library, compiled on the spot.
type shim struct{ library string }

func newShim(ctx context.Context, dir string) (*shim, error) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		return nil, fmt.Errorf("no C compiler: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, compileTimeout)
	defer cancel()
	clock, disk := filepath.Join(dir, "clock.c"), filepath.Join(dir, "disk.c")
	if err := errors.Join(os.WriteFile(clock, clockSource, 0o600), os.WriteFile(disk, diskSource, 0o600)); err != nil {
		return nil, err
	}
	library := filepath.Join(dir, "shim.so")
	cmd := exec.CommandContext(ctx, compiler, "-shared", "-fPIC", "-O2", "-o", library, clock, disk)
	// A compiler that is killed leaves its temporary files, so they go where all else goes.
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", compiler, err, out)
	}
	return &shim{library}, nil
}

func (s *shim) page(dir string) string { return filepath.Join(dir, "clock") }

func (s *shim) environment(dir string) []string {
	return []string{"LD_PRELOAD=" + s.library, "REDLOCK_CLOCK=" + s.page(dir), "REDLOCK_DISK=" + s.diskPage(dir)}
}

func (s *shim) diskPage(dir string) string { return filepath.Join(dir, "disk") }

// The fields of the struct that disk.c maps, 8 bytes each.
const (
	diskMode  = 0
	diskStall = 8
	diskDone  = 16
	diskPage  = 24
)

// setDisk fills the page. The mode comes last, because the server acts on it.
func (s *shim) setDisk(dir string, state DiskState, stall time.Duration) error {
	file, err := os.OpenFile(s.diskPage(dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && info.Size() < diskPage {
		err = file.Truncate(diskPage) // a server maps all of it
	}
	if err == nil {
		_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(stall)), diskStall)
	}
	if err == nil {
		_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(slices.Index(diskStates, state))), diskMode)
	}
	return err
}

// tampered returns how often the server's disk did what it shouldn't.
func (s *shim) tampered(dir string) (int64, error) {
	page, err := os.ReadFile(s.diskPage(dir))
	if err != nil || len(page) < diskPage {
		return 0, errors.Join(fmt.Errorf("cluster: the page of a disk has %d bytes instead of %d", len(page), diskPage), err)
	}
	return int64(binary.NativeEndian.Uint64(page[diskDone:])), nil
}

// write fills the struct that clock.c maps. The odd sequence number around the change keeps
// the server from reading half of it.
func (s *shim) write(dir string, b bend, _ time.Time) error {
	file, err := os.OpenFile(s.page(dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	var sequence, fields [8]byte
	// A new file is empty, and its sequence number therefore 0.
	_, _ = file.ReadAt(sequence[:], 0)
	count := binary.NativeEndian.Uint64(sequence[:])

	body := binary.NativeEndian.AppendUint64(nil, uint64(b.anchor.UnixNano()))
	body = binary.NativeEndian.AppendUint64(body, uint64(b.offset))
	body = binary.NativeEndian.AppendUint64(body, math.Float64bits(b.drift))

	binary.NativeEndian.PutUint64(fields[:], count+1)
	_, err = file.WriteAt(fields[:], 0)
	if err == nil {
		_, err = file.WriteAt(body, int64(len(fields)))
	}
	binary.NativeEndian.PutUint64(fields[:], count+2)
	_, last := file.WriteAt(fields[:], 0)
	return errors.Join(err, last)
}

// faketime is the public libfaketime.
type faketime struct{ library, libc string }

func newFaketime() (*faketime, error) {
	libraries, _ := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	libcs, _ := filepath.Glob("/lib/*/libc.so.6")
	for _, library := range libraries {
		// Both must be of one architecture, and so lie under the same directory name.
		triplet := filepath.Base(filepath.Dir(filepath.Dir(library)))
		for _, libc := range libcs {
			if filepath.Base(filepath.Dir(libc)) == triplet {
				return &faketime{library, libc}, nil
			}
		}
	}
	return nil, fmt.Errorf("no libfaketime for %s under /usr/lib/*/faketime", runtime.GOARCH)
}

func (f *faketime) config(dir string) string { return filepath.Join(dir, "faketimerc") }

func (f *faketime) environment(dir string) []string {
	return []string{
		// With libc listed too, jemalloc's first question for the time finds an answer;
		// without it the server hangs at start.
		"LD_PRELOAD=" + f.library + " " + f.libc,
		"FAKETIME_TIMESTAMP_FILE=" + f.config(dir),
		"FAKETIME_NO_CACHE=1",
		"FAKETIME_DONT_FAKE_MONOTONIC=1",
	}
}

// write replaces the configuration as a whole, since the server may read it at any moment.
// The library lets a rate count from the process's start, so the offset is the one that the
// clock had, or would have had, at that time.
func (f *faketime) write(dir string, b bend, started time.Time) error {
	text := fmt.Sprintf("%+.6f x%.9f\n", b.at(started).Seconds(), 1+b.drift)
	temporary := f.config(dir) + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, f.config(dir))
}
