module github.com/a5bbb083/redlock/redlock/fence/fencegrpc

go 1.26.0

require (
	github.com/a5bbb083/redlock v0.0.0
	google.golang.org/grpc v1.85.0
	github.com/stretchr/testify v1.12.1
)

replace github.com/a5bbb083/redlock => ../../..
