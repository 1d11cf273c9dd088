.PHONY: test race lint bench load matrix pictures ci

test:            ## what the README says
	go test ./...

race:
	go test -race ./...

lint:
	gofmt -l .
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

bench:           ## the library's parts in memory, and locks on five redis-servers
	go test ./quorum ./redlock ./cmd/internal/loadgen -run '^$$' -bench .

load:            ## this lock and those of others, side by side under load
	go build -C cmd/redlock-peers -o ../../bin/redlock-peers .
	go run ./cmd/redlock-bench load --peers bin/redlock-peers --html bin/load.html

matrix:          ## every scenario under every lock, those of others included, on real servers
	go build -C cmd/redlock-peers -o ../../bin/redlock-peers .
	go run ./cmd/redlock-bench run --backend redis --peers bin/redlock-peers --html bin/matrix.html

pictures:        ## those of docs/experiments.md: every scenario on real servers, drawn by Chromium
	cd cmd/redlock-bench/browsertest && REDLOCK_REQUIRE_CHROMIUM=1 go test -count=1 -timeout 30m . -run TestPictures -pictures ../../../docs/img

ci:              ## installs what it needs (as root) and runs everything
	.ci/run
