.PHONY: test race lint bench ci

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

ci:              ## installs what it needs (as root) and runs everything
	.ci/run
