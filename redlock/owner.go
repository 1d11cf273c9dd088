package redlock

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxOwner bounds what each voter keeps for a name beside its register.
const maxOwner = 128 // bytes

// checkOwner refuses what the record has no place for, and what would garble whoever's terminal shows it.
func (o *options) checkOwner(text string) error {
	switch {
	case text == "":
		return nil
	case !o.fencing:
		return fmt.Errorf("%w: owner %q together with WithoutFencing, but it's kept in the fencing record; leave one of them out", ErrInvalidOption, text)
	case len(text) > maxOwner:
		return fmt.Errorf("%w: the owner is %d bytes long, at most %d are allowed; shorten it", ErrInvalidOption, len(text), maxOwner)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%w: the owner %q isn't UTF-8 or has control characters; use plain text, such as a host and a process", ErrInvalidOption, text)
	}
	return nil
}
