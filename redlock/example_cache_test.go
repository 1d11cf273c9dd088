package redlock_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
)

// cache stands for one that all machines share.
type cache struct {
	locker *redlock.Locker
	pages  sync.Map
}

// page renders a page at most once, however many ask for it while it isn't there.
func (c *cache) page(ctx context.Context, key string, render func() string) (string, error) {
	if page, ok := c.pages.Load(key); ok {
		return page.(string), nil
	}
	var page any
	err := c.locker.Do(ctx, "render:"+key, func(context.Context, *redlock.Lock) error {
		var ok bool
		if page, ok = c.pages.Load(key); !ok { // nobody was faster
			page = render()
			c.pages.Store(key, page)
		}
		return nil
	})
	if err != nil {
		// The lock only saves work. Without it, rendering twice does no harm.
		return render(), nil
	}
	return page.(string), nil
}

// Warming a cache once. Since no harm is done if it happens twice, one Redis server is enough.
func Example_cacheWarming() {
	nodes, err := redlocktest.Start(1) // in place of one Redis server
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	locker, err := redlock.New(nodes.Clients())
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()

	c := &cache{locker: locker}
	var readers sync.WaitGroup
	for range 5 {
		readers.Go(func() {
			_, err := c.page(context.Background(), "/home", func() string {
				fmt.Println("rendering")
				return "<html>"
			})
			if err != nil {
				log.Print(err)
			}
		})
	}
	readers.Wait()
	// Output: rendering
}
