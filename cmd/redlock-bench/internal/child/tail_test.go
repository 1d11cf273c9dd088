package child

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTailKeepsTheEnd(t *testing.T) {
	var end tail
	for i := range 1000 {
		_, _ = fmt.Fprintf(&end, "line %d\n", i)
	}
	assert.LessOrEqual(t, len(end.quoted()), tailSize+100)
	assert.True(t, strings.HasSuffix(end.quoted(), "line 999"))
}
