package fence

// RegisterKey lets the tests in package fence_test put their data beside a register.
var RegisterKey = registerKey
