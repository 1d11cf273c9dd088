module github.com/a5bbb083/redlock/redlock/redlockgocron

go 1.26.0

require (
	github.com/a5bbb083/redlock v0.0.0
	github.com/go-co-op/gocron/v2 v2.21.2
	github.com/stretchr/testify v1.12.1
)

replace github.com/a5bbb083/redlock => ../..
