package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// adminTimeout bounds each direct command, because a stopped node must not hang the harness.
const adminTimeout = 2 * time.Second

// adminName tells the harness's own connections from those of clients.
const adminName = "redlock-bench"

// admin is the harness's own connection to one server, around all proxies.
type admin struct{ client *redis.Client }

func newAdmin(addr string) *admin {
	return &admin{redis.NewClient(&redis.Options{
		Addr:                  addr,
		ClientName:            adminName,
		Protocol:              2,
		DisableIdentity:       true,
		ContextTimeoutEnabled: true,
		DialTimeout:           adminTimeout,
		ReadTimeout:           adminTimeout,
		WriteTimeout:          adminTimeout,
		// A retry would hide what happened, and could apply a command twice.
		MaxRetries:               -1,
		DialerRetries:            1,
		PoolSize:                 4,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})}
}

func (a *admin) close() { _ = a.client.Close() }

func (a *admin) command(ctx context.Context, args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	reply, err := a.client.Do(ctx, args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("cluster: %v to %s: %w", args[0], a.client.Options().Addr, err)
	}
	return reply, nil
}

func (a *admin) time(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	now, err := a.client.Time(ctx).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("cluster: TIME to %s: %w", a.client.Options().Addr, err)
	}
	return now, nil
}

// info reads one field of one of INFO's sections.
func (a *admin) info(ctx context.Context, section, field string) (string, error) {
	info, err := a.text(ctx, "INFO", section)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("cluster: INFO %s of %s has no %s", section, a.client.Options().Addr, field)
}

func (a *admin) value(ctx context.Context, key string) (string, bool, error) {
	reply, err := a.command(ctx, "GET", key)
	if err != nil || reply == nil {
		return "", false, err
	}
	value, err := asText(reply)
	return value, err == nil, err
}

func (a *admin) text(ctx context.Context, args ...any) (string, error) {
	reply, err := a.command(ctx, args...)
	if err != nil {
		return "", err
	}
	return asText(reply)
}

func asText(reply any) (string, error) {
	text, ok := reply.(string)
	if !ok {
		return "", fmt.Errorf("cluster: reply is a %T, not a string", reply)
	}
	return text, nil
}

// ping asks on a bare connection of its own: go-redis would retry and log a refused one, and
// give up a pooled one that a paused node leaves without an answer.
func ping(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return err
	}
	reply, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && reply != "+PONG\r\n" {
		return fmt.Errorf("cluster: PING to %s gave %q", addr, reply)
	}
	return err
}
