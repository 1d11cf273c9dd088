package browsertest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"
)

// The browser, redlock-bench and the address of its page, for all tests.
var (
	browser context.Context
	program string
	address string
)

var pictures = flag.String("pictures", "", "run the experiments that docs/experiments.md shows, or -only some, on real servers, and write their timelines to `DIR`")

var only = flag.String("only", "", "with -pictures, those of these scenarios only: `NAME,...`")

// What is on the page.
var (
	onPage   = []string{"control", "pause-in-flight", "clock-jump", "pause-after-check"}
	subjects = []string{"classic", "guarded"}
)

// startTimeout bounds what is done before the tests: a build, six experiments and a browser's start.
const startTimeout = 5 * time.Minute

func TestMain(m *testing.M) {
	flag.Parse()
	executable, err := findChromium()
	if err != nil {
		fmt.Fprintln(os.Stderr, "browsertest:", err)
		if os.Getenv("REDLOCK_REQUIRE_CHROMIUM") == "1" {
			os.Exit(1)
		}
		return
	}
	status, err := run(m, executable)
	if err == nil && status == 0 {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "browsertest:", err)
		status = 1
	}
	os.Exit(status)
}

func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("skipped: no Chromium in PATH; install it (Debian: apt-get install chromium)")
}

// run makes a page and a browser, and runs the tests with them.
func run(m *testing.M, executable string) (status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if address, err = makePage(ctx, dir); err != nil {
		return 0, err
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(executable), chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.DisableGPU,
		chromedp.NoSandbox, // it doesn't work for root, as which CI runs; the page is ours
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))...)
	defer cancel()
	browser, cancel = chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(browser); err != nil { // the first call starts it
		return 0, err
	}
	status = m.Run()
	closing, cancel := context.WithTimeout(browser, 10*time.Second)
	defer cancel()
	return status, chromedp.Cancel(closing)
}

// makePage builds the program, runs a few experiments and returns the address of their page.
func makePage(ctx context.Context, dir string) (string, error) {
	program = filepath.Join(dir, "redlock-bench")
	page := filepath.Join(dir, "page.html")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	build.Dir = ".."
	experiments := exec.CommandContext(ctx, program, append([]string{"run", "--html", page, "--subject", strings.Join(subjects, ",")}, onPage...)...)
	for _, c := range []*exec.Cmd{build, experiments} {
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w\n%s", c, err, out)
		}
	}
	return "file://" + page, nil
}
