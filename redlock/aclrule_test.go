package redlock

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A call whose command isn't literal would be missing from the rule.
func TestScriptsNameTheirCommands(t *testing.T) {
	for _, source := range scriptSources() {
		calls := strings.Count(source, "redis.call(") + strings.Count(source, "redis.pcall(")
		assert.Len(t, commandCall.FindAllString(source, -1), calls, source)
	}
	assert.Len(t, scriptSources(), len(scripts)+2, "and what they share")
}

func TestACLRule(t *testing.T) {
	assert.Contains(t, ACLRule("", "", ""), "ACL SETUSER default ~* &redlock:wake:* +")
	assert.Contains(t, ACLRule("u", "a*b c", "7.0.1"), `~a\*b?c* `)
	assert.NotContains(t, ACLRule("u", "a", "6.0.16"), "&")
	assert.Contains(t, ACLRule("u", "a", "6.2.1"), "&redlock:wake:*")
}
