package nemesis

// Direction is one of the two ways on a link.
type Direction string

const (
	// Requests go from the client to the node.
	Requests Direction = "requests"
	// Replies go from the node to the client.
	Replies Direction = "replies"
)

// Count is a number of messages and their bytes.
type Count struct {
	Messages int   `json:"messages"`
	Bytes    int64 `json:"bytes"`
}

func (c *Count) add(messages int, bytes int) {
	c.Messages += messages
	c.Bytes += int64(bytes)
}

// Stats is what one direction of a link has done so far.
type Stats struct {
	Passed  Count `json:"passed"`  // delivered
	Held    Count `json:"held"`    // in the proxy now, because of Hold or Delay
	Dropped Count `json:"dropped"` // lost by Drop or with a connection that ended
}
