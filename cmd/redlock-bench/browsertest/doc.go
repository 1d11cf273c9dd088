// Package browsertest looks at the page of "redlock-bench run --html" in a real browser.
//
// It's a module of its own, so that the library's stays small. Its tests need Chromium; they are
// skipped where there is none, unless REDLOCK_REQUIRE_CHROMIUM is 1. To renew the picture in the
// documents:
//
//	go test . -run TestPicture -picture ../../../docs/img/clock-jump-classic.svg
package browsertest
