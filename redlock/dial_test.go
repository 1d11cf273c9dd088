package redlock

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Middleboxes forget connections after 4 minutes and more, unless somebody says otherwise.
func TestDialsConnectionsDontGrowOld(t *testing.T) {
	for url, want := range map[string]time.Duration{
		"redis://a": time.Minute, "redis://a?conn_max_idle_time=10s": 10 * time.Second, "redis://a?conn_max_idle_time=0": -1,
	} {
		all, err := parseURLs([]string{url}, time.Second)
		require.NoError(t, err)
		assert.Equal(t, want, all[0].ConnMaxIdleTime, url)
	}
}
