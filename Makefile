.PHONY: test race lint bench matrix ci

test:            ## what the README says
	go test ./...

race:
	go test -race ./...

lint:
	gofmt -l .
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

bench:           ## takes and releases locks on five redis-servers
	go test ./redlock -run '^$$' -bench .

matrix:          ## every scenario under every lock, those of others included, on real servers
	go build -C cmd/redlock-peers -o ../../bin/redlock-peers .
	go run ./cmd/redlock-bench run --backend redis --peers bin/redlock-peers --html bin/matrix.html

ci:              ## installs what it needs (as root) and runs everything
	.ci/run
