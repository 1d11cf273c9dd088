// Package browsertest looks at the page of "redlock-bench run --html" in a real browser.
//
// It's a module of its own, so that the library's stays small. Its tests need Chromium; they are
// skipped where there is none, unless REDLOCK_REQUIRE_CHROMIUM is 1:
//
//	REDLOCK_REQUIRE_CHROMIUM=1 go test -count=1 .
//
// Without -count=1 an old result may be shown, because Go's test cache doesn't know that the page
// comes from another module. To renew the pictures in docs/experiments.md, with redis-server
// installed ("make pictures"; -only NAME,... draws some):
//
//	go test -count=1 . -run TestPictures -pictures ../../../docs/img
package browsertest
