module github.com/a5bbb083/redlock/redlock/fence/fencepgx

go 1.26.0

require (
	github.com/a5bbb083/redlock v0.0.0
	github.com/jackc/pgx/v5 v5.12.0
	github.com/stretchr/testify v1.12.1
)

replace github.com/a5bbb083/redlock => ../../..
